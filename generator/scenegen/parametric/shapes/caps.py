"""Triangles that close a ring of points: a fan where one works, ear clipping for any other simple polygon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenegen.parametric.shapes.curves import Points


def star_shaped(ring_points: Points) -> bool:
    """Whether all edges are seen from the middle of the ring, so that a fan closes it."""
    spokes = ring_points - ring_points.mean(axis=0)
    turns = np.cross(spokes, np.roll(spokes, -1, 0))
    whole = turns.sum(axis=0)
    return bool(np.all(turns @ whole > 1e-9 * np.dot(whole, whole)))


def ear_clip(ring_points: Points) -> NDArray[np.int64]:
    """Triangles (N - 2, 3) over a simple, nearly plane ring, counter-clockwise as the ring runs."""
    area = np.cross(ring_points, np.roll(ring_points, -1, 0)).sum(axis=0)
    drop = int(np.argmax(np.abs(area)))
    axes = [(drop + 1) % 3, (drop + 2) % 3]
    flat = ring_points[:, axes] * np.array([1.0, np.sign(area[drop])])
    left = list(range(len(flat)))
    triangles = []
    while len(left) > 3:
        best, cut = -1.0, 0
        for i in range(len(left)):
            trio = [left[i - 1], left[i], left[(i + 1) % len(left)]]
            quality = _ear_quality(flat, trio, left)
            if quality > best:
                best, cut = quality, i
        triangles.append([left[cut - 1], left[cut], left[(cut + 1) % len(left)]])
        left.pop(cut)
    return np.array([*triangles, left], np.int64)


def _ear_quality(flat: Points, trio: list[int], left: list[int]) -> float:
    a, b, c = flat[trio]
    double_area = _cross(b - a, c - a)
    if double_area <= 0:
        return -1.0
    rest = flat[[i for i in left if i not in trio]]
    inside = (_cross(b - a, rest - a) >= 0) & (_cross(c - b, rest - b) >= 0) & (_cross(a - c, rest - c) >= 0)
    if inside.any():
        return -1.0
    longest = max(float(np.sum(e * e)) for e in (b - a, c - b, a - c))
    return float(double_area) / longest


def _cross(a: Points, b: Points) -> Points:
    result: Points = a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
    return result
