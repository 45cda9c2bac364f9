"""Which cells a triangle's surface meets: exact, by cutting the triangle along the cells' planes.

The part of a triangle between two parallel planes is a convex polygon, and so is the part of that between two planes
of the next axis; the extent of what is left along the last axis gives the cells that it meets. Only cells
in the triangle's own range are tested, and degenerate triangles need no special case.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Each cell is grown by this share of itself, so that a face on the boundary of two cells, off by rounding, marks both.
TOLERANCE = 1e-9


def slab_bounds(edges: Floats) -> tuple[Floats, Floats]:
    """Lower and upper bound, float64 (n,) each, of the grown slices between rising `edges` (n + 1,)."""
    margin = TOLERANCE * np.diff(edges)
    return edges[:-1] - margin, edges[1:] + margin


@compiled
def mark_surface(
    places: Floats, faces: Ints, low: Ints, below: Floats, above: Floats, occupied: NDArray[np.bool_]
) -> None:
    """Set the cells of `occupied` (nx, ny, nz), whose first cell is `low` of the grid, that triangles meet.

    `places` (V, 3) are in cells along the first two axes; `below` and `above` (nz,) are the bounds of the slices along
    the third.
    """
    nx, ny, nz = occupied.shape
    cells = _vertex_cells(places, low, below, above, nx, ny)
    a, b = np.empty(6), np.empty(6)
    for f in range(len(faces)):
        one, two, three = faces[f, 0], faces[f, 1], faces[f, 2]
        i_min, i_max = _span(cells, one, two, three, 0)
        j_min, j_max = _span(cells, one, two, three, 2)
        k_min, k_max = _span(cells, one, two, three, 4)
        if i_min > i_max or i_max < 0 or i_min >= nx or j_max < 0 or j_min >= ny or k_max < 0 or k_min >= nz:
            continue
        one_row, one_slice = j_min == j_max, k_min == k_max
        spread = (i_min != i_max) + (not one_row) + (not one_slice)
        i_min, j_min, k_min = max(i_min, 0), max(j_min, 0), max(k_min, 0)
        i_max, j_max, k_max = min(i_max, nx - 1), min(j_max, ny - 1), min(k_max, nz - 1)
        if spread < 2:
            for i in range(i_min, i_max + 1):
                for j in range(j_min, j_max + 1):
                    for k in range(k_min, k_max + 1):
                        occupied[i, j, k] = True
            continue
        if _all_set(occupied, i_min, i_max, j_min, j_max, k_min, k_max):
            continue
        for corner in range(3):
            a[corner], b[corner] = places[faces[f, corner], 0] - low[0], places[faces[f, corner], 1] - low[1]
        for k in range(k_min, k_max + 1):
            corners = 3
            if not one_slice:
                corners = _slice(places, faces[f], low, below[k], above[k], a, b)
            for j in range(j_min, j_max + 1):
                start, stop = extent(a, b, corners, j - TOLERANCE, j + 1 + TOLERANCE)
                if start <= stop:
                    i_first, i_last = _touched(start, nx)[0], _touched(stop, nx)[1]
                    for i in range(max(i_first, 0), min(i_last, nx - 1) + 1):
                        occupied[i, j, k] = True


@compiled
def _all_set(  # noqa: PLR0913 (a compiled loop takes arrays, not records)
    occupied: NDArray[np.bool_], i_min: int, i_max: int, j_min: int, j_max: int, k_min: int, k_max: int
) -> bool:
    for i in range(i_min, i_max + 1):
        for j in range(j_min, j_max + 1):
            for k in range(k_min, k_max + 1):
                if not occupied[i, j, k]:
                    return False
    return True


@compiled
def _vertex_cells(places: Floats, low: Ints, below: Floats, above: Floats, nx: int, ny: int) -> NDArray[np.int32]:
    """First and last cell that each vertex touches along each axis, int32 (V, 6); -1 and n stand for all outside."""
    cells = np.empty((len(places), 6), dtype=np.int32)
    nz = len(below)
    for v in range(len(places)):
        cells[v, 0], cells[v, 1] = _touched(places[v, 0] - low[0], nx)
        cells[v, 2], cells[v, 3] = _touched(places[v, 1] - low[1], ny)
        height = places[v, 2]
        first, stop = 0, nz
        while first < stop:
            middle = (first + stop) // 2
            if above[middle] >= height:
                stop = middle
            else:
                first = middle + 1
        last = first
        while last + 1 < nz and below[last + 1] <= height:
            last += 1
        outside = first == 0 and height < below[0]
        cells[v, 4], cells[v, 5] = (-1, -1) if outside else (first, last)
    return cells


@compiled
def _touched(place: float, cells: int) -> tuple[int, int]:
    """First and last of `cells` unit cells that a place touches; -1 and `cells` stand for all before and after."""
    # Far places would overflow an integer: bound them first.
    place = min(max(place, -1.0), cells + 1.0)
    return max(math.ceil(place - 1 - TOLERANCE), -1), min(math.floor(place + TOLERANCE), cells)


@compiled
def _span(cells: NDArray[np.int32], one: int, two: int, three: int, column: int) -> tuple[int, int]:
    """First and last cell that three vertices span along an axis."""
    first = min(cells[one, column], cells[two, column], cells[three, column])
    return first, max(cells[one, column + 1], cells[two, column + 1], cells[three, column + 1])


@compiled
def _slice(  # noqa: PLR0913 (a compiled loop takes arrays, not records)
    places: Floats,
    face: Ints,
    low: Ints,
    below: float,
    above: float,
    a: Floats,
    b: Floats,
) -> int:
    """The polygon of a triangle between two planes of the third axis: corners, in order, to (a, b); their number."""
    corners = 0
    for corner in range(3):
        following = corner + 1 if corner < 2 else 0
        one, other = face[corner], face[following]
        here, there = places[one, 2], places[other, 2]
        if (here < below and there < below) or (here > above and there > above):
            continue
        a_here, a_step = places[one, 0] - low[0], places[other, 0] - places[one, 0]
        b_here, b_step = places[one, 1] - low[1], places[other, 1] - places[one, 1]
        for bound in (here, there):
            share = 0.0 if bound == here else 1.0
            if bound < below:
                share = (below - here) / (there - here)
            elif bound > above:
                share = (above - here) / (there - here)
            a[corners], b[corners] = a_here + share * a_step, b_here + share * b_step
            corners += 1
    return corners


@compiled
def extent(a: Floats, b: Floats, corners: int, low: float, high: float) -> tuple[float, float]:
    """Extent along `a` of the part of a convex polygon where low <= b <= high; (inf, -inf) if there is none."""
    start, stop = math.inf, -math.inf
    last = corners - 1
    for corner in range(corners):
        here, there = b[last], b[corner]
        a_here, a_there = a[last], a[corner]
        last = corner
        if (here < low and there < low) or (here > high and there > high):
            continue
        step = a_there - a_here
        one, other = a_here, a_there
        if here < low:
            one = a_here + (low - here) / (there - here) * step
        elif here > high:
            one = a_here + (high - here) / (there - here) * step
        if there < low:
            other = a_here + (low - here) / (there - here) * step
        elif there > high:
            other = a_here + (high - here) / (there - here) * step
        start, stop = min(start, one, other), max(stop, one, other)
    return start, stop
