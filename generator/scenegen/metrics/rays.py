"""What a ray meets first, and RayIoU: its label and distance, of predicted labels against true ones.

RayIoU (SparseOcc, section 4, with its thresholds of 1, 2 and 4 m) counts, of the rays on which the truth has a surface,
a hit where the label is right and the distance along the ray is off by less than a threshold. There rays are those of
a LiDAR; here every column of a frustum's fruxels is one, and box_rays.py has those of box grids. Legend of shapes:
C classes, W H D the frustum's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera
from scenegen.metrics.tables import Labels, Row, ScoreTable, mean

THRESHOLDS = (1.0, 2.0, 4.0)
"""Metres along the ray."""

Floats = NDArray[np.float64]


class Surface(NamedTuple):
    """The first labelled fruxel of every column, (W, H); label 0 and depth nan where there is none."""

    labels: Labels
    depth: Floats
    """Metres along the optical axis, of the fruxel's centre; of a box grid's rays (N,) metres along the ray."""


def first_surface(labels: Labels, near: float, far: float) -> Surface:
    """Of labels (W, H, D)."""
    found, cells = _first_labels(np.ascontiguousarray(labels))
    depth = near + (far - near) * (cells + 0.5) / labels.shape[2]
    return Surface(found, np.where(found > 0, depth, np.nan))


@compiled
def _first_labels(labels: Labels) -> tuple[Labels, NDArray[np.int64]]:
    found = np.zeros(labels.shape[:2], np.uint8)
    cells = np.zeros(labels.shape[:2], np.int64)
    for x in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            for z in range(labels.shape[2]):
                if labels[x, y, z] != 0:
                    found[x, y], cells[x, y] = labels[x, y, z], z
                    break
    return found, cells


def ray_lengths(camera: Camera) -> Floats:
    """Metres along the ray through a column's middle per metre of depth, (W, H)."""
    grid = frustum_grid(camera)
    K, (width, height), (w, h, _) = np.asarray(grid.K), grid.image_size, grid.shape
    x = ((np.arange(w) + 0.5) / w * width - K[0, 2]) / K[0, 0]
    y = ((np.arange(h) + 0.5) / h * height - K[1, 2]) / K[1, 1]
    lengths: Floats = np.sqrt(1 + x[:, None] ** 2 + y[None] ** 2)
    return lengths


class RayCounts:
    """Rays by class, summed over images: true ones, predicted ones, and hits at each threshold."""

    def __init__(self, classes: int) -> None:
        self.true = np.zeros(classes, np.int64)
        self.predicted = np.zeros(classes, np.int64)
        self.hits = np.zeros((len(THRESHOLDS), classes), np.int64)

    def add(self, truth: Surface, predicted: Surface, lengths: Floats) -> None:
        """Count one image's rays on which the truth has a surface."""
        there = truth.labels > 0
        mine, theirs = predicted.labels[there], truth.labels[there]
        off = np.abs((predicted.depth - truth.depth) * lengths)[there]
        count = len(self.true)
        self.true += np.bincount(theirs, minlength=count + 1)[1:]
        self.predicted += np.bincount(mine, minlength=count + 1)[1:]
        for n, threshold in enumerate(THRESHOLDS):
            right = (mine == theirs) & (off < threshold)
            self.hits[n] += np.bincount(theirs[right], minlength=count + 1)[1:]

    def include(self, other: RayCounts) -> None:
        """Add what another one counted, of the same classes."""
        self.true += other.true
        self.predicted += other.predicted
        self.hits += other.hits

    def ious(self) -> list[list[float | None]]:
        """By threshold, then class; None for a class that no ray meets."""
        unions = self.true + self.predicted - self.hits
        return [
            [hit / union if union else None for hit, union in zip(hits, row, strict=True)]
            for hits, row in zip(self.hits.tolist(), unions.tolist(), strict=True)
        ]


def ray_table(classes: Sequence[str], rays: RayCounts, constant: RayCounts | None = None) -> ScoreTable:
    """The table "rays": RayIoU by class and threshold, beside that of the best constant labels where it is known."""
    by_threshold = rays.ious()
    columns = [*by_threshold, _means(by_threshold), *([_means(constant.ious())] if constant else [])]
    rows = [Row(name, tuple(column[c] for column in columns), name) for c, name in enumerate(classes)]
    rows.append(Row("mean of classes", tuple(mean(column) for column in columns), starts_group=True))
    ground = [object_class(name).is_ground for name in classes]
    if any(ground):
        kept = [[v for v, g in zip(column, ground, strict=True) if not g] for column in columns]
        rows.append(Row("mean without ground", tuple(mean(column) for column in kept)))
    return ScoreTable(
        name="rays",
        title="RayIoU: label and distance of what a ray meets first",
        head="class",
        columns=(*(f"{threshold:g} m" for threshold in THRESHOLDS), "mean", "constant")[: len(columns)],
        decimals=(3,) * len(columns),
        rows=tuple(rows),
        notes=(
            "over the set"
            + ("; constant: the best labels that ignore the image, mean of the three" if constant else ""),
        ),
    )


def _means(columns: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Of every class over the thresholds."""
    return [mean(row) for row in zip(*columns, strict=True)]
