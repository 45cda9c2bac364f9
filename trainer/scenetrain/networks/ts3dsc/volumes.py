"""What depth images say of a grid: which cells their pixels hit, a flipped TSDF, and pixels' features in their cells.

Shapes: B scenes, V views, H W pixels, C channels, X Y Z the grid's axes, P = V * H * W pixels in C order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from scenetrain.blocks.distances import distances_to
from scenetrain.blocks.pulling import project_cells

LEAST = 0.001
"""Of the flipped TSDF, far from every surface: its sign stays."""


class Hits(NamedTuple):
    """Which cell of the grid each pixel's surface is in."""

    cells: Tensor
    """int64 (B, P): its number in C order; 0 where the pixel hits none."""
    known: Tensor
    """bool (B, P): the pixel has a depth, and the point there is in the grid."""


def find_hits(depth: Tensor, voxels_to_image: Tensor, shape: Sequence[int]) -> Hits:
    """The cells of the points that pixels show.

    `depth` float32 (B, V, H, W) is along the optical axis, 0 or inf where there is none; `voxels_to_image` (B, V, 3, 4)
    is as in data.reads.Extras.
    """
    height, width = depth.shape[-2:]
    known = torch.isfinite(depth) & (depth > 0)
    far = torch.where(known, depth, 1.0)
    u = (torch.arange(width, device=depth.device) + 0.5) / width
    v = ((torch.arange(height, device=depth.device) + 0.5) / height).unsqueeze(1)
    image = torch.stack([u * far, v * far, far], 2).flatten(3)  # (B, V, 3, H * W): what voxels_to_image gives
    matrix, offset = voxels_to_image.double().split([3, 1], -1)
    places = (torch.linalg.inv(matrix) @ (image.double() - offset)).transpose(2, 3)
    # in double precision: a surface between two cells belongs to one of them, not to noise
    cells = places.floor().long()
    size = torch.tensor(shape, device=depth.device)
    known = known.flatten(2) & ((cells >= 0) & (cells < size)).all(-1)
    numbers = (cells[..., 0] * shape[1] + cells[..., 1]) * shape[2] + cells[..., 2]
    return Hits(torch.where(known, numbers, 0).flatten(1), known.flatten(1))


def lift_pixels(features: Tensor, hits: Hits, shape: Sequence[int]) -> Tensor:
    """The mean feature of the pixels that hit a cell, 0 where none does: (B, V, C, H, W) to (B, C, X, Y, Z)."""
    batch, _, channels = features.shape[:3]
    cells = math.prod(shape)
    rows = features.movedim(2, 4).flatten(1, 3)  # (B, P, C)
    first = torch.arange(batch, device=features.device).unsqueeze(1) * cells
    numbers, weight = (hits.cells + first).flatten(), hits.known.flatten().to(features.dtype)
    total = features.new_zeros(batch * cells, channels)
    total = total.index_add(0, numbers, rows.flatten(0, 1) * weight.unsqueeze(1))
    count = features.new_zeros(batch * cells).index_add(0, numbers, weight)
    mean = total / count.clamp(min=1).unsqueeze(1)
    return mean.view(batch, cells, channels).transpose(1, 2).unflatten(2, tuple(shape))


def flipped_tsdf(depth: Tensor, voxels_to_image: Tensor, hits: Hits, shape: Sequence[int], margin: int) -> Tensor:
    """SSCNet's flipped TSDF (Song et al., CVPR 2017, and its authors' code), float32 (B, 1, X, Y, Z).

    sign * max(LEAST, 1 - distance / margin), with the distance in cells from the nearest cell that a pixel hits, on any
    side and not along a ray: so 1 at surfaces and near 0 elsewhere. The sign is -1 where every view that sees the cell
    sees a surface before it. `margin` is in cells (SSCNet: 12 of 2 cm). A cell that no view sees is LEAST.
    """
    batch, cells = len(depth), math.prod(shape)
    first = torch.arange(batch, device=depth.device).unsqueeze(1) * cells
    hit = torch.zeros(batch * cells, dtype=torch.bool, device=depth.device)
    hit[(hits.cells + first)[hits.known]] = True
    hit = hit.view(batch, *shape)
    seen, free = seen_cells(depth, voxels_to_image, shape)
    near = 1 - distances_to(hit, margin) / margin
    sign = torch.where(free | hit | ~seen, 1.0, -1.0)
    return (sign * torch.where(seen | hit, near.clamp(min=LEAST), LEAST)).unsqueeze(1)


def seen_cells(depth: Tensor, voxels_to_image: Tensor, shape: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Which cells' centres are in any view's image, and which of them a view sees through, both bool (B, X, Y, Z)."""
    height, width = depth.shape[-2:]
    found = project_cells(voxels_to_image, shape)
    size = torch.tensor([width, height], device=depth.device)
    pixels = (found.places * size).clamp(min=torch.zeros_like(size), max=size - 1).long()
    there = depth.flatten(2).gather(2, pixels[..., 1] * width + pixels[..., 0])
    through = (there == 0) | (found.depth < there)  # a ray that hits nothing is free all along
    seen = found.seen
    return seen.any(1).unflatten(1, tuple(shape)), (seen & through).any(1).unflatten(1, tuple(shape))
