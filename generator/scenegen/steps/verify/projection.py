"""Points between the world, a camera, its image, its frustum grid and the box grid.

Apart from the code that makes the labels (core/labels), so that a mistake there is not repeated here.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.scene import Camera, GridSpec

CLOSE = 1e-6
"""Metres, or cells, that count as no distance."""

Array = NDArray[np.float64]


def rays_of(camera: Camera) -> Array:
    """The direction of depth 1 through pixel coordinates (u, v, 1), in world axes: (3, 3)."""
    pose = np.array(camera.world_to_camera, float)
    return np.ascontiguousarray(pose[:3, :3].T @ np.linalg.inv(np.array(camera.K, float)))


def eye_of(camera: Camera) -> Array:
    """Where a camera is, world metres (3,)."""
    pose = np.array(camera.world_to_camera, float)
    return np.ascontiguousarray(-pose[:3, :3].T @ pose[:3, 3])


def frustum_focal(camera: Camera) -> tuple[float, float]:
    """Focal lengths (x, y) in pixels of the camera's fruxel model, whose field of view may differ from the camera's."""
    fx = camera.width / (2 * math.tan(math.radians(camera.frustum.hfov_deg) / 2))
    return fx, fx * camera.K[1][1] / camera.K[0][0]


def to_box_index(points: Array, grid: GridSpec) -> Array:
    """World points (N, 3) in units of box cells."""
    return np.asarray((points - grid.origin) / grid.voxel_size)


def frustum_matrix(camera: Camera) -> Array:
    """(3, 4): world points to (u * z, v * z, z) with u and v in frustum cells and z the depth in metres."""
    fx, fy = frustum_focal(camera)
    w, h, _ = camera.frustum.size
    lens = np.array([[fx, 0.0, camera.K[0][2]], [0.0, fy, camera.K[1][2]], [0.0, 0.0, 1.0]])
    lens[0] *= w / camera.width
    lens[1] *= h / camera.height
    return np.ascontiguousarray(lens @ np.array(camera.world_to_camera, float)[:3])
