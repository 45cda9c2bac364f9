"""Cut-outs: faces of which only the opaque texels of an alpha map exist, such as leaves, fences and hair on cards.

A texel is opaque where its alpha is at least one half. The texel of a point is the one that its UV lies in, never a
blend of neighbours, and the renderer is told the same. Maps repeat. UVs are in texels here: s to the right, t upward,
and texel (i, j) covers [i, i + 1] x [j, j + 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.surface_cells import extent

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Parts of a polygon closer to the border of a texel than this share of its UV and this many texels only touch the
# texel beyond: a UV is a float32.
UV_ROUNDING = 4e-7
UV_MARGIN = 1e-6


class OpaqueTexels(NamedTuple):
    """Which texels of some maps are opaque, as summed area tables in one array.

    Map n is `widths[n]` x `heights[n]` texels. Its table (height + 1, width + 1), int32, begins at `starts[n]` of
    `sums`; entry (r, c) is the number of opaque texels in the first r rows, from the bottom, and the first c columns.
    """

    sums: NDArray[np.int32]
    starts: Ints
    widths: Ints
    heights: Ints


@dataclass(frozen=True)
class CutOut:
    """The faces of a mesh that are partly opaque: corners int64 (C, 3), indices of the mesh's vertices; `places`
    float64 (C, 3, 2), where the corners lie in the map, in texels; `maps` int64 (C,), the map of each in `texels`.

    `closing` int64 (D, 3) are faces, partly or not at all opaque, that a solid would be open without.
    """

    faces: Ints
    places: Floats
    maps: Ints
    texels: OpaqueTexels
    closing: Ints


def opaque_texels(maps: Sequence[NDArray[np.bool_]]) -> OpaqueTexels:
    """The tables of maps (height, width) that are true where a texel is opaque; row 0 is the top, as in an image."""
    tables = [np.zeros((n.shape[0] + 1, n.shape[1] + 1), dtype=np.int32) for n in maps]
    for table, opaque in zip(tables, maps, strict=True):
        table[1:, 1:] = opaque[::-1].cumsum(axis=0, dtype=np.int32).cumsum(axis=1, dtype=np.int32)
    starts = np.cumsum([0, *(table.size for table in tables)])[:-1]
    heights, widths = (np.array([n.shape[axis] for n in maps], dtype=np.int64) for axis in range(2))
    sums = np.concatenate([table.reshape(-1) for table in tables])
    return OpaqueTexels(sums, np.asarray(starts, dtype=np.int64), widths, heights)


@compiled
def is_opaque(texels: OpaqueTexels, number: int, s: float, t: float) -> bool:
    """Whether the texel of map `number` around a place is opaque."""
    width = texels.widths[number]
    at = texels.starts[number] + math.floor(t) % texels.heights[number] * (width + 1) + math.floor(s) % width
    sums, above = texels.sums, at + width + 1
    return bool(sums[above + 1] - sums[above] - sums[at + 1] + sums[at])


@compiled
def count_texels(texels: OpaqueTexels, number: int, s: Floats, t: Floats, corners: int) -> tuple[int, int]:
    """How many texels a convex polygon overlaps, and how many of them are opaque.

    `s` and `t` hold its corners in order. Texels that it only touches do not count; a polygon without area overlaps
    the texels that it lies in.
    """
    s_first = t_first = math.inf
    s_last = t_last = -math.inf
    for corner in range(corners):
        s_first, s_last = min(s_first, s[corner]), max(s_last, s[corner])
        t_first, t_last = min(t_first, t[corner]), max(t_last, t[corner])
    s_first, s_last = _within(s_first, s_last)
    t_first, t_last = _within(t_first, t_last)
    left, right, bottom, top = math.floor(s_first), math.floor(s_last) + 1, math.floor(t_first), math.floor(t_last) + 1
    area = (right - left) * (top - bottom)
    opaque = _opaque_between(texels, number, left, right, bottom, top)
    if opaque == 0 or opaque == area:
        return area, opaque
    touched = opaque = 0
    for row in range(bottom, top):
        low, high = max(t_first, float(row)), min(t_last, row + 1.0)
        start, stop = extent(s, t, corners, low, high)
        if start <= stop:
            start, stop = _within(start, stop)
            first, last = math.floor(start), math.floor(stop) + 1
            touched += last - first
            opaque += _opaque_between(texels, number, first, last, row, row + 1)
    return touched, opaque


@compiled
def _within(low: float, high: float) -> tuple[float, float]:
    """An interval without its rounding margin; its middle if nothing else is left."""
    margin = UV_MARGIN + UV_ROUNDING * max(abs(low), abs(high))
    if high - low <= 2 * margin:
        middle = (low + high) / 2
        return middle, middle
    return low + margin, high - margin


@compiled
def _opaque_between(texels: OpaqueTexels, number: int, left: int, right: int, bottom: int, top: int) -> int:
    """How many texels of a map that repeats are opaque in columns [left, right) and rows [bottom, top)."""
    width, height = texels.widths[number], texels.heights[number]
    across, up = left // width * width, bottom // height * height
    if right <= across + width and top <= up + height:  # within one repeat, as most are
        sums, low = texels.sums, texels.starts[number] + (bottom - up) * (width + 1) - across
        high = low + (top - bottom) * (width + 1)
        return int(sums[high + right] - sums[high + left] - sums[low + right] + sums[low + left])
    upper = _opaque_before(texels, number, right, top) - _opaque_before(texels, number, left, top)
    return upper - _opaque_before(texels, number, right, bottom) + _opaque_before(texels, number, left, bottom)


@compiled
def _opaque_before(texels: OpaqueTexels, number: int, column: int, row: int) -> int:
    width, height, start = texels.widths[number], texels.heights[number], texels.starts[number]
    across, up = column // width, row // height
    column, row = column - across * width, row - up * height
    stride = width + 1
    all_rows = start + height * stride
    whole_rows = across * np.int64(texels.sums[all_rows + width]) + texels.sums[all_rows + column]
    part = across * np.int64(texels.sums[start + row * stride + width]) + texels.sums[start + row * stride + column]
    return int(up * whole_rows + part)


@compiled
def pieces(faces: Ints, vertices: int) -> Ints:
    """The number of the connected piece that each face (F, 3) belongs to, (F,): the least of its vertices' indices."""
    root = np.arange(vertices)
    for f in range(len(faces)):
        for corner in range(3):
            one, other = faces[f, 0], faces[f, corner]
            while root[one] != one:
                root[one] = root[root[one]]
                one = root[one]
            while root[other] != other:
                root[other] = root[root[other]]
                other = root[other]
            root[max(one, other)] = min(one, other)
    result = np.empty(len(faces), dtype=np.int64)
    for f in range(len(faces)):
        at = faces[f, 0]
        while root[at] != at:
            at = root[at]
        result[f] = at
    return result


class TexelsOfFaces(NamedTuple):
    """How many texels each face overlaps (C,), and how many of them are opaque."""

    all: Ints
    found: Ints


def texels_of_faces(places: Floats, maps: Ints, texels: OpaqueTexels) -> TexelsOfFaces:
    """The texels of faces whose corners lie at `places` (C, 3, 2), in texels, of their `maps` (C,)."""
    touched, opaque = _count_faces(places, maps, texels)
    return TexelsOfFaces(touched, opaque)


@compiled
def _count_faces(places: Floats, maps: Ints, texels: OpaqueTexels) -> tuple[Ints, Ints]:
    touched, opaque = np.zeros(len(maps), dtype=np.int64), np.zeros(len(maps), dtype=np.int64)
    for f in range(len(maps)):
        s, t = places[f, :, 0].copy(), places[f, :, 1].copy()
        touched[f], opaque[f] = count_texels(texels, maps[f], s, t, 3)
    return touched, opaque
