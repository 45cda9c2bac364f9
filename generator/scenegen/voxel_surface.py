"""Which cells a triangle's surface meets: exact, by cutting the triangle along the cells' planes.

The part of a triangle between two parallel planes is a convex polygon, and so is the part of that between two planes
of the next axis; the extent of what is left along the third axis gives the cells that it meets. No cell outside the
triangle's own range is looked at, and degenerate triangles need no care.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.compiled import compiled

# Each cell is grown by this share of itself, so that a face on the boundary of two cells, off by rounding, marks both.
TOLERANCE = 1e-9


def slab_bounds(edges: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lower and upper bound, float64 (n,) each, of the grown slices between rising `edges` (n + 1,)."""
    margin = TOLERANCE * np.diff(edges)
    return edges[:-1] - margin, edges[1:] + margin


@compiled
def mark_surface(
    triangles: NDArray[np.float64],
    low: NDArray[np.int64],
    below: NDArray[np.float64],
    above: NDArray[np.float64],
    occupied: NDArray[np.bool_],
) -> None:
    """Set the cells of `occupied` (nx, ny, nz), whose first cell is `low` of the grid, that triangles meet.

    `triangles` is (T, 3, 3) in cells along the first two axes; `below` and `above` (nz,) are the bounds of the slices
    along the third.
    """
    nx, ny, nz = occupied.shape
    in_slice = np.empty((16, 3))
    in_row = np.empty((16, 3))
    scratch = np.empty((16, 3))
    for t in range(triangles.shape[0]):
        triangle = triangles[t]
        c_min = min(triangle[0, 2], triangle[1, 2], triangle[2, 2])
        c_max = max(triangle[0, 2], triangle[1, 2], triangle[2, 2])
        if c_max < below[0] or c_min > above[nz - 1]:
            continue
        i_min, i_max = _touched(triangle, 3, 0, low[0], nx)
        j_min, j_max = _touched(triangle, 3, 1, low[1], ny)
        if i_min > i_max or j_min > j_max:
            continue
        k_min = np.searchsorted(above, c_min, side="left")
        k_max = np.searchsorted(below, c_max, side="right") - 1
        whole = c_min >= below[k_min] and c_max <= above[k_max] and _within(triangle, low, nx, ny)
        if whole and (i_max > i_min) + (j_max > j_min) + (k_max > k_min) < 2:
            occupied[i_min : i_max + 1, j_min : j_max + 1, k_min : k_max + 1] = True
            continue
        for k in range(k_min, k_max + 1):
            count = _clip(triangle, 3, 2, below[k], above[k], scratch, in_slice)
            if count == 0:
                continue
            j_min, j_max = _touched(in_slice, count, 1, low[1], ny)
            for j in range(j_min, j_max + 1):
                row = low[1] + j
                corners = _clip(in_slice, count, 1, row - TOLERANCE, row + 1 + TOLERANCE, scratch, in_row)
                if corners:
                    i_min, i_max = _touched(in_row, corners, 0, low[0], nx)
                    for i in range(i_min, i_max + 1):
                        occupied[i, j, k] = True


@compiled
def _touched(polygon: NDArray[np.float64], corners: int, axis: int, low: int, cells: int) -> tuple[int, int]:
    """First and last of `cells` unit cells, counted from cell `low`, that the polygon's extent along an axis meets."""
    start = stop = polygon[0, axis]
    for corner in range(1, corners):
        start = min(start, polygon[corner, axis])
        stop = max(stop, polygon[corner, axis])
    # Far corners would overflow an integer: bound them first.
    start = min(max(start, low - 2.0), low + cells + 2.0)
    stop = min(max(stop, low - 2.0), low + cells + 2.0)
    first = math.ceil(start - 1 - TOLERANCE) - low
    last = math.floor(stop + TOLERANCE) - low
    return max(first, 0), min(last, cells - 1)


@compiled
def _within(triangle: NDArray[np.float64], low: NDArray[np.int64], nx: int, ny: int) -> bool:
    """Whether no corner lies outside the marked range along the first two axes."""
    for corner in range(3):
        a, b = triangle[corner, 0] - low[0], triangle[corner, 1] - low[1]
        if a < 0 or b < 0 or a > nx or b > ny:
            return False
    return True


@compiled
def _clip(
    polygon: NDArray[np.float64],
    corners: int,
    axis: int,
    low: float,
    high: float,
    scratch: NDArray[np.float64],
    result: NDArray[np.float64],
) -> int:
    """Cut a convex polygon to low <= axis <= high; return the number of corners written to `result`."""
    corners = _cut(polygon, corners, axis, low, 1.0, scratch)
    return _cut(scratch, corners, axis, high, -1.0, result)


@compiled
def _cut(
    polygon: NDArray[np.float64], corners: int, axis: int, bound: float, side: float, result: NDArray[np.float64]
) -> int:
    """Keep the part of a convex polygon where side * (axis - bound) >= 0; return its number of corners."""
    written = 0
    for corner in range(corners):
        following = corner + 1 if corner + 1 < corners else 0
        here = side * (polygon[corner, axis] - bound)
        there = side * (polygon[following, axis] - bound)
        if here >= 0:
            for d in range(3):
                result[written, d] = polygon[corner, d]
            written += 1
        if (here > 0 and there < 0) or (here < 0 and there > 0):
            share = here / (here - there)
            for d in range(3):
                result[written, d] = polygon[corner, d] + share * (polygon[following, d] - polygon[corner, d])
            result[written, axis] = bound
            written += 1
    return written
