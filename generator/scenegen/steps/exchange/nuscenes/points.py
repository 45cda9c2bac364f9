"""LIDAR_TOP of a sample, which the devkit needs to draw an annotation: points, each with the object that it lies on.

Where the scene's rig has a lidar, they are those of its beams. Else they are points of the cameras' depth maps: where
the cameras look, as dense as there are pixels for them.
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
    """Points of a sample: `places` (N, 3) in the lidar's axes, `rings` (N,), `instances` (N,) object id + 1 or 0."""

    places: Floats
    rings: NDArray[np.int64]
    instances: NDArray[np.uint16]


def sample_points(scene: PlacedScene, sample: Sample) -> Points:
    """The points of a sample: of its lidar, else of every so manyth row and column of pixels."""
    rig = scene.stored.scene.rig
    if rig and rig.lidar:
        found = scene.stored.lidar(sample.number)
        return Points(found.points[:, :3].astype(np.float64), found.points[:, 4].astype(np.int64), found.instances)
    cameras = [(k, scene.stored.cameras[k]) for _, k in sample.cameras]
    pixels = sum(camera.width * camera.height for _, camera in cameras)
    step = max(1, math.ceil(math.sqrt(pixels / MOST_POINTS)))
    parts = [_camera_points(camera, scene, k, step) for k, camera in cameras]
    places, rings, instances = (np.concatenate(column) for column in zip(*parts, strict=True))
    to_lidar = np.linalg.inv(sample.ego_to_world @ sample.lidar_to_ego)
    return Points(places @ to_lidar[:3, :3].T + to_lidar[:3, 3], rings, instances)


def _camera_points(camera: Camera, scene: PlacedScene, k: int, step: int) -> Points:
    """Those of one camera, in the world."""
    depth, instance = (values[step // 2 :: step, step // 2 :: step] for values in scene.maps(k))
    rows, columns = np.nonzero(known_depth(depth))
    z = depth[rows, columns] * scene.stored.map_spec.depth_step
    (fx, skew, cx), (_, fy, cy), _ = camera.K
    y = (rows * step + step // 2 + 0.5 - cy) / fy
    x = (columns * step + step // 2 + 0.5 - cx - skew * y) / fx
    pose = camera_to_world(camera)
    places = np.stack([x * z, y * z, z], axis=1) @ pose[:3, :3].T + pose[:3, 3]
    return Points(places, (len(depth) - 1 - rows) * RINGS // len(depth), instance[rows, columns])
