"""DISN's loss: the L1 distance from ten times the signed distance, and the class of points inside objects.

Shapes: B scenes, N points, C classes, X Y Z the grid's axes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from scenetrain.blocks.distances import signed_distances
from scenetrain.networks.disn.network import CELLS_PER_UNIT, SCALE
from scenetrain.networks.disn.settings import DisnPoints

REACH = 12
"""Cells: farther points count as this far. The distance transform looks no farther."""
NEAR, NEAR_WEIGHT = 0.01, 4.0
"""Points whose signed distance is at most NEAR, so all inside of objects, weigh this (the authors' mask_weight)."""
LOSS_SCALE = 1000.0
"""The authors'; it weighs the loss against weight decay alone."""


def distances(occupied: Tensor) -> Tensor:
    """Signed distances of all voxel centres in the network's unit: bool (B, X, Y, Z) to float32 of that shape.

    They are exact distances from the surface of the voxels, which data sets hold; the paper's are from the mesh. Every
    voxel that a surface touches is occupied, so ours are less: at the centres within 2 cells of 5 cm of the surfaces of
    four built-in models of each class, by 0.48 (laptops) to 0.77 cells (chairs) on average, with a root mean square of
    0.56 to 0.92. Their sign is other than the mesh's at 15 to 26% of these centres, as it is of the labels.
    """
    return signed_distances(occupied, REACH) / CELLS_PER_UNIT


def draw_cells(distance: Tensor, points: DisnPoints, generator: torch.Generator | None = None) -> Tensor:
    """Numbers of `points.count` voxels per scene, in C order, with repeats: (B, X, Y, Z) to int64 (B, N)."""
    flat = distance.flatten(1)
    near = points.count - round(points.uniform * points.count)
    weights = torch.exp(-((flat / points.near_width) ** 2) / 2)
    alike = torch.randint(flat.shape[1], (len(flat), points.count - near), device=flat.device, generator=generator)
    if not near:
        return alike
    return torch.cat([torch.multinomial(weights, near, replacement=True, generator=generator), alike], 1)


def distance_loss(found: Tensor, distance: Tensor) -> Tensor:
    """LOSS_SCALE times the weighted mean of |SCALE distance - found|, both (B, N)."""
    weight = torch.where(distance <= NEAR, NEAR_WEIGHT, 1.0)
    return LOSS_SCALE * ((SCALE * distance - found.float()).abs() * weight).mean()


def class_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """LOSS_SCALE times the mean cross-entropy of logits (B, N, C) at points of any class, masks bool (B, N, C).

    A point of several classes wants each of them alike.
    """
    inside = masks.any(-1)
    shares = masks / masks.sum(-1, keepdim=True).clamp(min=1)
    losses = functional.cross_entropy(logits.float().flatten(0, 1), shares.flatten(0, 1), reduction="none")
    return LOSS_SCALE * losses.sum() / inside.sum().clamp(min=1)
