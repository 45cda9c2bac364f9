"""Scores of the objects that the cameras saw and of the others; a voxel belongs to the nearest object of its class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
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
    predicted: NDArray[np.bool_],
    truth: NDArray[np.bool_],
) -> SeenCounts:
    """Count one scene's voxels; `predicted` and `truth` are (X, Y, Z, C).

    An object is seen when it has a pixel in any of the first `views` cameras. A voxel, true or predicted, goes to the
    object of its class whose box is nearest; predictions of a class that is not in the scene go to neither.
    """
    counts = SeenCounts(np.zeros(2, np.int64), np.zeros((2, 3), np.int64))
    for c, name in enumerate(classes):
        mine = [item for item in objects if item.class_name == name]
        if not mine:
            continue
        kinds = np.array([SEEN if sum(item.visible_pixels[:views]) else UNSEEN for item in mine])
        counts.objects[:] += np.bincount(kinds, minlength=2)
        cells = np.argwhere(predicted[..., c] | truth[..., c])
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
