"""Lines of sight through voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled


@compiled
def lines_are_free(
    occupied: NDArray[np.bool_], start: NDArray[np.float64], ends: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether lines from one place meet no occupied voxel: (L, N).

    `occupied` (L, X, Y, Z); `start` (3,) and `ends` (L, N, 3) in voxels, the grid from (0, 0, 0) to its shape. Lines
    are walked from voxel to voxel (Amanatides and Woo 1987); what lies outside the grid is free.
    """
    layouts, samples = ends.shape[:2]
    shape = np.array(occupied.shape[1:])
    free = np.ones((layouts, samples), dtype=np.bool_)
    cell, last, step = np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64), np.empty(3, dtype=np.int64)
    reach, across = np.empty(3), np.empty(3)
    for layout in range(layouts):
        for sample in range(samples):
            walk = 0
            for k in range(3):
                way = ends[layout, sample, k] - start[k]
                cell[k] = np.int64(np.floor(start[k]))
                last[k] = np.int64(np.floor(ends[layout, sample, k]))
                walk += abs(last[k] - cell[k])
                step[k] = 1 if way > 0 else -1
                across[k] = abs(1 / way) if way != 0 else np.inf
                border = cell[k] + 1 if way > 0 else cell[k]
                reach[k] = (border - start[k]) / way if way != 0 else np.inf
            while True:
                inside = True
                for k in range(3):
                    inside = inside and 0 <= cell[k] < shape[k]
                if inside and occupied[layout, cell[0], cell[1], cell[2]]:
                    free[layout, sample] = False
                    break
                if walk == 0:
                    break
                nearest = 0
                for k in range(1, 3):
                    if reach[k] < reach[nearest]:
                        nearest = k
                cell[nearest] += step[nearest]
                reach[nearest] += across[nearest]
                walk -= 1
    return free
