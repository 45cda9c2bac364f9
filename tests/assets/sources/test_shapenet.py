"""`scenegen assets add --shapenet`, on small trees of ShapeNetCore's form."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import trimesh
from helpers.assets_command import run
from helpers.model_files import box
from PIL import Image
from scenegen.assets.sources.shapenet import CLASS_OF_WORD, KNOWN, read_tree
from scenegen.core.asset_library import list_assets, read_mesh
from scenegen.core.errors import UsageError
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.classes import known_classes, object_class

CAR, CONVERTIBLE, SUV, TRUCK, PLANE, LAMP = "02958343", "03100240", "04285965", "04490091", "02691156", "03636649"
TAXONOMY = [
    {
        "synsetId": CAR,
        "name": "car,auto,automobile,machine,motorcar",
        "children": [CONVERTIBLE, SUV],
        "numInstances": 5,
    },
    {"synsetId": CONVERTIBLE, "name": "convertible", "children": [], "numInstances": 1},
    {"synsetId": SUV, "name": "sport utility,sport utility vehicle,S.U.V.,SUV", "children": [], "numInstances": 1},
    {"synsetId": TRUCK, "name": "truck,motortruck", "children": [], "numInstances": 1},
    {"synsetId": PLANE, "name": "airplane,aeroplane,plane", "children": [], "numInstances": 1},
    {"synsetId": LAMP, "name": "lamp", "children": [], "numInstances": 1},
]


def car() -> trimesh.Trimesh:
    """Z up, front -Y as our assets: a long body, a cab toward the back."""
    return trimesh.util.concatenate(
        [box((-0.2, -0.45, 0.0), (0.2, 0.45, 0.15)), box((-0.2, 0.0, 0.15), (0.2, 0.4, 0.3))]
    )


# our axes (Z up, front -Y) to the file's: v2 has Y up and the front at -Z, v1 Y up and the front at +X
TO_FILE = {2: [[-1, 0, 0], [0, 0, 1], [0, 1, 0]], 1: [[0, -1, 0], [0, 0, 1], [-1, 0, 0]]}


def write_obj(file: Path, version: int, texture: str) -> None:
    mesh = car()
    vertices = (mesh.vertices - mesh.bounds.mean(axis=0)) @ np.array(TO_FILE[version]).T
    lines = [f"mtllib {file.with_suffix('.mtl').name}", *(f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices)]
    lines += [*("vt 0 0", "vt 1 0", "vt 1 1"), "usemtl paint"]
    lines += [f"f {a + 1}/1 {b + 1}/2 {c + 1}/3" for a, b, c in mesh.faces]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    file.with_suffix(".mtl").write_text(f"newmtl paint\nKd 0.8 0.8 0.8\nmap_Kd {texture}\nd 1\n")


def red() -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 20)).save(picture, "PNG")
    return picture.getvalue()


def write_v2(root: Path, synset: str, model: str) -> None:
    write_obj(root / synset / model / "models" / "model_normalized.obj", 2, "../images/texture0.png")
    (root / synset / model / "images").mkdir()
    (root / synset / model / "images" / "texture0.png").write_bytes(red())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 2: five cars, three of them of kinds of their own, a plane, a lamp, folders without a model."""
    root = tmp_path_factory.mktemp("tree") / "ShapeNetCore.v2"
    for number in range(5):
        write_v2(root, CAR, f"car{number}")
    write_v2(root, PLANE, "plane0")
    write_v2(root, LAMP, "lamp0")
    (root / CAR / "empty").mkdir()
    (root / PLANE / "hollow" / "models").mkdir(parents=True)
    (root / PLANE / "hollow" / "models" / "model_normalized.json").write_text("{}")
    (root / PLANE / "broken" / "models").mkdir(parents=True)
    (root / PLANE / "broken" / "models" / "model_normalized.obj").write_text("# nothing\n")
    (root / "taxonomy.json").write_text(json.dumps(TAXONOMY))
    # the leading zero is lost, as in the table that is in use
    rows = [("car1", SUV, "train"), ("car2", CONVERTIBLE, "test"), ("car3", TRUCK, "val"), ("car4", CAR, "test")]
    lines = [f"{n},{int(CAR)},{int(sub)},{model},{split}" for n, (model, sub, split) in enumerate(rows)]
    (root / "all.csv").write_text("\n".join(["id,synsetId,subSynsetId,modelId,split", *lines]) + "\n")
    return root


def test_classes_and_splits_are_the_trees_own(tree: Path) -> None:
    found = read_tree(tree)
    classes = {model.source.rpartition("/")[2]: (model.class_name, model.split) for model in found.models}
    assert {model: is_class for model, (is_class, _) in classes.items()} == {
        "car0": "car",
        "car1": "suv",
        "car2": "convertible",
        "car3": "truck",
        "car4": "car",
        "plane0": "plane",
        "broken": "plane",
    }
    assert [classes[f"car{n}"][1] for n in range(1, 5)] == ["train", "test", "train", "test"]
    assert (found.hollow, found.others) == (2, 1)
    assert read_tree(tree) == found
    assert [m.name for m in read_tree(tree, "car").models] == ["shapenet_car_car0", "shapenet_car_car4"]
    assert len(read_tree(tree, limit=1).models) == 5
    lamps = read_tree(tree, "tree", [LAMP], split="test").models
    assert [(m.class_name, m.split) for m in lamps] == [("tree", "test")]


def test_the_preset_asks_for_classes_that_a_tree_can_give() -> None:
    classes = {rule.name for rule in load_preset("shapenet").rules}
    assert classes <= set(CLASS_OF_WORD.values())
    assert classes <= set(known_classes())
    assert set(KNOWN.values()) <= set(CLASS_OF_WORD)


def test_a_tree_becomes_assets(tree: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    done = run("add", "--assets", library, "--shapenet", tree)
    assert done.returncode == 1
    assert (
        "6 added, 0 there before, 1 refused; passed over: 1 of other classes, 2 folders without a model" in done.stdout
    )
    assert "refused: ShapeNetCore v2 02691156/broken: it is text without a line `v X Y Z`" in done.stderr
    assets = {asset.name: asset for asset in list_assets(library)}
    assert set(assets) == {
        *("shapenet_car_car0", "shapenet_suv_car1", "shapenet_convertible_car2", "shapenet_truck_car3"),
        *("shapenet_car_car4", "shapenet_plane_plane0"),
    }
    for asset in assets.values():
        usual = object_class(asset.class_name).usual_size
        assert usual is not None
        assert usual.fits(asset.size)
        assert asset.size[1] == pytest.approx(max(asset.size))  # its length lies along Y
        assert asset.materials[0].textures["base_color"].startswith("textures/")
    origin = assets["shapenet_suv_car1"].provenance
    assert origin.title == "sport utility"
    assert origin.source == f"ShapeNetCore v2 {CAR}/car1"
    assert "non-commercial" in origin.licence
    mesh = read_mesh(assets["shapenet_car_car0"])
    high = mesh.vertices[mesh.vertices[:, 2] > 0.9 * mesh.vertices[:, 2].max()]
    assert high[:, 1].mean() > 0.1  # the cab is at the back, +Y

    again = run("add", "--assets", library, "--shapenet", tree, "--class", "car", "--limit", "1")
    assert (again.returncode, "0 added, 1 there before" in again.stdout) == (0, True)


def test_version_1_faces_another_way_and_has_tables_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "ShapeNetCore.v1"
    write_obj(root / CAR / "abc" / "model.obj", 1, "./images/texture0.png")
    (root / CAR / "abc" / "images").mkdir()
    (root / CAR / "abc" / "images" / "texture0.png").write_bytes(red())
    (root / "taxonomy.json").write_text(json.dumps(TAXONOMY))
    (root / f"{CAR}.csv").write_text(
        "fullId,wnsynset,wnlemmas,up,front,name,tags\n"
        f'3dw.abc,"{CAR},{CONVERTIBLE}","car,auto","0\\,0\\,1",,Roadster,"red, fast"\n'
    )
    library = tmp_path / "library"
    done = run("add", "--assets", library, "--shapenet", root, "--split", "test", "--scale", "4")
    assert done.returncode == 0, done.stderr
    (asset,) = list_assets(library)
    assert (asset.class_name, asset.split, asset.provenance.title) == ("convertible", "test", "Roadster")
    assert asset.size == pytest.approx((1.6, 3.6, 1.2), rel=1e-3)
    assert "base_color" in asset.materials[0].textures
    mesh = read_mesh(asset)
    assert mesh.vertices[mesh.vertices[:, 2] > 1.1][:, 1].mean() > 0.1


def test_without_a_taxonomy_the_known_folders_are_taken(tmp_path: Path) -> None:
    write_v2(tmp_path, CAR, "a")
    write_v2(tmp_path, LAMP, "b")
    found = read_tree(tmp_path)
    assert [(model.class_name, model.title) for model in found.models] == [("car", "car")]
    assert found.others == 1


def test_bad_trees_and_arguments(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "02958343.zip").write_bytes(b"")
    with pytest.raises(UsageError, match="unpack its zip files first"):
        read_tree(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_tree(tmp_path / "none")
    with pytest.raises(UsageError, match="no folder 01234567"):
        read_tree(tree, "car", ["01234567"])
    write_v2(tmp_path, LAMP, "b")
    for text in ("{", "{}", '["x"]', '[{"synsetId": 5, "name": "car"}]'):
        (tmp_path / "taxonomy.json").write_text(text)
        if text != "{}":
            with pytest.raises(UsageError, match="not ShapeNet's taxonomy"):
                read_tree(tmp_path)
    (tmp_path / "taxonomy.json").unlink()
    library = tmp_path / "library"
    for words, code in (
        (("--shapenet", tmp_path), 1),
        (("--shapenet", tree, "--up", "y"), 2),
        (("--shapenet", tree, "chairs/"), 2),
        (("--limit", "3", "chairs/"), 2),
        ((), 2),
    ):
        done = run("add", "--assets", library, *words)
        assert (done.returncode, done.stderr.count("\n")) == (code, 1), words
