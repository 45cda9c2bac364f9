"""Counting cells, and the table of their IoU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.metrics.set_scores import SetScores, set_scores
from scenegen.metrics.tables import Row, ScoreTable, mean
from scenegen.steps.score.predictions import Cells

OCCUPIED = ("occupied",)
"""The one class of predictions that have none."""


class CellCounts(NamedTuple):
    """Hit, predicted and true cells: of any class (3,) and of each (3, C)."""

    occupied: NDArray[np.int64]
    classes: NDArray[np.int64]

    def ious(self) -> list[float | None]:
        """Of each class, then of any; None where neither truth nor prediction has it."""
        hit, predicted, true = np.append(self.classes, self.occupied[:, None], axis=1)
        unions = (predicted + true - hit).tolist()
        return [n / union if union else None for n, union in zip(hit.tolist(), unions, strict=True)]


def count_cells(truth: Cells, predicted: Cells, classes: int) -> CellCounts:
    """Count cells of true and predicted sets of classes, of one shape."""
    (theirs, a), (mine, b) = map(_kinds, (truth, predicted))
    pairs = np.bincount(a * len(mine) + b, minlength=len(theirs) * len(mine)).reshape(len(theirs), len(mine))
    true, found = (
        ((side[:, None] >> np.arange(classes, dtype=side.dtype)) & 1).astype(np.int64) for side in (theirs, mine)
    )
    hits = np.einsum("ab,ac,bc->c", pairs, true, found)
    there, claimed = (theirs > 0).astype(np.int64), (mine > 0).astype(np.int64)
    of_theirs, of_mine = pairs.sum(axis=1), pairs.sum(axis=0)
    return CellCounts(
        np.array([there @ pairs @ claimed, of_mine @ claimed, of_theirs @ there]),
        np.array([hits, of_mine @ found, of_theirs @ true]),
    )


def _kinds(sets: Cells) -> tuple[Cells, NDArray[np.int64]]:
    """The sets that there are, and which of them each cell is."""
    if sets.itemsize > 1:
        kinds, which = np.unique(sets.ravel(), return_inverse=True)
        return kinds, which.astype(np.int64)
    return np.arange(256, dtype=np.uint8), sets.ravel().astype(np.int64)


def iou_table(
    classes: Sequence[str], cells: Sequence[CellCounts], seen: Sequence[CellCounts], per: str, *, unseen: str
) -> ScoreTable:
    """The table "iou": over the set and per item, of all cells and of those that are seen; `seen` may be empty.

    `per` is what an item is called, `unseen` the note where `seen` is empty.
    """
    kinds = [cells, *([seen] if seen else [])]
    over_set = [_over_set(counts) for counts in kinds]
    columns: list[list[float | None]] = []
    for scores, counts in zip(over_set, kinds, strict=True):
        columns.append([*scores.classes, scores.miou, scores.iou])
        each = [mean(column) for column in zip(*(one.ious() for one in counts), strict=True)]
        columns.append([*each[:-1], mean(each[:-1]), each[-1]])
    there = [sum(int(one.classes[2, c] > 0) for one in cells) for c in range(len(classes))]
    columns.append([*there, None, sum(int(one.occupied[2] > 0) for one in cells)])
    names = [*classes, "mean of classes (mIoU)", "any class"]
    rows = [
        Row(name, tuple(column[n] for column in columns), name if n < len(classes) else None, n == len(classes))
        for n, name in enumerate(names)
    ]
    all_cells = over_set[0]
    notes = [
        f"any class: precision {all_cells.precision:.3f}, recall {all_cells.recall:.3f}",
        "set: cells summed before they are divided; a class that is nowhere counts 0 in the mean",
        f"per {per}: mean over those that have the class, in truth or prediction; {per}s: whose truth has it",
    ]
    if len(kinds) == 1:
        notes.append(unseen)
    else:
        notes.append("seen: cells that a camera sees free or sees a surface in")
    heads = ("set", f"per {per}", "set, seen", f"per {per}, seen")[: 2 * len(kinds)]
    return ScoreTable(
        name="iou",
        title="IoU of cells",
        head="class",
        columns=(*heads, f"{per}s"),
        decimals=(*(3 for _ in heads), 0),
        rows=tuple(rows if classes != OCCUPIED else rows[:1]),
        notes=tuple(notes),
    )


def _over_set(counts: Sequence[CellCounts]) -> SetScores:
    return set_scores(sum(one.occupied for one in counts), sum(one.classes for one in counts))
