"""Scores over a set against the published counting (MonoScene's sscMetrics.py), written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from scenegen.metrics.set_scores import SetCounts


def test_scores_are_those_of_semantic_scene_completion() -> None:
    """Labels, as published: tps, fps and fns of every class over all items; class 4 is nowhere, and counts 0."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, (3, 500)) * (random.random((3, 500)) < 0.5)
    predicted = np.where(random.random((3, 500)) < 0.6, truth, random.integers(0, 4, (3, 500)))
    counts = SetCounts(4)
    for mine, theirs in zip(predicted, truth, strict=True):
        pairs = [(mine > 0, theirs > 0), *((mine == c, theirs == c) for c in range(1, 5))]
        voxels = np.array([[(a & b).sum(), a.sum(), b.sum()] for a, b in pairs]).T[None]
        counts.add(voxels[..., 0], voxels[..., 1:])
    scores = counts.score()

    tps, fps, fns = (np.zeros(5) for _ in range(3))
    for c in range(5):
        tps[c] = ((truth == c) & (predicted == c)).sum()
        fps[c] = ((truth != c) & (predicted == c)).sum()
        fns[c] = ((truth == c) & (predicted != c)).sum()
    tp, fp, fn = (
        ((truth > 0) & (predicted > 0)).sum(),
        ((truth == 0) & (predicted > 0)).sum(),
        ((truth > 0) & (predicted == 0)).sum(),
    )
    iou_ssc = tps / (tps + fps + fns + 1e-5)
    assert scores.classes == pytest.approx(iou_ssc[1:])
    assert scores.miou == pytest.approx(np.mean(iou_ssc[1:]))
    assert scores.classes[3] == 0 and scores.miou < np.mean(iou_ssc[1:4])
    assert (scores.iou, scores.precision, scores.recall) == pytest.approx(
        (tp / (tp + fp + fn), tp / (tp + fp), tp / (tp + fn))
    )


def test_nothing_found_is_zero() -> None:
    counts = SetCounts(1)
    counts.add(np.array([[0, 0, 5]]), np.array([[[0], [0], [5]]]))
    assert (counts.score().iou, counts.score().precision, counts.score().miou) == (0, 0, 0)
