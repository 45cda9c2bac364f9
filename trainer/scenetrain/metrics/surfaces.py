"""What a ray from the camera meets first: its depth and its label, of predicted frusta against true ones.

RayIoU (SparseOcc, section 4, with its thresholds of 1, 2 and 4 m) counts, of the rays on which the truth has a surface,
a hit where the label is right and the distance along the ray is off by less than a threshold. There rays are those of
a LiDAR; here every column of fruxels is one (box_rays.py has those of box grids). Abs-rel, delta and RMSE are those of
depth estimation (Eigen et al. 2014), per image. Legend of shapes: C classes, W H D the frustum's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scenegen.core.compiled import compiled
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera

from scenetrain.data.reads import frustum_numbers
from scenetrain.metrics.tables import Labels, Row, ScoredBatch, ScorerSetup, ScoreTable, as_arrays, mean

THRESHOLDS = (1.0, 2.0, 4.0)
"""Metres along the ray."""
DELTA = 1.25

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
    fx, fy, cx, cy, _, _ = frustum_numbers(camera)
    w, h, _ = camera.frustum.size
    x = ((np.arange(w) + 0.5) / w - cx) / fx
    y = ((np.arange(h) + 0.5) / h - cy) / fy
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

    def ious(self) -> list[list[float | None]]:
        """By threshold, then class; None for a class that no ray meets."""
        unions = self.true + self.predicted - self.hits
        return [
            [hit / union if union else None for hit, union in zip(hits, row, strict=True)]
            for hits, row in zip(self.hits.tolist(), unions.tolist(), strict=True)
        ]


class DepthScore(NamedTuple):
    """How depths fit in one image, over the places where both are known; None where there are none."""

    abs_rel: float | None
    delta: float | None
    rmse: float | None
    known: float | None
    """Share of the places with a true depth that have a predicted one."""


def score_depth(predicted: Floats, truth: Floats) -> DepthScore:
    """Of depths in metres of one shape; nan where there is none."""
    there = ~np.isnan(truth)
    both = there & ~np.isnan(predicted)
    if not both.any():
        return DepthScore(None, None, None, 0.0 if there.any() else None)
    mine, theirs = predicted[both], truth[both]
    return DepthScore(
        abs_rel=float(np.mean(np.abs(mine - theirs) / theirs)),
        delta=float(np.mean(np.maximum(mine / theirs, theirs / mine) < DELTA)),
        rmse=float(np.sqrt(np.mean((mine - theirs) ** 2))),
        known=float(both.sum() / there.sum()),
    )


def at_pixels(columns: Floats, pixels: tuple[int, int]) -> Floats:
    """What stands in the columns (W, H), at the centre of every pixel of an image of (height, width), as (H', W')."""
    x, y = (((np.arange(n) + 0.5) * size / n).astype(int) for n, size in zip(pixels[::-1], columns.shape, strict=True))
    return columns[x[None], y[:, None]]


class FirstSurfaces:
    """The tables "depth" and "rays"."""

    def __init__(self, setup: ScorerSetup) -> None:
        self.classes = setup.classes
        self.constant = setup.constant
        self.rays, self.constant_rays = (RayCounts(len(setup.classes)) for _ in range(2))
        self.depth: dict[str, list[DepthScore]] = {}
        self.has_maps = False

    def count(self, batch: ScoredBatch) -> None:
        """Count a batch."""
        self.has_maps = batch.has_maps
        views = zip(as_arrays(batch.labels), as_arrays(batch.predicted), batch.cameras, strict=True)
        for n, (labels, predicted, camera) in enumerate(views):
            near, far = camera.frustum.near, camera.frustum.far
            truth, mine, constant = (first_surface(array, near, far) for array in (labels, predicted, self.constant))
            lengths = ray_lengths(camera)
            self.rays.add(truth, mine, lengths)
            self.constant_rays.add(truth, constant, lengths)
            if not batch.has_maps:
                self._add_depth("network", mine.depth, truth.depth)
                self._add_depth("constant", constant.depth, truth.depth)
                continue
            depth = batch.scenes[n].depth(batch.numbers[n]).astype(float)
            depth = np.where((depth >= near) & (depth <= far), depth, np.nan)
            for name, surface in (("network", mine), ("true frustum", truth), ("constant", constant)):
                self._add_depth(name, at_pixels(surface.depth, (depth.shape[0], depth.shape[1])), depth)

    def _add_depth(self, name: str, predicted: Floats, truth: Floats) -> None:
        self.depth.setdefault(name, []).append(score_depth(predicted, truth))

    def tables(self) -> tuple[ScoreTable, ...]:
        """Both tables."""
        truth = "the depth maps, where they are inside the frustum" if self.has_maps else "the true frustum"
        why = () if self.has_maps else ("this data set has no depth maps, so both depths are of frusta",)
        depth = ScoreTable(
            name="depth",
            title="Depth of the first labelled fruxel along each ray",
            head="labels of",
            columns=("abs-rel", "delta < 1.25", "RMSE (m)", "known"),
            decimals=(3, 3, 2, 3),
            rows=tuple(
                Row(name, tuple(mean(column) for column in zip(*scores, strict=True)))
                for name, scores in self.depth.items()
            ),
            notes=(f"against {truth}; mean over images; known: share of its pixels with a predicted surface", *why),
        )
        return depth, ray_table(self.classes, self.rays, self.constant_rays)


def ray_table(classes: Sequence[str], rays: RayCounts, constant: RayCounts) -> ScoreTable:
    """The table "rays": RayIoU by class and threshold, beside that of the best constant labels."""
    by_threshold, constants = rays.ious(), constant.ious()
    columns = [*by_threshold, _means(by_threshold), _means(constants)]
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
        columns=(*(f"{threshold:g} m" for threshold in THRESHOLDS), "mean", "constant"),
        decimals=(3,) * (len(THRESHOLDS) + 2),
        rows=tuple(rows),
        notes=("over the set; constant: the best labels that ignore the image, mean of the three",),
    )


def _means(columns: Sequence[Sequence[float | None]]) -> list[float | None]:
    """Of every class over the thresholds."""
    return [mean(row) for row in zip(*columns, strict=True)]
