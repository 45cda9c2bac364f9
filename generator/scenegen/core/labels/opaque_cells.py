"""Which cells hold some opaque area of cut-out faces: exact, by cutting a face to a cell and asking for its texels.

This is done in the space of axis-aligned cells, where a frustum's UVs are no longer linear: there UV / z and 1 / z are,
so corners carry s, t and 1 times a weight, which is 1 / z in a frustum grid and 1 in a box grid.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.cut_outs import OpaqueTexels, count_texels, is_opaque
from scenegen.core.labels.surface_cells import TOLERANCE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COLUMNS = 6
MOST_CORNERS = 48  # of a clipped triangle: 9, and more where rounding puts corners on both sides of a plane
# A part of a face within a cell that is thinner than this share of the cell only touches the cell: vertices are
# float32.
THIN = 1e-5


class CutFaces(NamedTuple):
    """Cut-out faces among axis-aligned cells.

    `corners` float64 (C, 3, 6): place (3), s, t and 1 times the weight; `maps` int64 (C,) of `texels`.
    """

    corners: Floats
    maps: Ints
    texels: OpaqueTexels


@compiled
def mark_opaque(faces: CutFaces, low: Ints, below: Floats, above: Floats, occupied: NDArray[np.bool_]) -> None:
    """Set the cells of `occupied` (nx, ny, nz) that hold some opaque area of a face; see `mark_surface`."""
    nx, ny, _ = occupied.shape
    s, t = np.empty((2, MOST_CORNERS))
    in_slice, in_row, in_cell, spare = np.empty((4, MOST_CORNERS, COLUMNS))
    for f in range(len(faces.maps)):
        face = faces.corners[f]
        k_first = np.searchsorted(above, face[:, 2].min())
        k_stop = np.searchsorted(below, face[:, 2].max(), side="right")
        for k in range(k_first, k_stop):
            count = _clipped(face, 3, 2, below[k], above[k], in_slice, spare)
            if count == 0:
                continue
            j_first, j_stop = _cells(in_slice, count, 1, low[1], ny)
            for j in range(j_first, j_stop):
                bottom = low[1] + j - TOLERANCE
                row_count = _clipped(in_slice, count, 1, bottom, bottom + 1 + 2 * TOLERANCE, in_row, spare)
                if row_count == 0:
                    continue
                i_first, i_stop = _cells(in_row, row_count, 0, low[0], nx)
                for i in range(i_first, i_stop):
                    if occupied[i, j, k]:
                        continue
                    left = low[0] + i - TOLERANCE
                    corners = _clipped(in_row, row_count, 0, left, left + 1 + 2 * TOLERANCE, in_cell, spare)
                    if corners >= 3 and not _is_thin(in_cell, corners, above[k] - below[k]):
                        occupied[i, j, k] = _holds_opaque(faces.texels, faces.maps[f], in_cell, corners, s, t)


@compiled
def _cells(polygon: Floats, count: int, axis: int, first: int, cells: int) -> tuple[int, int]:
    """The first of `cells` unit cells, from `first` on, that a polygon spans along an axis, and one past the last."""
    low, high = math.inf, -math.inf
    for corner in range(count):
        low, high = min(low, polygon[corner, axis] - first), max(high, polygon[corner, axis] - first)
    low, high = max(low, -1.0), min(high, cells + 1.0)
    return max(math.ceil(low - 1 - TOLERANCE), 0), min(math.floor(high + TOLERANCE), cells - 1) + 1


@compiled
def _clipped(  # noqa: PLR0913 (a compiled loop takes arrays, not records)
    polygon: Floats, count: int, axis: int, low: float, high: float, result: Floats, spare: Floats
) -> int:
    """The part of a convex polygon with `count` corners (rows) where low <= axis <= high, to `result`; its corners."""
    count = _half(polygon, count, axis, low, 1.0, spare)
    return _half(spare, count, axis, high, -1.0, result)


@compiled
def _half(polygon: Floats, count: int, axis: int, bound: float, sign: float, result: Floats) -> int:
    """The part of a polygon on one side of a plane: from `bound` upward where `sign` is 1, downward where it is -1."""
    written = 0
    for corner in range(count):
        following = corner + 1 if corner + 1 < count else 0
        here, there = sign * (polygon[corner, axis] - bound), sign * (polygon[following, axis] - bound)
        if here >= 0:
            for column in range(COLUMNS):
                result[written, column] = polygon[corner, column]
            written += 1
        if (here > 0 and there < 0) or (here < 0 and there > 0):
            share = here / (here - there)
            for column in range(COLUMNS):
                start = polygon[corner, column]
                result[written, column] = start + share * (polygon[following, column] - start)
            result[written, axis] = bound
            written += 1
    return written


@compiled
def _is_thin(polygon: Floats, count: int, thickness: float) -> bool:
    """Whether a polygon's area over its longest side is less than THIN of a cell; the third axis's cells have
    `thickness`.
    """
    x = y = z = longest = 0.0
    before = (0.0, 0.0, 0.0)
    for corner in range(1, count):
        u, v = polygon[corner, 0] - polygon[0, 0], polygon[corner, 1] - polygon[0, 1]
        w = (polygon[corner, 2] - polygon[0, 2]) / thickness
        longest = max(longest, u * u + v * v + w * w)
        x += before[1] * w - before[2] * v
        y += before[2] * u - before[0] * w
        z += before[0] * v - before[1] * u
        before = (u, v, w)
    return math.sqrt(x * x + y * y + z * z) / 2 < THIN * math.sqrt(longest)


@compiled
def _holds_opaque(texels: OpaqueTexels, number: int, polygon: Floats, count: int, s: Floats, t: Floats) -> bool:
    """Whether the part of a face within a cell has opaque area; `s` and `t` are room for its corners' UVs."""
    middle_s = middle_t = 0.0
    for corner in range(count):
        s[corner], t[corner] = polygon[corner, 3] / polygon[corner, 5], polygon[corner, 4] / polygon[corner, 5]
        middle_s += s[corner] / count
        middle_t += t[corner] / count
    if is_opaque(texels, number, middle_s, middle_t):
        return True
    for corner in range(count):  # a few points tell of most
        if is_opaque(texels, number, 0.8 * s[corner] + 0.2 * middle_s, 0.8 * t[corner] + 0.2 * middle_t):
            return True
    return count_texels(texels, number, s, t, count)[1] > 0
