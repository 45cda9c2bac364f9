"""Files that are cut off, damaged or of another kind than their name says: one line says what is lost or refused."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from helpers.gltf_files import GltfFile
from scenegen.assets.prepare.raw_model import Refused
from scenegen.assets.sources.files.files import SUFFIXES
from scenegen.assets.sources.files.importer import Imported, import_files

CORNERS = "".join(f"v {x} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1))
QUADS = ((1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4))
WEB_PAGE = "\n<!DOCTYPE html>\n<html><head><title>404</title></head></html>"
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def faces(corner: str = "{}", quads: Sequence[Sequence[int]] = QUADS) -> str:
    return "".join("f " + " ".join(corner.format(number) for number in quad) + "\n" for quad in quads)


def area(model: Imported) -> float:
    corners = model.vertices[model.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(np.linalg.norm(across, axis=1).sum() / 2)


def found_in(files: dict[str, str | bytes], folder: Path) -> dict[str, Imported | str]:
    """What each file gives, by its name: a model, or why it is refused."""
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    results = [each for _, each in import_files([folder / name for name in files])]
    return {name: each.why if isinstance(each, Refused) else each for name, each in zip(files, results, strict=True)}


def test_faces_of_an_obj(tmp_path: Path) -> None:
    """A cube of 1 m has 6 m2, whatever its faces name beside its vertices, and wherever they stand."""
    moved = "".join(f"v {x + 2} {y} {z}\n" for x in (0, 1) for y in (0, 1) for z in (0, 1))
    back = [[number - 9 for number in quad] for quad in QUADS]
    found = found_in(
        {
            "back.obj": CORNERS + faces(quads=back),
            "ahead.obj": faces() + CORNERS,
            "mixed.obj": CORNERS
            + faces(quads=QUADS[:3])
            + moved
            + faces(quads=back)
            + "\\\n".join(faces(quads=QUADS[3:]).split(" ", 1)),
            "broken.obj": CORNERS + faces() + "f 1 2 9\nf 1 2 -9\nf 0 1 2\nf a b c\n",
            "no_uvs.obj": CORNERS + "vt 0 0\n" + faces("{}/7"),
            "no_normals.obj": CORNERS + "vt 0 0\nvn 0 0 1\n" + faces("{}/1/5"),
            "lines.obj": CORNERS + faces() + "f 1 2\nl 1 2 3\n",
            "all.obj": CORNERS + "f 1 2 9\nf 7 8 9\n",
        },
        tmp_path,
    )
    assert "all its 2 faces name vertices that it does not have (it has 8)" in str(found.pop("all.obj"))
    for name, each in found.items():
        assert isinstance(each, Imported), (name, each)
        assert area(each) == pytest.approx(12.0 if name == "mixed.obj" else 6.0), name
    said = {name: each.warnings for name, each in found.items() if isinstance(each, Imported)}
    assert said.pop("broken.obj") == ("4 of 10 faces name vertices that the file does not have: left out",)
    texts = "6 of 6 faces name {} that the file does not have: shown without"
    assert said.pop("no_uvs.obj") == (texts.format("texture coordinates"),)
    assert said.pop("no_normals.obj") == (texts.format("normals"),)
    assert not any(said.values())


def test_the_numbers_of_an_stl(tmp_path: Path) -> None:
    """Four triangles of 0.5 m2; the header counts more or fewer, or something stands behind them."""
    parts = [struct.pack("<12fH", 0, 0, 1, at, 0, 0, at + 1, 0, 0, at, 1, 0, 0) for at in (0, 2, 4, 6)]
    data = b"".join(parts)

    def stl(count: int, rest: bytes = b"") -> bytes:
        return bytes(80) + struct.pack("<I", count) + data + rest

    found = found_in(
        {
            "plain.stl": stl(4),
            "behind.stl": stl(4, b"made by a scanner"),
            "fewer.stl": stl(1),
            "more.stl": stl(9),
            "cut.stl": stl(4)[:-20],
            "empty.stl": "solid a\nendsolid a\n",
            "text.stl": "hello\n" * 40,
        },
        tmp_path,
    )
    for name, warnings in {
        "plain.stl": (),
        "behind.stl": ("17 bytes behind its 4 triangles are not read",),
        "fewer.stl": ("its header counts 1 triangles; all 4 are read",),
    }.items():
        model = found[name]
        assert isinstance(model, Imported) and area(model) == pytest.approx(2.0)
        assert model.warnings == warnings
    assert "room for 4 of the 9 triangles that its header counts" in str(found["more.stl"])
    assert "room for 3 of the 4 triangles" in str(found["cut.stl"])
    assert found["empty.stl"] == "it is text without any triangle; export it again"
    assert str(found["text.stl"]).startswith("it is no STL, or cut off")


def test_the_arrays_of_a_gltf(tmp_path: Path) -> None:
    def box() -> GltfFile:
        file = GltfFile()
        file.node(mesh=file.box((0, 0, 0), (1, 1, 1)), name="box")
        return file

    index, count, whole, behind, absent = (box() for _ in range(5))
    start = index.body["bufferViews"][1]["byteOffset"]
    index.data[start : start + 4] = (99).to_bytes(4, "little")
    count.body["accessors"][0]["count"] = 500
    whole.body["accessors"][1]["count"] = 35
    behind.body["bufferViews"][1]["byteOffset"] = 10**6
    absent.node(mesh=7, name="lamp")
    files = {"index.glb": index, "count.glb": count, "whole.glb": whole, "behind.glb": behind, "absent.glb": absent}
    contents = {name: file.write(tmp_path / name).read_bytes() for name, file in files.items()}
    contents["cut.glb"] = contents["absent.glb"][:-300]
    contents["old.glb"] = b"glTF" + (1).to_bytes(4, "little") + bytes(20)
    found = found_in(contents, tmp_path)
    assert found["index.glb"] == "a face of a mesh names vertex 99 of 24; export it again"
    assert str(found["count.glb"]).startswith("accessor 0 needs 6,000 bytes of buffer view 0, which has 288")
    assert "ends before its data" in str(found["behind.glb"])
    size = len(contents["absent.glb"])
    assert str(found["cut.glb"]).startswith(f"it is cut off: {size - 300:,} of {size:,} bytes")
    assert found["old.glb"] == "it is glTF 1, only 2 is read; export it as glTF 2"
    for name, said in (
        ("whole.glb", "mesh 0: its 35 corners are no whole triangles: the last are left out"),
        ("absent.glb", "lamp: there is no mesh 7: left out"),
    ):
        model = found[name]
        assert isinstance(model, Imported) and said in model.warnings


def test_what_is_no_model(tmp_path: Path) -> None:
    """A web page, a pointer of Git LFS, zeros: for every type of file, without a word of Blender's or a path."""
    contents: dict[str, str | bytes] = {}
    for suffix in SUFFIXES:
        contents |= {f"page{suffix}": WEB_PAGE, f"pointer{suffix}": POINTER, f"zeros{suffix}": bytes(1000)}
    contents["text.fbx"] = "; FBX 7.3.0 project file\nhello\n"
    for name, said in found_in(contents, tmp_path).items():
        assert isinstance(said, str), name
        if name.startswith("page"):
            assert said.startswith("it is a web page, no model: the download failed")
        if name.startswith("pointer"):
            assert "run `git lfs pull`" in said
        assert "Blender" not in said and str(tmp_path) not in said, said
        assert "again" in said or "git lfs" in said, said
