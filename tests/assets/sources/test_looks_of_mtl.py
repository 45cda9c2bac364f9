"""Every key and option of an MTL file is shown with its value or named in a warning.

The keys are those of the specification of Alias|Wavefront (version 4.2) and of its PBR extension.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from helpers.look_files import LEFT, RIGHT, halves, plain, read, seen, shows
from PIL import Image
from scenegen.assets.sources.files.importer import Imported

KEYS = {"Ka", "Kd", "Ks", "Tf", "illum", "d", "Ns", "sharpness", "Ni", "map_Ka", "map_Kd", "map_Ks", "map_Ns", "map_d",
        "map_aat", "disp", "decal", "bump", "refl"}  # fmt: skip
USUAL_KEYS = {"Tr", "map_Bump", "map_Tr", "map_refl"}
PBR_KEYS = {"Pr", "map_Pr", "Pm", "map_Pm", "Ps", "map_Ps", "Pc", "Pcr", "Ke", "map_Ke", "aniso", "anisor", "norm"}
OPTIONS = {"-blendu", "-blendv", "-bm", "-boost", "-cc", "-clamp", "-halo", "-imfchan", "-mm", "-o", "-s", "-t",
           "-texres", "-type"}  # fmt: skip

Check = Callable[[Imported, str], None]


def ior(reflectance: float) -> float:
    """The index of refraction of a surface that reflects so much of the light that meets it head on."""
    return (1 + math.sqrt(reflectance)) / (1 - math.sqrt(reflectance))


# The triangle's UV of its first corner is (.25, .5): the left half of an image.
CASES: dict[str, tuple[str, Check | str]] = {
    "Kd": ("Kd .2 .4 .6", shows("base_color", (0.2, 0.4, 0.6))),
    "Kd one number": ("Kd .2", shows("base_color", (0.2, 0.2, 0.2))),
    "Kd spectral": ("Kd spectral oak.rfl 1", "Kd spectral is not read"),
    "Kd map_Kd": ("Kd 1 .5 0\nmap_Kd grey.png", shows("base_color", (128, round(128 * 0.5 ** (1 / 2.2)), 0))),
    "Ka": ("Ka .1 .2 .3", "the colour of Ka .1 .2 .3 is not shown"),
    "Ka as Kd": ("Ka .2 .4 .6\nKd .2 .4 .6", shows("base_color", (0.2, 0.4, 0.6))),
    "Ka illum": ("Kd 1 1 1\nKa .9 .9 .9\nillum 3", shows("metallic", 0.9)),
    "Ks": ("Ks .25 .25 .25\nNi 1.5", shows("ior", ior(0.04 * 0.5))),
    "Ks coloured": ("Ks .9 .6 .3", "the colour of Ks .9 .6 .3 is not shown"),
    "Ke": ("Ke .1 .2 .3", shows("emission", (0.1, 0.2, 0.3))),
    "Tf": ("Tf .2 .3 .4", "Tf .2 .3 .4 is not shown"),
    "Tf of paint": ("Tf 1 1 1\nillum 4", "illum 4 is shown without refraction"),
    "illum": ("illum 10", "illum 10 is shown without its shadows"),
    "illum 1": ("Ks .5 .5 .5\nNi 1.5\nillum 1", shows("ior", 1.0)),
    "d": ("d .5", shows("alpha", 0.5)),
    "d -halo": ("d -halo .5", "option -halo of d is not applied"),
    "Tr": ("Tr .25", shows("alpha", 0.75)),
    "Ns": ("Ns 250", shows("roughness", 0.5)),
    "sharpness": ("sharpness 100", "sharpness 100 is not shown"),
    "Ni": ("Ni 1.3", shows("ior", 1.3)),
    "Pr": ("Pr .3\nNs 250", shows("roughness", 0.3)),
    "Pm": ("Pm .7", shows("metallic", 0.7)),
    "Ps": ("Ps .2", "Ps .2 is not shown"),
    "Pc": ("Pc .2", "Pc .2 is not shown"),
    "Pcr": ("Pcr .2", "Pcr .2 is not shown"),
    "aniso": ("aniso .2", "aniso .2 is not shown"),
    "anisor": ("anisor .2", "anisor .2 is not shown"),
    "map_Kd": ("map_Kd halves.png", shows("base_color", LEFT)),
    "map_Kd with spaces": ("map_Kd  two halves.png", shows("base_color", LEFT)),
    "map_Ka": ("map_Ka halves.png", "map_Ka halves.png is not shown"),
    "map_Ka as map_Kd": ("map_Ka halves.png\nmap_Kd halves.png", shows("base_color", LEFT)),
    "map_Ks": ("map_Ks grey.png", "map_Ks grey.png is not shown"),
    "map_Ns": ("map_Ns grey.png\nNs 250", "map_Ns grey.png is not shown"),
    "map_Ke": ("map_Ke halves.png", shows("emission", LEFT)),
    "map_d": ("map_d grey.png", shows("alpha", (128,))),
    "map_d with alpha": ("d .5\nmap_d leaf.png", shows("alpha", (76,))),
    "map_Tr": ("map_Tr grey.png", "map_Tr grey.png is not shown"),
    "map_Pr": ("map_Pr grey.png\nmap_Ns leaf.png", "map_Ns leaf.png is not shown"),
    "map_Pr alone": ("map_Pr grey.png", shows("roughness", (128,))),
    "map_Pm": ("map_Pm grey.png", shows("metallic", (128,))),
    "map_Ps": ("map_Ps grey.png", "map_Ps grey.png is not shown"),
    "map_aat": ("map_aat on", "map_aat on is not shown"),
    "map_refl": ("map_refl grey.png", "map_refl grey.png is not shown"),
    "refl": ("refl -type sphere grey.png", "refl grey.png is not shown"),
    "disp": ("disp grey.png", "disp grey.png is not shown"),
    "decal": ("decal grey.png", "decal grey.png is not shown"),
    "norm": ("norm normal.png", shows("normal", (191, 128, 239))),
    "norm map_Bump": ("map_Bump grey.png\nnorm normal.png", "map_Bump grey.png is not shown"),
    "bump": ("bump normal.png", shows("normal", (191, 128, 239))),
    "map_Bump": ("map_Bump -bm 1 normal.png", shows("normal", (191, 128, 239))),
    "-bm": ("map_Bump -bm 2 stripes.png", shows("normal", (60, 128, 235))),  # a slope of 20 / 255 * 8 along u
    "-o": ("map_Kd -o .5 0 0 halves.png", shows("base_color", RIGHT)),
    "-s": ("map_Kd -s 3 1 1 halves.png", shows("base_color", RIGHT)),
    "-o of two": ("map_Kd halves.png\nmap_Ke -o .5 0 halves.png", shows("emission", RIGHT)),
    "-clamp": ("map_Kd -clamp on -o 5 0 0 halves.png", shows("base_color", RIGHT)),
    "-clamp off": ("map_Kd -clamp off -o 5 0 0 halves.png", shows("base_color", LEFT)),
    "-imfchan": ("map_d -imfchan g halves.png", shows("alpha", (40,))),
    "-imfchan of colour": ("map_Kd -imfchan g halves.png", "option -imfchan of map_Kd is not applied"),
    "-imfchan of depth": ("map_d -imfchan z grey.png", "option -imfchan of map_d is not applied"),
    "-mm": ("map_Kd -mm .1 .5 grey.png", "option -mm of map_Kd is not applied"),
    "-mm of nothing": ("map_Kd -mm 0 1 halves.png", shows("base_color", LEFT)),
    "-cc": ("map_Kd -cc on grey.png", "option -cc of map_Kd is not applied"),
    "-blendu": ("map_Kd -blendu off grey.png", "option -blendu of map_Kd is not applied"),
    "-blendv": ("map_Kd -blendv off grey.png", "option -blendv of map_Kd is not applied"),
    "-boost": ("map_Kd -boost 2 grey.png", "option -boost of map_Kd is not applied"),
    "-t": ("map_Kd -t .1 .1 .1 grey.png", "option -t of map_Kd is not applied"),
    "-texres": ("map_Kd -texres 64 grey.png", "option -texres of map_Kd is not applied"),
    "-type": ("map_Kd -type sphere grey.png", "option -type of map_Kd is not applied"),
    "unknown": ("Kz 1", "Kz 1 is not shown"),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    """All cases in one OBJ, a triangle with its own material each."""
    folder = tmp_path_factory.mktemp("mtl")
    images = {"halves": halves(), "two halves": halves(), "grey": plain(128, 128, 128), "leaf": plain(9, 99, 9, 153)}
    images["normal"] = plain(191, 128, 239)
    stripes = np.tile(np.array([80, 80, 100, 100], np.uint8), (8, 2))
    images["stripes"] = Image.fromarray(stripes)
    for name, image in images.items():
        image.save(folder / f"{name}.png")
    lines = ["mtllib all.mtl", "vt .25 .5", "vt .26 .5", "vt .25 .51"]
    for number, name in enumerate(CASES):
        lines += [f"v {number} 0 0", f"v {number}.5 0 0", f"v {number} 0 1", f"usemtl {name}"]
        lines.append("f " + " ".join(f"{3 * number + k}/{k}" for k in (1, 2, 3)))
    (folder / "all.obj").write_text("\n".join(lines))
    (folder / "all.mtl").write_text("\n".join(f"newmtl {name}\n{text}" for name, (text, _) in CASES.items()))
    (imported,) = read(folder / "all.obj")
    return imported


@pytest.mark.parametrize("name", CASES)
def test_what_an_mtl_says_is_shown_or_named(name: str, model: Imported) -> None:
    check = CASES[name][1]
    if isinstance(check, str):
        assert f"{name}: {check}" in model.warnings
    else:
        check(model, name)


def test_every_key_and_option_has_a_case() -> None:
    words = {word for text, _ in CASES.values() for line in text.splitlines() for word in line.split()}
    assert words >= KEYS | USUAL_KEYS | PBR_KEYS | OPTIONS, (KEYS | USUAL_KEYS | PBR_KEYS | OPTIONS) - words


def test_the_exponent_map_is_no_roughness(model: Imported) -> None:
    assert seen(model, "map_Ns", "roughness") == pytest.approx(0.5)
    assert seen(model, "map_Pr", "roughness") == (128,)


def test_unused_colours_of_vertices_are_named(tmp_path: Path) -> None:
    """An OBJ may colour its vertices, which is no part of the format: what its materials say is shown."""
    (tmp_path / "red.mtl").write_text("newmtl oak\nKd .2 .4 .6\n")
    corners = "".join(f"v {x} 0 {z} .9 .1 .1\n" for x, z in ((0, 0), (1, 0), (0, 1)))
    (tmp_path / "red.obj").write_text(f"mtllib red.mtl\n{corners}usemtl oak\nf 1 2 3\n")
    (model,) = read(tmp_path / "red.obj")
    assert seen(model, "oak", "base_color") == pytest.approx((0.2, 0.4, 0.6))
    assert "oak: the colours Color of vertices are not shown" in model.warnings
