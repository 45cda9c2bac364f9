"""How far a set of rendered images is from a set of photographs, and in what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePath
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

from scenetrain.metrics.image_statistics import STATISTICS, ImageStatistic
from scenetrain.metrics.set_distances import (
    Manifold,
    Spread,
    frechet_distance,
    kernel_distance,
    manifold_scores,
    rbf_discrepancy,
)
from scenetrain.realism.advice import advise
from scenetrain.realism.classifier import Classified, tell_apart
from scenetrain.realism.describe import DescribedSet

FEW = 50
"""Images, below which figures say little."""
NEAR = 3.0
"""Grey levels: two thumbnails that differ by no more (root mean square) are of one image, saved or scaled anew."""
SHUFFLES = 40
"""Random divisions of the images, from which it follows what distance chance gives."""


class Duplicate(NamedTuple):
    """An image of each set that seem to be the same."""

    rendered: str
    real: str


@dataclass(frozen=True)
class StatisticDifference:
    """How one statistic differs between the sets."""

    statistic: ImageStatistic
    rendered: Spread
    real: Spread
    distance: float
    """Wasserstein's first, in deviations of the photographs' (or in the statistic's least difference, if larger)."""
    by_chance: float
    """The distance that 95 of 100 random divisions of the same images stay below."""
    advice: str
    """What to change; "" where the distance is one that chance gives, or too small to mind."""


@dataclass(frozen=True)
class SetComparison:
    """All figures of one set of images against photographs."""

    name: str
    rendered: DescribedSet
    real: DescribedSet
    kid: Spread
    frechet: float
    rbf: float
    manifold: Manifold
    classified: Classified
    statistics: tuple[StatisticDifference, ...]
    duplicates: tuple[Duplicate, ...]

    @property
    def doubts(self) -> tuple[str, ...]:
        """Lines on what the figures do not say."""
        few = [each for each in (self.rendered, self.real) if len(each) < FEW]
        enough = f"give {FEW} or more, best 1,000"
        lines = [
            f"{each.images.path}: {len(each)} images are too few: no figure is to be trusted; {enough}" for each in few
        ]
        if self.rendered.images.path.resolve() == self.real.images.path.resolve():
            lines.append(f"{self.real.images.path}: is given as the photographs, too")
        if self.kid.deviation >= self.kid.mean:
            lines.append(
                f"KID's spread ({self.kid.deviation:.4f}) is not below the difference ({self.kid.mean:.4f}): "
                "the sets are alike, or too small to tell"
            )
        least, width = min(len(self.rendered), len(self.real)), self.rendered.features.shape[1]
        if least <= width and not few:
            lines.append(
                f"Frechet: {least} images for {width} features make it too large; compare it only between sets of as "
                "many images"
            )
        if self.real.images.rendered:
            lines.append(f"{self.real.images.path}: a data set of renders is given as the photographs")
        if self.duplicates:
            pair = self.duplicates[0]
            lines.append(
                f"{len(self.duplicates)} images are in both sets, such as {pair.rendered} and {pair.real}: "
                "are the photographs renders, or copies of them?"
            )
        for described in (self.rendered, self.real):
            if described.small:
                lines.append(
                    f"{described.images.path}: {described.small} of {len(described)} images were enlarged to 224 "
                    "pixels: their blur and noise are not their camera's"
                )
            if copies := find_copies(described):
                lines.append(
                    f"{described.images.path}: {len(copies)} of {len(described)} images are copies of others in it, "
                    f"such as {copies[0][0]} of {copies[0][1]}; remove them, or figures count them twice"
                )
            if described.grey:
                lines.append(f"{described.images.path}: {described.grey} of {len(described)} images are grey")
        return tuple(lines)


def compare_sets(
    name: str, rendered: DescribedSet, real: DescribedSet, variation: Collection[str] = ()
) -> SetComparison:
    """Every figure; `variation` are the kinds of --variation that the rendered set was made with."""
    ours, theirs = rendered.features, real.features
    return SetComparison(
        name=name,
        rendered=rendered,
        real=real,
        kid=kernel_distance(ours, theirs),
        frechet=frechet_distance(ours, theirs),
        rbf=rbf_discrepancy(ours, theirs),
        manifold=manifold_scores(ours, theirs),
        classified=tell_apart(
            np.hstack([ours, rendered.statistics]),
            np.hstack([theirs, real.statistics]),
            (_groups(rendered), _groups(real)),
        ),
        statistics=tuple(
            _difference(statistic, rendered.statistics[:, i], real.statistics[:, i], variation)
            for i, statistic in enumerate(STATISTICS)
        ),
        duplicates=find_duplicates(rendered, real),
    )


def find_duplicates(rendered: DescribedSet, real: DescribedSet) -> tuple[Duplicate, ...]:
    """Rendered images whose thumbnail is that of a photograph, with the nearest; plain ones are like any other."""
    found = []
    for file, row in zip(rendered.files, rendered.thumbnails, strict=True):
        near = _nearest(row, real.thumbnails)
        if near is not None:
            found.append(Duplicate(file.name, real.files[near].name))
    return tuple(found)


def find_copies(described: DescribedSet) -> tuple[tuple[str, str], ...]:
    """Images that seem to be an earlier one of the same set, each with that one."""
    found = []
    for i in range(1, len(described)):
        near = _nearest(described.thumbnails[i], described.thumbnails[:i])
        if near is not None:
            found.append((described.files[i].name, described.files[near].name))
    return tuple(found)


def _nearest(thumbnail: NDArray[np.float32], others: NDArray[np.float32]) -> int | None:
    """Which of `others` (N, D) shows the same as a thumbnail (D,): the nearest; None where none does."""
    if thumbnail.std() <= 4 * NEAR:
        return None
    squares = (thumbnail**2).sum(dtype=np.float64) + (others**2).sum(1, dtype=np.float64) - 2.0 * (others @ thumbnail)
    nearest = int(squares.argmin())
    return nearest if squares[nearest] / len(thumbnail) <= NEAR**2 else None


def _difference(
    statistic: ImageStatistic, rendered: NDArray[np.float64], real: NDArray[np.float64], variation: Collection[str]
) -> StatisticDifference:
    ours, theirs = rendered[np.isfinite(rendered)], real[np.isfinite(real)]
    if not len(ours) or not len(theirs):
        nothing = Spread(float("nan"), float("nan"))
        return StatisticDifference(statistic, nothing, nothing, float("nan"), float("nan"), "")
    scale = max(float(theirs.std()), statistic.least)
    distance = float(wasserstein_distance(ours, theirs)) / scale
    together, draw = np.concatenate([ours, theirs]), torch.Generator().manual_seed(0)
    chance = []
    for _ in range(SHUFFLES):
        mixed = together[torch.randperm(len(together), generator=draw).numpy()]
        chance.append(wasserstein_distance(mixed[: len(ours)], mixed[len(ours) :]) / scale)
    by_chance = float(np.quantile(chance, 0.95))
    shift = float(ours.mean() - theirs.mean())
    off = distance > by_chance and abs(shift) >= statistic.least / 2
    return StatisticDifference(
        statistic,
        Spread(float(ours.mean()), float(ours.std())),
        Spread(float(theirs.mean()), float(theirs.std())),
        distance,
        by_chance,
        advise(statistic.name, shift, variation) if off else "",
    )


def _groups(described: DescribedSet) -> NDArray[np.int64]:
    """A number for each image: of a data set one per scene, of a folder one per image."""
    if not described.images.rendered:
        return np.arange(len(described))
    scenes = [PurePath(file.name).parts[0] for file in described.files]
    return np.unique(scenes, return_inverse=True)[1].astype(np.int64)
