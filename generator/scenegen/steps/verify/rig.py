"""The rules for a rig: cameras are where it says, its speed is that of its poses, and its lidar's points are right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.fruxels import label_numbers, labels_of
from scenegen.core.labels.lidar import lidar_points
from scenegen.core.labels.lidar_points import LidarPoints, lidar_file
from scenegen.core.scene.ego import ego_cameras
from scenegen.core.scene.scene import KEY_FRAME_SECONDS, Lidar, Matrix4, Rig, Scene
from scenegen.steps.verify.labels import LabelledScene
from scenegen.steps.verify.recast import spread

TOLERANCE = 1e-6
SLACK = 1e-3
"""Metres that a point may be outside the box of its object: points are float32."""

Array = NDArray[np.float64]


def check_rig(scene: Scene, _library: Path | None) -> Iterable[str]:
    """Every camera is where the vehicle has it, poses are half a second apart, velocities are those of the poses."""
    if (rig := scene.rig) is None:
        return
    mounts = [(f"rig.cameras[{n}].camera_to_ego", one.camera_to_ego) for n, one in enumerate(rig.cameras)]
    poses = [(f"rig.poses[{n}].ego_to_world", one.ego_to_world) for n, one in enumerate(rig.poses)]
    lidar = [("rig.lidar.lidar_to_ego", rig.lidar.lidar_to_ego)] if rig.lidar else []
    skewed = [name for name, matrix in (*mounts, *poses, *lidar) if not _is_rigid(matrix)]
    if skewed:
        yield f"{skewed[0]} is not a rigid motion"
        return
    for n, pose in enumerate(rig.poses):
        for mounted, k in zip(rig.cameras, ego_cameras(scene, n), strict=True):
            right = np.linalg.inv(np.array(pose.ego_to_world) @ np.array(mounted.camera_to_ego))
            off = np.abs(right - np.array(scene.cameras[k].world_to_camera)).max()
            if not off <= TOLERANCE * (1 + np.abs(right).max()):
                yield f"{scene.cameras[k].name}: is {off:.6f} off {mounted.channel} of the rig at key frame {n}"
        if pose.time != n * KEY_FRAME_SECONDS:
            yield f"rig.poses[{n}].time is {pose.time:g} s, should be {n * KEY_FRAME_SECONDS:g}"
    yield from _check_speeds(rig)


def _is_rigid(matrix: Matrix4) -> bool:
    turn = np.array(matrix)[:3, :3]
    return bool(np.allclose(turn @ turn.T, np.eye(3), rtol=0, atol=TOLERANCE) and np.linalg.det(turn) > 0)


def _check_speeds(rig: Rig) -> Iterable[str]:
    """Between two key frames the vehicle covers the mean of its two velocities: it gains speed evenly."""
    places = np.array([np.array(pose.ego_to_world)[:3, 3] for pose in rig.poses])
    speeds = np.array([pose.velocity for pose in rig.poses])
    off = np.abs(np.diff(places, axis=0) - KEY_FRAME_SECONDS * (speeds[1:] + speeds[:-1]) / 2)
    for n in np.flatnonzero((off > TOLERANCE).any(axis=1)):
        yield f"rig.poses[{n + 1}]: is {off[n].max():.6f} m from where the velocities of poses {n} and {n + 1} lead"


def check_lidar(s: LabelledScene, n: int, found: LidarPoints) -> Iterable[str]:
    """The points of key frame n are on their beams and objects, and in some key frames all that the beams meet."""
    assert s.scene.rig and s.scene.rig.lidar
    lidar, pose, file = s.scene.rig.lidar, s.scene.rig.poses[n].ego_to_world, lidar_file(n)
    if not len(found.points):
        yield f"{file}: has no points"
        return
    if found.instances.min() < 1 or found.instances.max() > len(s.scene.objects):
        yield f"{file}: `instances` has ids that no object has"
        return
    classes = labels_of(found.instances, label_numbers(s.scene.objects, s.scene.classes))
    if wrong := np.count_nonzero(classes != found.labels):
        yield f"{file}: {wrong} of `labels` are not the class of the object in `instances`"
    if wrong := _off_beams(lidar, found.points):
        yield f"{file}: {wrong} points are not on a beam of their ring, or out of the lidar's range"
        return
    places = _to_world(found.points[:, :3], lidar, pose)
    if wrong := sum(_outside(s.scene, places, found.instances)):
        yield f"{file}: {wrong} points are not on the object in `instances`"
    if s.placed is not None and n in spread(s.scene, len(s.scene.rig.poses)):
        right = lidar_points(s.placed, lidar, pose)
        for name, values in vars(right).items():
            if not np.array_equal(getattr(found, name), values):
                yield (
                    f"{file}: `{name}` are not what the library's models give (if the models were changed, name the "
                    f"library that the data set was made from with --assets)"
                )


def _off_beams(lidar: Lidar, points: NDArray[np.float32]) -> int:
    """How many points have no intensity of 0, no ring, another elevation than it, no beam's azimuth, or no range."""
    x, y, z, intensity, ring = points.astype(np.float64).T
    known = (intensity == 0) & (ring % 1 == 0) & (ring >= 0) & (ring < len(lidar.elevations))
    length = np.sqrt(x * x + y * y + z * z)
    aim = np.radians(np.array(lidar.elevations))[np.where(known, ring, 0).astype(int)]
    known &= np.abs(np.arctan2(z, np.hypot(x, y)) - aim) < TOLERANCE
    turn = np.arctan2(x, y) / (2 * np.pi) * lidar.azimuths
    known &= np.abs(turn - np.rint(turn)) < TOLERANCE * lidar.azimuths
    known &= (length >= lidar.near - SLACK) & (length <= lidar.far + SLACK)
    return int(np.count_nonzero(~known))


def _to_world(points: NDArray[np.float32], lidar: Lidar, pose: Matrix4) -> Array:
    matrix = np.array(pose) @ np.array(lidar.lidar_to_ego)
    return np.asarray(points.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3])


def _outside(scene: Scene, places: Array, instances: NDArray[np.uint16]) -> Iterable[int]:
    """For each object, how many of its points are outside its box."""
    for number in np.unique(instances):
        item = scene.objects[int(number) - 1]
        matrix = np.array(item.matrix)
        scale = np.cbrt(np.linalg.det(matrix[:3, :3]))
        own = np.linalg.solve(matrix[:3, :3], (places[instances == number] - matrix[:3, 3]).T).T
        half = np.array(item.size) / 2
        yield int(np.count_nonzero((np.abs(own - (0, 0, half[2])) - half > SLACK / scale).any(axis=1)))
