"""Pulls image features to voxels: projection of voxel centres, sampling, and moments over views.

Shapes: B items, V views, C channels, N = X * Y * Z cells of a box grid in C order, h w a feature map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

MIN_DEPTH = 0.05
"""Metres; what is nearer to a camera's plane is not seen."""


class Projection(NamedTuple):
    """Where views show the centres of cells."""

    places: Tensor
    """float32 (B, V, N, 2): u and v in widths and heights of the image, 0 at the left and upper edges."""
    depth: Tensor
    """float32 (B, V, N): metres along the optical axis, MIN_DEPTH at the least."""
    seen: Tensor
    """bool (B, V, N): in front of the camera and inside the image."""


def project_cells(voxels_to_image: Tensor, shape: Sequence[int], step: float = 1.0) -> Projection:
    """Project the centres of a box grid's cells.

    `voxels_to_image` (B, V, 3, 4) takes a place in voxels, (0, 0, 0) at the grid's corner, to (u z, v z, z), see
    data.reads.Extras. Cells are cubes of `step` voxels, `shape` of them along the axes.
    """
    axes = [(torch.arange(size, device=voxels_to_image.device, dtype=torch.float32) + 0.5) * step for size in shape]
    x, y, z = (axis.view([-1 if a == k else 1 for k in range(3)]) for a, axis in enumerate(axes))
    m = voxels_to_image.float()[..., None, None, None]
    uz, vz, depth = (m[:, :, r, 0] * x + m[:, :, r, 1] * y + m[:, :, r, 2] * z + m[:, :, r, 3] for r in range(3))
    in_front = depth > MIN_DEPTH
    depth = depth.clamp(min=MIN_DEPTH)
    u, v = uz / depth, vz / depth
    seen = in_front & (u > 0) & (u < 1) & (v > 0) & (v < 1)
    return Projection(torch.stack([u, v], -1).flatten(2, 4), depth.flatten(2), seen.flatten(2))


def sample_maps(maps: Tensor, places: Tensor) -> Tensor:
    """Bilinear samples (B, V, C, N) of maps (B, V, C, h, w) at (u, v) (B, V, N, 2); 0 outside."""
    batch, views = maps.shape[:2]
    grid = (2 * places - 1).flatten(0, 1).unsqueeze(1).to(maps.dtype)
    found = functional.grid_sample(maps.flatten(0, 1), grid, align_corners=False)
    return found.squeeze(2).unflatten(0, (batch, views))


def masked_moments(samples: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance (B, C, N) over the views that see a cell, 0 where none does, and their share (B, 1, N)."""
    weight = seen.unsqueeze(2).to(samples.dtype)
    count = weight.sum(1)
    scale = 1 / count.clamp(min=1)
    samples = samples * weight
    mean = samples.sum(1) * scale
    variance = ((samples**2).sum(1) * scale - mean**2).clamp(min=0)
    return mean, variance, count / seen.shape[1]
