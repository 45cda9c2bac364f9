"""Answers for blocks of `detail` cells an edge: the labels' shares in them, one answer for all their cells.

Shapes: B batch, C channels, W H D the grid; w h d the grid's blocks, W = w detail.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def label_shares(labels: Tensor, classes: int, detail: int) -> Tensor:
    """The share of each label in every block, air first: uint8 (B, W, H, D) to float32 (B, 1 + classes, w, h, d)."""
    if detail == 1:
        known = torch.arange(1 + classes, device=labels.device, dtype=torch.uint8)
        return (labels.unsqueeze(1) == known.view(-1, 1, 1, 1)).float()
    blocks = [size // detail for size in labels.shape[1:]]
    cells = labels.unflatten(3, (-1, detail)).unflatten(2, (-1, detail)).unflatten(1, (-1, detail))
    cells = cells.permute(0, 1, 3, 5, 2, 4, 6).reshape(-1, detail**3).long()
    first = torch.arange(len(cells), device=labels.device).mul_(1 + classes).unsqueeze(1)
    counts = torch.bincount(cells.add_(first).flatten(), minlength=len(cells) * (1 + classes))
    return counts.view(len(labels), *blocks, 1 + classes).movedim(-1, 1).float() / detail**3


def mask_shares(masks: Tensor, detail: int) -> Tensor:
    """How much of every block is set: bool or float32 (B, C, W, H, D) to float32 (B, C, w, h, d)."""
    return functional.avg_pool3d(masks.float(), detail) if detail > 1 else masks.float()


def first_largest(values: Tensor) -> Tensor:
    """Which channel is largest, of equal ones the first: (B, C, ...) to uint8 (B, ...); C is at most 256.

    As argmax over channels, which takes several times as long on a processor.
    """
    best, found = values[:, 0], torch.zeros_like(values[:, 0], dtype=torch.uint8)
    for channel in range(1, values.shape[1]):
        found.masked_fill_(values[:, channel] > best, channel)
        best = torch.maximum(best, values[:, channel])
    return found


def repeat_blocks(blocks: Tensor, detail: int) -> Tensor:
    """What every block says, for each of its cells: (..., w, h, d) to (..., W, H, D)."""
    for axis in (-3, -2, -1) if detail > 1 else ():
        blocks = blocks.repeat_interleave(detail, axis)
    return blocks
