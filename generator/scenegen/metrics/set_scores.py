"""IoU over a whole set, as semantic scene completion reports it (MonoScene, Cao and de Charette 2022, sscMetrics.py).

Hit, predicted and true voxels are summed over all items before they are divided, so large objects and full rooms weigh
more than in the mean over scenes. Here no voxel is unknown, which those benchmarks leave out as 255.
Legend of shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.metrics.tables import Row, ScoreTable

NOTHING = 1e-5
"""Added to every class's union, as published: a class that neither truth nor prediction has counts 0 in the mean."""


@dataclass(frozen=True)
class SetScores:
    """Scores over a set. `iou`, `precision` and `recall` tell occupied from empty; `miou` is the mean of `classes`."""

    iou: float
    precision: float
    recall: float
    classes: tuple[float, ...]
    miou: float


class SetCounts:
    """Hit, predicted and true voxels, summed over items."""

    def __init__(self, classes: int) -> None:
        self.occupied = np.zeros(3, np.int64)
        self.classes = np.zeros((3, classes), np.int64)

    def add(self, occupied: NDArray[np.int64], classes: NDArray[np.int64]) -> None:
        """Count items: (B, 3) of any class, (B, 3, C) of each."""
        self.occupied += occupied.sum(axis=0)
        self.classes += classes.sum(axis=0)

    def score(self) -> SetScores:
        """The scores of all that was counted."""
        return set_scores(self.occupied, self.classes)


def set_scores(occupied: ArrayLike, classes: ArrayLike) -> SetScores:
    """Of hit, predicted and true voxels summed over a set: `occupied` (3,) of any class, `classes` (3, C)."""
    hit, predicted, true = (float(count) for count in np.asarray(occupied))
    hits, guesses, truths = np.asarray(classes, dtype=float)
    ious = hits / (guesses + truths - hits + NOTHING)
    return SetScores(
        iou=hit / (predicted + true - hit) if hit else 0.0,
        precision=hit / predicted if hit else 0.0,
        recall=hit / true if hit else 0.0,
        classes=tuple(ious.tolist()),
        miou=float(ious.mean()),
    )


def set_table(names: Sequence[str], scores: SetScores, constant: SetScores) -> ScoreTable:
    """The table "set", beside the scores of the best constant answer."""
    pairs = zip(names, scores.classes, constant.classes, strict=True)
    rows = [Row(name, (mine, theirs), name) for name, mine, theirs in pairs]
    rows.append(Row("mean of classes (mIoU)", (scores.miou, constant.miou), starts_group=True))
    rows.append(Row("any class", (scores.iou, constant.iou)))
    return ScoreTable(
        name="set",
        title="IoU summed over the set, as in semantic scene completion",
        head="class",
        columns=("IoU", "constant"),
        decimals=(3, 3),
        rows=tuple(rows),
        notes=(
            f"any class: precision {scores.precision:.3f}, recall {scores.recall:.3f}",
            "a class that is nowhere counts 0 in the mean; constant: the best answer that ignores the images",
        ),
    )
