"""Exact Euclidean distances between cells of a grid, up to a reach, in passes along the axes.

After Felzenszwalb and Huttenlocher, "Distance Transforms of Sampled Functions" (2012): the squared distance is a
minimum per axis. Within a reach each minimum looks at few neighbours, which devices do for all cells at once.
"""

from __future__ import annotations

import torch
from torch import Tensor


def distances_to(cells: Tensor, reach: int) -> Tensor:
    """The distance of every cell's centre from the centre of the nearest true one, in cells.

    bool (..., X, Y, Z) to float32 of that shape: exact up to `reach`, which stands for all that is farther.
    """
    squared = torch.where(cells, 0.0, float(reach**2))
    for axis in (-3, -2, -1):
        squared = _nearest_along(squared, axis, reach)
    return squared.sqrt()


def signed_distances(occupied: Tensor, reach: int) -> Tensor:
    """The distance of every cell's centre from the surface of the occupied cells, in cells: below 0 inside of them.

    bool (..., X, Y, Z) to float32 of that shape, from -reach to reach. The surface is taken to be half a cell before
    the centre of the nearest cell of the other kind; what is beyond the grid counts as neither.
    """
    free = distances_to(occupied, reach + 1) - 0.5
    inside = distances_to(~occupied, reach + 1) - 0.5
    return torch.where(occupied, -inside, free).clamp(-reach, reach)


def _nearest_along(squared: Tensor, axis: int, reach: int) -> Tensor:
    """The least of squared distance plus squared step, over steps along one axis."""
    size, least = squared.shape[axis], squared.clone()
    for step in range(1, min(reach, size)):
        ahead, behind = least.narrow(axis, 0, size - step), least.narrow(axis, step, size - step)
        torch.minimum(ahead, squared.narrow(axis, step, size - step) + step**2, out=ahead)
        torch.minimum(behind, squared.narrow(axis, 0, size - step) + step**2, out=behind)
    return least
