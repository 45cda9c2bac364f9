"""Which cell centres lie inside a solid: signed crossings along the grid's three axes, put to the vote."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.compiled import compiled

# How far a cell looks for its neighbours' votes.
SPREAD = 3


@compiled
def count_crossings(
    triangles: NDArray[np.float64],
    low: NDArray[np.int64],
    centres: NDArray[np.float64],
    along_0: NDArray[np.int16],
    along_1: NDArray[np.int16],
    along_2: NDArray[np.int16],
) -> None:
    """Add each triangle's signed crossings with the lines through cell centres along the three axes.

    `low` is the first cell; `centres` (nz,) are the third axis's. `along_0` is (nz, ny, nx + 1), `along_1`
    (nz, nx, ny + 1), `along_2` (ny, nx, nz + 1): rows, columns, and along the line the first centre that the crossing
    comes before; the last one holds what comes after all centres.
    """
    ny, nx = along_2.shape[:2]
    for t in range(triangles.shape[0]):
        triangle = triangles[t]
        i_min, i_max = _centres_between(triangle, 0, low[0], nx)
        j_min, j_max = _centres_between(triangle, 1, low[1], ny)
        rows, columns = i_max > i_min, j_max > j_min
        if not (rows or columns):
            continue
        c_min = min(triangle[0, 2], triangle[1, 2], triangle[2, 2])
        c_max = max(triangle[0, 2], triangle[1, 2], triangle[2, 2])
        if rows and columns:
            for j in range(j_min, j_max):
                _scan_row(triangle, 2, 1, 0, j, low[1] + j + 0.5, low, centres, along_2)
        k_min, k_max = np.searchsorted(centres, c_min), np.searchsorted(centres, c_max)
        for k in range(k_min, k_max):
            if columns:
                _scan_row(triangle, 0, 2, 1, k, centres[k], low, centres, along_0)
            if rows:
                _scan_row(triangle, 1, 2, 0, k, centres[k], low, centres, along_1)


@compiled
def _scan_row(
    triangle: NDArray[np.float64],
    axis: int,
    row_axis: int,
    column_axis: int,
    row: int,
    row_centre: float,
    low: NDArray[np.int64],
    centres: NDArray[np.float64],
    along: NDArray[np.int16],
) -> None:
    """Add the crossings of one triangle with one row of lines.

    Where the row's plane cuts an edge is computed from the lower end, whichever triangle asks, and intervals are half
    open: so two triangles that share an edge meet without gap or overlap, and a closed mesh's crossings cancel exactly.
    """
    rising_column = rising_height = falling_column = falling_height = 0.0
    crossed = False
    for corner in range(3):
        following = corner + 1 if corner < 2 else 0
        here_below = triangle[corner, row_axis] <= row_centre
        there_below = triangle[following, row_axis] <= row_centre
        if here_below == there_below:
            continue
        crossed = True
        lower, upper = (corner, following) if here_below else (following, corner)
        share = (row_centre - triangle[lower, row_axis]) / (triangle[upper, row_axis] - triangle[lower, row_axis])
        column = triangle[lower, column_axis] + share * (triangle[upper, column_axis] - triangle[lower, column_axis])
        height = triangle[lower, axis] + share * (triangle[upper, axis] - triangle[lower, axis])
        if here_below:
            rising_column, rising_height = column, height
        else:
            falling_column, falling_height = column, height
    if not crossed:
        return
    sign = 1 if rising_column < falling_column else -1
    columns, cells = along.shape[1], along.shape[2] - 1
    first = _centre_from(min(rising_column, falling_column), column_axis, low, centres, columns)
    last = _centre_from(max(rising_column, falling_column), column_axis, low, centres, columns)
    for index in range(first, last):
        share = (low[column_axis] + index + 0.5 - rising_column) / (falling_column - rising_column)
        height = rising_height + share * (falling_height - rising_height)
        along[row, index, _centre_from(height, axis, low, centres, cells)] += sign


@compiled
def _centre_from(place: float, axis: int, low: NDArray[np.int64], centres: NDArray[np.float64], cells: int) -> int:
    """The first of `cells` cells whose centre is at or after a place along an axis; `cells` if there is none."""
    if axis == 2:
        return int(np.searchsorted(centres, place))
    place -= low[axis] + 0.5
    return 0 if place <= 0 else cells if place > cells - 1 else math.ceil(place)


@compiled
def _centres_between(triangle: NDArray[np.float64], axis: int, low: int, cells: int) -> tuple[int, int]:
    """First cell whose centre lies in a triangle's extent along axis 0 or 1, and the one past the last."""
    start = min(triangle[0, axis], triangle[1, axis], triangle[2, axis]) - low - 0.5
    stop = max(triangle[0, axis], triangle[1, axis], triangle[2, axis]) - low - 0.5
    first = 0 if start <= 0 else cells if start > cells - 1 else math.ceil(start)
    last = 0 if stop <= 0 else cells if stop > cells - 1 else math.ceil(stop)
    return first, last


@compiled
def add_votes(along: NDArray[np.int16], votes: NDArray[np.int8]) -> int:
    """Let each line vote on its cells: `votes` (rows, columns, cells) gains 1 inside, loses 1 outside.

    A line is inside where its crossings so far do not cancel. One whose crossings do not cancel at its end has met a
    hole, a sheet or a flipped face: it abstains. Returns the number of those.
    """
    leaky = 0
    rows, columns, bins = along.shape
    for row in range(rows):
        for column in range(columns):
            total = 0
            for cell in range(bins):
                total += along[row, column, cell]
            if total != 0:
                leaky += 1
                continue
            winding = 0
            for cell in range(bins - 1):
                winding += along[row, column, cell]
                votes[row, column, cell] += 1 if winding != 0 else -1
    return leaky


@compiled
def settle_votes(votes: NDArray[np.int8], surface: NDArray[np.bool_]) -> None:
    """Mend the votes (nx, ny, nz) of a mesh with leaky lines, by what neighbours say that no surface parts from a cell.

    Cells of a pocket that the surface encloses are all alike: they take the sign of its sum. Elsewhere a cell takes
    the sign of its neighbourhood, walking `SPREAD` cells through free space, which undoes lines that voted wrongly.
    """
    nx, ny, nz = votes.shape
    spread = np.where(surface, 0, votes).astype(np.int32)
    for _ in range(SPREAD):
        before = spread.copy()
        for i in range(nx):
            for j in range(ny):
                for k in range(nz):
                    if surface[i, j, k]:
                        continue
                    total = before[i, j, k]
                    for step in (-1, 1):
                        if 0 <= i + step < nx:
                            total += before[i + step, j, k]
                        if 0 <= j + step < ny:
                            total += before[i, j + step, k]
                        if 0 <= k + step < nz:
                            total += before[i, j, k + step]
                    spread[i, j, k] = total
    seen = surface.copy()
    queue = np.empty((nx * ny * nz, 3), dtype=np.int32)
    for start in range(nx * ny * nz):
        i, j, k = start // (ny * nz), start // nz % ny, start % nz
        if seen[i, j, k]:
            continue
        seen[i, j, k] = True
        queue[0] = i, j, k
        size, total, enclosed = 1, 0, True
        done = 0
        while done < size:
            i, j, k = queue[done]
            done += 1
            total += votes[i, j, k]
            for di, dj, dk in ((-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, -1), (0, 0, 1)):
                x, y, z = i + di, j + dj, k + dk
                if x < 0 or y < 0 or z < 0 or x == nx or y == ny or z == nz:
                    enclosed = False
                elif not seen[x, y, z]:
                    seen[x, y, z] = True
                    queue[size] = x, y, z
                    size += 1
        for cell in range(size):
            i, j, k = queue[cell]
            verdict = total if enclosed else spread[i, j, k]
            votes[i, j, k] = 1 if verdict > 0 else -1
