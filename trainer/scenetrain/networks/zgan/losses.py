"""The losses of Z-GAN: distance from the true frustum, and real or fake."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def l1_loss(found: Tensor, shares: Tensor) -> Tensor:
    """Mean over all cells of |found - true|, summed over outputs: both (B, outputs, w, h, d).

    A cell's true value is 1 in its label's output, 0 in the others. The cells of a block have one answer, so a share of
    them is at 1 and the rest at 0. With one output this is the authors' L1 on occupancy.
    """
    found = found.float()
    return torch.lerp(found.abs(), (1 - found).abs(), shares).sum(1).mean()


def judged(logits: Tensor, *, real: bool) -> Tensor:
    """Binary cross-entropy of `real`, mean over all patches."""
    logits = logits.float()
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))
