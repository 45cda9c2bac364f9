"""Files that are cut off, damaged or of another kind than their name says: one line says what is lost or refused."""

from __future__ import annotations

import gzip
import json
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

    index, lost, count, whole, behind, absent = (box() for _ in range(6))
    start = index.body["bufferViews"][1]["byteOffset"]
    index.data[start : start + 4] = (99).to_bytes(4, "little")
    index.node(mesh=index.box((1, 0, 0), (2, 1, 1)), name="whole")
    lost.data[start : start + 144] = (99).to_bytes(4, "little") * 36
    count.body["accessors"][0]["count"] = 500
    whole.body["accessors"][1]["count"] = 35
    behind.body["bufferViews"][1]["byteOffset"] = 10**6
    absent.node(mesh=7, name="lamp")
    files = {
        "index.glb": index,
        "lost.glb": lost,
        "count.glb": count,
        "whole.glb": whole,
        "behind.glb": behind,
        "absent.glb": absent,
    }
    contents = {name: file.write(tmp_path / name).read_bytes() for name, file in files.items()}
    contents["cut.glb"] = contents["absent.glb"][:-300]
    contents["old.glb"] = b"glTF" + (1).to_bytes(4, "little") + bytes(20)
    found = found_in(contents, tmp_path)
    torn = found["index.glb"]
    assert isinstance(torn, Imported) and len(torn.faces) == 23
    assert torn.warnings == ("1 of 24 triangles name vertices that the file does not have (mesh 0): left out",)
    assert found["lost.glb"] == "a face of a mesh names vertex 99 of 24; export it again"
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


def test_the_text_of_an_stl(tmp_path: Path) -> None:
    """Four facets of 0.5 m2, of which one is torn or the rest is missing."""
    facet = "facet normal 0 0 1\nouter loop\nvertex {0} 0 0\nvertex {0}.5 0 0\nvertex {0} 2 0\nendloop\nendfacet\n"
    facets = [facet.format(at) for at in (0, 2, 4, 6)]
    whole = "solid a\n" + "".join(facets) + "endsolid a\n"
    torn = "1 of 4 facets have not three vertices of three numbers: left out"
    found = found_in(
        {
            "whole.stl": whole,
            "CAPITALS.stl": whole.upper(),
            "two.stl": whole.replace("vertex 4 0 0\n", ""),
            "four.stl": whole.replace("vertex 4 0 0\n", "vertex 4 0 0\nvertex 9 9 9\n"),
            "words.stl": whole.replace("vertex 4 0 0", "vertex 4 zero 0"),
            "short.stl": whole.replace("vertex 4 0 0", "vertex 4 0"),
            "cut.stl": whole[: whole.index("vertex 6 2")],
            "apart.stl": "solid a\n" + "".join(facets[:3]),
            "head.stl": "solid a\n" + "".join(facets[:3]) + "fac",
            "nan.stl": whole.replace("vertex 4 0 0", "vertex nan 0 0"),
            "none.stl": "solid a\n" + facets[0].replace("vertex 0 0 0\n", "") + "endsolid a\n",
        },
        tmp_path,
    )
    assert found.pop("none.stl") == (
        "none of its facets has three vertices of three numbers; download or export it again"
    )
    said: dict[str, tuple[str, ...]] = {
        "whole.stl": (),
        "CAPITALS.stl": (),
        "cut.stl": ("it is cut off after 3 facets; download or export it again",),
        "apart.stl": ("it ends without `endsolid`: it may be cut off after its 3 facets",),
        "head.stl": ("it is cut off after 3 facets; download or export it again",),
        "nan.stl": ("1 of 4 triangles have coordinates that are no numbers: left out",),
    }
    for name, each in found.items():
        assert isinstance(each, Imported), (name, each)
        assert each.warnings == said.get(name, (torn,)), name
        assert area(each) == pytest.approx(2.0 if name in ("whole.stl", "CAPITALS.stl") else 1.5), name


def test_coordinates_that_are_no_numbers(tmp_path: Path) -> None:
    """A cube of 12 triangles without those at one corner, whatever its format; never moved to the origin instead."""
    cube = CORNERS.replace("v 1 1 1\n", "{}\n") + faces()
    packed = GltfFile()
    packed.node(mesh=packed.box((0, 0, 0), (1, 1, 1)))
    view = packed.body["bufferViews"][0]
    packed.data[view["byteOffset"] : view["byteOffset"] + 4] = struct.pack("<f", float("nan"))  # a corner of two
    triangles = np.zeros((4, 12), "<f4")
    triangles[:, 3:] = [[at, 0, 0, at + 1, 0, 0, at, 1, 0] for at in (0, 2, 4, 6)]
    triangles[1, 5] = np.inf
    binary = b"".join(row.tobytes() + b"\0\0" for row in triangles)
    usd = '#usda 1.0\n(\nupAxis = "Z"\nmetersPerUnit = 1\n)\ndef Mesh "a"\n{{\nint[] faceVertexCounts = [3, 3]\n'
    usd += (
        "int[] faceVertexIndices = [0, 1, 2, 1, 3, 2]\npoint3f[] points = [{}, (1, 0, 0), (0, 1, 0), (1, 1, 0)]\n}}\n"
    )
    ply = "ply\nformat ascii 1.0\nelement vertex 4\nproperty float x\nproperty float y\nproperty float z\n"
    ply += "element face 2\nproperty list uchar int vertex_indices\nend_header\n"
    ply += "nan 0 0\n1 0 0\n0 1 0\n1 1 0\n3 0 1 2\n3 1 3 2\n"
    half = "6 of 12 triangles have coordinates that are no numbers: left out"
    wanted = {
        "words.obj": (cube.format("v a b c"), 3.0, half),
        "one.obj": (cube.format("v 1"), 3.0, half),
        "nan.obj": (cube.format("v 1 nan 1"), 3.0, half),
        "inf.obj": (cube.format("v 1 1 -inf 0.5 0.5 0.5"), 3.0, half),
        "nan.glb": (packed.write(tmp_path / "nan.glb").read_bytes(), 5.0, half.replace("6 of", "2 of")),
        "inf.stl": (bytes(80) + struct.pack("<I", 4) + binary, 1.5, half.replace("6 of 12", "1 of 4")),
        "nan.usda": (usd.format("(nan, 0, 0)"), 0.5, half.replace("6 of 12", "1 of 2")),
        "nan.ply": (ply, 0.5, half.replace("6 of 12", "1 of 2")),
        "nan.fbx": (_FBX.format("nan"), 0.5, half.replace("6 of 12", "1 of 2")),
    }
    found = found_in({name: content for name, (content, _, _) in wanted.items()}, tmp_path)
    for name, (_, size, said) in wanted.items():
        each = found[name]
        assert isinstance(each, Imported), (name, each)
        assert said in each.warnings, (name, each.warnings)
        assert area(each) == pytest.approx(size), name
        assert np.isfinite(each.vertices).all(), name
    nothing = found_in({"all.obj": "v nan 0 0\nv 1 x 0\nv 0 1\nf 1 2 3\n"}, tmp_path)["all.obj"]
    assert nothing == "all its 1 triangles have coordinates that are no numbers; export it again"


_FBX = """; FBX 7.4.0 project file
FBXHeaderExtension:  {{
    FBXVersion: 7400
}}
Objects:  {{
    Geometry: 1, "Geometry::", "Mesh" {{
        Vertices: *12 {{
            a: {},0,0,100,0,0,0,100,0,100,100,0
        }}
        PolygonVertexIndex: *6 {{
            a: 0,1,-3,1,3,-3
        }}
    }}
    Model: 2, "Model::plate", "Mesh" {{
    }}
}}
Connections:  {{
    C: "OO",1,2
    C: "OO",2,0
}}
"""


def test_the_links_of_a_gltf(tmp_path: Path) -> None:
    """What names a part that is not there, a count of no array, a node below itself: a line without Python's words."""

    def box() -> GltfFile:
        file = GltfFile()
        file.body["materials"] = [{"name": "oak"}]
        file.body["meshes"][file.box((0, 0, 0), (1, 1, 1))]["primitives"][0]["material"] = 0
        file.node(mesh=0, name="box")
        return file

    changes: dict[str, tuple[str, str]] = {  # what is set, and what is said
        "accessors.0.bufferView=9": ("refused", "accessor 0 names number 9 of its 2 bufferViews"),
        "meshes.0.primitives.0.indices=9": ("refused", "indices of mesh 0 names number 9 of its 2 accessors"),
        "accessors.0.componentType=42": ("refused", "accessor 0 has the componentType 42, which glTF does not know"),
        "accessors.0.count=-3": ("refused", "accessor 0 counts -3 elements"),
        'accessors.1.count="eight"': ("refused", "accessor 1 counts 'eight' elements"),
        'accessors.0.type="VEC2"': ("refused", "places of mesh 0 are VEC2, not VEC3"),
        "bufferViews.0.byteOffset=-4": ("refused", "byteOffset of buffer view 0 is -4"),
        "nodes.0.matrix=[1, 2, 3]": ("refused", "matrix of node 0 is no list of 16 numbers"),
        "nodes.0.children=[0]": ("refused", "node 0 is a child of itself"),
        'extensionsRequired=["FOO_bar"]': ("refused", "it requires FOO_bar, which is not read"),
        'buffers=[{"uri": "gone.bin", "byteLength": 9}]': ("refused", "its data gone.bin is missing"),
        'accessors.0.sparse={"count": 1, "indices": {"bufferView": 1, "componentType": 5125, "byteOffset": 900}, '
        '"values": {"bufferView": 0}}': (
            "refused",
            "sparse accessor 0 needs 904 bytes of buffer view 1, which has 144",
        ),
        'materials.0.pbrMetallicRoughness={"baseColorTexture": {"index": 4}}': (
            "read",
            "material oak: baseColorTexture names number 4 of its 0 textures: not shown",
        ),
        "meshes.0.primitives.0.material=3": (
            "read",
            "a face of a mesh names number 3 of its 1 materials: not shown",
        ),
    }
    files: list[Path] = []
    for number, change in enumerate(changes):
        file = box().write(tmp_path / f"{number}.gltf")
        body = json.loads(file.read_text())
        path, _, value = change.partition("=")
        *parents, last = path.split(".")
        holder = body
        for key in parents:
            holder = holder[int(key) if key.isdigit() else key]
        holder[last] = json.loads(value)
        file.write_text(json.dumps(body))
        files.append(file)
    for (_, found), (change, (kind, said)) in zip(import_files(files), changes.items(), strict=True):
        if kind == "refused":
            assert isinstance(found, Refused) and found.why.startswith(said), (change, found)
            assert "again" in found.why or "without" in found.why or "copy" in found.why, found.why
            assert "Error" not in found.why and str(tmp_path) not in found.why
        else:
            assert isinstance(found, Imported), (change, found)
            assert said in found.warnings, (change, found.warnings)
            assert area(found) == pytest.approx(6.0)


def test_files_that_are_something_else(tmp_path: Path) -> None:
    """What a download or a script left under a model's name is named as what it is."""
    asset = '{"asset": {"version": "2.0"}}'
    said: dict[str, tuple[str | bytes, str]] = {
        "a.obj": ('{"error": "not found"}', "it is JSON, no model"),
        "b.stl": ('[{"error": "not found"}]', "it is JSON, no model"),
        "c.dae": ('{"error": "not found"}', "it is JSON, no model"),
        "d.obj": (asset, "it is a .gltf file, whatever its name says; rename it"),
        "e.obj": (gzip.compress(CORNERS.encode()), "it is packed with gzip, whatever its name says; unpack it first"),
        "f.stl": (b"PK\x03\x04" + bytes(100), "it is a ZIP archive, whatever its name says; unpack it first"),
        "g.glb": (b"Rar!\x1a\x07\x00" + bytes(100), "it is a RAR archive"),
        "h.obj": (b"\x89PNG\r\n\x1a\n" + bytes(100), "it is a PNG image, no model"),
        "i.obj": ("hello world\n", "it is text without a line `v X Y Z`"),
        "j.obj": (b"glTF" + bytes(100), "it is a .glb file, whatever its name says; rename it"),
        "k.obj": (bytes(range(256)), "it is no text, as every .obj is"),
    }
    for name, why in found_in({name: content for name, (content, _) in said.items()}, tmp_path).items():
        assert isinstance(why, str) and why.startswith(said[name][1]), (name, why)


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
