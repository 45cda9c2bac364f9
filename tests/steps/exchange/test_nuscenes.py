"""nuScenes exports: tables read as their schema says, and by nuscenes-devkit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.box_scenes import box_corners, labelled_box_scene
from helpers.peers import needs_peers, read_with_devkit
from PIL import Image
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import UsageError
from scenegen.steps.exchange.export import export
from scenegen.steps.exchange.nuscenes import drive_map as nuscenes_map
from scenegen.steps.exchange.placed_scene import PlacedScene
from scenegen.steps.exchange.samples import quaternion
from scipy.spatial.transform import Rotation

Tables = dict[str, dict[str, dict[str, Any]]]
VERSION = "v1.0-scenegen"
OWN = ("category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor", "ego_pose", "log", "scene")
NAMES = (*OWN, "sample", "sample_data", "sample_annotation", "map")


@pytest.fixture(scope="module")
def exported(box_set: Path, box_assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("nuscenes") / "out"
    sizes: list[int] = []
    done = export(box_set, out, "nuscenes", assets=box_assets, on_size=sizes.append)
    assert (done.scenes, done.counts["samples"]) == (2, 6)
    written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    assert written == pytest.approx(sizes[0], rel=0.3)
    return out


@pytest.fixture(scope="module")
def tables(exported: Path) -> Tables:
    return {
        name: {record["token"]: record for record in json.loads((exported / VERSION / f"{name}.json").read_text())}
        for name in NAMES
    }


def pose(record: dict[str, Any]) -> np.ndarray:
    """The 4x4 matrix of a record with rotation (w, x, y, z) and translation."""
    w, x, y, z = record["rotation"]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = Rotation.from_quat([x, y, z, w]).as_matrix(), record["translation"]
    return matrix


def test_quaternions_are_those_of_scipy() -> None:
    turns = Rotation.random(50, random_state=0).as_matrix()
    half = [Rotation.from_rotvec(np.pi * axis).as_matrix() for axis in np.eye(3)]
    for matrix in [np.eye(3), *half, *turns]:
        w, x, y, z = quaternion(matrix)
        assert w >= 0
        np.testing.assert_allclose(Rotation.from_quat([x, y, z, w]).as_matrix(), matrix, atol=1e-12)


def test_every_token_leads_to_a_record(tables: Tables) -> None:
    for name, records in tables.items():
        for record in records.values():
            for key, value in record.items():
                for token in value if key.endswith("_tokens") else [value] * key.endswith("_token"):
                    kind = key.removesuffix("s").removesuffix("_token")
                    other = {"first_annotation": "sample_annotation", "last_annotation": "sample_annotation"}
                    kind = other.get(kind, "sample" if kind in ("first_sample", "last_sample") else kind)
                    assert token in tables[kind], (name, key)
            for way, back in (("prev", "next"), ("next", "prev")):
                if record.get(way):
                    assert records[record[way]][back] == record["token"]


def test_boxes_are_where_the_objects_are_in_the_images(tables: Tables, exported: Path) -> None:
    checked = 0
    for data in tables["sample_data"].values():
        sensor = tables["calibrated_sensor"][data["calibrated_sensor_token"]]
        if tables["sensor"][sensor["sensor_token"]]["channel"] != "CAM_FRONT":
            continue
        index, view = (int(part) for part in Path(data["filename"]).stem.split("_"))
        scene, labels = labelled_box_scene(index)
        to_image = (
            np.array(sensor["camera_intrinsic"])
            @ np.linalg.inv(pose(tables["ego_pose"][data["ego_pose_token"]]) @ pose(sensor))[:3]
        )
        own = [a for a in tables["sample_annotation"].values() if a["sample_token"] == data["sample_token"]]
        seen = [item for item in scene.objects if labels.visible_pixels[item.id][view]]
        camera = scene.cameras[view]
        to_own_image = np.array(camera.K) @ np.array(camera.world_to_camera)[:3]
        for item, record in zip(seen, own, strict=True):  # both in the order of the objects
            assert record["size"] == pytest.approx(item.size, abs=1e-6)
            theirs = project(to_own_image, box_corners(item))
            np.testing.assert_allclose(project(to_image, corners(record)), theirs, atol=1e-3)
        with Image.open(exported / "depth" / f"{data['token']}.png") as depth:
            np.testing.assert_array_equal(np.asarray(depth), labels.depths[view])
        checked += len(own)
    assert checked > 20


def corners(record: dict[str, Any]) -> np.ndarray:
    """The corners (8, 3) of an annotation: x along its length, y its width."""
    width, length, height = record["size"]
    signs = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (-0.5, 0.5)])
    matrix = pose(record)
    return (signs * (length, width, height)) @ matrix[:3, :3].T + matrix[:3, 3]


def project(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The bounding rectangle of points in an image, (4,)."""
    u, v, z = matrix[:, :3] @ points.T + matrix[:, 3:]
    return np.array([(u / z).min(), (v / z).min(), (u / z).max(), (v / z).max()])


def test_points_lie_in_the_room_and_on_the_map(tables: Tables, exported: Path) -> None:
    for data in tables["sample_data"].values():
        if data["fileformat"] != "pcd":
            continue
        rows = np.fromfile(exported / data["filename"], np.float32).reshape(-1, 5)
        sensor = tables["calibrated_sensor"][data["calibrated_sensor_token"]]
        matrix = pose(tables["ego_pose"][data["ego_pose_token"]]) @ pose(sensor)
        places = rows[:, :3] @ matrix[:3, :3].T + matrix[:3, 3]
        assert (places[:, 2] > -2e-3).all() and (places[:, 2] < 3.202).all()
        scene = tables["scene"][tables["sample"][data["sample_token"]]["scene_token"]]
        (drivable,) = [m for m in tables["map"].values() if scene["log_token"] in m["log_tokens"]]
        image = np.asarray(Image.open(exported / drivable["filename"]))
        row, column = len(image) - 1 - places[:, 1] * 10, places[:, 0] * 10
        assert rows[:, 4].min() >= 0 and rows[:, 4].max() <= 31
        labels = np.fromfile(exported / f"lidarseg/{VERSION}/{data['token']}_lidarseg.bin", np.uint8)
        assert len(labels) == len(rows) and 0 < (labels > 0).mean() < 1
        assert (image[row.astype(int), column.astype(int)][labels > 0] == 255).all()


def test_the_map_is_drivable_where_the_ground_is(
    box_set: Path, box_assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nuscenes_map, "ground_form", lambda family: "road")
    scene, _ = labelled_box_scene(0)
    stored = Dataset(box_set)[0]
    stored.__dict__["scene"] = replace(scene, room=None)  # without its floor
    frame = nuscenes_map.MapFrame(3)
    image = nuscenes_map.drive_map(PlacedScene(stored, box_assets, True), frame)
    rows, columns = np.indices(image.shape)
    places = np.stack([(columns + 0.5) / 10 - 3, (len(image) - rows - 0.5) / 10 - 3], axis=-1)
    truth = np.zeros(image.shape, bool)
    for item in scene.objects:
        matrix = np.array(item.matrix)
        local = (places - matrix[:2, 3]) @ matrix[:2, :2]
        truth |= (np.abs(local) <= np.array(item.size[:2]) / 2).all(axis=-1)
    assert truth.sum() > 50
    np.testing.assert_array_equal(image == 255, truth)


def test_a_class_map_renames_and_one_that_is_wrong_is_refused(box_set: Path, box_assets: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('chair = "movable_object.debris"\nhuman = "static.other"\n')
    export(box_set, tmp_path / "out", "nuscenes", assets=box_assets, class_map=own)
    found = json.loads((tmp_path / "out" / VERSION / "category.json").read_text())
    used = json.loads((tmp_path / "out" / VERSION / "instance.json").read_text())
    by_token = {record["token"]: record["name"] for record in found}
    assert {by_token[record["category_token"]] for record in used} == {
        "movable_object.debris",
        *(f"indoor.{name}" for name in ("table", "nightstand", "laptop", "bag")),
    }
    own.write_text('chiar = "movable_object.debris"\n')
    with pytest.raises(UsageError, match=r"own\.toml: chiar: is no class"):
        export(box_set, tmp_path / "no", "nuscenes", assets=box_assets, class_map=own)
    with pytest.raises(UsageError, match=r"none\.toml: cannot read this class map: No such file"):
        export(box_set, tmp_path / "no", "nuscenes", assets=box_assets, class_map=tmp_path / "none.toml")
    with pytest.raises(UsageError, match="--class-map"):
        export(box_set, tmp_path / "no", "coco", class_map=own)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "own.toml"]


@needs_peers
def test_the_devkit_reads_draws_and_scores_it(exported: Path, tmp_path: Path) -> None:
    answer = read_with_devkit(exported, tmp_path)
    assert answer["tables"]["sample"] == 6 and answer["tables"]["lidarseg"] == 6
    assert max(answer["outside"]) < 2e-3  # depth is rounded to a millimetre
    assert answer["fastest"] == 0
    assert answer["scores"] == {"pedestrian": pytest.approx(1.0)}
    for name in ("sample", "annotation", "lidar", "map"):
        assert (tmp_path / "images" / f"{name}.png").stat().st_size > 10_000
