"""A small data set of a vehicle's drive: made, verified, packed, exported to nuScenes, and what is found wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.peers import needs_peers, read_with_devkit
from helpers.street_assets import write_street_library
from PIL import Image
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.request import Request, with_grids
from scenegen.core.errors import ScenegenError
from scenegen.core.preset.preset_file import PRESETS
from scenegen.core.scene.classes import class_color
from scenegen.steps.exchange.export import export
from scenegen.steps.pack import pack
from scenegen.steps.preview.sheets import write_preview
from scenegen.steps.relabel import GridChange, relabel
from scenegen.steps.verify.labels import LabelledScene
from scenegen.steps.verify.recast import cast_objects
from scenegen.steps.verify.rig import check_lidar
from scenegen.steps.verify.verify import verify
from scipy.spatial.transform import Rotation

pytest.importorskip("bpy", reason="needs the bpy wheel")

SCRIPT = Path(__file__).parents[2] / "blender_scripts" / "generate.py"
KEY_FRAMES = 2
VERSION = "v1.0-scenegen"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_street_library(tmp_path_factory.mktemp("street_library"))


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Callable[..., list[str]]:
    text = (PRESETS / "drive.toml").read_text(encoding="utf-8")
    for old, new in (
        ("image_size = [800, 450]", "image_size = [64, 36]"),
        ("size = [128, 72, 100]", "size = [16, 9, 20]"),
        ("occ=200,200,16@0.4@-40,-40,-1", "occ=50,50,8@0.8@-20,-20,-1"),
    ):
        assert old in text
        text = text.replace(old, new)
    preset = tmp_path_factory.mktemp("preset") / "lap.toml"
    preset.write_text(text, encoding="utf-8")
    common = ["--preset", str(preset), "--views", str(6 * KEY_FRAMES), "--assets", str(library), "--quality", "draft"]

    def command(out: Path, *more: str) -> list[str]:
        return [
            sys.executable,
            str(SCRIPT),
            "--",
            "--scenes",
            "1",
            "--device",
            "cpu",
            "--out",
            str(out),
            *common,
            *more,
        ]

    return command


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, command: Callable[..., list[str]]) -> Path:
    out = tmp_path_factory.mktemp("made") / "set"
    asked = command(out, "--ego", "ahead=32,32,8@0.5@0,-8,-1", "--grid", "map=40,60,4@2")
    done = subprocess.run(asked, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_every_promise_holds_and_each_key_frame_has_its_labels(made: Path, library: Path, tmp_path: Path) -> None:
    report = verify(made, assets=library)
    assert report.ok, report.faults
    scene = Dataset(made)[0]
    rig = scene.scene.rig
    assert rig is not None and len(scene.cameras) == 6 * KEY_FRAMES
    assert [grid.name for grid in scene.scene.grids] == ["occ", "map", "ahead"]
    for n in range(KEY_FRAMES):
        found, occ = scene.lidar(n), scene.named_grid("occ", n)
        assert 10_000 < len(found.points) <= 32 * 1084 and found.points.dtype == np.float32
        # The points lie in the grid's cells of their class: two paths from the same triangles.
        ego = found.points[:, [1, 0, 2]] * (1, -1, 1) + np.array(rig.lidar.lidar_to_ego)[:3, 3]  # type: ignore
        cells = np.floor((ego - (-20, -20, -1)) / 0.8).astype(int)
        inside = ((cells >= 0) & (cells < (50, 50, 8))).all(axis=1)
        labels = occ.labels[tuple(cells[inside].T)]
        assert (labels > 0).mean() > 0.99 and (labels == found.labels[inside]).mean() > 0.9
    with pytest.raises(ScenegenError, match=r"has no key frame 2; its key frames: 0 to 1"):
        scene.lidar(KEY_FRAMES)
    with pytest.raises(ScenegenError, match=r"has no key frame 6 for grid occ; its key frames: 0 to 1"):
        scene.named_grid("occ", 6)
    write_preview(made, tmp_path / "page", limit=1)
    with Image.open(tmp_path / "page" / "scene_000000.png") as sheet:
        assert sheet.size == (8 + 7 * 232, 40 + 4 * 232)  # six cameras, and what is around them from above
        around = np.asarray(sheet)[40:264, 8 + 6 * 232 : 8 + 6 * 232 + 224]
        assert (around == class_color("ground")).all(axis=-1).sum() > 200


def test_shards_hold_the_points_and_the_grids(made: Path, tmp_path: Path) -> None:
    pack(made, tmp_path / "packed", Packing("png", 95, True, 250))
    was, now = Dataset(made)[0], Dataset(tmp_path / "packed")[0]
    assert was.scene == now.scene
    for n in range(KEY_FRAMES):
        for name, values in vars(was.lidar(n)).items():
            assert np.array_equal(getattr(now.lidar(n), name), values)
        assert np.array_equal(was.named_grid("ahead", n).labels, now.named_grid("ahead", n).labels)
    assert np.array_equal(was.frustum(11), now.frustum(11)) and np.array_equal(was.image(2), now.image(2))


def test_voxelize_keeps_the_points_and_generate_asks_for_the_grids_that_are_there(
    made: Path, library: Path, command: Callable[..., list[str]], tmp_path: Path
) -> None:
    out = Path(shutil.copytree(made, tmp_path / "copy"))
    done = subprocess.run(command(out, "--ego", "near=9,9,9@1"), capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "made without a grid near; run `scenegen voxelize" in done.stderr
    folder = out / "scenes/scene_000000"
    before = {path.name: path.stat().st_ino for path in folder.glob("lidar_*.npz")}
    assert relabel(out, grids=[GridChange((9, 9, 9), 1.0, (-4.5, -4.5, -1.0), "near", ego=True)], assets=library) == 1
    assert before == {path.name: path.stat().st_ino for path in folder.glob("lidar_*.npz")} and len(before) == 2
    info = Dataset(out).info
    assert [grid.name for grid in info.grids] == ["occ", "map", "ahead", "near"]
    assert set(with_grids(Request(), info.grids).grids(())) == set(info.grids)  # what new scenes get


def test_verify_finds_points_that_are_wrong(made: Path, library: Path) -> None:
    stored = Dataset(made)[0]
    scene, found = stored.scene, stored.lidar(1)
    labelled = LabelledScene(scene, None, None, cast_objects(scene, library), library=library)

    def faults(**changes: np.ndarray) -> str:
        return " ".join(check_lidar(labelled, 1, replace(found, **changes)))

    assert not faults()
    mirrored = found.points * np.array([-1, 1, 1, 1, 1], np.float32)
    assert "points are not on the object" in faults(points=mirrored)
    assert "of `labels` are not the class of the object" in faults(labels=np.full_like(found.labels, 1))
    assert "ids that no object has" in faults(instances=np.full_like(found.instances, 60_000))
    for column, name in ((2, "height"), (3, "intensity"), (4, "ring")):
        points = found.points.copy()
        points[5, column] += 1
        assert "1 points are not on a beam" in faults(points=points), name
    fewer = {name: values[1:] for name, values in vars(found).items()}
    assert "`points` are not what the library's models give" in faults(**fewer)


@pytest.fixture(scope="module")
def exported(made: Path, library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("nuscenes") / "out"
    export(made, out, "nuscenes", assets=library)
    return out


def test_nuscenes_has_one_vehicle_with_seven_sensors(exported: Path, made: Path) -> None:
    scene = Dataset(made)[0]
    rig = scene.scene.rig
    assert rig is not None
    names = ("sample", "sample_data", "ego_pose", "calibrated_sensor", "sensor")
    tables: dict[str, dict[str, Any]] = {
        name: {one["token"]: one for one in json.loads((exported / VERSION / f"{name}.json").read_text())}
        for name in names
    }
    assert len(tables["calibrated_sensor"]) == 7 and len(tables["sample"]) == KEY_FRAMES
    x, y, *_ = (json.loads((exported / VERSION / "scene.json").read_text())[0]["description"]).split("(")[1].split(",")
    for n, (token, sample) in enumerate(tables["sample"].items()):
        assert sample["timestamp"] - next(iter(tables["sample"].values()))["timestamp"] == 500_000 * n
        assert bool(sample["prev"]) == (n > 0) and bool(sample["next"]) == (n + 1 < KEY_FRAMES)
        own = [one for one in tables["sample_data"].values() if one["sample_token"] == token]
        assert len(own) == 7
        for data in own:
            ego, mount = tables["ego_pose"][data["ego_pose_token"]], tables["calibrated_sensor"]
            world = np.array(rig.poses[n].ego_to_world)
            assert ego["translation"] == pytest.approx(world[:3, 3] + (float(x), float(y), 0))
            sensor = mount[data["calibrated_sensor_token"]]
            channel = tables["sensor"][sensor["sensor_token"]]["channel"]
            assert bool(data["prev"]) == (n > 0) and f"samples/{channel}/" in data["filename"]
            w, i, j, k = sensor["rotation"]
            turn = world[:3, :3] @ Rotation.from_quat([i, j, k, w]).as_matrix()
            if channel == "LIDAR_TOP":
                rows = np.fromfile(exported / data["filename"], np.float32).reshape(-1, 5)
                assert np.array_equal(rows, scene.lidar(n).points)
            else:
                number = 6 * n + [camera.channel for camera in rig.cameras].index(channel)
                assert np.abs(np.array(scene.cameras[number].world_to_camera)[:3, :3] @ turn - np.eye(3)).max() < 1e-6
                assert sensor["camera_intrinsic"] == [list(row) for row in scene.cameras[number].K]


@needs_peers
def test_the_devkit_reads_draws_and_scores_it(exported: Path, made: Path, tmp_path: Path) -> None:
    answer = read_with_devkit(exported, tmp_path)
    assert max(answer["outside"]) < 1e-5 and answer["fastest"] == 0
    assert answer["scores"] and min(answer["scores"].values()) == pytest.approx(1.0)
    rig = Dataset(made)[0].scene.rig
    assert rig is not None
    means = [np.add(a.velocity, b.velocity) / 2 for a, b in zip(rig.poses, rig.poses[1:], strict=False)]
    assert np.array(answer["ego_velocity"]) == pytest.approx(np.array(means), abs=1e-4)
