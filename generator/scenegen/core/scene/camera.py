"""A camera's geometry: intrinsics from a field of view, extrinsics from a position and a target, what is in view.

Cameras follow OpenCV: x right, y down, z forward; pixels count from the image's top-left corner.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.scene import UPWARDS, Camera, Matrix3, Matrix4, Row4, Vector

_DECIMALS = 9  # equal on every host
_LEVEL = 1e-6  # squared horizontal part of the direction of a camera that looks straight up or down


def camera_matrix(width: int, height: int, hfov: float) -> Matrix3:
    """K in pixels for a horizontal field of view in degrees: square pixels, centred."""
    focal = round(width / 2 / math.tan(math.radians(hfov) / 2), _DECIMALS)
    return ((focal, 0.0, width / 2), (0.0, focal, height / 2), (0.0, 0.0, 1.0))


def look_at(position: Vector, target: Vector, up: Vector = UPWARDS) -> Matrix4:
    """World to camera (x right, y down, z forward): `up` (any length) points to the top of the image.

    The camera must not look along `up`: a camera that looks straight down takes another, such as (0, 1, 0).
    """
    forward = _unit(target[0] - position[0], target[1] - position[1], target[2] - position[2])
    right = _unit(
        forward[1] * up[2] - forward[2] * up[1],
        -(forward[0] * up[2] - forward[2] * up[0]),
        forward[0] * up[1] - forward[1] * up[0] + 0.0,  # never -0.0, which a file would show
    )
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


def ego_frame(camera: Camera) -> Matrix4:
    """World to the frame of a vehicle under a camera: x forward, y left, z up, its origin at height 0 under the camera.

    Forward is where the camera looks, made level; of one that looks straight up or down, the top of its image.
    """
    m = camera.world_to_camera
    x, y, _ = camera_position(camera)
    ahead = (m[2][0], m[2][1]) if m[2][0] ** 2 + m[2][1] ** 2 > _LEVEL else (-m[1][0], -m[1][1])
    length = math.sqrt(ahead[0] * ahead[0] + ahead[1] * ahead[1])
    a, b = round(ahead[0] / length, _DECIMALS), round(ahead[1] / length, _DECIMALS)
    first: Row4 = (a, b, 0.0, -(a * x + b * y))
    return (first, (-b, a, 0.0, b * x - a * y), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def rigid_inverse(matrix: Matrix4) -> Matrix4:
    """The inverse of a rotation and translation."""
    (a, b, c, x), (d, e, f, y), (g, h, i, z), last = matrix
    return (
        (a, d, g, 0.0 - (a * x + d * y + g * z)),
        (b, e, h, 0.0 - (b * x + e * y + h * z)),
        (c, f, i, 0.0 - (c * x + f * y + i * z)),
        last,
    )


def rigid_product(one: Matrix4, other: Matrix4) -> Matrix4:
    """First `other`, then `one`: element-wise, so that every host rounds alike; to the decimals of a pose."""
    rows = [
        tuple(
            round(sum(row[n] * other[n][column] for n in range(3)) + (row[3] if column == 3 else 0.0), _DECIMALS) + 0.0
            for column in range(4)
        )
        for row in one[:3]
    ]
    (a, b, c) = ((row[0], row[1], row[2], row[3]) for row in rows)
    return (a, b, c, (0.0, 0.0, 0.0, 1.0))


def seen_from(camera: Camera, frame: Matrix4) -> Camera:
    """The camera in the axes of `frame`, which maps the world to them by a rotation and a translation."""
    rows = []
    for row in camera.world_to_camera[:3]:
        a, b, c = (sum(row[n] * axis[n] for n in range(3)) for axis in frame[:3])
        shift = row[3] - (a * frame[0][3] + b * frame[1][3] + c * frame[2][3])
        rows.append((a, b, c, shift))
    return replace(camera, world_to_camera=(rows[0], rows[1], rows[2], (0.0, 0.0, 0.0, 1.0)))


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
