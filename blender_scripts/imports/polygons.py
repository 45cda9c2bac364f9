"""Which polygons of a mesh are kept: of each set of copies (a front and its back copy) only one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OUTLINE_SHARE = 0.01  # of a polygon's diagonal: a copy of a disc often misses some points of the outline


def values_of(collection: Any, attribute: str, dtype: type, width: int = 1) -> NDArray[Any]:
    """One attribute of all items of a Blender collection: (N,), or (N, width) where `width` is more than 1."""
    values: NDArray[Any] = np.zeros(len(collection) * width, dtype=dtype)
    collection.foreach_get(attribute, values)
    return values.reshape(-1, width) if width > 1 else values


def single_polygons(mesh: Any, vertices: Floats) -> NDArray[np.bool_]:
    """Return which polygons (N,) of a mesh are kept: one of each set with the same outline.

    Back copies are removed before polygons are cut into triangles, because the cuts may differ.
    """
    _, place = np.unique(vertices.astype(np.float32), axis=0, return_inverse=True)
    corners = place.reshape(-1)[values_of(mesh.loops, "vertex_index", np.int32)]
    start, total = values_of(mesh.polygons, "loop_start", np.int32), values_of(mesh.polygons, "loop_total", np.int32)
    kept = np.zeros(len(total), dtype=bool)
    for size in np.unique(total):
        number = np.flatnonzero(total == size)
        rows = _same_for_copies(corners[start[number][:, None] + np.arange(size)])
        kept[number[np.unique(rows, axis=0, return_index=True)[1]]] = True
    return kept & _single_outlines(mesh, vertices, start, total)


def _same_for_copies(corners: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Turn each row (N, corners) so that the same ring gives the same row, at whichever corner and side it starts.

    The order counts: two polygons with the same corners in another order cover other areas.
    """
    size = corners.shape[1]
    first = corners.argmin(axis=1)[:, None]
    forward = np.take_along_axis(corners, (first + np.arange(size)) % size, axis=1)
    backward = np.take_along_axis(corners, (first - np.arange(size)) % size, axis=1)
    return np.where((backward[:, 1] < forward[:, 1])[:, None], backward, forward)


def _single_outlines(
    mesh: Any, vertices: Floats, start: NDArray[np.integer[Any]], total: NDArray[np.integer[Any]]
) -> NDArray[np.bool_]:
    """Return which polygons are kept without one of each pair of flat copies: same box, plane, area and outline.

    A seat's back copy often misses some points of the outline, so that its corners are not the same.
    """
    corner = values_of(mesh.loops, "vertex_index", np.int32)
    area, normal = values_of(mesh.polygons, "area", np.float32), values_of(mesh.polygons, "normal", np.float32, 3)
    many = np.flatnonzero(total > 4)
    rings = [vertices[corner[start[n] : start[n] + total[n]]] for n in many]
    low = np.array([ring.min(axis=0) for ring in rings]).reshape(-1, 3)
    high = np.array([ring.max(axis=0) for ring in rings]).reshape(-1, 3)
    step = 1e-4 * max(float(np.ptp(vertices, axis=0).max()), 1e-12)
    boxes = np.round(np.concatenate([low, high], axis=1) / step)
    _, group = np.unique(boxes, axis=0, return_inverse=True)
    kept = np.ones(len(total), dtype=bool)
    originals: dict[int, list[int]] = {}
    for place, box in enumerate(group.reshape(-1).tolist()):
        others = originals.setdefault(box, [])
        for other in others:
            parallel = abs(float(normal[many[place]] @ normal[many[other]])) > 0.9999
            alike = abs(area[many[place]] - area[many[other]]) < 0.02 * area[many[other]]
            if parallel and alike and _same_outline(rings[place], rings[other]):
                kept[many[place]] = False
                break
        else:
            others.append(place)
    return kept


def _same_outline(one: Floats, other: Floats) -> bool:
    """Whether each corner and edge middle of two rings (N, 3) and (M, 3) lies on the outline of the other one.

    Box, plane and area alone are also equal for two halves of a table top that are each other's mirror image.
    """
    near = OUTLINE_SHARE * float(np.linalg.norm(np.ptp(one, axis=0)))
    return _farthest(one, other) <= near and _farthest(other, one) <= near


def _farthest(ring: Floats, outline: Floats) -> float:
    """The largest distance from a corner or an edge's middle of `ring` (N, 3) to the edges of `outline` (M, 3)."""
    points = np.concatenate([ring, (ring + np.roll(ring, -1, axis=0)) / 2])[:, None]
    edges = np.roll(outline, -1, axis=0) - outline
    squares = np.maximum((edges**2).sum(axis=1), 1e-30)
    along = np.clip(((points - outline) * edges).sum(axis=2) / squares, 0.0, 1.0)
    return float(np.linalg.norm(points - outline - along[..., None] * edges, axis=2).min(axis=1).max())
