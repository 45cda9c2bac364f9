"""What tests of the rasterizer share: things, a camera, and the rays through the centres of its pixels."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray
from scenegen.core.scene.scene import Camera, FrustumSpec

ROOM = (4.0, 4.8, 3.2)
Placed = tuple[int, NDArray[np.float64], NDArray[np.int64]]


def camera_at(place: tuple[float, ...], target: tuple[float, ...], size: tuple[int, int] = (96, 80)) -> Camera:
    forward = np.subtract(target, place)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = [right, np.cross(forward, right), forward]
    pose[:3, 3] = -pose[:3, :3] @ place
    K = ((0.8 * size[0], 0.3, size[0] / 2), (0.0, 0.85 * size[0], size[1] / 2 + 0.2), (0.0, 0.0, 1.0))
    matrix = tuple(tuple(row) for row in pose.tolist())
    return Camera("camera", *size, K, matrix, FrustumSpec(0.5, 7.0, (64, 64, 64), 64.0))  # type: ignore[arg-type]


CORNER = camera_at((1.83, -2.21, 2.6), (0.05, 0.1, 0.9))


def things() -> list[Placed]:
    torus = trimesh.creation.torus(0.5, 0.2).apply_transform(trimesh.transformations.euler_matrix(1.0, 0.4, 0.1))
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.4).apply_translation([-0.8, 0.9, 0.4])
    plank = trimesh.creation.box(extents=(2.2, 0.3, 0.05)).apply_translation([0, -0.4, 0.8])
    meshes = [torus.apply_translation([0.6, 0.5, 0.9]), ball, plank]
    return [(3 * n, np.array(m.vertices), np.array(m.faces, dtype=np.int64)) for n, m in enumerate(meshes)]


def rays(camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Camera centre and, per pixel (H, W, 3), the world direction whose length is one metre of depth."""
    pose = np.array(camera.world_to_camera)
    column, row = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    pixels = np.stack([column, row, np.ones_like(row)], axis=-1)
    return -pose[:3, :3].T @ pose[:3, 3], pixels @ np.linalg.inv(np.array(camera.K)).T @ pose[:3, :3]


def silhouette(instance: NDArray[np.int64], depth: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels next to another instance or a jump in depth: there single-precision rays may fall on either side."""
    edge = np.zeros(instance.shape, dtype=np.bool_)
    for axis in (0, 1):
        step = (np.diff(instance, axis=axis) != 0) | (np.abs(np.diff(depth, axis=axis)) > 0.2)
        edge[tuple(slice(None, -1) if a == axis else slice(None) for a in range(2))] |= step
        edge[tuple(slice(1, None) if a == axis else slice(None) for a in range(2))] |= step
    return edge
