"""LIDAR_TOP of a sample: points of its cameras' depth maps, each with the object that it lies on.

No spinning lidar made them: they are where the cameras look, as dense as there are pixels for them. The devkit draws
annotations only for samples that have this channel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.scene import Camera
from scenegen.steps.exchange.placed_scene import PlacedScene, known_depth
from scenegen.steps.exchange.samples import Floats, Sample, camera_to_world

LIDAR = "LIDAR_TOP"
MOST_POINTS = 35_000
"""In a sample, about as many as nuScenes' lidar has."""
RINGS = 32


class Points(NamedTuple):
    """Points of a sample: `places` (N, 3) in the world, `rings` (N,) 0 to 31, `instances` (N,) object id + 1 or 0."""

    places: Floats
    rings: NDArray[np.int64]
    instances: NDArray[np.uint16]


def sample_points(scene: PlacedScene, sample: Sample) -> Points:
    """The points of a sample: of every so manyth row and column of pixels."""
    cameras = [(k, scene.stored.cameras[k]) for _, k in sample.cameras]
    pixels = sum(camera.width * camera.height for _, camera in cameras)
    step = max(1, math.ceil(math.sqrt(pixels / MOST_POINTS)))
    parts = [_camera_points(camera, scene, k, step) for k, camera in cameras]
    return Points(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _camera_points(camera: Camera, scene: PlacedScene, k: int, step: int) -> Points:
    depth, instance = (values[step // 2 :: step, step // 2 :: step] for values in scene.maps(k))
    rows, columns = np.nonzero(known_depth(depth))
    z = depth[rows, columns] * scene.stored.map_spec.depth_step
    (fx, skew, cx), (_, fy, cy), _ = camera.K
    y = (rows * step + step // 2 + 0.5 - cy) / fy
    x = (columns * step + step // 2 + 0.5 - cx - skew * y) / fx
    pose = camera_to_world(camera)
    places = np.stack([x * z, y * z, z], axis=1) @ pose[:3, :3].T + pose[:3, 3]
    return Points(places, (len(depth) - 1 - rows) * RINGS // len(depth), instance[rows, columns])
