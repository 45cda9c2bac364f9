"""Depth of what a ray from the camera meets first, of predicted frusta; abs-rel, delta and RMSE are those of depth
estimation (Eigen et al. 2014), per image. Beside it RayIoU (scenegen.metrics.rays). Legend of shapes: W H D the
frustum's axes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scenegen.metrics.rays import Floats, RayCounts, first_surface, ray_lengths, ray_table
from scenegen.metrics.tables import Row, ScoreTable, mean

from scenetrain.metrics.scorers import ScoredBatch, ScorerSetup, as_arrays

DELTA = 1.25


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
