"""Finds the face of a mesh nearest to a place, in compiled code: a tree of boxes around the faces."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled

LEAF = 4  # faces of a box that is not divided further
DEEPEST = 64

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class FaceTree(NamedTuple):
    """Boxes around the faces of a mesh, each divided into two.

    corners (F, 3, 3) of the faces; order (F,): the faces of box b are order[first[b]:last[b]]; its box is low[b],
    high[b] (3,); the boxes that it is divided into are below[b] and below[b] + 1, or -1.
    """

    corners: Floats
    order: Ints
    first: Ints
    last: Ints
    below: Ints
    low: Floats
    high: Floats


@compiled
def face_tree(corners: Floats) -> FaceTree:
    """The tree of the faces (F, 3, 3)."""
    count = len(corners)
    order = np.arange(count)
    most = 2 * count + 1
    first, last, below = np.empty(most, np.int64), np.empty(most, np.int64), np.full(most, -1, np.int64)
    low, high = np.full((most, 3), np.inf), np.full((most, 3), -np.inf)
    middle = np.empty((count, 3))
    for f in range(count):
        for d in range(3):
            middle[f, d] = corners[f, 0, d] + corners[f, 1, d] + corners[f, 2, d]
    first[0], last[0] = 0, count
    boxes, done = 1, 0
    while done < boxes:
        begin, end = first[done], last[done]
        spread, along = -1.0, 0
        for d in range(3):
            least, greatest = np.inf, -np.inf
            for at in range(begin, end):
                f = order[at]
                least, greatest = min(least, middle[f, d]), max(greatest, middle[f, d])
                for k in range(3):
                    low[done, d] = min(low[done, d], corners[f, k, d])
                    high[done, d] = max(high[done, d], corners[f, k, d])
            if greatest - least > spread:
                spread, along = greatest - least, d
        if end - begin > LEAF:
            inside = order[begin:end].copy()
            order[begin:end] = inside[np.argsort(middle[inside, along])]
            half = (begin + end) // 2
            below[done] = boxes
            first[boxes], last[boxes] = begin, half
            first[boxes + 1], last[boxes + 1] = half, end
            boxes += 2
        done += 1
    return FaceTree(corners, order, first[:boxes], last[:boxes], below[:boxes], low[:boxes], high[:boxes])


@compiled
def squared_distance_to_box(place: Floats, low: Floats, high: Floats) -> float:
    """0 inside the box."""
    total = 0.0
    for d in range(3):
        away = max(low[d] - place[d], place[d] - high[d], 0.0)
        total += away * away
    return total


@compiled
def nearest_point(place: Floats, corners: Floats) -> tuple[float, float, float]:
    """The squared distance to a triangle (3, 3), and the weights of its second and third corner at the nearest point.

    After Ericson, Real-Time Collision Detection, 2005, section 5.1.5.
    """
    d1 = d2 = d3 = d4 = d5 = d6 = 0.0
    for d in range(3):
        e, g = corners[1, d] - corners[0, d], corners[2, d] - corners[0, d]
        d1 += e * (place[d] - corners[0, d])
        d2 += g * (place[d] - corners[0, d])
        d3 += e * (place[d] - corners[1, d])
        d4 += g * (place[d] - corners[1, d])
        d5 += e * (place[d] - corners[2, d])
        d6 += g * (place[d] - corners[2, d])
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    if d1 <= 0 and d2 <= 0:
        u, v = 0.0, 0.0
    elif d3 >= 0 and d4 <= d3:
        u, v = 1.0, 0.0
    elif d6 >= 0 and d5 <= d6:
        u, v = 0.0, 1.0
    elif vc <= 0 and d1 >= 0 and d3 <= 0:
        u, v = d1 / (d1 - d3), 0.0
    elif vb <= 0 and d2 >= 0 and d6 <= 0:
        u, v = 0.0, d2 / (d2 - d6)
    elif va <= 0 and d4 >= d3 and d5 >= d6:
        v = (d4 - d3) / ((d4 - d3) + (d5 - d6))
        u = 1.0 - v
    else:
        whole = va + vb + vc
        u, v = vb / whole, vc / whole
    total = 0.0
    for d in range(3):
        away = corners[0, d] + u * (corners[1, d] - corners[0, d]) + v * (corners[2, d] - corners[0, d]) - place[d]
        total += away * away
    return total, u, v
