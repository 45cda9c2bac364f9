"""The cameras of a scene, and how much of the empty room they see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from scenegen.core.preset.preset import Preset
from scenegen.core.rng import uniform
from scenegen.core.scene.scene import Camera, Matrix3, Matrix4, Vector

_DECIMALS = 9  # equal on every host


def make_cameras(preset: Preset, rng: Random | None) -> tuple[Camera, ...]:
    """The preset's cameras, each moved and turned a little; without a stream exactly where the preset has them."""
    rig = preset.cameras
    width, height = preset.image_size
    intrinsics = camera_matrix(width, height, rig.hfov)
    return tuple(
        Camera(
            name=place.name,
            width=width,
            height=height,
            K=intrinsics,
            world_to_camera=look_at(
                _jittered(place.position, rig.position_jitter, rng), _jittered(place.target, rig.target_jitter, rng)
            ),
            frustum=preset.frustum,
        )
        for place in rig.places
    )


def _jittered(point: Vector, jitter: float, rng: Random | None) -> Vector:
    if rng is None:
        return point
    x, y, z = (value + uniform(rng, -jitter, jitter) for value in point)
    return x, y, z


def camera_matrix(width: int, height: int, hfov: float) -> Matrix3:
    """K in pixels for a horizontal field of view in degrees: square pixels, centred."""
    focal = round(width / 2 / math.tan(math.radians(hfov) / 2), _DECIMALS)
    return ((focal, 0.0, width / 2), (0.0, focal, height / 2), (0.0, 0.0, 1.0))


def look_at(position: Vector, target: Vector) -> Matrix4:
    """World to camera (x right, y down, z forward) for an upright camera; the aim must not be vertical."""
    forward = _unit(target[0] - position[0], target[1] - position[1], target[2] - position[2])
    right = _unit(forward[1], -forward[0], 0.0)
    down = (
        forward[1] * right[2] - forward[2] * right[1],
        forward[2] * right[0] - forward[0] * right[2],
        forward[0] * right[1] - forward[1] * right[0],
    )
    (a, b, c) = (_row(axis, position) for axis in (right, down, forward))
    return (a, b, c, (0.0, 0.0, 0.0, 1.0))


def _unit(x: float, y: float, z: float) -> Vector:
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def _row(axis: Vector, position: Vector) -> tuple[float, float, float, float]:
    x, y, z = (round(value, _DECIMALS) for value in axis)
    shift = -(axis[0] * position[0] + axis[1] * position[1] + axis[2] * position[2])
    return x, y, z, round(shift, _DECIMALS)


def camera_position(camera: Camera) -> Vector:
    """Where a camera is, in world metres."""
    m = camera.world_to_camera
    x, y, z = (-(m[0][k] * m[0][3] + m[1][k] * m[1][3] + m[2][k] * m[2][3]) for k in range(3))
    return x, y, z


def in_view(camera: Camera, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which world points (N, 3) fall in a camera's image and between its frustum's near and far: bool (N,)."""
    x, y, z = points.T
    # element-wise rather than a matrix product, whose rounding differs between processors
    u, v, depth = (row[0] * x + row[1] * y + row[2] * z + row[3] for row in camera.world_to_camera[:3])
    u = camera.K[0][0] * u + camera.K[0][2] * depth
    v = camera.K[1][1] * v + camera.K[1][2] * depth
    seen: NDArray[np.bool_] = (depth >= camera.frustum.near) & (depth <= camera.frustum.far)
    seen &= (u >= 0) & (u <= camera.width * depth) & (v >= 0) & (v <= camera.height * depth)
    return seen


def room_coverage(cameras: Sequence[Camera], room: Vector, cell: float) -> tuple[float, float, tuple[float, ...]]:
    """Shares of the empty room's volume that any camera, every camera and each camera sees.

    Counted at the centres of cubes with edge `cell` (metres); what stands in the room and hides is left out.
    """
    axes = [(np.arange(round(room[k] / cell)) + 0.5) * cell - (room[k] / 2 if k < 2 else 0.0) for k in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    seen = np.stack([in_view(camera, points) for camera in cameras])
    return (
        float(seen.any(axis=0).mean()),
        float(seen.all(axis=0).mean()),
        tuple(float(share) for share in seen.mean(axis=1)),
    )
