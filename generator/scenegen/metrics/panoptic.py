"""Panoptic quality (Kirillov et al. 2019, equations 1 and 2) of labelled cells: which objects were found, and how well.

A segment is all cells of one class and one object number of a scene. A predicted and a true segment of one class match
where their IoU is above .5, so each is in one match at most. Of a class, PQ = (sum of the matches' IoU) / (TP + FP / 2
+ FN / 2) = SQ x RQ: SQ is the mean IoU of the matches, RQ the F1 score of the matching. TP, FP and FN are summed over
the set. Legend of shapes: C classes, N cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.metrics.tables import Row, ScoreTable, mean

MATCH = 0.5
"""A match has a greater IoU."""


@dataclass(frozen=True)
class PanopticCounts:
    """By class, each (C,): segments that match, that only the prediction and only the truth has, the matches' IoU."""

    matched: NDArray[np.int64]
    only_predicted: NDArray[np.int64]
    only_true: NDArray[np.int64]
    iou: NDArray[np.float64]

    def __add__(self, other: PanopticCounts) -> PanopticCounts:
        return PanopticCounts(
            self.matched + other.matched,
            self.only_predicted + other.only_predicted,
            self.only_true + other.only_true,
            self.iou + other.iou,
        )

    def quality(self) -> list[tuple[float | None, float | None, float | None]]:
        """PQ, SQ and RQ by class; None where neither truth nor prediction has a segment, SQ also without a match."""
        found = []
        columns = (self.matched, self.only_predicted, self.only_true, self.iou)
        for hits, extra, missed, iou in zip(*(column.tolist() for column in columns), strict=True):
            segments = hits + extra / 2 + missed / 2
            rq, sq = (hits / segments if segments else None), (iou / hits if hits else None)
            found.append((iou / segments if segments else None, sq, rq))
        return found


def count_segments(
    truth: tuple[NDArray[Any], NDArray[Any]], predicted: tuple[NDArray[Any], NDArray[Any]], classes: int
) -> PanopticCounts:
    """Count one scene's segments: of each side labels (N,), 0 = air, else class + 1, and object numbers (N,)."""
    (mine, my_classes, my_sizes), (theirs, their_classes, their_sizes) = map(_segments, (predicted, truth))
    both = (mine > 0) & (theirs > 0)
    pairs, shared = np.unique(theirs[both] * (len(my_sizes) + 1) + mine[both], return_counts=True)
    a, b = np.divmod(pairs, len(my_sizes) + 1)
    iou = shared / (their_sizes[a - 1] + my_sizes[b - 1] - shared)
    match = (their_classes[a - 1] == my_classes[b - 1]) & (iou > MATCH)
    kinds = their_classes[a - 1][match]
    matched = np.bincount(kinds, minlength=classes)
    return PanopticCounts(
        matched,
        np.bincount(my_classes, minlength=classes) - matched,
        np.bincount(their_classes, minlength=classes) - matched,
        np.bincount(kinds, weights=iou[match], minlength=classes).astype(np.float64),
    )


def _segments(cells: tuple[NDArray[Any], NDArray[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Which segment each cell is of, counted from 1, 0 = air; the segments' classes, and how many cells each has."""
    labels, objects = (side.ravel() for side in cells)
    of_cell = np.zeros(len(labels), np.int64)
    filled = np.flatnonzero(labels)
    # One number for both: only cells that are not air are sorted.
    _, objects_of = np.unique(objects[filled], return_inverse=True)
    names, segment, sizes = np.unique(
        objects_of.astype(np.int64) * 256 + labels[filled], return_inverse=True, return_counts=True
    )
    of_cell[filled] = segment + 1
    return of_cell, names % 256 - 1, sizes


def panoptic_table(classes: Sequence[str], everywhere: PanopticCounts, seen: PanopticCounts | None) -> ScoreTable:
    """The table "panoptic"; `seen` are the segments cut to the cells that a camera sees."""
    columns = [list(column) for column in zip(*everywhere.quality(), strict=True)]
    counts = [everywhere.matched, everywhere.only_predicted, everywhere.only_true]
    counted = [column.tolist() for column in counts]
    of_seen = [row[0] for row in seen.quality()] if seen else None
    shown = [*columns, *counted, *([of_seen] if of_seen else [])]
    rows = [Row(name, tuple(column[n] for column in shown), name) for n, name in enumerate(classes)]
    ends = [*map(mean, columns), *map(sum, counted), *([mean(of_seen)] if of_seen else [])]
    rows.append(Row("mean of classes", tuple(ends), starts_group=True))
    return ScoreTable(
        name="panoptic",
        title="Panoptic quality: objects found, and how well",
        head="class",
        columns=("PQ", "SQ", "RQ", "matched", "only predicted", "only true", "PQ seen")[: len(shown)],
        decimals=(3, 3, 3, 0, 0, 0, 3)[: len(shown)],
        rows=tuple(rows),
        notes=("matched: of one class and IoU above .5; the last row sums the objects",),
    )
