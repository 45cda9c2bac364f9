"""transforms.json against the scene: a reader of its own makes points of each depth image; they lie on the boxes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import ROOM, box_corners, labelled_box_scene, make_box_scene
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.dataset.shards import Packing
from scenegen.steps.exchange.export import export
from scenegen.steps.exchange.nerf import _bounds
from scenegen.steps.pack import pack


@pytest.fixture(scope="module")
def exported(box_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("nerf") / "out"
    done = export(box_set, out, "nerf", workers=2)
    assert (done.scenes, done.counts) == (2, {"images": 6})
    return out


def points(folder: Path, head: dict[str, Any], frame: dict[str, Any]) -> NDArray[np.float64]:
    """World points (H, W, 3) of a depth image, as nerfstudio's Cameras and instant-ngp's loader make rays.

    Pixel centres are at .5; a ray is ((u - cx) / fl_x, -(v - cy) / fl_y, -1), turned and moved by the matrix; depth is
    along the axis, and its unit is a millimetre, nerfstudio's default and the file's word to instant-ngp.
    """
    depth = np.asarray(Image.open(folder / frame["depth_file_path"])).astype(float) * head["integer_depth_scale"]
    assert depth.shape == (frame["h"], frame["w"])
    v, u = np.meshgrid(np.arange(frame["h"]) + 0.5, np.arange(frame["w"]) + 0.5, indexing="ij")
    rays = np.stack([(u - frame["cx"]) / frame["fl_x"], -(v - frame["cy"]) / frame["fl_y"], -np.ones_like(u)], axis=-1)
    matrix = np.array(frame["transform_matrix"])
    result: NDArray[np.float64] = (rays * depth[..., None]) @ matrix[:3, :3].T + matrix[:3, 3]
    return result


def test_depth_lies_on_the_boxes_and_the_room(exported: Path) -> None:
    for index in range(2):
        scene, labels = labelled_box_scene(index)
        folder = exported / f"scene_{index:06d}"
        head = json.loads((folder / "transforms.json").read_text())
        assert len(head["frames"]) == len(scene.cameras)
        for k, frame in enumerate(head["frames"]):
            world = points(folder, head, frame)
            assert frame["depth_path"] == frame["depth_file_path"]
            for item in scene.objects:
                seen = world[labels.instances[k] == item.id + 1]
                local = np.linalg.inv(np.array(item.matrix)) @ np.c_[seen, np.ones(len(seen))].T
                x, y, z = np.abs(local[0]), np.abs(local[1]), local[2]
                from_sides = [x - item.size[0] / 2, y - item.size[1] / 2, z - item.size[2], -z]
                np.testing.assert_allclose(np.max(from_sides, axis=0), 0.0, atol=2e-3)
            room = world[labels.instances[k] == 0]
            walls = [
                np.abs(room[:, 0]) - ROOM[0] / 2,
                np.abs(room[:, 1]) - ROOM[1] / 2,
                room[:, 2] - ROOM[2],
                -room[:, 2],
            ]
            np.testing.assert_allclose(np.max(walls, axis=0), 0.0, atol=2e-3)


def test_the_pose_is_a_rotation_of_a_camera_that_looks_along_minus_z(exported: Path) -> None:
    scene, _ = labelled_box_scene(0)
    head = json.loads((exported / "scene_000000" / "transforms.json").read_text())
    for frame in head["frames"]:
        matrix = np.array(frame["transform_matrix"])
        np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1.0)
        assert matrix[3].tolist() == [0, 0, 0, 1]
        middle = np.mean([box_corners(item).mean(axis=0) for item in scene.objects], axis=0)
        assert (np.linalg.inv(matrix) @ [*middle, 1])[2] < 0
        assert matrix[2, 1] > 0, "y is up in the image, and in the world"


def test_the_room_is_the_volume_of_instant_ngp(exported: Path) -> None:
    head = json.loads((exported / "scene_000001" / "transforms.json").read_text())
    x, y, z = ROOM
    assert (head["aabb"], head["aabb_scale"]) == ([[-x / 2, -y / 2, 0.0], [x / 2, y / 2, z]], 1)
    outdoors = dataclasses.replace(make_box_scene(0), room=None)
    low, high = _bounds(outdoors)
    for item in outdoors.objects:
        assert (low <= box_corners(item) + 1e-9).all() and (box_corners(item) - 1e-9 <= high).all()


def test_images_are_as_stored_and_packed_sets_without_maps_have_no_depth(
    exported: Path, box_set: Path, tmp_path: Path
) -> None:
    stored = (box_set / "scenes" / "scene_000000" / "image_1.png").read_bytes()
    assert (exported / "scene_000000" / "images" / "1.png").read_bytes() == stored
    pack(box_set, tmp_path / "packed", Packing("jpeg", 90, maps=False, shard_mb=1.0))
    export(tmp_path / "packed", tmp_path / "out", "nerf")
    folder = tmp_path / "out" / "scene_000000"
    frames = json.loads((folder / "transforms.json").read_text())["frames"]
    assert [frame["file_path"] for frame in frames] == ["images/0.jpg", "images/1.jpg", "images/2.jpg"]
    assert all("depth_path" not in frame and (folder / frame["file_path"]).is_file() for frame in frames)
    assert not (folder / "depths").exists()
