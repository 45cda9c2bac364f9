"""IoU of frustum labels by class, counted in fruxels and in cubic metres, over the set and per image.

A far fruxel is larger than a near one: from 2 to 12 m up to 36 times. IoU over fruxels is that of the paper; IoU in
cubic metres weighs every fruxel by its volume. Legend of shapes: C classes, W H D the frustum's axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scenegen.core.compiled import compiled
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera
from scenegen.metrics.tables import Labels, Row, ScoreTable, mean

from scenetrain.data.reads import frustum_numbers
from scenetrain.metrics.scorers import ScoredBatch, ScorerSetup, as_arrays

Floats = NDArray[np.float64]


def fruxel_volumes(camera: Camera) -> Floats:
    """Cubic metres of a fruxel of each slice (D,) of a camera's frustum; all of a slice are of one size.

    At depth z a fruxel is z / (fx w) wide and z / (fy h) high, so between two depths it holds the difference of
    z^3 / (3 fx w fy h), with focal lengths in widths and heights of the image.
    """
    fx, fy, _, _, near, far = frustum_numbers(camera)
    w, h, d = camera.frustum.size
    edges = near + (far - near) * np.arange(d + 1) / d
    volumes: Floats = np.diff(edges**3) / (3 * fx * w * fy * h)
    return volumes


def count_by_slice(truth: Labels, predicted: Labels, labels: int) -> NDArray[np.int64]:
    """Fruxels by true label, predicted label and slice, (labels, labels, D), of arrays (W, H, D) of smaller numbers."""
    return _count_by_slice(np.ascontiguousarray(truth), np.ascontiguousarray(predicted), labels)


@compiled
def _count_by_slice(truth: Labels, predicted: Labels, labels: int) -> NDArray[np.int64]:
    counts = np.zeros((labels, labels, truth.shape[2]), np.int64)
    for x in range(truth.shape[0]):
        for y in range(truth.shape[1]):
            for z in range(truth.shape[2]):
                counts[truth[x, y, z], predicted[x, y, z], z] += 1
    return counts


class Overlap(NamedTuple):
    """Hits and unions by label, air first, with "any class" as last: each (1 + C + 1,)."""

    hit: Floats
    union: Floats

    def ious(self) -> list[float | None]:
        """By label; None where neither truth nor prediction has it."""
        return [
            float(hit / union) if union else None
            for hit, union in zip(self.hit.tolist(), self.union.tolist(), strict=True)
        ]


def overlap(pairs: Floats) -> Overlap:
    """Of a confusion matrix (1 + C, 1 + C), truth down."""
    hit, true, predicted = pairs.diagonal(), pairs.sum(axis=1), pairs.sum(axis=0)
    occupied = pairs[1:, 1:].sum()
    return Overlap(np.append(hit, occupied), np.append(true + predicted - hit, pairs.sum() - pairs[0, 0]))


class FruxelIoU:
    """The table "fruxels": IoU by class, of the network and of the best constant labels."""

    def __init__(self, setup: ScorerSetup) -> None:
        self.classes = setup.classes
        self.constant = setup.constant
        # per image: by fruxels, by cubic metres
        self.network: list[tuple[Floats, Floats]] = []
        self.constants: list[tuple[Floats, Floats]] = []

    def count(self, batch: ScoredBatch) -> None:
        """Count a batch."""
        for truth, predicted, camera in zip(
            as_arrays(batch.labels), as_arrays(batch.predicted), batch.cameras, strict=True
        ):
            volumes = fruxel_volumes(camera)
            for counted, labels in ((self.network, predicted), (self.constants, self.constant)):
                pairs = count_by_slice(truth, labels, 1 + len(self.classes))
                counted.append((pairs.sum(axis=2).astype(float), pairs @ volumes))

    def tables(self) -> tuple[ScoreTable, ...]:
        """The one table."""
        columns = [
            _over_set(self.network, 0),
            _over_set(self.network, 1),
            _per_image(self.network, 0),
            _per_image(self.network, 1),
            _over_set(self.constants, 0),
            _over_set(self.constants, 1),
        ]
        is_ground = [object_class(name).is_ground for name in self.classes]
        kinds: dict[str, Callable[[list[float | None]], float | None]] = {
            "mean with air": lambda column: mean(column[:-1]),
            "mean of classes": lambda column: mean(column[1:-1]),
        }
        if any(is_ground):
            kinds["mean without ground"] = lambda column: mean(
                [value for value, ground in zip(column[1:-1], is_ground, strict=True) if not ground]
            )
        rows = [
            Row(name, tuple(column[n] for column in columns), name if n else None)
            for n, name in enumerate(("air", *self.classes))
        ]
        rows.append(Row("any class", tuple(column[-1] for column in columns), starts_group=True))
        rows += [Row(name, tuple(kind(column) for column in columns)) for name, kind in kinds.items()]
        table = ScoreTable(
            name="fruxels",
            title="IoU of labels, in fruxels and in cubic metres",
            head="label",
            columns=("set", "set, m3", "per image", "per image, m3", "constant", "constant, m3"),
            decimals=(3,) * 6,
            rows=tuple(rows),
            notes=(
                "set: hits and unions summed over all images; per image: mean over the images that have the label in "
                "truth or prediction",
                "m3: every fruxel weighs its volume; constant: the best labels that ignore the image, over the set",
            ),
        )
        return (table,)


def _over_set(counted: Sequence[tuple[Floats, Floats]], kind: int) -> list[float | None]:
    return overlap(np.sum([pairs[kind] for pairs in counted], axis=0)).ious()


def _per_image(counted: Sequence[tuple[Floats, Floats]], kind: int) -> list[float | None]:
    """The mean IoU of every label over the images that have it."""
    images = [overlap(pairs[kind]).ious() for pairs in counted]
    return [mean(column) for column in zip(*images, strict=True)]
