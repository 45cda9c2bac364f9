"""glTF exports as trimesh reads them and as their bytes say, against scene.json and the library's own files."""

from __future__ import annotations

import io
import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from click.testing import CliRunner
from helpers.box_scenes import ROOM
from helpers.cut_out_assets import CHECKER, card, write_cut_out
from helpers.glb_sets import read_glb, write_glb_set
from numpy.typing import NDArray
from PIL import Image
from scenegen.cli.main import cli
from scenegen.core.asset_library import read_asset
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError
from scenegen.steps.exchange.export import export
from scenegen.steps.exchange.glb_materials import GltfFile, asset_material
from scenegen.steps.pack import pack

FILE = "scene_000000.glb"
Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_glb_set(tmp_path_factory.mktemp("glb"))


@pytest.fixture(scope="module")
def exported(source: Path) -> Path:
    out = source.parent / "out"
    done = export(source, out, "glb")
    assert (done.scenes, done.counts) == (1, {"objects": 8, "assets": 6})
    return out


def to_z_up(points: Array) -> Array:
    """glTF's (x, y, z) with Y up in the data set's axes."""
    return np.stack([points[..., 0], -points[..., 2], points[..., 1]], axis=-1)


def world_boxes(scene: trimesh.Scene) -> dict[str, Array]:
    """Low and high corner (2, 3), in the data set's axes, of every node's local bounding box as it stands."""
    boxes: dict[str, list[Array]] = {}
    for node in scene.graph.nodes_geometry:
        matrix, geometry = scene.graph[node]
        corners = trimesh.bounds.corners(scene.geometry[geometry].bounds)
        # A mesh of several materials is read as one node for each of them, below the object's.
        path = scene.graph.transforms.shortest_path(scene.graph.base_frame, node)
        boxes.setdefault(path[1], []).append(to_z_up(trimesh.transform_points(corners, matrix)))
    return {name: np.stack([np.concatenate(c).min(axis=0), np.concatenate(c).max(axis=0)]) for name, c in boxes.items()}


def test_trimesh_finds_every_object_where_scene_json_says(exported: Path, source: Path) -> None:
    boxes = world_boxes(trimesh.load(exported / FILE))
    objects = Dataset(source)[0].objects
    assert set(boxes) == {f"{o.class_name}_{o.id}" for o in objects} | {"floor", "walls", "ceiling"}
    for item in objects:
        box = boxes[f"{item.class_name}_{item.id}"]
        np.testing.assert_allclose(box, [item.bbox.min, item.bbox.max], atol=1e-5)
    x, y, z = ROOM
    for name, (low, high) in {"floor": (0, 0), "walls": (0, z), "ceiling": (z, z)}.items():
        np.testing.assert_allclose(boxes[name], [(-x / 2, -y / 2, low), (x / 2, y / 2, high)], atol=1e-5)


def test_up_is_y_and_the_front_is_z(exported: Path, source: Path) -> None:
    tree, _ = read_glb(exported / FILE)
    item = Dataset(source)[0].objects[2]
    (node,) = [n for n in tree["nodes"] if n["name"] == "chair_2"]
    matrix = np.reshape(node["matrix"], (4, 4)).T
    theirs = np.array(item.matrix)
    np.testing.assert_allclose(matrix[:3, :3] @ (0, 1, 0), (0, 1, 0), atol=1e-9)
    front, expected = matrix[:3, :3] @ (0, 0, 1), theirs[:3, :3] @ (0, -1, 0)
    np.testing.assert_allclose(front, (expected[0], expected[2], -expected[1]), atol=1e-9)


def test_one_asset_is_stored_once_and_says_where_it_is_from(exported: Path, source: Path) -> None:
    tree, _ = read_glb(exported / FILE)
    chairs = [node for node in tree["nodes"] if node.get("extras", {}).get("asset") == "chair_box"]
    assert len(chairs) == 3
    assert len({node["mesh"] for node in chairs}) == 1
    assert len(tree["meshes"]) == 6 + 3
    laptop = Dataset(source)[0].objects[4]
    (node,) = [node for node in tree["nodes"] if node["name"] == "laptop_4"]
    assert node["extras"] == {
        "id": 4,
        "class": "laptop",
        "asset": "laptop_box",
        "parent": laptop.parent,
        "split": "train",
        "licence": "CC0",
        "title": "A laptop",
        "author": "nobody",
        "source": "tests",
    }
    assert {entry["name"] for entry in json.loads((exported / "CREDITS.json").read_text())} >= {"chair_box", "bag_box"}


def test_the_room_is_seen_from_inside(exported: Path) -> None:
    scene = trimesh.load(exported / FILE)
    inside = np.array([0.1, 1.2, -0.2])
    for name in ("floor", "walls", "ceiling"):
        matrix, geometry = scene.graph[name]
        surface = scene.geometry[geometry]
        assert np.allclose(matrix, np.eye(4))
        toward = ((inside - surface.triangles_center) * surface.face_normals).sum(axis=1)
        assert len(toward) == (8 if name == "walls" else 2)
        assert (toward > 0).all()
        assert not surface.visual.material.doubleSided


def test_cameras_see_points_where_the_data_sets_do(exported: Path, source: Path) -> None:
    tree, _ = read_glb(exported / FILE)
    nodes = [node for node in tree["nodes"] if "camera" in node]
    cameras = Dataset(source)[0].cameras
    assert [node["name"] for node in nodes] == [camera.name for camera in cameras]
    points = np.random.default_rng(1).uniform((-0.5, -0.5, 0.2), (0.5, 0.5, 1.5), (20, 3))
    for node, camera in zip(nodes, cameras, strict=True):
        matrix, K = np.array(camera.world_to_camera), np.array(camera.K)
        u, v, w = K @ (matrix[:3, :3] @ points.T + matrix[:3, 3:])
        lens = tree["cameras"][node["camera"]]["perspective"]
        y_up = np.stack([points[:, 0], points[:, 2], -points[:, 1], np.ones(20)])
        x, y, z, _ = np.linalg.inv(np.reshape(node["matrix"], (4, 4)).T) @ y_up
        top = math.tan(lens["yfov"] / 2)
        right = top * lens["aspectRatio"]
        np.testing.assert_allclose((x / -z / right + 1) / 2 * camera.width, u / w, atol=1e-6)
        np.testing.assert_allclose((1 - y / -z / top) / 2 * camera.height, v / w, atol=1e-6)


def test_materials_have_the_librarys_colours_and_files(exported: Path, source: Path) -> None:
    tree, binary = read_glb(exported / FILE)
    (bag,) = [mesh for mesh in tree["meshes"] if mesh["name"] == "bag_box"]
    cloth, glass = (tree["materials"][primitive["material"]] for primitive in bag["primitives"])
    assert glass["pbrMetallicRoughness"]["baseColorFactor"] == [0.0123, 0.5, 1.0, 1.0]
    assert glass["extensions"]["KHR_materials_transmission"] == {"transmissionFactor": 1.0}
    assert glass["extensions"]["KHR_materials_ior"] == {"ior": 1.4}
    assert cloth["extensions"]["KHR_materials_emissive_strength"] == {"emissiveStrength": 2.5}
    assert set(tree["extensionsUsed"]) == set(glass["extensions"]) | set(cloth["extensions"])
    assert "TEXCOORD_0" in bag["primitives"][0]["attributes"]
    assert "TEXCOORD_0" not in bag["primitives"][1]["attributes"]

    def file(texture: dict[str, int]) -> bytes:
        view = tree["bufferViews"][tree["images"][tree["textures"][texture["index"]]["source"]]["bufferView"]]
        return binary[view.get("byteOffset", 0) :][: view["byteLength"]]

    textures = source.parent / "library/bag_box/textures"
    numbers = cloth["pbrMetallicRoughness"]
    for texture, name in (
        (numbers["baseColorTexture"], "base_color.jpg"),
        (cloth["normalTexture"], "normal.png"),
        (cloth["emissiveTexture"], "emission.png"),
    ):
        content = (textures / name).read_bytes()
        assert file(texture)[: len(content)] == content
    assert numbers["baseColorFactor"] == [1.0, 1.0, 1.0, 1.0]
    assert (numbers["metallicFactor"], numbers["roughnessFactor"]) == (1.0, 1.0)
    with Image.open(io.BytesIO(file(numbers["metallicRoughnessTexture"]))) as image:
        both = np.asarray(image)
    for channel, name in ((1, "roughness.png"), (2, "metallic.png")):
        with Image.open(textures / name) as image:
            np.testing.assert_array_equal(both[..., channel], np.asarray(image))


def test_trimesh_reads_textures_where_they_were(exported: Path, source: Path) -> None:
    """UVs of a loaded corner are those of the library's corner at the same place."""
    scene = trimesh.load(exported / FILE)
    (read,) = [g for g in scene.geometry.values() if getattr(g.visual.material, "name", "") == "cloth"]
    with np.load(source.parent / "library/bag_box/mesh.npz") as arrays:
        faces = np.flatnonzero(arrays["material_index"] == 0)
        places = arrays["vertices"][arrays["faces"][faces]].reshape(-1, 3)
        uvs = arrays["uvs"][faces].reshape(-1, 2)
    corners = np.concatenate([to_z_up(read.vertices[read.faces]).reshape(-1, 3), read.visual.uv[read.faces.ravel()]], 1)
    np.testing.assert_allclose(corners, np.concatenate([places, uvs], 1), atol=1e-6)
    assert read.visual.material.baseColorTexture.size == (8, 8)


def test_packed_without_maps_and_two_workers_give_the_same_bytes(exported: Path, source: Path, tmp_path: Path) -> None:
    pack(source, tmp_path / "packed", Packing("jpeg", 95, False, 250))
    export(tmp_path / "packed", tmp_path / "out", "glb", workers=2)
    assert (tmp_path / "out" / FILE).read_bytes() == (exported / FILE).read_bytes()


def test_a_wrong_library_is_refused_in_one_line(source: Path, tmp_path: Path) -> None:
    library, out = tmp_path / "library", tmp_path / "out"
    with pytest.raises(ScenegenError, match=r"library: there is no asset library here; name .* with --assets$"):
        export(source, out, "glb", assets=library)
    assert list(tmp_path.iterdir()) == []
    shutil.copytree(source.parent / "library", library)
    shutil.rmtree(library / "chair_box")
    with pytest.raises(ScenegenError, match=r"library: has no asset chair_box; name .* with --assets$"):
        export(source, out, "glb", assets=library)
    shutil.copytree(source.parent / "library/table_box", library / "chair_box")
    with pytest.raises(ScenegenError, match=r"object 2 is not the chair_box of .*; name .* with --assets$") as error:
        export(source, out, "glb", assets=library)
    assert "\n" not in str(error.value)
    assert not out.exists()


def test_a_damaged_texture_is_named(source: Path, tmp_path: Path) -> None:
    library = Path(shutil.copytree(source.parent / "library", tmp_path / "library"))
    (library / "bag_box/textures/roughness.png").write_bytes(b"no image")
    with pytest.raises(ScenegenError, match=r"bag_box/textures/roughness.png: cannot be read as an image"):
        export(source, tmp_path / "out", "glb", assets=library)


def test_command(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = CliRunner().invoke(cli, ["export", str(source), str(out), "--format", "glb", "--workers", "1", "--json"])
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    assert answer["counts"] == {"objects": 8, "assets": 6}
    assert sorted(p.name for p in out.iterdir()) == ["CREDITS.json", "CREDITS.txt", FILE]


@pytest.mark.parametrize(("alpha", "mode"), [(CHECKER, "MASK"), (np.full((4, 4), 77), "BLEND")], ids=["leaf", "pane"])
def test_leaves_are_masked_and_a_pane_is_blended(alpha: NDArray[Any], mode: str, tmp_path: Path) -> None:
    """A mask at one half, as labels have it, would hide all of a pane."""
    asset = read_asset(write_cut_out(tmp_path, "card", "bag", card(1.0, 1.0), alpha))
    file = GltfFile({"textures": [], "images": []}, {})
    entry = asset_material(asset.materials[0], asset.folder, file)
    assert entry["alphaMode"] == mode and entry.get("alphaCutoff") == (0.5 if mode == "MASK" else None)
