"""What the effects of a Collada file say is shown with its value or named in a warning.

The parts are those of `profile_COMMON` in the Collada 1.4.1 specification, and the extras that exporters write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.look_files import LEFT, RIGHT, halves, plain, read, seen
from scenegen.assets.sources.files.importer import Imported

PARTS = {"emission", "ambient", "diffuse", "specular", "shininess", "reflective", "reflectivity", "transparent",
         "transparency", "index_of_refraction"}  # fmt: skip
Check = Callable[[Imported, str], None]


def shows(slot: str, value: Any) -> Check:
    def check(model: Imported, name: str) -> None:
        found = seen(model, name, slot)
        assert found is not None
        found = found[: len(value)] if isinstance(found, tuple) else found
        np.testing.assert_allclose(found, value, atol=1.01 if isinstance(value, tuple) and max(value) > 1 else 2e-3)
        assert not model.warnings

    return check


def colour(*values: float) -> str:
    return f"<color>{' '.join(map(str, [*values, 1][:4]))}</color>"


def number(value: float) -> str:
    return f"<float>{value}</float>"


def texture(name: str, extra: str = "") -> str:
    return f'<texture texture="{name}-sampler" texcoord="C">{extra}</texture>'


def placed(**values: float) -> str:
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in values.items())
    return f'<extra><technique profile="MAYA">{inner}</technique></extra>'


# The shader's parts, more of the technique, and the wrap modes. The triangle lies at UV (.25, .5).
CASES: dict[str, tuple[dict[str, str], str, str, Check | str]] = {
    "diffuse": ({"diffuse": colour(0.2, 0.4, 0.6)}, "", "", shows("base_color", (0.2, 0.4, 0.6))),
    "image": ({"diffuse": texture("halves")}, "", "", shows("base_color", LEFT)),
    "missing": ({"diffuse": texture("none")}, "", "", "missing base_color texture none.png"),
    "emission": ({"emission": colour(0.1, 0.2, 0.3)}, "", "", shows("emission", (0.1, 0.2, 0.3))),
    "emission_strength": ({"emission": colour(0.1, 0.2, 0.3)}, "", "", shows("emission_strength", 1.0)),
    "emission_image": ({"emission": texture("halves")}, "", "", shows("emission", LEFT)),
    "other_uvs": ({"diffuse": texture("halves"), "emission": texture("grey").replace('"C"', '"D"')}, "", "",
                  "its emission texture grey.png is shown with the UVs C, not D"),
    "ambient_image": ({"ambient": texture("grey")}, "", "", "its ambient texture grey.png is not shown"),
    "ambient": ({"ambient": colour(0.1, 0.2, 0.3)}, "", "", "the colour of its ambient is not shown"),
    "specular": ({"specular": colour(0.25, 0.25, 0.25), "index_of_refraction": number(1.5)}, "", "",
                 shows("ior", (1 + 0.2 * 0.5**0.5) / (1 - 0.2 * 0.5**0.5))),
    "specular_coloured": ({"specular": colour(0.9, 0.6, 0.3)}, "", "", "the colour of its specular is not shown"),
    "specular_image": ({"specular": texture("grey")}, "", "", "its specular texture grey.png is not shown"),
    "shininess": ({"shininess": number(30)}, "", "", shows("roughness", 0.5)),  # (2 / 32)^(1/4)
    "reflectivity": ({"reflectivity": number(0.3)}, "", "", shows("metallic", 0.3)),
    "reflective": ({"reflective": colour(0, 0, 0), "reflectivity": number(0.3)}, "", "", shows("metallic", 0.0)),
    "ior": ({"index_of_refraction": number(1.3)}, "", "", shows("ior", 1.3)),
    "transparency": ({"transparent": colour(1, 1, 1, 1), "transparency": number(0.4)}, "", "", shows("alpha", 0.4)),
    "rgb_zero": ({'transparent opaque="RGB_ZERO"': colour(0.5, 0.5, 0.5)}, "", "", shows("alpha", 0.5)),
    "alpha_image": ({"transparent": texture("leaf"), "transparency": number(0.5)}, "", "", shows("alpha", (76,))),
    "rgb_zero_image": ({'transparent opaque="RGB_ZERO"': texture("grey")}, "", "", shows("alpha", (127,))),
    "bump": ({}, f'<extra><technique profile="FCOLLADA"><bump>{texture("normal")}</bump></technique></extra>', "",
             shows("normal", (191, 128, 239))),
    "clamped": ({"diffuse": texture("halves", placed(offsetU=5))}, "", "<wrap_s>CLAMP</wrap_s>",
                shows("base_color", RIGHT)),
    "mirrored": ({"diffuse": texture("halves", placed(offsetU=1))}, "", "<wrap_s>MIRROR</wrap_s>",
                 shows("base_color", RIGHT)),
    "repeated": ({"diffuse": texture("halves", placed(repeatU=3, offsetU=1))}, "", "", shows("base_color", RIGHT)),
    "turned": ({"diffuse": texture("halves", placed(rotateUV=30))}, "", "", "rotateUV of halves.png is not applied"),
}  # fmt: skip
IMAGES = {"halves": halves(), "grey": plain(128, 128, 128), "leaf": plain(9, 99, 9, 153),
          "normal": plain(191, 128, 239)}  # fmt: skip


def collada(name: str, parts: dict[str, str], more: str, wrap: str) -> str:
    images = "".join(f'<image id="{n}"><init_from>C:\\art\\{n}.png</init_from></image>' for n in (*IMAGES, "none"))
    parameters = "".join(
        f'<newparam sid="{n}-surface"><surface type="2D"><init_from>{n}</init_from></surface></newparam>'
        f'<newparam sid="{n}-sampler"><sampler2D><source>{n}-surface</source>{wrap}</sampler2D></newparam>'
        for n in (*IMAGES, "none")
    )
    shader = "".join(f"<{tag}>{inner}</{tag.split()[0]}>" for tag, inner in parts.items())

    def source(identity: str, values: str, names: str) -> str:
        floats = values.split()
        width = len(names)
        accessor = "".join(f'<param name="{each}" type="float"/>' for each in names)
        return (
            f'<source id="{identity}"><float_array id="{identity}-a" count="{len(floats)}">{values}</float_array>'
            f'<technique_common><accessor source="#{identity}-a" count="{len(floats) // width}" stride="{width}">'
            f"{accessor}</accessor></technique_common></source>"
        )

    return f"""<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
 <asset><unit meter="1" name="meter"/><up_axis>Z_UP</up_axis></asset>
 <library_images>{images}</library_images>
 <library_materials><material id="m" name="{name}"><instance_effect url="#fx"/></material></library_materials>
 <library_effects><effect id="fx"><profile_COMMON>{parameters}
  <technique sid="standard"><phong>{shader}</phong>{more}</technique></profile_COMMON></effect></library_effects>
 <library_geometries><geometry id="g"><mesh>
  {source("p", "0 0 0 1 0 0 0 1 0", "XYZ")}{source("t", ".25 .5 .25 .5 .25 .5", "ST")}
  <vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
  <triangles count="1" material="s"><input semantic="VERTEX" source="#v" offset="0"/>
   <input semantic="TEXCOORD" source="#t" offset="0" set="0"/><p>0 1 2</p></triangles></mesh></geometry>
 </library_geometries>
 <library_visual_scenes><visual_scene id="s"><node id="n"><instance_geometry url="#g"><bind_material>
  <technique_common><instance_material symbol="s" target="#m"/></technique_common></bind_material></instance_geometry>
 </node></visual_scene></library_visual_scenes><scene><instance_visual_scene url="#s"/></scene></COLLADA>
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Imported]:
    """A file for each case; the images lie in a folder that the files do not name."""
    folder = tmp_path_factory.mktemp("dae")
    (folder / "textures").mkdir()
    for name, image in IMAGES.items():
        image.save(folder / "textures" / f"{name}.png")
    for name, (parts, more, wrap, _) in CASES.items():
        (folder / f"{name}.dae").write_text(collada(name, parts, more, wrap))
    return dict(zip(CASES, read(*(folder / f"{name}.dae" for name in CASES)), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_what_a_collada_effect_says_is_shown_or_named(name: str, models: dict[str, Imported]) -> None:
    check = CASES[name][3]
    if isinstance(check, str):
        assert {f"{name}: {check}", check} & set(models[name].warnings)
    else:
        check(models[name], name)


def test_every_part_of_an_effect_has_a_case() -> None:
    assert {tag.split()[0] for parts, _, _, _ in CASES.values() for tag in parts} == PARTS
