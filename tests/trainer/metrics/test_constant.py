"""The best labels that ignore the image, by brute force over the shares from which on a cell counts as occupied."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scenetrain.metrics.constant import constant_labels, label_frequency


def mean_iou(labels: np.ndarray, items: np.ndarray, classes: int) -> float:
    """Over the classes that any item has; hits and unions are summed over the items."""
    found = []
    for c in range(1, classes + 1):
        hits = sum(((labels == c) & (item == c)).sum() for item in items)
        unions = sum(((labels == c) | (item == c)).sum() for item in items)
        if (items == c).any():
            found.append(hits / unions)
    return float(np.mean(found))


@pytest.mark.parametrize("seed", range(5))
def test_no_other_share_of_occupied_items_scores_higher(seed: int) -> None:
    random = np.random.default_rng(seed)
    likely = random.uniform(0, 1, (6, 5, 4)) ** 3
    kinds = random.integers(1, 4, (6, 5, 4))
    items = np.stack([np.where(random.random(likely.shape) < likely, kinds, 0) for _ in range(20)]).astype(np.uint8)
    items[0, 0] = random.integers(0, 4, (5, 4))
    frequency = label_frequency(map(torch.from_numpy, items), 4, "frustum")
    found = constant_labels(frequency).numpy()
    occupied, classes = frequency[0].float().numpy(), frequency[1:].float().numpy()
    others = [np.where(occupied >= share / 100, classes.argmax(0) + 1, 0) for share in range(1, 100)]
    assert mean_iou(found, items, 4) == pytest.approx(max(mean_iou(other, items, 4) for other in others), abs=2e-3)


def test_where_air_is_the_likeliest_label_of_every_cell_the_answer_is_not_air_alone() -> None:
    items = [torch.zeros(4, 4, 4, dtype=torch.uint8) for _ in range(10)]
    for number in range(3):
        items[number][:2] = 1
    found = constant_labels(label_frequency(items, 2, "frustum"))
    assert (found[:2] == 1).all() and not found[2:].any()


def test_a_training_split_without_objects_gives_air() -> None:
    assert not constant_labels(label_frequency([torch.zeros(2, 2, 2, dtype=torch.uint8)], 3, "frustum")).any()
