"""Plane outlines and space paths that `shapes` extrudes, revolves and sweeps, in metres.

Outlines run counter-clockwise.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def rectangle(width: float, depth: float, radius: float = 0.0, segments: int = 2) -> Points:
    """Rectangle outline about the origin with rounded corners; (N, 2)."""
    half = np.array([width, depth]) / 2
    corners = np.array([[1, -1], [1, 1], [-1, 1], [-1, -1]]) * half
    return polygon(corners, min(radius, 0.98 * float(half.min())), segments)


def polygon(corners: ArrayLike, radius: float | Sequence[float] = 0.0, segments: int = 2) -> Points:
    """Closed outline through `corners` (N, 2) with every corner (or each its own) rounded by `radius`."""
    points = np.asarray(corners, np.float64)
    return _rounded(points, radius, segments, closed=True)


def ellipse(width: float, depth: float, sides: int = 32) -> Points:
    """Ellipse outline about the origin; (sides, 2)."""
    return superellipse(width, depth, 2.0, sides)


def superellipse(width: float, depth: float, exponent: float = 4.0, sides: int = 40) -> Points:
    """Outline between an ellipse (exponent 2) and a rectangle (large); (sides, 2)."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    radius = (np.abs(c) ** exponent + np.abs(s) ** exponent) ** (-1 / exponent)
    return np.stack([width / 2 * radius * c, depth / 2 * radius * s], axis=1)


def inset(outline: Points, distance: float) -> Points:
    """Outline with every edge moved inward by `distance` (mitred corners); same number of points."""
    before, after = _unit(outline - np.roll(outline, 1, 0)), _unit(np.roll(outline, -1, 0) - outline)
    n0, n1 = _left(before), _left(after)
    bisector = (n0 + n1) / (1 + np.sum(n0 * n1, axis=1, keepdims=True))
    result: Points = outline + distance * bisector
    return result


def shrunk(outline: Points, distance: float) -> Points:
    """Outline squeezed along both axes so that its extremes move inward by `distance`.

    Unlike `inset` it never folds a corner, however small the corner's radius.
    """
    low, high = outline.min(axis=0), outline.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    result: Points = middle + (outline - middle) * (1 - distance / half)
    return result


def dense(outline: Points, steps: int) -> Points:
    """Outline with points added so that no edge is longer than a `steps`th of the circumference."""
    after = np.roll(outline, -1, 0)
    lengths = np.linalg.norm(after - outline, axis=1)
    counts = np.ceil(lengths / (lengths.sum() / steps)).astype(int)
    pieces = [a + (b - a) * np.arange(n)[:, None] / n for a, b, n in zip(outline, after, counts, strict=True)]
    return np.concatenate(pieces)


def rounded_path(
    corners: ArrayLike, radius: float | Sequence[float], segments: int = 4, *, closed: bool = False
) -> Points:
    """Polyline through `corners` (N, 2 or 3) with its inner corners (all, when closed) turned into arcs."""
    return _rounded(np.asarray(corners, np.float64), radius, segments, closed=closed)


def smooth_path(points: ArrayLike, segments: int = 6, *, closed: bool = False) -> Points:
    """Catmull-Rom curve through `points` (N, 2 or 3), `segments` steps a span; evenly spaced when open."""
    p = np.asarray(points, np.float64)
    before, after = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    p = np.concatenate([before, p, after])
    t = np.linspace(0, 1, segments, endpoint=False)[:, None]
    pieces = [
        0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    if closed:
        return np.concatenate(pieces)
    curve = np.concatenate([*pieces, p[-2:-1]])
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    even = np.linspace(0, length[-1], len(curve))
    return np.column_stack([np.interp(even, length, axis) for axis in curve.T])


def arc(radius: float, start_deg: float, end_deg: float, segments: int = 8) -> Points:
    """Arc about the origin in the plane, from one angle to the other; (segments + 1, 2)."""
    angle = np.radians(np.linspace(start_deg, end_deg, segments + 1))
    result: Points = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return result


def bowed(width: float, sagitta: float, segments: int = 8) -> Points:
    """Shallow arc from x = -width/2 to width/2 whose middle lies at y = sagitta, its ends at y = 0; (segments+1, 2)."""
    x = np.linspace(-width / 2, width / 2, segments + 1)
    if abs(sagitta) < 1e-9:
        return np.stack([x, np.zeros_like(x)], axis=1)
    radius = (width * width / 4 + sagitta * sagitta) / (2 * sagitta)
    angle = np.linspace(-1, 1, segments + 1) * np.arcsin(width / 2 / abs(radius))
    return np.stack([abs(radius) * np.sin(angle), sagitta - radius * (1 - np.cos(angle))], axis=1)


def in_space(path: Points, plane: str, offset: float = 0.0) -> Points:
    """Lift a plane path into space: `plane` is "xy", "xz" or "yz", `offset` the remaining coordinate; (N, 3)."""
    result = np.full((len(path), 3), float(offset))
    result[:, ["xyz".index(plane[0]), "xyz".index(plane[1])]] = path
    return result


def _rounded(points: Points, radius: float | Sequence[float], segments: int, *, closed: bool) -> Points:
    count = len(points)
    radii = np.broadcast_to(np.asarray(radius, np.float64), (count,))
    result: list[Points] = []
    for i in range(count):
        corner = points[i]
        if radii[i] <= 0 or (not closed and i in (0, count - 1)):
            result.append(corner)
            continue
        to_before, to_after = points[i - 1] - corner, points[(i + 1) % count] - corner
        room = 0.49 * min(float(np.linalg.norm(to_before)), float(np.linalg.norm(to_after)))
        u, v = _unit(to_before), _unit(to_after)
        opening = np.arccos(np.clip(np.dot(u, v), -1, 1))
        if opening > np.pi - 1e-3:
            result.append(corner)
            continue
        reach = min(radii[i] / np.tan(opening / 2), room)
        actual = reach * np.tan(opening / 2)
        centre = corner + _unit(u + v) * actual / np.sin(opening / 2)
        start, end = corner + u * reach - centre, corner + v * reach - centre
        sweep = np.pi - opening
        for step in range(segments + 1):
            t = step / segments
            result.append(centre + (np.sin((1 - t) * sweep) * start + np.sin(t * sweep) * end) / np.sin(sweep))
    return np.array(result)


def _unit(v: Points) -> Points:
    result: Points = v / np.linalg.norm(v, axis=-1, keepdims=True)
    return result


def _left(v: Points) -> Points:
    return np.stack([-v[..., 1], v[..., 0]], axis=-1)
