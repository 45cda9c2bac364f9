"""Scores of what the cameras saw and of the rest: by the voxels' visibility, in older scenes by their objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scenegen.core.labels.visibility import FREE, SURFACE
from scenegen.core.scene.scene import GridSpec, PlacedObject

UNSEEN, SEEN = 0, 1


@dataclass(frozen=True)
class SeenScore:
    """Objects of one kind, seen or unseen, and how much of them was found; None where there is no voxel to count."""

    objects: int
    recall: float | None
    iou: float | None


@dataclass(frozen=True)
class SeenCounts:
    """Objects (2,) and voxels (2, 3) as hit, predicted and true; row 0 of the unseen, row 1 of the seen."""

    objects: NDArray[np.int64]
    voxels: NDArray[np.int64]

    def __add__(self, other: SeenCounts) -> SeenCounts:
        return SeenCounts(self.objects + other.objects, self.voxels + other.voxels)

    def score(self, kind: int) -> SeenScore:
        """The score of one row."""
        hit, predicted, truth = self.voxels[kind].tolist()
        union = predicted + truth - hit
        return SeenScore(int(self.objects[kind]), hit / truth if truth else None, hit / union if union else None)


NOTHING = SeenCounts(np.zeros(2, np.int64), np.zeros((2, 3), np.int64))


def count_seen(
    objects: Sequence[PlacedObject],
    classes: Sequence[str],
    grid: GridSpec,
    views: int,
    voxels: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    visibility: NDArray[np.uint8] | None = None,
) -> SeenCounts:
    """Count one scene's `voxels`: those predicted and the true ones, each (X, Y, Z, C).

    An object is seen when it has a pixel in any of the first `views` cameras. A voxel, true or predicted, is seen where
    `visibility` (X, Y, Z), of these cameras, says that it is free or has a surface that is seen. Without `visibility`
    it goes to the object of its class whose box is nearest. Predictions of a class that is not in the scene go to
    neither.
    """
    predicted, truth = voxels
    seen_cells = None if visibility is None else (visibility == FREE) | (visibility == SURFACE)
    counts = SeenCounts(np.zeros(2, np.int64), np.zeros((2, 3), np.int64))
    for c, name in enumerate(classes):
        mine = [item for item in objects if item.class_name == name]
        if not mine:
            continue
        kinds = np.array([SEEN if sum(item.visible_pixels[:views]) else UNSEEN for item in mine])
        counts.objects[:] += np.bincount(kinds, minlength=2)
        cells = np.argwhere(predicted[..., c] | truth[..., c])
        if seen_cells is not None:
            kind = np.where(seen_cells[tuple(cells.T)], SEEN, UNSEEN)
        else:
            centres = np.array(grid.origin) + grid.voxel_size * (cells + 0.5)
            kind = kinds[np.argmin([_box_distance(item, centres) for item in mine], axis=0)]
        is_predicted, is_true = predicted[..., c][tuple(cells.T)], truth[..., c][tuple(cells.T)]
        for column, chosen in enumerate((is_predicted & is_true, is_predicted, is_true)):
            counts.voxels[:, column] += np.bincount(kind[chosen], minlength=2)
    return counts


def _box_distance(item: PlacedObject, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres from points (N, 3) to an object's oriented box, negative inside."""
    matrix = np.array(item.matrix)
    scale = np.linalg.norm(matrix[:3, 0])
    local = (points - matrix[:3, 3]) @ matrix[:3, :3] / scale**2
    half = np.array(item.size) / 2
    beyond = np.abs(local - (0, 0, half[2])) - half
    outside = np.linalg.norm(beyond.clip(min=0), axis=1)
    return np.asarray(scale * (outside + beyond.max(axis=1).clip(max=0)))
