"""Cross-entropy with class weights and soft Dice, of cells, voxels and pixels.

Shapes: B items, C classes, N cells, voxels or pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LEAST_WEIGHT, MOST_WEIGHT = 0.5, 4.0


def first_classes(masks: Tensor) -> Tensor:
    """Masks bool (B, C, X, Y, Z) to labels int64 (B, X, Y, Z): 0 = air, else 1 + the first class of a voxel."""
    found = torch.zeros(masks[:, 0].shape, dtype=torch.long, device=masks.device)
    for number in range(masks.shape[1], 0, -1):
        found.masked_fill_(masks[:, number - 1], number)
    return found


def class_weights(counts: Tensor) -> Tensor:
    """Weights (1 + C,) from how many voxels each has: 1 for air, for a class the root of median / count, within limits.

    A class that the data does not hold weighs 1.
    """
    weights = torch.ones(len(counts), dtype=torch.double, device=counts.device)
    classes = counts[1:].double()
    known = classes > 0
    if known.any():
        weights[1:][known] = (classes[known].median() / classes[known]).sqrt().clamp(LEAST_WEIGHT, MOST_WEIGHT)
    return weights.float()


def cross_entropy(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean: logits (B, 1 + C, N), labels int64 (B, N), weights (1 + C,)."""
    logits = _exact(logits)
    return functional.cross_entropy(logits, labels, weight=weights.to(logits.dtype))


def shared_cross_entropy(logits: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """The same where several labels share a cell: logits and shares (B, 1 + C, N)."""
    weighted = shares * weights.view(-1, 1)
    return -(_exact(logits).log_softmax(1) * weighted).sum() / weighted.sum()


def dice(logits: Tensor, labels: Tensor, missed: Tensor | None = None) -> Tensor:
    """1 - Dice, mean over the classes that the batch holds, plus that of "any class" (Milletari et al., 2016, eq. 3).

    Logits (B, 1 + C, N), labels int64 (B, N); `missed` (1 + C,) counts further true voxels, predicted as air.
    """
    probabilities = _exact(logits).softmax(1)
    kinds = logits.shape[1]
    found = probabilities.sum((0, 2))
    true = torch.bincount(labels.flatten(), minlength=kinds).to(found.dtype)
    hits = probabilities.gather(1, labels.unsqueeze(1)).squeeze(1)
    hit = torch.zeros_like(found).index_add(0, labels.flatten(), hits.flatten())
    both = (1 - probabilities[:, 0])[labels > 0].sum()
    if missed is not None:
        true = true + missed
    by_class = (2 * hit + 1) / (found + true + 1)
    held = (true > 0).to(found.dtype)
    held[0] = 0
    any_class = (2 * both + 1) / (found[1:].sum() + true[1:].sum() + 1)
    return 2 - (by_class * held).sum() / held.sum().clamp(min=1) - any_class


def depth_loss(logits: Tensor, level: Tensor) -> Tensor:
    """Cross-entropy of depth bins, logits (B, V, D, h, w), at `level` (B, V, h, w), shared by the two nearest bins.

    Pixels whose level is not finite do not count.
    """
    bins = logits.shape[2]
    known = torch.isfinite(level)
    level = torch.where(known, level, 0).clamp(0, bins - 1)
    lower = level.floor().clamp(max=max(bins - 2, 0)).long()
    chance = _exact(logits).log_softmax(2)
    part = level - lower
    near = chance.gather(2, lower.unsqueeze(2)).squeeze(2)
    far = chance.gather(2, (lower + 1).clamp(max=bins - 1).unsqueeze(2)).squeeze(2)
    return -((near * (1 - part) + far * part) * known).sum() / known.sum().clamp(min=1)


def _exact(logits: Tensor) -> Tensor:
    """In 32 bits at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32))
