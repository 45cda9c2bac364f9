"""Labels of voxels as training keeps them, one byte per cell, and as scores and losses read them.

A box grid's byte is a set of classes: bit c is set where class c is. A frustum's byte is one label: 0 is air, c + 1 is
class c. Legend of shapes: N scenes, C classes, X Y Z the grid's axes (w, h, d of a frustum).
"""

from __future__ import annotations

import torch
from torch import Tensor

from scenetrain.data.reads import Grid

MAX_CLASSES: dict[Grid, int] = {"box": 8, "frustum": 255}
"""How many classes fit one byte."""


def class_masks(labels: Tensor, classes: int, grid: Grid) -> Tensor:
    """Labels uint8 (N, X, Y, Z) to bool masks (N, C, X, Y, Z), on whichever device they are."""
    return unpack_masks(labels, classes) if grid == "box" else label_masks(labels, classes)


def unpack_masks(labels: Tensor, classes: int) -> Tensor:
    """Bit sets uint8 (N, X, Y, Z) to bool masks (N, C, X, Y, Z); a cell may be of several classes."""
    bits = torch.arange(classes, device=labels.device, dtype=torch.uint8)
    return ((labels.unsqueeze(1) >> bits.view(1, -1, 1, 1, 1)) & 1).bool()


def label_masks(labels: Tensor, classes: int) -> Tensor:
    """Labels uint8 (N, X, Y, Z), 0 = air, to bool masks (N, C, X, Y, Z); a cell is of one class at most."""
    known = torch.arange(1, classes + 1, device=labels.device, dtype=torch.uint8)
    return labels.unsqueeze(1) == known.view(1, -1, 1, 1, 1)
