"""Cross-entropy of voxels, the free ones thinned out, and of pixels.

Shapes: B scenes, V views, C classes, H W pixels, P = V * H * W, X Y Z the grid's axes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from scenetrain.networks.ts3dsc.volumes import Hits


def first_classes(masks: Tensor) -> Tensor:
    """Masks bool (B, C, X, Y, Z) to labels int64 (B, X, Y, Z): 0 = air, else 1 + the first class of a voxel."""
    found, first = masks.max(1)
    return torch.where(found, first + 1, 0)


def chosen_voxels(labels: Tensor, free_per_occupied: float, generator: torch.Generator | None = None) -> Tensor:
    """Which voxels of labels (B, X, Y, Z) count, bool: the occupied ones, and so many free ones of the scene for each.

    In TS3DSC of all free voxels, in SSCNet of the hidden ones. A scene without objects has one free voxel.
    """
    occupied = labels > 0
    count = occupied.flatten(1).sum(1)
    share = (free_per_occupied * count).clamp(min=1) / (labels[0].numel() - count).clamp(min=1)
    draw = torch.rand(labels.shape, device=labels.device, generator=generator)
    return occupied | (draw < share.view(-1, 1, 1, 1))


def voxel_loss(logits: Tensor, labels: Tensor, chosen: Tensor) -> Tensor:
    """Mean cross-entropy of chosen voxels: logits (B, 1 + C, X, Y, Z), labels int64 and chosen bool (B, X, Y, Z)."""
    losses = functional.cross_entropy(logits.float(), labels, reduction="none")
    return (losses * chosen).sum() / chosen.sum().clamp(min=1)


def pixel_labels(labels: Tensor, hits: Hits) -> Tensor:
    """The label of the cell that each pixel hits, 0 where it hits none: int64 (B, X, Y, Z) to (B, P)."""
    return torch.where(hits.known, labels.flatten(1).gather(1, hits.cells), 0)


def pixel_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy of pixels: logits (B, V, 1 + C, H, W), labels int64 (B, P)."""
    flat = logits.float().movedim(2, 4).flatten(1, 3).flatten(0, 1)
    return functional.cross_entropy(flat, labels.flatten())
