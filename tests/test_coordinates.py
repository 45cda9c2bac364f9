"""Every statement of docs/coordinates.md, checked with the page's own code on scenes that a real Blender made.

The scenes are of boxes, so the surface of every object is known without its mesh. numpy and Pillow read the files.
"""

from __future__ import annotations

import json
import math
import re
import runpy
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from PIL import Image
from scenegen import Dataset
from scenegen.steps.exchange.export import export

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/coordinates.md"
Array = NDArray[Any]


@dataclass(frozen=True)
class Files:
    """What lies in a scene's folder; cameras and grid with their keys as members."""

    body: dict[str, Any]
    cameras: list[Any]
    grid: Any
    masks: Array
    occupancy: Array
    frusta: list[Array]
    depths: list[Array]
    instances: list[Array]


def members(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{key: members(item) for key, item in value.items()})
    return [members(item) for item in value] if isinstance(value, list) else value


def read(folder: Path) -> Files:
    body = json.loads((folder / "scene.json").read_text())
    views = range(len(body["cameras"]))
    return Files(
        body,
        members(body["cameras"]),
        members(body["grid"]),
        np.load(folder / "masks.npy"),
        np.load(folder / "occupancy.npy"),
        [np.load(folder / f"frustum_{k}.npz")["labels"] for k in views],
        [np.asarray(Image.open(folder / f"depth_{k}.png")).astype(int) for k in views],
        [np.asarray(Image.open(folder / f"instance_{k}.png")).astype(int) for k in views],
    )


@pytest.fixture(scope="module")
def scenes(calm_run: Path) -> list[Files]:
    return [read(folder) for folder in sorted((calm_run / "scenes").glob("scene_*"))]


@pytest.fixture(scope="module")
def page() -> Any:
    """The functions that the page defines."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return SimpleNamespace(**names)


def on_top(item: dict[str, Any]) -> Array:
    """The middle of a box's top in the world: the asset frame stands on z = 0, its origin in the middle of the base."""
    return np.array((np.array(item["matrix"]) @ [0.0, 0.0, item["size"][2], 1.0])[:3])


def in_image(camera: Any, uv: tuple[float, float]) -> bool:
    return 0 <= uv[0] < camera.width and 0 <= uv[1] < camera.height


def test_a_known_point_is_where_the_page_says(scenes: list[Files], page: Any) -> None:
    """The middle of every box's top: in its voxel, its fruxel, its pixel, at its depth, with its id."""
    seen = 0
    for scene in scenes:
        for item in scene.body["objects"]:
            label = scene.body["classes"].index(item["class"])
            top = on_top(item)
            assert scene.masks[(*page.to_voxel(scene.grid, top - (0, 0, 1e-6)), label)]
            for k, camera in enumerate(scene.cameras):
                uv = page.to_image(camera, top)
                if not in_image(camera, uv):
                    continue
                column, row = (math.floor(value) for value in uv)
                if scene.instances[k][row, column] != item["id"] + 1:
                    continue  # something hides it
                seen += 1
                # The depth is that of the pixel's centre, on the same horizontal plane as the point.
                centre = page.to_world(camera, column + 0.5, row + 0.5, scene.depths[k][row, column] / 1000)
                assert centre[2] == pytest.approx(top[2], abs=2e-3)
                assert math.dist(centre, top) < 0.3
                assert scene.frusta[k][page.to_fruxel(camera, top)] > 0
    assert seen > 10


def test_every_pixel_of_an_object_lies_on_its_box(scenes: list[Files], page: Any) -> None:
    """Pixels put back into the world by their depth, and from there into the asset frame, are on the box's surface."""
    for scene in scenes:
        for k, camera in enumerate(scene.cameras):
            for item in scene.body["objects"]:
                rows, columns = np.nonzero(scene.instances[k] == item["id"] + 1)
                assert len(rows) == item["visible_pixels"][k]
                size, inverse = np.array(item["size"]), np.linalg.inv(np.array(item["matrix"]))
                for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
                    point = page.to_world(camera, column + 0.5, row + 0.5, scene.depths[k][row, column] / 1000)
                    x, y, z = (inverse @ [*point, 1.0])[:3]
                    distances = [abs(abs(x) - size[0] / 2), abs(abs(y) - size[1] / 2), abs(z), abs(z - size[2])]
                    assert min(distances) < 2e-3
                    assert max(abs(x) - size[0] / 2, abs(y) - size[1] / 2, -z, z - size[2]) < 2e-3


def test_background_is_the_room_at_its_depth(scenes: list[Files], page: Any) -> None:
    width, length, height = scenes[0].body["room"]
    for scene in scenes[:2]:
        for k, camera in enumerate(scene.cameras):
            assert scene.depths[k].min() > 0  # a room is closed
            for row, column in np.argwhere(scene.instances[k] == 0)[::7].tolist():
                x, y, z = page.to_world(camera, column + 0.5, row + 0.5, scene.depths[k][row, column] / 1000)
                gaps = [abs(abs(x) - width / 2), abs(abs(y) - length / 2), abs(z), abs(z - height)]
                assert min(gaps) < 2e-3


def test_frustum_labels_are_those_of_the_surface(scenes: list[Files], page: Any) -> None:
    """The fruxel around the surface point of a pixel's centre holds the object's class, or that of a later object."""
    for scene in scenes:
        for k, camera in enumerate(scene.cameras):
            labels = {item["id"] + 1: scene.body["classes"].index(item["class"]) + 1 for item in scene.body["objects"]}
            hits = np.argwhere(scene.instances[k] > 0)
            for row, column in hits.tolist():
                instance = scene.instances[k][row, column]
                depth = scene.depths[k][row, column] / 1000
                # A millimetre of rounding may lead into the neighbour, so both ends count.
                found = {
                    int(scene.frusta[k][page.to_fruxel(camera, page.to_world(camera, column + 0.5, row + 0.5, z))])
                    for z in (depth - 6e-4, depth, depth + 6e-4)
                }
                later = {labels[n] for n in labels if n >= instance}
                assert found & later, (row, column)


def test_grids_count_from_the_corners_that_the_page_names(scenes: list[Files], page: Any) -> None:
    scene = scenes[0]
    step, origin = scene.grid.voxel_size, np.array(scene.grid.origin)
    assert page.to_voxel(scene.grid, origin + step / 2) == (0, 0, 0)
    last = np.array(scene.grid.shape) - 1
    assert page.to_voxel(scene.grid, origin + step * (last + 0.5)) == tuple(last)
    assert scene.masks.shape == (*scene.grid.shape, len(scene.body["classes"]))
    assert np.array_equal(scene.occupancy, scene.masks.any(axis=-1))
    camera = scene.cameras[0]
    w, h, d = camera.frustum.size
    half_slice = (camera.frustum.far - camera.frustum.near) / d / 2
    first = page.to_world(camera, 0.5 * camera.width / w, 0.5 * camera.height / h, camera.frustum.near + half_slice)
    assert page.to_fruxel(camera, first) == (0, 0, 0)
    end = page.to_world(camera, camera.width - 0.1, camera.height - 0.1, camera.frustum.far - half_slice)
    assert page.to_fruxel(camera, end) == (w - 1, h - 1, d - 1)
    assert scene.frusta[0].shape == (w, h, d)


def test_cameras_are_as_the_page_says(scenes: list[Files], page: Any) -> None:
    """Right-handed, x right, y down, z forward; u right and v down; the field of view across the image's width."""
    for camera in scenes[0].cameras:
        pose = np.array(camera.world_to_camera)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1.0)
        eye = -pose[:3, :3].T @ pose[:3, 3]
        assert page.to_camera(camera, eye) == pytest.approx([0, 0, 0], abs=1e-6)
        ahead = eye + pose[2, :3]
        assert (
            page.to_image(camera, ahead + np.array((0, 0, 0.1)))[1] < page.to_image(camera, ahead)[1]
        )  # up is a smaller v
        assert page.to_image(camera, ahead + 0.1 * pose[0, :3])[0] > page.to_image(camera, ahead)[0]
        across = 2 * math.degrees(math.atan(camera.width / 2 / camera.K[0][0]))
        assert across == pytest.approx(camera.frustum.hfov_deg)
        assert np.array(camera.K)[:2, 2] == pytest.approx([camera.width / 2, camera.height / 2])
    names = {camera.name: -np.array(camera.world_to_camera)[:3, :3].T for camera in scenes[0].cameras}
    for name, turn in names.items():
        (camera,) = (c for c in scenes[0].cameras if c.name == name)
        x, y, _ = turn @ np.array(camera.world_to_camera)[:3, 3]
        assert (("north" if y > 0 else "south") + "_" + ("east" if x > 0 else "west")) == name


def test_objects_are_as_the_page_says(scenes: list[Files]) -> None:
    for scene in scenes:
        for position, item in enumerate(scene.body["objects"]):
            assert item["id"] == position
            assert item["parent"] is None or item["parent"] < item["id"]
            matrix = np.array(item["matrix"])
            scale = np.cbrt(np.linalg.det(matrix[:3, :3]))
            assert scale > 0
            assert matrix[:3, :3] @ matrix[:3, :3].T == pytest.approx(scale**2 * np.eye(3), abs=1e-6)
            x, y, z = item["size"]
            corners = [(a * x / 2, b * y / 2, c * z, 1.0) for a in (-1, 1) for b in (-1, 1) for c in (0, 1)]
            world = np.array(corners) @ matrix.T
            assert world.min(axis=0)[:3] == pytest.approx(item["bbox"]["min"], abs=1e-6)
            assert world.max(axis=0)[:3] == pytest.approx(item["bbox"]["max"], abs=1e-6)


def test_sentinels_of_depth(calm_run: Path, tmp_path: Path) -> None:
    """0 is "nothing hit" and 65535 "that far or farther", as Dataset reads them."""
    copy = shutil.copytree(calm_run, tmp_path / "set")
    path = copy / "scenes/scene_000000/depth_0.png"
    millimetres = np.array(Image.open(path))
    millimetres[0, :3] = (0, 65535, 1234)
    Image.fromarray(millimetres).save(path)
    depth = Dataset(copy)[0].depth(0)
    assert depth[0, 0] == 0
    assert math.isinf(depth[0, 1])
    assert depth[0, 2] == pytest.approx(1.234)


def test_ndc_are_those_of_an_opengl_projection(scenes: list[Files], page: Any) -> None:
    """The projection matrix as OpenGL's documentation has it (glFrustum), for a camera that looks along -z."""
    camera = scenes[0].cameras[0]
    n, f = camera.frustum.near, camera.frustum.far
    fx, fy = camera.K[0][0], camera.K[1][1]
    right, top = n * camera.width / 2 / fx, n * camera.height / 2 / fy
    projection = np.array(
        [
            [n / right, 0, 0, 0],
            [0, n / top, 0, 0],
            [0, 0, -(f + n) / (f - n), -2 * f * n / (f - n)],
            [0, 0, -1, 0],
        ]
    )
    for u, v, depth in ((0.0, 0.0, n), (20.5, 3.25, 2.0), (camera.width, camera.height, f)):
        x, y, z = page.to_camera(camera, page.to_world(camera, u, v, depth))
        clip = projection @ [x, -y, -z, 1.0]
        ndc = (2 * u / camera.width - 1, 1 - 2 * v / camera.height, (f + n) / (f - n) - 2 * f * n / ((f - n) * depth))
        assert clip[:3] / clip[3] == pytest.approx(ndc, abs=1e-6)


def test_the_figure_can_be_drawn(box_set: Path, box_assets: Path, tmp_path: Path, monkeypatch: Any) -> None:
    out = tmp_path / "figure.png"
    arguments = [str(box_set), "--assets", str(box_assets), "--chair", "chair_box", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["draw_coordinates.py", *arguments])
    runpy.run_path(str(ROOT / "docs/images/draw_coordinates.py"), run_name="__main__")
    with Image.open(out) as figure, Image.open(ROOT / "docs/images/coordinates.png") as shipped:
        assert figure.size == shipped.size
    assert (ROOT / "docs/images/coordinates.png").stat().st_size < 300_000


def test_an_exported_glb_has_the_axes_of_the_page(
    calm_run: Path, box_library: Path, scenes: list[Files], page: Any, tmp_path: Path
) -> None:
    export(calm_run, tmp_path / "glb", "glb", assets=box_library)
    graph = trimesh.load_scene(tmp_path / "glb/scene_000000.glb").graph
    for item in scenes[0].body["objects"]:
        matrix, _ = graph.get(f"{item['class']}_{item['id']}")
        assert matrix[:3, 3] == pytest.approx(page.to_gltf([row[3] for row in item["matrix"][:3]]), abs=1e-6)
        front = np.array(item["matrix"])[:3, :3] @ (0, -1, 0)
        assert matrix[:3, :3] @ (0, 0, 1) == pytest.approx(page.to_gltf(front), abs=1e-6)
