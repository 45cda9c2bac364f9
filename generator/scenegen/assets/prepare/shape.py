"""Compares a simplified piece of a mesh with the original: volume, extent and silhouette."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled

PIXELS = 128  # of a silhouette, along each side
MARGIN = 0.05  # of a silhouette's image, on each side
FEW_PIXELS = 0.002  # a silhouette may always differ by this share of its image: a sheet seen from its edge is a line
FLAT = 1e-3  # an extent below this share of the longest may change by as much

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """What must stay alike: volume, bounding box and what is seen along each axis.

    `volume` in cubic metres is that of a solid only where the shape is `closed`; low, high (3,); silhouettes bool
    (3, PIXELS, PIXELS): the shadow on the planes yz, zx and xy, within a frame.
    """

    volume: float
    closed: bool
    low: Floats
    high: Floats
    silhouettes: NDArray[np.bool_]

    @property
    def extent(self) -> Floats:
        """The sides of the bounding box (3,)."""
        return self.high - self.low


def shape_of(vertices: Floats, faces: NDArray[np.int64], frame: tuple[Floats, Floats] | None = None) -> Shape:
    """Measure a mesh; its silhouettes are drawn within `frame`, two corners of a box (default: its own)."""
    low, high = _bounds(vertices, faces)
    frame_low, frame_high = frame or (low, high)
    side = np.maximum(frame_high - frame_low, 1e-9)
    silhouettes = np.zeros((3, PIXELS, PIXELS), dtype=np.bool_)
    _draw(vertices, faces, frame_low - MARGIN * side, PIXELS / (side * (1 + 2 * MARGIN)), silhouettes)
    return Shape(_volume(vertices, faces, low), _closed(faces, len(vertices)), low, high, silhouettes)


def alike(before: Shape, after: Shape, tolerance: float, beside: Shape | None = None) -> bool:
    """Whether two shapes agree within `tolerance`, a share of `beside` (default: of `before`).

    The volume counts only where `before` is closed; a simplified mesh may have a few holes of no area.
    """
    beside = beside or before
    extent = tolerance * beside.extent + FLAT * beside.extent.max()
    if (np.abs(after.low - before.low) > extent).any() or (np.abs(after.high - before.high) > extent).any():
        return False
    whole = beside if beside.closed else before
    if before.closed and abs(after.volume - before.volume) > tolerance * abs(whole.volume) + 1e-15:
        return False
    differ = (before.silhouettes != after.silhouettes).sum(axis=(1, 2))
    covered = beside.silhouettes.sum(axis=(1, 2))
    return bool((differ <= np.maximum(tolerance * covered, FEW_PIXELS * PIXELS**2)).all())


@compiled
def _closed(faces: NDArray[np.int64], vertices: int) -> bool:
    """Whether each edge has a face on both sides, and the faces agree which side is out."""
    here, there = np.empty(3 * len(faces), np.int64), np.empty(3 * len(faces), np.int64)
    for f in range(len(faces)):
        for k in range(3):
            one, other = faces[f, k], faces[f, (k + 1) % 3]
            here[3 * f + k], there[3 * f + k] = one * vertices + other, other * vertices + one
    here.sort()
    there.sort()
    return bool((here == there).all())


@compiled
def _bounds(vertices: Floats, faces: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The corners of the box around the faces, (3,) each."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for f in range(len(faces)):
        for k in range(3):
            for d in range(3):
                low[d] = min(low[d], vertices[faces[f, k], d])
                high[d] = max(high[d], vertices[faces[f, k], d])
    return low, high


@compiled
def _volume(vertices: Floats, faces: NDArray[np.int64], origin: Floats) -> float:
    total = 0.0
    for f in range(len(faces)):
        a, b, c = vertices[faces[f, 0]] - origin, vertices[faces[f, 1]] - origin, vertices[faces[f, 2]] - origin
        total += a[0] * (b[1] * c[2] - b[2] * c[1])
        total += a[1] * (b[2] * c[0] - b[0] * c[2])
        total += a[2] * (b[0] * c[1] - b[1] * c[0])
    return total / 6


@compiled
def _draw(
    vertices: Floats, faces: NDArray[np.int64], corner: Floats, scale: Floats, silhouettes: NDArray[np.bool_]
) -> None:
    """Fill the pixels whose centre lies in a face, seen along each axis; `corner` is that of pixel (0, 0)."""
    pixels = silhouettes.shape[1]
    x, y = np.empty(3), np.empty(3)
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        for f in range(len(faces)):
            for k in range(3):
                x[k] = (vertices[faces[f, k], a] - corner[a]) * scale[a] - 0.5
                y[k] = (vertices[faces[f, k], b] - corner[b]) * scale[b] - 0.5
            first, last = max(0, int(np.ceil(x.min()))), min(pixels - 1, int(np.floor(x.max())))
            for i in range(first, last + 1):
                bottom, top = np.inf, -np.inf
                for k in range(3):  # where the edges cross the column
                    x0, x1, y0, y1 = x[k - 1], x[k], y[k - 1], y[k]
                    if min(x0, x1) > i or max(x0, x1) < i:
                        continue
                    if x0 == x1:
                        bottom, top = min(bottom, y0, y1), max(top, y0, y1)
                    else:
                        height = y0 + (i - x0) / (x1 - x0) * (y1 - y0)
                        bottom, top = min(bottom, height), max(top, height)
                for j in range(max(0, int(np.ceil(bottom))), min(pixels - 1, int(np.floor(top))) + 1):
                    silhouettes[axis, i, j] = True
