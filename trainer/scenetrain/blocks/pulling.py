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


def cell_centres(shape: Sequence[int], step: float, device: torch.device) -> Tensor:
    """Centres (N, 3), in voxels, of the cells of a box grid; cells are cubes of `step` voxels."""
    axes = [(torch.arange(size, device=device, dtype=torch.float32) + 0.5) * step for size in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, 2)


def project_points(voxels_to_image: Tensor, points: Tensor) -> Projection:
    """Project points (B or 1, N, 3), in voxels, into the views.

    `voxels_to_image` (B, V, 3, 4) takes a place in voxels, (0, 0, 0) at the grid's corner, to (u z, v z, z), see
    data.reads.Extras.
    """
    x, y, z = points.to(voxels_to_image.dtype).unsqueeze(1).unbind(-1)
    m = voxels_to_image.unsqueeze(-1)
    # no matrix product: autocast would take it in 16 bits
    uz, vz, depth = (m[:, :, r, 0] * x + m[:, :, r, 1] * y + m[:, :, r, 2] * z + m[:, :, r, 3] for r in range(3))
    in_front = depth > MIN_DEPTH
    depth = depth.clamp(min=MIN_DEPTH)
    u, v = uz / depth, vz / depth
    seen = in_front & (u > 0) & (u < 1) & (v > 0) & (v < 1)
    return Projection(torch.stack([u, v], -1), depth, seen)


def project_cells(voxels_to_image: Tensor, shape: Sequence[int], step: float = 1.0) -> Projection:
    """Project the centres of a box grid's cells, `shape` of them along the axes, cubes of `step` voxels."""
    return project_points(voxels_to_image, cell_centres(shape, step, voxels_to_image.device).unsqueeze(0))


class Rays(NamedTuple):
    """The lines of sight through places of an image, in voxels."""

    eye: Tensor
    """(B, V, 3): where the camera stands."""
    direction: Tensor
    """(B, V, N, 3): the way from one metre of depth to the next."""


def rays(voxels_to_image: Tensor, places: Tensor) -> Rays:
    """Lines of sight through (u, v) (N, 2); the inverse is written out, as runtimes of exported networks know none."""
    a, b, c = voxels_to_image[..., :3].unbind(-2)
    columns = torch.stack([_cross(b, c), _cross(c, a), _cross(a, b)], -1)
    inverse = columns / (a * columns[..., 0]).sum(-1)[..., None, None]
    eye = -(inverse * voxels_to_image[..., 3].unsqueeze(-2)).sum(-1)
    u, v = places.to(inverse.dtype).unsqueeze(-1).unbind(1)
    of_u, of_v, of_one = inverse.unsqueeze(2).unbind(-1)
    return Rays(eye, of_u * u + of_v * v + of_one)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    (ax, ay, az), (bx, by, bz) = a.unbind(-1), b.unbind(-1)
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], -1)


def sample_maps(maps: Tensor, places: Tensor) -> Tensor:
    """Bilinear samples (B, V, C, N) of maps (B, V, C, h, w) at (u, v) (B, V, N, 2); 0 outside.

    Taken in the places' precision: 16 bits would move them by whole pixels.
    """
    batch, views = maps.shape[:2]
    grid = (2 * places - 1).flatten(0, 1).unsqueeze(1)
    found = functional.grid_sample(maps.flatten(0, 1).to(grid.dtype), grid, align_corners=False)
    return found.squeeze(2).unflatten(0, (batch, views)).to(maps.dtype)


def sample_volumes(volumes: Tensor, places: Tensor, level: Tensor) -> Tensor:
    """Trilinear samples (B, V, C, N) of volumes (B, V, C, D, h, w) at (u, v) (B, V, N, 2) and `level` (B, V, N).

    Level 0 is in the middle of the first of D maps, D - 1 in that of the last; beyond lies the nearest map, and beyond
    a map's edge its nearest pixel. Taken as samples of one tall map, which is faster than samples in space, and known
    to the runtimes of exported networks.
    """
    maps, rows = volumes.shape[3:5]
    tall = volumes.flatten(3, 4)
    level = level.clamp(0, maps - 1)
    lower = level.detach().floor().clamp(max=max(maps - 2, 0))
    v = (places[..., 1] * rows).clamp(0.5, rows - 0.5)
    u = places[..., 0].clamp(0.5 / volumes.shape[5], 1 - 0.5 / volumes.shape[5])
    upper = (lower + 1).clamp(max=maps - 1)
    near, far = (sample_maps(tall, torch.stack([u, (k * rows + v) / (maps * rows)], -1)) for k in (lower, upper))
    return near + (far - near) * (level - lower).unsqueeze(2).to(near.dtype)


def masked_moments(samples: Tensor, seen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance (B, C, N) over the views that see a cell, 0 where none does, and their share (B, 1, N)."""
    weight = seen.unsqueeze(2).to(samples.dtype)
    count = weight.sum(1)
    scale = 1 / count.clamp(min=1)
    samples = samples * weight
    mean = samples.sum(1) * scale
    variance = ((samples**2).sum(1) * scale - mean**2).clamp(min=0)
    return mean, variance, count / seen.shape[1]


def sample_rows(maps: Tensor, places: Tensor) -> Tensor:
    """What sample_maps gives, as (B, V, N, C).

    On a processor a sample is a weighted sum of four rows of C numbers: with many channels this takes a fraction of the
    time of grid_sample, which jumps from channel to channel (184 channels: a thirtieth of it, backward).
    """
    if maps.is_cuda or torch.compiler.is_exporting():
        return sample_maps(maps, places).transpose(2, 3)
    batch, views, channels, height, width = maps.shape
    rows = maps.permute(0, 1, 3, 4, 2).reshape(-1, channels)
    first = torch.arange(batch * views, device=maps.device).view(batch, views, 1) * (height * width)
    x, y = places[..., 0] * width - 0.5, places[..., 1] * height - 0.5
    left, top = x.floor(), y.floor()
    numbers, weights = [], []
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        numbers.append(torch.where(inside, first + (row * width + column).long(), 0))
        weights.append((1 - (x - column).abs()) * (1 - (y - row).abs()) * inside)
    found = functional.embedding_bag(
        torch.stack(numbers, -1).flatten(0, 2),
        rows,
        mode="sum",
        per_sample_weights=torch.stack(weights, -1).flatten(0, 2).to(rows.dtype),
    )
    return found.view(batch, views, -1, channels)
