"""Panoptic quality against torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scenegen.metrics.panoptic import PanopticCounts, count_segments, panoptic_table
from torchmetrics.detection import PanopticQuality

CLASSES = 4


def blocks(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Labels and object numbers of overlapping boxes in 12 x 12 x 12 cells; class 4 is rare."""
    labels, objects = np.zeros((2, 12, 12, 12), np.int64)
    for number in range(1, 9):
        start = random.integers(0, 9, 3)
        box = tuple(slice(a, a + n) for a, n in zip(start, random.integers(2, 6, 3), strict=True))
        labels[box], objects[box] = random.integers(1, CLASSES), number
    return labels, objects


def moved(random: np.random.Generator, cells: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A prediction: some cells are lost, and all objects have other numbers."""
    labels, objects = (np.roll(array, random.integers(0, 2), axis=0) for array in cells)
    kept = random.random(labels.shape) < 0.9
    return labels * kept, (objects * 7 % 11 + 300) * kept


def test_quality_is_torchmetrics() -> None:
    random = np.random.default_rng(3)
    truths = [blocks(random) for _ in range(4)]
    predictions = [moved(random, truth) for truth in truths[:3]] + [blocks(random)]
    counts = [count_segments(a, b, CLASSES) for a, b in zip(truths, predictions, strict=True)]
    quality = sum(counts[1:], counts[0]).quality()

    # air is its one thing without objects
    theirs = PanopticQuality(things=set(range(1, CLASSES)), stuffs={0}, return_sq_and_rq=True, return_per_class=True)
    theirs.update(*(torch.tensor(np.stack([np.stack(x, -1) for x in side])) for side in (predictions, truths)))
    expected = theirs.compute().numpy()[: CLASSES - 1]
    assert np.array(quality[: CLASSES - 1], float) == pytest.approx(expected, abs=1e-6)
    assert expected[:, 0].min() > 0.05 and expected[:, 0].max() < 0.95
    assert quality[CLASSES - 1] == (None, None, None)


def test_a_class_without_a_match_is_0_and_one_without_objects_has_no_figure() -> None:
    labels = np.array([1, 1, 2, 0])
    counts = count_segments((labels, labels), (np.array([2, 2, 2, 0]), labels * 0), 3)
    assert counts.quality() == [(0.0, None, 0.0), (0.0, None, 0.0), (None, None, None)]
    table = panoptic_table(("a", "b", "c"), counts, None)
    assert table.rows[-1].values == (0.0, None, 0.0, 0, 1, 2)
    assert isinstance(counts + counts, PanopticCounts)
