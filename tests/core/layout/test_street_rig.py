"""A drive along a street: its way is free, its cameras look where nuScenes' do, and what cannot be is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.preset_checks import check_wrong_key
from helpers.street_assets import write_street_library
from scenegen.core.asset_library import Asset, list_assets
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.make_scene import make_scene
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.ego import ego_cameras, world_to_ego
from scenegen.core.scene.scene import Scene
from scenegen.core.scene.scene_json import scene_from_json, scene_to_json
from scenegen.steps.verify.layout import LAYOUT_CHECKS
from scipy.spatial.transform import Rotation
from shapely import Polygon, box, union_all

# Rotations (w, x, y, z) of nuScenes' own calibrated sensors, of one of its cars.
NUSCENES = {
    "CAM_FRONT": (0.4998015430569128, -0.5030316162024876, 0.4997798114386805, -0.49737083824542755),
    "CAM_FRONT_RIGHT": (0.2060347966337182, -0.2026940577919598, 0.6824507824531167, -0.6713610884174485),
    "CAM_FRONT_LEFT": (0.6757265034669446, -0.6736266522251881, 0.21214015046209478, -0.21122827103904068),
    "CAM_BACK": (0.5037872666382278, -0.49740249788611096, -0.4941850223835201, 0.5045496097725578),
    "CAM_BACK_LEFT": (0.6924185592174665, -0.7031619420114925, -0.11648342771943819, 0.11203317912370753),
    "CAM_BACK_RIGHT": (0.12280980120078765, -0.132400842670559, -0.7004305821388234, 0.690496031265798),
}


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Asset, ...]:
    return tuple(list_assets(write_street_library(tmp_path_factory.mktemp("street_library")), "train"))


@pytest.fixture(scope="module")
def scenes(assets: tuple[Asset, ...]) -> list[Scene]:
    preset = load_preset("drive", views=60)
    return [make_scene(preset, assets, 5, index, "train") for index in range(8)]


def outline(matrix: np.ndarray, low: tuple[float, float], high: tuple[float, float]) -> Polygon:
    corners = np.array(box(*low, *high).exterior.coords)
    return Polygon(corners @ matrix[:2, :2].T + matrix[:2, 3])


def test_nothing_stands_where_the_vehicle_drives(scenes: list[Scene]) -> None:
    vehicle = load_preset("drive").vehicle
    assert vehicle is not None
    for scene in scenes:
        assert scene.rig is not None
        ends = (-vehicle.back, -vehicle.width / 2), (vehicle.front, vehicle.width / 2)
        way = union_all([outline(np.array(pose.ego_to_world), *ends) for pose in scene.rig.poses]).convex_hull
        for item in scene.objects:
            if item.class_name != "ground":
                (x, y, _), matrix = item.size, np.array(item.matrix)
                assert not outline(matrix, (-x / 2, -y / 2), (x / 2, y / 2)).intersects(way), (scene.index, item)


def test_it_drives_on_the_right_along_a_lane_as_fast_as_it_says(scenes: list[Scene]) -> None:
    for scene in scenes:
        assert scene.rig is not None and len(scene.rig.poses) == 10
        poses = np.array([pose.ego_to_world for pose in scene.rig.poses])
        speeds = np.array([pose.velocity for pose in scene.rig.poses])
        ahead = poses[0, :3, 0]
        lanes = scene.extra["street"]["lanes"]
        lane = min(lanes, key=lambda one: abs(one["x"] - poses[0, 0, 3]))
        assert abs(lane["x"] - poses[0, 0, 3]) <= 0.25 and lane["heading"] == ahead[1] and not lane["parking"]
        if len(lanes) % 2 == 0:
            assert np.cross(ahead, (0, 0, 1))[0] * poses[0, 0, 3] > 0
        assert (speeds @ ahead >= 3).all() and (speeds @ ahead <= 9).all()
        # nuScenes' devkit takes the velocity from the neighbours in time.
        middle = (poses[2:, :3, 3] - poses[:-2, :3, 3]) / 1.0
        assert np.abs(middle - speeds[1:-1]).max() < 1e-5
        assert [pose.time for pose in scene.rig.poses] == [0.5 * n for n in range(10)]
    assert len({pose.velocity for scene in scenes if scene.rig for pose in scene.rig.poses}) > 20


def test_cameras_look_where_those_of_nuscenes_do(scenes: list[Scene]) -> None:
    rig = scenes[0].rig
    assert rig is not None
    for camera in rig.cameras:
        w, x, y, z = NUSCENES[camera.channel]
        own = Rotation.from_matrix(np.array(camera.camera_to_ego)[:3, :3])
        assert (own * Rotation.from_quat([x, y, z, w]).inv()).magnitude() < np.radians(2.0), camera.channel
    assert {camera.channel for camera in rig.cameras} == set(NUSCENES)
    assert rig.lidar and len(rig.lidar.elevations) == 32 and rig.lidar.elevations[-1] == 10.67
    ahead = np.array(rig.lidar.lidar_to_ego)[:3, 1]
    assert ahead.tolist() == [1, 0, 0]


def test_cameras_follow_the_poses_and_json_keeps_them(scenes: list[Scene]) -> None:
    scene = scenes[1]
    assert scene.rig is not None
    for n in (0, 9):
        for mounted, k in zip(scene.rig.cameras, ego_cameras(scene, n), strict=True):
            assert scene.cameras[k].name == f"{mounted.channel}_{n:04d}"
            eye = np.array(world_to_ego(scene, n)) @ (*camera_position(scene.cameras[k]), 1)
            assert eye[:3] == pytest.approx(np.array(mounted.camera_to_ego)[:3, 3], abs=1e-6)
    assert scene_from_json(scene_to_json(scene)) == scene
    with pytest.raises(ValueError, match="6 cameras at 9 poses, but the scene has 60 cameras"):
        less = dataclasses.replace(scene.rig, poses=scene.rig.poses[1:])
        scene_from_json(scene_to_json(dataclasses.replace(scene, rig=less)))


def test_more_key_frames_drive_through_the_same_ground(scenes: list[Scene], assets: tuple[Asset, ...]) -> None:
    one = make_scene(load_preset("drive", views=6), assets, 5, 0, "train")
    assert one.rig is not None and len(one.rig.poses) == 1
    ground = [item for item in scenes[0].objects if item.class_name == "ground"]
    assert [item for item in one.objects if item.class_name == "ground"] == ground


def test_verify_finds_a_rig_that_is_not_its_cameras(scenes: list[Scene], assets: tuple[Asset, ...]) -> None:
    check, scene = LAYOUT_CHECKS["rig"], scenes[0]
    assert not list(check(scene, None)) and scene.rig is not None
    pose = scene.rig.poses[3]

    def faults(**changes: object) -> str:
        poses = (*scene.rig.poses[:3], dataclasses.replace(pose, **changes), *scene.rig.poses[4:])  # type: ignore
        return " ".join(check(dataclasses.replace(scene, rig=dataclasses.replace(scene.rig, poses=poses)), None))  # type: ignore

    a, b, c, d = pose.ego_to_world
    assert "off CAM_FRONT of the rig at key frame 3" in faults(ego_to_world=((*a[:3], a[3] + 1e-4), b, c, d))
    assert "where the velocities of poses 2 and 3 lead" in faults(velocity=(0.0, 0.0, 0.0))
    assert "rig.poses[3].time is 1.4 s, should be 1.5" in faults(time=1.4)
    assert "rig.poses[3].ego_to_world is not a rigid motion" in faults(ego_to_world=(a, b, (0.0, 0.0, 2.0, 0.0), d))


def test_what_cannot_be_driven_is_refused(assets: tuple[Asset, ...]) -> None:
    with pytest.raises(UsageError, match=r"--views 8: the vehicle of preset drive has 6 cameras .* such as 12"):
        load_preset("drive", views=8)
    with pytest.raises(ScenegenError, match=r"3000 views are 249.5 s of driving.* at most --views \d+, or raise"):
        make_scene(load_preset("drive", views=3000), assets, 5, 0, "train")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "CAM_BACK"', 'name = "CAM_FRONT"', "vehicle.cameras[0].name: 'CAM_FRONT' is there twice"),
        ('name = "CAM_BACK"', 'name = "CAM/BACK"', "vehicle.cameras[3].name: expected letters, digits and _"),
        ("position = [0.03, 0.0, 1.58]", "position = [0.03, 0.0, 0]", "vehicle.cameras[3].position: 0 m up is not"),
        ("speed = [3.0, 9.0]", "speed = [9.0, 3.0]", "vehicle.speed: the first, 9, is above the second, 3"),
        ("beams = 32", "beams = 1", "vehicle.lidar.range: it and elevation need two ends"),
        ("@0.4@-40,-40,-1", "", "egos: --ego occ=200,200,16: give it a name and the size"),
        ("blocks = [10, 12]", "blocks = [10, 12]\naimed = 0.5", "street.aimed: unknown key"),
    ],
)
def test_a_wrong_key_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    check_wrong_key(tmp_path, "drive", old, new, message)
