"""Moments of a scene as driving data sets have them: which cameras see it, and where the vehicle is.

Where a scene has a rig, its key frames are the moments, half a second apart. The cameras of other scenes do not belong
together: each view is a moment of its own, seen by one camera CAM_FRONT. Legend of frames: world (of the data set), ego
(x forward, y left, z up, that of the rig, else on the ground under the camera, turned as it looks), lidar (x right, y
forward, z up, that of the rig, else where the camera is). All are right-handed, in metres. A matrix `a_to_b` (4, 4)
takes points of a to b.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.ego import ego_cameras
from scenegen.core.scene.scene import Camera, Matrix4, PlacedObject, Rig, Scene

Floats = NDArray[np.float64]

MICROSECONDS = 500_000
"""Between moments: the 2 Hz of nuScenes' key frames."""
AHEAD_TO_X = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
"""Columns: forward, left and up in an asset's frame (front -y); a lidar's right, forward and up in an ego frame."""


@dataclass(frozen=True)
class Sample:
    """One moment: `cameras` are pairs of channel and number in the scene."""

    number: int
    cameras: tuple[tuple[str, int], ...]
    ego_to_world: Floats
    lidar_to_ego: Floats


@dataclass(frozen=True)
class OrientedBox:
    """An object's box: centre (3,), length (along its front), width and height, and the turn of x forward, z up."""

    centre: Floats
    length: float
    width: float
    height: float
    rotation: Floats


def samples_of(scene: Scene) -> Sequence[Sample]:
    """The moments of a scene, in order."""
    if (rig := scene.rig) is None:
        return [
            Sample(k, (("CAM_FRONT", k),), ego_under(camera), _lidar_over(camera_position(camera)[2]))
            for k, camera in enumerate(scene.cameras)
        ]
    lidar = np.array(rig.lidar.lidar_to_ego) if rig.lidar else _lidar_over(max(_heights(rig)))
    channels = [camera.channel for camera in rig.cameras]
    return [
        Sample(n, tuple(zip(channels, ego_cameras(scene, n), strict=True)), np.array(pose.ego_to_world), lidar)
        for n, pose in enumerate(rig.poses)
    ]


def _heights(rig: Rig) -> Sequence[float]:
    return [camera.camera_to_ego[2][3] for camera in rig.cameras]


def _lidar_over(height: float) -> Floats:
    """The pose of a lidar so many metres over the origin of the ego frame."""
    matrix = np.eye(4)
    matrix[:3, :3], matrix[2, 3] = AHEAD_TO_X, height
    return matrix


def ego_under(camera: Camera) -> Floats:
    """The ego frame of a camera, to the world: under it at z = 0. One that looks straight down has its top ahead."""
    axes = np.array(camera.world_to_camera)[:3, :3]
    ahead = axes[2, :2] if np.hypot(*axes[2, :2]) > 1e-3 else -axes[1, :2]
    cos, sin = ahead / np.hypot(*ahead)
    x, y, _ = camera_position(camera)
    return np.array([[cos, -sin, 0.0, x], [sin, cos, 0.0, y], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])


def camera_to_world(camera: Camera) -> Floats:
    """A camera's pose (OpenCV: x right, y down, z forward)."""
    return np.asarray(np.linalg.inv(np.array(camera.world_to_camera)))


def oriented_box(item: PlacedObject, matrix: Matrix4 | Floats | None = None) -> OrientedBox:
    """An object's box in the world, or where another asset-to-frame matrix has it."""
    pose = np.array(item.matrix if matrix is None else matrix)
    scale = float(np.cbrt(np.linalg.det(pose[:3, :3])))
    x, y, z = (scale * side for side in item.size)
    centre = pose[:3, :3] @ (0.0, 0.0, item.size[2] / 2) + pose[:3, 3]
    return OrientedBox(centre, y, x, z, pose[:3, :3] / scale @ AHEAD_TO_X)


def quaternion(rotation: Floats) -> list[float]:
    """A rotation (3, 3) as w, x, y, z of length 1; w is not negative."""
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    # Shepperd 1978: divide by the largest of the four. scipy needs a millisecond for one.
    w, x, y, z = max(
        (1 + a + e + i, h - f, c - g, d - b),
        (h - f, 1 + a - e - i, d + b, c + g),
        (c - g, d + b, 1 - a + e - i, h + f),
        (d - b, c + g, h + f, 1 - a - e + i),
        key=max,
    )
    length = math.copysign(math.sqrt(w * w + x * x + y * y + z * z), w)
    return [w / length, x / length, y / length, z / length]
