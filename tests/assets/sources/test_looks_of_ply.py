"""What a PLY file says beside its shape: colours of faces and vertices, textures, coordinates of 64 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.look_files import LEFT, RIGHT, halves, read, seen
from scenegen.assets.sources.files.importer import Imported, Refused, import_files

POINTS = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1], [2, 0, 0]], np.float64)
FACES = ((0, 1, 2, 3), (1, 4, 2))  # a quad and a triangle, so rows have different lengths
FAR = np.array([500_000.0, 5_400_000.0, 0.0])
ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}


def ply(
    path: Path,
    *,
    form: str = "ascii",
    points: np.ndarray = POINTS,
    header: tuple[str, ...] = (),
    vertex: dict[str, tuple[str, np.ndarray]] | None = None,
    face: dict[str, tuple[str, list[tuple[float, ...]]]] | None = None,
    coordinates: str = "float",
) -> Path:
    """Write a PLY with the properties `vertex` and `face`: type and rows by name; a face's type may be a list's."""
    kinds = {"uchar": "u1", "float": "f4", "double": "f8", "int": "i4"}
    columns = {axis: (coordinates, points[:, n]) for n, axis in enumerate("xyz")} | (vertex or {})
    rows = {"vertex_indices": ("list uchar int", [tuple(map(float, each)) for each in FACES])} | (face or {})
    lines = ["ply", f"format {form} 1.0", *header, f"element vertex {len(points)}"]
    lines += [f"property {kind} {name}" for name, (kind, _) in columns.items()]
    lines += [f"element face {len(FACES)}", *(f"property {kind} {name}" for name, (kind, _) in rows.items())]
    content = "\n".join([*lines, "end_header\n"]).encode()
    table = [[(kind, values[n]) for kind, values in columns.values()] for n in range(len(points))]
    for n in range(len(FACES)):
        row: list[tuple[str, float]] = []
        for kind, values in rows.values():
            parts = kind.split()
            row += [(parts[1], len(values[n]))] if parts[0] == "list" else []
            row += [(parts[-1], value) for value in values[n]]
        table.append(row)
    if form == "ascii":
        content += "\n".join(" ".join(f"{value:.10g}" for _, value in row) for row in table).encode()
    else:
        content += b"".join(np.array(v, ORDERS[form] + kinds[kind]).tobytes() for row in table for kind, v in row)
    path.write_bytes(content)
    return path


def colors(model: Imported) -> set[tuple[int, ...]]:
    assert len({material.name for material in model.materials}) == 1
    found = {seen(model, model.materials[0].name, "base_color", face) for face in range(len(model.faces))}
    return {each for each in found if isinstance(each, tuple)}


RED_BLUE = {"red": [(255,), (0,)], "green": [(0,), (0,)], "blue": [(0,), (255,)]}
FACE_COLORS = {name: ("uchar", rows) for name, rows in RED_BLUE.items()}


def test_colours_of_faces_and_digits_far_away_in_every_form(tmp_path: Path) -> None:
    """In UTM coordinates 32-bit numbers are half a metre apart; 64-bit ones keep a millimetre."""
    files = [
        ply(tmp_path / f"{form}.ply", form=form, points=POINTS * 0.001 + FAR, face=FACE_COLORS, coordinates="double")
        for form in ORDERS
    ]
    for model in read(*files):
        assert len(model.faces) == 3
        np.testing.assert_allclose(np.ptp(model.vertices, axis=0), (0.002, 0, 0.001), atol=1e-7)
        assert colors(model) == {(255, 0, 0), (0, 0, 255)}
        assert not model.warnings


def test_textures_of_faces_and_of_vertices(tmp_path: Path) -> None:
    halves().save(tmp_path / "halves.png")
    header = ("comment TextureFile halves.png",)
    left, right = (0.25, 0.5), (0.75, 0.5)
    own = {"texcoord": ("list uchar float", [left * 4, right * 3])}
    places = {"s": ("float", np.array([0.25, 0.25, 0.25, 0.25, 0.75])), "t": ("float", np.full(5, 0.5))}
    by_face, by_vertex, without, missing = read(
        ply(tmp_path / "face.ply", form="binary_little_endian", header=header, face=own),
        ply(tmp_path / "vertex.ply", header=header, vertex=places),
        ply(tmp_path / "without.ply", header=header),
        ply(tmp_path / "missing.ply", header=("comment TextureFile none.png",), face=own),
    )
    assert colors(by_face) == {LEFT, RIGHT}
    assert colors(by_vertex) == {LEFT}
    assert not by_face.warnings + by_vertex.warnings
    assert "texture halves.png is not shown, because no vertex or face has coordinates for it" in without.warnings
    assert "missing base_color texture none.png" in missing.warnings


def test_each_face_has_the_texture_of_its_number(tmp_path: Path) -> None:
    halves().save(tmp_path / "one.png")
    halves().transpose(0).save(tmp_path / "two.png")  # mirrored: left and right change places
    header = ("comment TextureFile one.png", "comment TextureFile two.png")
    own = {"texcoord": ("list uchar float", [(0.25, 0.5) * 4, (0.25, 0.5) * 3]), "texnumber": ("int", [(0,), (1,)])}
    (model,) = read(ply(tmp_path / "a.ply", header=header, face=own))
    assert seen(model, "one.png", "base_color") == LEFT
    assert seen(model, "two.png", "base_color") == RIGHT


def test_colours_of_vertices(tmp_path: Path) -> None:
    grey = {name: ("uchar", np.full(5, 128)) for name in ("red", "green", "blue")}
    alpha = {"alpha": ("uchar", np.full(5, 100))}
    floats = {name: ("float", np.full(5, 0.5)) for name in ("red", "green", "blue")}
    plain, transparent, shares, specular = read(
        ply(tmp_path / "a.ply", vertex=grey),
        ply(tmp_path / "b.ply", vertex={**grey, **alpha}),
        ply(tmp_path / "c.ply", vertex=floats),
        ply(tmp_path / "d.ply", vertex={f"specular_{name}": value for name, value in grey.items()}),
    )
    for model in (plain, transparent, shares):
        assert colors(model) == {(128, 128, 128)}
    assert "b.ply: the alpha of its vertex colours is not shown" in transparent.warnings
    assert "specular_red of vertex is not shown" in specular.warnings


@pytest.mark.parametrize("form", ORDERS)
def test_a_file_that_ends_early_is_refused(form: str, tmp_path: Path) -> None:
    whole = ply(tmp_path / "whole.ply", form=form).read_bytes()
    start = whole.index(b"end_header\n") + 11
    (tmp_path / "cut.ply").write_bytes(whole[: start + (len(whole) - start) * 9 // 10])
    ((_, refused),) = import_files([tmp_path / "cut.ply"])
    assert isinstance(refused, Refused)
    assert "it ends before its 2 rows of face" in refused.why


def test_a_face_of_a_vertex_that_is_not_there_is_refused(tmp_path: Path) -> None:
    file = ply(tmp_path / "wrong.ply", points=POINTS[:4])
    ((_, refused),) = import_files([file])
    assert isinstance(refused, Refused)
    assert refused.why == "a face names vertex 4 of 4; export it again"
