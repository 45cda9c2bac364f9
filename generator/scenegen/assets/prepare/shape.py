"""Compares a simplified piece of a mesh with the original: volume, extent and silhouette."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
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
    corners = vertices[faces]
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    frame_low, frame_high = frame or (low, high)
    side = np.maximum(frame_high - frame_low, 1e-9)
    scale = PIXELS / (side * (1 + 2 * MARGIN))
    silhouettes = np.zeros((3, PIXELS, PIXELS), dtype=np.bool_)
    _draw((corners - (frame_low - MARGIN * side)) * scale, silhouettes)
    volume = float(np.einsum("fi,fi->", corners[:, 0] - low, trimesh.triangles.cross(corners - low)) / 6)
    return Shape(volume, _closed(faces, len(vertices)), low, high, silhouettes)


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


def _closed(faces: NDArray[np.int64], vertices: int) -> bool:
    """Whether each edge has a face on both sides, and the faces agree which side is out."""
    here, there = faces.reshape(-1), np.roll(faces, -1, axis=1).reshape(-1)
    return np.array_equal(np.sort(here * vertices + there), np.sort(there * vertices + here))


@compiled
def _draw(corners: Floats, silhouettes: NDArray[np.bool_]) -> None:
    """Fill the pixels whose centre lies in a triangle (F, 3, 3), in pixels, seen along each axis."""
    pixels = silhouettes.shape[1]
    for axis in range(3):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        for f in range(len(corners)):
            x0, y0 = corners[f, 0, a], corners[f, 0, b]
            x1, y1 = corners[f, 1, a], corners[f, 1, b]
            x2, y2 = corners[f, 2, a], corners[f, 2, b]
            area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
            if area < 0:
                x1, y1, x2, y2 = x2, y2, x1, y1
            for i in range(
                max(0, int(np.ceil(min(x0, x1, x2) - 0.5))), min(pixels - 1, int(np.floor(max(x0, x1, x2) - 0.5))) + 1
            ):
                for j in range(
                    max(0, int(np.ceil(min(y0, y1, y2) - 0.5))),
                    min(pixels - 1, int(np.floor(max(y0, y1, y2) - 0.5))) + 1,
                ):
                    if silhouettes[axis, i, j]:
                        continue
                    x, y = i + 0.5, j + 0.5
                    silhouettes[axis, i, j] = (
                        (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0) >= 0
                        and (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1) >= 0
                        and (x0 - x2) * (y - y2) - (x - x2) * (y0 - y2) >= 0
                    )
