"""What a ray from a camera meets first in a box grid: RayIoU of predicted labels against true ones.

As rays.py does for frusta. Every camera of a scene sends RAYS x RAYS rays, evenly over its image, whatever views
the network reads, so that all networks are asked the same. A ray walks from cell to cell (Amanatides and Woo 1987) and
its distance is that from the camera to where it enters the first cell that holds something. Legend of shapes: N rays,
C classes, X Y Z the grid's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.scene.scene import Camera, GridSpec
from scenegen.metrics.rays import RayCounts, Surface, ray_table
from scenegen.metrics.tables import Labels, ScoreTable

RAYS = 128
"""Along both edges of an image."""

Floats = NDArray[np.float64]
Cells = NDArray[Any]
"""Unsigned integers: labels, c + 1 for class c, or sets of classes, where bit c is class c."""


def camera_rays(camera: Camera, rays: int = RAYS) -> tuple[Floats, Floats]:
    """A camera's place (3,) and `rays` x `rays` directions of length 1 (N, 3), in the world, row by row."""
    u = (np.arange(rays) + 0.5) / rays * camera.width
    v = (np.arange(rays) + 0.5) / rays * camera.height
    pixels = np.stack([*np.meshgrid(u, v), np.ones((rays, rays))], axis=-1).reshape(-1, 3)
    pose = np.array(camera.world_to_camera)
    directions = np.linalg.solve(np.array(camera.K), pixels.T).T @ pose[:3, :3]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return -pose[:3, :3].T @ pose[:3, 3], directions


def first_cells_of_rays(labels: Cells, grid: GridSpec, eye: Floats, directions: Floats) -> tuple[Cells, Floats]:
    """What stands in the first cell of `labels` (X, Y, Z) that is not 0, and the metres to it; both (N,).

    0 and nan of a ray that meets none. `eye` (3,) and `directions` (N, 3), of length 1, are in the world.
    """
    start = (eye - np.array(grid.origin)) / grid.voxel_size
    found, cells = _walk(np.ascontiguousarray(labels), start, np.ascontiguousarray(directions))
    return found, np.where(found > 0, cells * grid.voxel_size, np.nan)


@compiled
def _walk(labels: Cells, start: Floats, directions: Floats) -> tuple[Cells, Floats]:
    """In units of cells from the grid's corner."""
    found = np.zeros(len(directions), labels.dtype)
    lengths = np.zeros(len(directions))
    cell = np.zeros(3, np.int64)
    step = np.zeros(3, np.int64)
    following = np.zeros(3)
    across = np.zeros(3)
    for n in range(len(directions)):
        enter, leave = 0.0, np.inf
        for a in range(3):
            d = directions[n, a]
            if d == 0.0:
                if not 0 <= start[a] < labels.shape[a]:
                    leave = -1.0
                continue
            one, other = -start[a] / d, (labels.shape[a] - start[a]) / d
            enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
        if enter >= leave:
            continue
        for a in range(3):
            d = directions[n, a]
            cell[a] = min(max(int(np.floor(start[a] + enter * d)), 0), labels.shape[a] - 1)
            step[a] = 1 if d > 0 else -1
            across[a] = np.inf if d == 0 else abs(1 / d)
            following[a] = np.inf if d == 0 else (cell[a] + (d > 0) - start[a]) / d
        length = enter
        while True:
            value = labels[cell[0], cell[1], cell[2]]
            if value != 0:
                found[n], lengths[n] = value, length
                break
            a = 0 if following[0] <= following[1] else 1
            a = a if following[a] <= following[2] else 2
            length = following[a]
            cell[a] += step[a]
            following[a] += across[a]
            if cell[a] < 0 or cell[a] >= labels.shape[a]:
                break
    return found, lengths


def count_box_rays(
    cameras: Sequence[Camera], grid: GridSpec, truth: Cells, predicted: Cells, classes: int
) -> RayCounts:
    """Count a scene's rays, of true and predicted sets of classes (X, Y, Z).

    Where a first cell is of several classes, it is of one that the other's first cell has too if there is one.
    """
    counts = RayCounts(classes)
    for camera in cameras:
        eye, directions = camera_rays(camera)
        theirs, depth = first_cells_of_rays(truth, grid, eye, directions)
        mine, reached = first_cells_of_rays(predicted, grid, eye, directions)
        shared = one_class(theirs & mine)
        true, found = one_class(theirs, shared), one_class(mine, shared)
        counts.add(Surface(true, depth), Surface(found, reached), np.ones(len(depth)))
    return counts


class BoxRays:
    """The table "rays" of a box grid; `constant` (X, Y, Z) are the best labels that ignore the images."""

    def __init__(self, classes: Sequence[str], constant: Labels) -> None:
        self.classes = tuple(classes)
        self.constant = constant
        self.rays, self.constant_rays = (RayCounts(len(self.classes)) for _ in range(2))

    def count(self, cameras: Sequence[Camera], grid: GridSpec, truth: Labels, predicted: Labels) -> None:
        """Count a scene: true sets of classes (bit c is class c) and predicted labels (c + 1), both (X, Y, Z).

        Where the first true cell is of several classes, it is of the predicted one if that is among them, else of its
        first.
        """
        for camera in cameras:
            eye, directions = camera_rays(camera)
            bits, depth = first_cells_of_rays(truth, grid, eye, directions)
            for counts, labels in ((self.rays, predicted), (self.constant_rays, self.constant)):
                mine = Surface(*first_cells_of_rays(labels, grid, eye, directions))
                counts.add(Surface(one_class(bits, mine.labels), depth), mine, np.ones(len(depth)))

    def table(self) -> ScoreTable:
        """The scores of all that was counted."""
        return ray_table(self.classes, self.rays, self.constant_rays)


def one_class(bits: Cells, preferred: Labels | None = None) -> Labels:
    """Sets of classes (N,) as labels: the preferred label where it is in the set, else the first class's; 0 of none."""
    wide = bits.astype(np.uint64)
    first = np.where(wide > 0, np.log2(np.maximum(wide & (~wide + np.uint64(1)), 1)) + 1, 0).astype(np.uint8)
    if preferred is None:
        return first
    shared = (preferred > 0) & ((wide >> (np.maximum(preferred, 1) - 1).astype(np.uint64)) & np.uint64(1) > 0)
    return np.where(shared, preferred, first).astype(np.uint8)
