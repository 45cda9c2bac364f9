"""What is around a rig at a key frame, from above: its lidar's points, and a box grid that follows it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.scene.ego import ego_cameras
from scenegen.core.scene.scene import Scene

REACH = 40.0
"""Metres around the vehicle that are shown."""
Colors = NDArray[np.uint8]


def cameras_around(scene: Scene, n: int) -> list[int]:
    """The cameras of key frame n as a panorama: from behind over the left to the right."""
    assert scene.rig is not None
    yaws = []
    for camera in scene.rig.cameras:
        (_, _, x, _), (_, _, y, _), *_ = camera.camera_to_ego  # where it looks
        yaws.append(math.atan2(y, x))
    return [k for _, k in sorted(zip(yaws, ego_cameras(scene, n), strict=True), reverse=True)]


def draw_around(stored: StoredScene, n: int, colors: Sequence[tuple[int, int, int]], size: int) -> list[Image.Image]:
    """Images of `size` pixels along each edge, ahead is up: the points, and the highest cells of the first grid."""
    rig, palette = stored.scene.rig, np.array([(24, 26, 32), *colors], np.uint8)
    assert rig is not None
    tiles = []
    if rig.lidar:
        found, matrix = stored.lidar(n), np.array(rig.lidar.lidar_to_ego)
        places = found.points[:, :3].astype(float) @ matrix[:3, :3].T + matrix[:3, 3]
        tiles.append(_from_above(places, found.labels, palette, size))
    for named in (grid for grid in stored.scene.grids if grid.ego):
        labels = stored.named_grid(named.name, n).labels
        cells = np.argwhere(labels)
        places = (cells + 0.5) * named.grid.voxel_size + named.grid.origin
        wide = max(1, math.ceil(named.grid.voxel_size * size / (2 * REACH)))
        tiles.append(_from_above(places, labels[tuple(cells.T)], palette, size, wide))
        break
    return tiles


def _from_above(
    places: NDArray[np.float64], labels: NDArray[np.uint8], palette: Colors, size: int, wide: int = 1
) -> Image.Image:
    """Places (N, 3) in the vehicle's axes as squares of `wide` pixels, the highest on top."""
    order = np.argsort(places[:, 2], kind="stable")
    step = 2 * REACH / size
    rows = np.floor((REACH - places[order, 0]) / step - (wide - 1) / 2).astype(int)
    columns = np.floor((REACH - places[order, 1]) / step - (wide - 1) / 2).astype(int)
    pixels = np.zeros((size, size), np.uint8)
    for down in range(wide):
        for across in range(wide):
            y, x = rows + down, columns + across
            inside = (y >= 0) & (y < size) & (x >= 0) & (x < size)
            pixels[y[inside], x[inside]] = labels[order][inside]
    return Image.fromarray(palette[pixels])
