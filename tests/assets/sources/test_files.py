"""Files of every kind, whole and broken, through Blender into raw models."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.model_files import CHAIR_SIZE, chair, make_files, table, turned
from PIL import Image
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.assets.sources.files.files import (
    ImportOptions,
    collision_meshes,
    find_files,
    read_files,
    slug,
    split_of,
)
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.assets.sources.files.normals import share_astray
from scenegen.core.asset_library import read_mesh
from scenegen.core.errors import ScenegenError

QUARTER = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
Z_UP_TO_Y_UP = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]


@pytest.fixture(scope="module")
def chairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chairs")
    make_files(folder)
    return folder


def read(files: list[Path], wanted: ImportOptions) -> list[RawModel | Refused]:
    return list(read_files(files, wanted))


def one(file: Path, wanted: ImportOptions) -> RawModel:
    (model,) = read([file], wanted)
    assert isinstance(model, RawModel), model
    return model


def extent(model: RawModel) -> np.ndarray:
    return np.ptp(model.vertices[np.unique(model.faces)], axis=0)


def back_of(model: RawModel) -> np.ndarray:
    """Where the upper part stands, seen from the middle of the whole."""
    middle = (model.vertices.min(axis=0) + model.vertices.max(axis=0)) / 2
    upper = model.vertices[model.vertices[:, 2] > model.vertices[:, 2].min() + 0.8 * extent(model)[2]]
    return upper.mean(axis=0) - middle


def test_every_format_gives_the_same_chair(chairs: Path) -> None:
    files = find_files([chairs])
    assert {f.suffix for f in files} == {".blend", ".fbx", ".glb", ".gltf", ".obj", ".ply", ".stl", ".usdc"}
    for file, model in zip(files, read(files, ImportOptions("chair")), strict=True):
        assert isinstance(model, RawModel), model
        np.testing.assert_allclose(extent(model), CHAIR_SIZE, atol=1e-3, err_msg=file.name)
        assert back_of(model)[1] > 0.2, f"{file.name}: its back is not at +Y"
        assert len(model.faces) == 72, file.name
        if file.suffix not in (".ply", ".stl"):
            colour = next(m.base_color for m in model.materials if m.name.startswith("wood"))
            np.testing.assert_allclose(colour, (0.5, 0.25, 0.1), atol=0.01, err_msg=file.name)


def test_units_are_guessed(tmp_path: Path) -> None:
    """Usual units are found; of strange ones the usual size is made, with a warning."""
    units = {"guessed: cm": 100.0, "guessed: mm": 1000.0, "guessed: inch": 1 / 0.0254, "": 1.0, "units unknown": 2.2}
    for number, scale in enumerate(units.values()):
        mesh = chair()
        mesh.apply_scale(scale)
        mesh.export(tmp_path / f"chair{number}.stl")
    for said, model in zip(units, read(find_files([tmp_path]), ImportOptions("chair")), strict=True):
        assert isinstance(model, RawModel)
        exact = 3e-2 if said == "units unknown" else 2e-3  # by the height of its seat
        np.testing.assert_allclose(extent(model), CHAIR_SIZE, rtol=exact, err_msg=said)
        assert said in " ".join(model.warnings)


def test_scale_and_height_are_obeyed(tmp_path: Path) -> None:
    chair().export(tmp_path / "chair.stl")
    assert extent(one(tmp_path / "chair.stl", ImportOptions("chair", height=1.1)))[2] == pytest.approx(1.1)
    assert extent(one(tmp_path / "chair.stl", ImportOptions("chair", scale=0.5)))[2] == pytest.approx(0.45)


def test_front_of_a_chair_is_found(tmp_path: Path) -> None:
    for quarters in range(4):
        matrix = np.linalg.matrix_power(np.array(QUARTER), quarters).tolist()
        turned(chair(), matrix).export(tmp_path / f"chair{quarters}.stl")
    for model in read(find_files([tmp_path]), ImportOptions("chair")):
        assert isinstance(model, RawModel)
        assert back_of(model)[1] > 0.2
        np.testing.assert_allclose(extent(model), CHAIR_SIZE, atol=1e-3)


def test_front_and_up_are_obeyed(tmp_path: Path) -> None:
    chair().export(tmp_path / "chair.stl")
    model = one(tmp_path / "chair.stl", ImportOptions("chair", front="y"))
    assert back_of(model)[1] < -0.2
    turned(chair(), Z_UP_TO_Y_UP).export(tmp_path / "lying.stl")
    model = one(tmp_path / "lying.stl", ImportOptions("chair", up="y"))
    np.testing.assert_allclose(extent(model), CHAIR_SIZE, atol=1e-3)
    assert back_of(model)[1] > 0.2


def test_a_table_and_a_chair_that_lie_are_put_upright(tmp_path: Path) -> None:
    turned(table(), Z_UP_TO_Y_UP).export(tmp_path / "table.stl")
    model = one(tmp_path / "table.stl", ImportOptions("table"))
    np.testing.assert_allclose(extent(model), (1.2, 0.7, 0.75), atol=1e-3)
    turned(chair(), Z_UP_TO_Y_UP).export(tmp_path / "chair.stl")
    np.testing.assert_allclose(extent(one(tmp_path / "chair.stl", ImportOptions("chair"))), CHAIR_SIZE, atol=1e-3)


def test_obj_faults_are_fixed(tmp_path: Path) -> None:
    """`Tf 1 1 1` is no glass; a missing texture is grey with a warning; a texture in other case is found."""
    mesh = chair()
    lines = [f"v {x} {z} {-y}" for x, y, z in mesh.vertices] + ["vt 0 0", "vt 1 0", "vt 0 1"]
    cut = len(mesh.faces) // 2
    for name, faces in (("dark", mesh.faces[:cut]), ("found", mesh.faces[cut:])):
        lines += [f"usemtl {name}"] + ["f " + " ".join(f"{i + 1}/{k + 1}" for k, i in enumerate(f)) for f in faces]
    (tmp_path / "chair.obj").write_text("mtllib chair.mtl\n" + "\n".join(lines))
    (tmp_path / "chair.mtl").write_text(
        "newmtl dark\nKd 0.1 0.1 0.1\nTf 1 1 1\nmap_Kd nowhere.png\nnewmtl found\nKd 1 1 1\nmap_Kd Wood.PNG\n"
    )
    Image.new("RGB", (8, 8), (120, 60, 30)).save(tmp_path / "wood.png")
    model = one(tmp_path / "chair.obj", ImportOptions("chair"))
    by_name = {m.name: m for m in model.materials}
    assert by_name["dark"].transmission == 0.0
    assert by_name["dark"].base_color == (0.5, 0.5, 0.5)
    assert "base_color" not in by_name["dark"].textures
    assert by_name["found"].textures["base_color"] in model.textures
    assert any("nowhere.png" in warning for warning in model.warnings)


def test_painted_vertices_become_a_palette(tmp_path: Path) -> None:
    mesh = chair()
    mesh.visual.vertex_colors = np.where(mesh.vertices[:, 2:] > 0.5, [200, 30, 30, 255], [30, 30, 200, 255])
    mesh.export(tmp_path / "chair.ply")
    model = one(tmp_path / "chair.ply", ImportOptions("chair"))
    assert model.uvs is not None
    painted = {m.textures.get("base_color") for m in model.materials} - {None}
    assert painted == {"textures/palette"}


def test_double_sided_polygons_come_once(tmp_path: Path) -> None:
    """A hexagon and its back copy, which Blender cuts into different triangles."""
    ring = [(np.cos(a), np.sin(a)) for a in np.arange(6) * np.pi / 3]
    vertices = "".join(f"v {0.4 * x:.5f} 0.5 {0.4 * y:.5f}\n" for x, y in ring)
    (tmp_path / "disc.obj").write_text(f"{vertices}f 1 2 3 4 5 6\nf 6 5 4 3 2 1\nf 3 2 1 6 5 4\n")
    ((_, imported),) = import_files([tmp_path / "disc.obj"])
    assert isinstance(imported, Imported)
    assert len(imported.faces) == 4


def test_a_back_copy_with_fewer_points_on_its_outline_goes(tmp_path: Path) -> None:
    """The cane seat of a real chair: two copies of one disc, 58 and 50 corners, seen as a black hole in renders."""
    points = "v -1 0 -1\nv 1 0 -1\nv 1 0 1\nv 0 0 1\nv -1 0 1\nv 0 0 -1\n"
    (tmp_path / "seat.obj").write_text(f"{points}f 1 6 2 3 4 5\nf 5 4 3 2 1\n")
    ((_, imported),) = import_files([tmp_path / "seat.obj"])
    assert isinstance(imported, Imported)
    a, b, c = (imported.vertices[imported.faces[:, k]] for k in range(3))
    assert np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2 == pytest.approx(4.0)


def test_broken_normals_are_left_out(tmp_path: Path) -> None:
    """Normals along the surface on half of a chair are dropped; smooth and inward ones are kept."""
    mesh = chair()
    along = mesh.triangles[:, 1] - mesh.triangles[:, 0]
    for name, normals in {"good": -mesh.face_normals, "bad": np.where(np.arange(72)[:, None] < 36, along, 1.0)}.items():
        lines = [f"v {x} {z} {-y}" for x, y, z in mesh.vertices]
        lines += [f"vn {x} {z} {-y}" for x, y, z in normals / np.linalg.norm(normals, axis=1, keepdims=True)]
        lines += ["f " + " ".join(f"{i + 1}//{n + 1}" for i in face) for n, face in enumerate(mesh.faces)]
        (tmp_path / f"{name}.obj").write_text("\n".join(lines))
    bad, good = read([tmp_path / "bad.obj", tmp_path / "good.obj"], ImportOptions("chair"))
    assert isinstance(bad, RawModel)
    assert isinstance(good, RawModel)
    assert bad.corner_normals is None
    assert any("astray: left out" in warning for warning in bad.warnings)
    assert good.corner_normals is not None
    assert not any("astray" in warning for warning in good.warnings)
    mesh = read_mesh(prepare(bad, tmp_path / "library"))
    assert share_astray(mesh.vertices, mesh.faces, mesh.corner_normals) < 0.05


def test_broken_files_are_refused_and_the_rest_goes_on(tmp_path: Path, chairs: Path) -> None:
    (tmp_path / "empty.glb").write_bytes(b"")
    (tmp_path / "noise.glb").write_bytes(b"glTF" + bytes(range(200)))
    (tmp_path / "noise.fbx").write_bytes(b"nothing of the kind")
    (tmp_path / "text.blend").write_text("hello")
    trimesh.PointCloud(np.random.default_rng(0).random((9, 3))).export(tmp_path / "points.ply")
    (tmp_path / "nan.obj").write_text("v nan nan nan\nv nan 0 0\nv 0 nan 0\nf 1 2 3\n")
    (tmp_path / "dot.obj").write_text("v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n")
    huge = tmp_path / "huge.stl"
    huge.write_bytes(bytes(80) + struct.pack("<I", 10_000_000))
    os.truncate(huge, 84 + 50 * 10_000_000)  # a sparse file: ten million triangles as far as its head says
    names = ["empty.glb", "noise.glb", "noise.fbx", "text.blend", "points.ply", "nan.obj", "dot.obj", "huge.stl"]
    files = [*(tmp_path / name for name in names), chairs / "chair.glb", tmp_path / "none.glb"]
    results = read(files, ImportOptions("chair"))
    assert len(results) == len(files)
    assert isinstance(results[-2], RawModel)
    for file, result in zip(files, results, strict=True):
        if file.name != "chair.glb":
            assert isinstance(result, Refused), file.name
            assert str(file) in str(result)
            assert "\n" not in str(result)
            assert "Traceback" not in str(result)
    assert "10,000,000" in str(results[7])
    assert "it is cut off: " in str(results[1])
    assert "no mesh" in str(results[4])


def test_triangles_without_coordinates_are_counted(tmp_path: Path) -> None:
    lines = chair().export(file_type="obj").splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("v "))
    lines[first] = "v nan 0 0"
    (tmp_path / "torn.obj").write_text("\n".join(lines))
    corners = [{word.split("/")[0] for word in line.split()[1:]} for line in lines if line.startswith("f ")]
    torn = sum("1" in face for face in corners)
    model = one(tmp_path / "torn.obj", ImportOptions("chair", scale=1.0))
    expected = f"{torn} of {len(corners)} triangles have coordinates that are no numbers: left out"
    assert expected in model.warnings, model.warnings


def test_credits_beside_a_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    chair().export(tmp_path / "deep" / "model.stl")
    entry = {
        "file": "deep/model.stl",
        "name": "Fine Chair",
        "author": "Jo",
        "licence": "CC-BY-4.0",
        "original": "x.org",
    }
    (tmp_path / "CREDITS.json").write_text(json.dumps([entry]))
    model = one(tmp_path / "deep" / "model.stl", ImportOptions("chair"))
    assert model.name == "fine_chair"
    assert (model.provenance.author, model.provenance.licence) == ("Jo", "CC-BY-4.0")
    assert len(model.provenance.checksum) == 64
    assert one(tmp_path / "deep" / "model.stl", ImportOptions("chair", author="Al")).provenance.author == "Al"


def test_origin_and_name_of_a_file_that_says_them(tmp_path: Path) -> None:
    """Sketchfab's extras in a glTF; Google Scanned Objects' folders."""
    file = tmp_path / "Red_Chair" / "meshes" / "model.gltf"
    file.parent.mkdir(parents=True)
    chair().export(file.parent / "chair.glb")
    body = (file.parent / "chair.glb").read_bytes()
    length = int.from_bytes(body[12:16], "little")
    described = json.loads(body[20 : 20 + length])
    extras = {"author": "Jo (example.org)", "license": "CC-BY-4.0", "source": "example.org/1", "title": "Red chair"}
    described["asset"] |= {"extras": extras, "copyright": "2020 Al"}
    text = json.dumps(described).encode()
    text += b" " * (-len(text) % 4)
    rest = body[20 + length :]
    sizes = [(20 + len(text) + len(rest)).to_bytes(4, "little"), len(text).to_bytes(4, "little")]
    file = file.with_suffix(".glb")
    file.write_bytes(b"glTF" + (2).to_bytes(4, "little") + sizes[0] + sizes[1] + b"JSON" + text + rest)
    model = one(file, ImportOptions("chair"))
    assert model.name == "red_chair"
    said = model.provenance
    assert (said.title, said.author, said.licence) == ("Red chair", "Jo (example.org)", "CC-BY-4.0")
    assert said.source == "example.org/1"


def test_names_and_splits() -> None:
    assert slug("Blend Swap CC-0#oakChair Ü") == "blend_swap_cc_0_oakchair"
    splits = [split_of(f"model {n}") for n in range(1000)]
    assert 150 < splits.count("test") < 250
    assert splits == [split_of(f"model {n}") for n in range(1000)]


def test_meshes_for_collisions_are_told_apart(tmp_path: Path) -> None:
    """As simulators' packages name them; a mesh for collisions with nothing beside it is a model of its own."""
    names = (
        "desk_visual.DAE",
        "desk_collision.DAE",
        "lamp.obj",
        "lamp-collider.stl",
        "cup_collision.stl",
        "tricol.obj",
    )
    found = collision_meshes([tmp_path / name for name in names] + [tmp_path / "other" / "lamp_collision.stl"])
    assert {file.name: of.name for file, of in found.items()} == {
        "desk_collision.DAE": "desk_visual.DAE",
        "lamp-collider.stl": "lamp.obj",
    }


def test_unknown_paths_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="no such file"):
        find_files([tmp_path / "none"])
    with pytest.raises(ScenegenError, match="no model file"):
        find_files([tmp_path])
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ScenegenError, match="unknown file type"):
        find_files([tmp_path / "a.txt"])


REAL = (
    ("chair", "chair/ph_schoolchair_01/SchoolChair_01.glb"),
    ("chair", "chair/ph_woodenchair_01/WoodenChair_01.glb"),
    ("table", "table/ph_metal_office_desk/metal_office_desk.glb"),
    ("nightstand", "nightstand/bm_bedside_table_01/bedside_table_01.glb"),
    ("laptop", "laptop/sf_macbook/macbook.glb"),
    ("bag", "bag/sf_backpack_red/red.glb"),
    ("human", "human/q_woman_casual/Casual.glb"),
    ("human", "human/q_man_suit/Suit.glb"),
)


@pytest.mark.real_models
@pytest.mark.skipif(not os.environ.get("SCENEGEN_TEST_MODELS"), reason="SCENEGEN_TEST_MODELS names no folder")
def test_real_files_come_in_at_their_true_size(tmp_path: Path) -> None:
    root = Path(os.environ["SCENEGEN_TEST_MODELS"])
    credited = {entry["file"]: entry for entry in json.loads((root / "CREDITS.json").read_text())}
    for class_name, name in REAL:
        model = one(root / name, ImportOptions(class_name))
        true_size = credited[name]["real_size_m"]
        if true_size:
            np.testing.assert_allclose(sorted(extent(model)), sorted(true_size), rtol=0.02, err_msg=name)
        if class_name in ("chair", "laptop"):
            assert back_of(model)[1] > 0, name
