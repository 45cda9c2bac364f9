"""Merges vertices and drops faces of a simplified mesh, in compiled code: decimation does it thousands of times."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.clean import MIN_AREA
from scenegen.core.compiled import compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@compiled
def tidied(vertices: Floats, faces: Ints, share: float) -> tuple[Floats, Ints]:
    """Merge the vertices that are closer than a share of the longest side, and drop faces without area or doubled.

    The share must be more than 1e-6. Vertices that no face uses are dropped, too.
    """
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    used = np.zeros(len(vertices), np.bool_)
    for f in range(len(faces)):
        for k in range(3):
            used[faces[f, k]] = True
    for v in range(len(vertices)):
        if used[v]:
            for d in range(3):
                low[d], high[d] = min(low[d], vertices[v, d]), max(high[d], vertices[v, d])
    extent = (high - low).max() if len(faces) else 1.0
    if extent <= 0:
        return vertices[:0], faces[:0]
    cell = np.full(len(vertices), -1, np.int64)
    for v in range(len(vertices)):
        if used[v]:
            key = np.int64(0)
            for d in range(3):
                key = key * (1 << 20) + np.int64(np.round((vertices[v, d] - low[d]) / (extent * share)))
            cell[v] = key
    order = np.argsort(cell, kind="mergesort")
    number = np.empty(len(vertices), np.int64)
    points = np.empty((len(vertices), 3))
    count, last = 0, np.int64(-1)
    for v in order:
        if cell[v] != last:
            last = cell[v]
            points[count] = vertices[v]
            count += 1
        number[v] = count - 1
    kept = np.empty((len(faces), 3), np.int64)
    pairs = np.empty(len(faces), np.int64)
    left = 0
    for f in range(len(faces)):
        a, b, c = number[faces[f, 0]], number[faces[f, 1]], number[faces[f, 2]]
        if a == b or b == c or c == a:
            continue
        e, g = points[b] - points[a], points[c] - points[a]
        x, y, z = e[1] * g[2] - e[2] * g[1], e[2] * g[0] - e[0] * g[2], e[0] * g[1] - e[1] * g[0]
        if np.sqrt(x * x + y * y + z * z) / 2 <= MIN_AREA * extent * extent:
            continue
        kept[left, 0], kept[left, 1], kept[left, 2] = a, b, c
        least, most = min(a, b, c), max(a, b, c)
        pairs[left] = least * count + (a + b + c - least - most)
        left += 1
    kept, pairs = kept[:left], pairs[:left]
    single = np.ones(left, np.bool_)
    order = np.argsort(pairs, kind="mergesort")
    for at in range(1, left):
        before = at - 1
        while before >= 0 and pairs[order[before]] == pairs[order[at]]:
            if kept[order[before]].max() == kept[order[at]].max():
                single[order[at]] = False
                break
            before -= 1
    return points[:count], kept[single]
