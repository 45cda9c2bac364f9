"""The threshold curve against a plain numpy one, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scenetrain.metrics.iou import IoUCurve
from torchmetrics.classification import BinaryJaccardIndex


def plain_iou(predicted: np.ndarray, truth: np.ndarray) -> float | None:
    union = np.logical_or(predicted, truth).sum()
    return float(np.logical_and(predicted, truth).sum() / union) if union else None


def test_every_threshold_equals_plain_numpy() -> None:
    random = np.random.default_rng(0)
    truth = random.random((5, 3, 6, 5, 4)) < 0.2
    truth[:, 2] = False
    truth[0] = False
    p = np.clip(random.random(truth.shape) * 0.7 + truth * 0.3, 0, 0.9999).astype(np.float32)
    p[:, 2] = 0.005
    curve = IoUCurve(3)
    for part in (slice(0, 2), slice(2, 5)):
        curve.update(torch.from_numpy(p[part]), torch.from_numpy(truth[part]))
    overall = []
    for step in range(100):
        predicted = np.floor(p * np.float32(100)) >= step
        ious = [plain_iou(predicted[i], truth[i]) for i in range(5)]
        overall.append(np.mean([iou for iou in ious if iou is not None]))
        scores = curve.at(step / 100)
        assert scores.overall == pytest.approx(overall[-1])
        classes = [[plain_iou(predicted[i, c], truth[i, c]) for i in range(5)] for c in range(3)]
        means = [np.mean([v for v in c if v is not None]) if any(v is not None for v in c) else None for c in classes]
        assert scores.classes == pytest.approx(means)
        assert scores.macro == pytest.approx(np.mean([m for m in means if m is not None]))
        assert scores.recall == pytest.approx(np.logical_and(predicted, truth).sum() / truth.sum())
    assert curve.best().overall == pytest.approx(max(overall))
    assert curve.best().threshold == pytest.approx(int(np.argmax(overall)) / 100)
    assert curve.at(0.5).scenes_with_class == (4, 4, 0)


def test_one_scene_equals_torchmetrics() -> None:
    torch.manual_seed(0)
    p, truth = torch.rand(1, 1, 8, 8, 8), torch.rand(1, 1, 8, 8, 8) < 0.3
    curve = IoUCurve(1)
    curve.update(p, truth)
    assert curve.at(0.5).overall == pytest.approx(float(BinaryJaccardIndex(0.5)(p, truth)))


def test_all_full_is_one_and_nothing_at_all_is_no_number() -> None:
    full = torch.ones(2, 2, 3, 3, 3)
    curve = IoUCurve(2)
    curve.update(full, full.bool())
    assert curve.best().overall == curve.at(0.99).macro == 1
    curve.reset()
    curve.update(torch.zeros_like(full), torch.zeros_like(full, dtype=torch.bool))
    scores = curve.at(0.5)
    assert math.isnan(scores.overall) and scores.classes == (None, None)


def test_labels_count_as_their_masks_do() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted, labels = (torch.randint(0, 4, (3, 4, 5, 6), dtype=torch.uint8, generator=generator) for _ in range(2))
    labels[0][labels[0] == 2] = 0  # a class that one scene does not hold
    masks, whole = IoUCurve(3), IoUCurve(3)
    kinds = torch.arange(1, 4).view(1, 3, 1, 1, 1)
    masks.update((predicted.unsqueeze(1) == kinds).float(), labels.unsqueeze(1) == kinds)
    whole.update_labels(predicted, labels)
    assert whole.at(0.5) == masks.at(0.5)
    torch.testing.assert_close(whole.compute(), masks.compute())
