"""What a camera sees of its own frustum (visibility.py has the rule): each pixel's ray keeps to one column of cells."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.labels.visibility import FREE, HIDDEN, NOT_IN_VIEW, SURFACE, Cells, PixelRays, rays_of
from scenegen.core.scene.scene import Camera, FrustumSpec


def frustum_visibility(
    camera: Camera,
    depth: NDArray[np.uint16],
    depth_unit: int,
    spec: FrustumSpec | None = None,
    *,
    measured: bool = False,
) -> Cells:
    """What a camera sees of its own fruxels (or of those of another `spec` at its pose): uint8 (w, h, d).

    `depth` is as for `box_visibility`.
    """
    grid = frustum_grid(camera, spec)
    w, h, d = grid.shape
    K, own = np.asarray(grid.K, dtype=np.float64), camera.K
    scale, centre = K[0, 0] / own[0][0], (own[0][2], own[1][2])
    sizes = ((camera.width, w), (camera.height, h))
    # Of each pixel column and row, the fruxels' one; of each of these, the pixel that its middle lies in.
    to_fruxel = [
        np.floor(((np.arange(n) + 0.5 - c) * scale + c) * (m / n)).astype(np.int64)
        for (n, m), c in zip(sizes, centre, strict=True)
    ]
    to_pixel = [
        np.floor(((np.arange(m) + 0.5) * (n / m) - c) / scale + c).astype(np.int64)
        for (n, m), c in zip(sizes, centre, strict=True)
    ]
    cells = np.zeros((d, h, w), dtype=np.uint8)  # as it is stored: depth slowest
    _fill_frustum(
        rays_of(depth, depth_unit, measured=measured),
        (to_fruxel[0], to_fruxel[1]),
        (to_pixel[0], to_pixel[1]),
        grid.near,
        grid.far,
        cells,
    )
    return cells.T


@compiled
def _fill_frustum(
    rays: PixelRays,
    to_fruxel: tuple[NDArray[np.int64], NDArray[np.int64]],
    to_pixel: tuple[NDArray[np.int64], NDArray[np.int64]],
    near: float,
    far: float,
    cells: Cells,
) -> None:
    """Fill in `cells` (d, h, w), of which every pixel's ray keeps to one column."""
    d, h, w = cells.shape
    height, width = rays.free.shape
    scale = d / (far - near)
    reach = np.full((h, w), -1.0)  # how far some ray is free
    for row in range(height):
        for column in range(width):
            i, j = to_fruxel[0][column], to_fruxel[1][row]
            if 0 <= i < w and 0 <= j < h:
                reach[j, i] = max(reach[j, i], rays.free[row, column], 0.0)
    # How many slices, from the nearest on, are free, and what the others are.
    free, rest = np.zeros(h * w, dtype=np.int32), np.full(h * w, HIDDEN, dtype=np.uint8)
    for j in range(h):
        for i in range(w):
            row, column = to_pixel[1][j], to_pixel[0][i]
            if reach[j, i] >= 0:  # slices that begin before it
                free[j * w + i] = math.ceil(min(max((reach[j, i] - near) * scale, 0), d))
            elif 0 <= row < height and 0 <= column < width:  # slices whose middle is before it
                free[j * w + i] = math.ceil(min(max((rays.free[row, column] - near) * scale - 0.5, 0), d))
            else:
                rest[j * w + i] = NOT_IN_VIEW
    for k in range(d):
        slab = cells[k].reshape(-1)
        for n in range(len(slab)):
            other = rest[n]
            slab[n] = other + (FREE - other) * (k < free[n])  # without a branch: 16 cells at a time
    for row in range(height):
        for column in range(width):
            i, j = to_fruxel[0][column], to_fruxel[1][row]
            if 0 <= i < w and 0 <= j < h and rays.end[row, column] >= 0:
                first = math.floor((rays.free[row, column] - near) * scale)
                last = math.floor((rays.end[row, column] - near) * scale)
                for k in range(max(first, 0), min(last, d - 1) + 1):
                    cells[k, j, i] = SURFACE
