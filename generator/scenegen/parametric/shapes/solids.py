"""Soft shapes as signed distance fields: made of a few primitives, blended, and turned into closed triangle meshes.

A `Solid` is sampled on an open grid (three axis arrays), never on a list of points, so that a rotation costs a few
broadcasts and a union touches only the cells near each of its members. Units are metres; negative is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import fast_simplification
import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray
from skimage.measure import marching_cubes

Array = NDArray[np.float64]
Field = NDArray[np.float32]
Indices = NDArray[Any]

FAR = np.float32(1e3)
"""The distance where no solid was sampled; any value above all blend radii works."""


@dataclass(frozen=True)
class Solid:
    """A shape inside the box `low`..`high`; `sample(x, y, z)` takes axes shaped (n,1,1), (1,m,1), (1,1,k)."""

    low: Array
    high: Array
    sample: Callable[[Field, Field, Field], Field]


def round_cone(start: ArrayLike, end: ArrayLike, start_radius: float, end_radius: float) -> Solid:
    """A ball swept from `start` to `end` while its radius changes linearly."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    along = b - a
    squared = max(float(along @ along), 1e-12)

    def sample(x: Field, y: Field, z: Field) -> Field:
        px, py, pz = x - np.float32(a[0]), y - np.float32(a[1]), z - np.float32(a[2])
        u = (along / squared).astype(np.float32)
        t = np.clip(px * u[0] + py * u[1] + pz * u[2], 0, 1)
        v = along.astype(np.float32)
        distance = np.sqrt((px - t * v[0]) ** 2 + (py - t * v[1]) ** 2 + (pz - t * v[2]) ** 2)
        return np.asarray(distance - (np.float32(start_radius) + t * np.float32(end_radius - start_radius)))

    radii = np.array([[start_radius], [end_radius]])
    ends = np.stack([a, b])
    return Solid((ends - radii).min(0), (ends + radii).max(0), sample)


def ball(center: ArrayLike, radius: float) -> Solid:
    """A sphere."""
    return round_cone(center, center, radius, radius)


def ellipsoid(center: ArrayLike, radii: ArrayLike, rotation: ArrayLike | None = None) -> Solid:
    """An ellipsoid; `rotation` (3, 3) turns its own axes into the world's. Distances are first-order exact."""
    r = np.asarray(radii, np.float32)
    own, low, high = _own_axes(center, np.asarray(radii, float), rotation, box=False)

    def sample(x: Field, y: Field, z: Field) -> Field:
        px, py, pz = own(x, y, z)
        k0 = np.maximum(np.sqrt((px / r[0]) ** 2 + (py / r[1]) ** 2 + (pz / r[2]) ** 2), np.float32(1e-3))
        k1 = np.sqrt((px / r[0] ** 2) ** 2 + (py / r[1] ** 2) ** 2 + (pz / r[2] ** 2) ** 2)
        return np.asarray(k0 * (k0 - 1) / np.maximum(k1, np.float32(1e-6)))

    return Solid(low, high, sample)


def rounded_box(center: ArrayLike, half: ArrayLike, radius: float, rotation: ArrayLike | None = None) -> Solid:
    """A box of half extents `half` (outside measure) with all edges rounded by `radius`."""
    inner = np.asarray(half, np.float32) - np.float32(radius)
    own, low, high = _own_axes(center, np.asarray(half, float), rotation, box=True)

    def sample(x: Field, y: Field, z: Field) -> Field:
        q = [np.abs(p) - inner[n] for n, p in enumerate(own(x, y, z))]
        outside = np.sqrt(sum(np.maximum(p, 0) ** 2 for p in q))
        return np.asarray(outside + np.minimum(np.maximum(np.maximum(q[0], q[1]), q[2]), 0) - np.float32(radius))

    return Solid(low, high, sample)


def superellipsoid(center: ArrayLike, radii: ArrayLike, power: float, rotation: ArrayLike | None = None) -> Solid:
    """A cushion: an ellipsoid for `power` 2, nearer to a box as it grows."""
    r = np.asarray(radii, np.float32)
    own, low, high = _own_axes(center, np.asarray(radii, float), rotation, box=True)

    def sample(x: Field, y: Field, z: Field) -> Field:
        q = [np.maximum(np.abs(p) / r[n], np.float32(0.05)) for n, p in enumerate(own(x, y, z))]
        total = sum(p**power for p in q)
        norm = np.asarray(total ** (1 / power))
        gradient = np.sqrt(sum((p ** (power - 1) / r[n]) ** 2 for n, p in enumerate(q)))
        return np.asarray((norm - 1) * norm ** (power - 1) / np.maximum(gradient, np.float32(1e-6)), np.float32)

    return Solid(low, high, sample)


def tube(points: Sequence[ArrayLike], radius: float | Sequence[float], blend: float = 0.0) -> Solid:
    """Round cones along a polyline, one radius or one a point."""
    radii = [radius] * len(points) if isinstance(radius, float | int) else list(radius)
    return union([round_cone(points[n], points[n + 1], radii[n], radii[n + 1]) for n in range(len(points) - 1)], blend)


def union(solids: Sequence[Solid], blend: float = 0.0) -> Solid:
    """All of `solids`, the joints filled with a fillet of about `blend` metres (polynomial smooth minimum)."""
    return _merged([(solid, blend) for solid in solids])


def blended(*solids: tuple[Solid, float]) -> Solid:
    """Like `union`, each solid with the fillet of its own."""
    return _merged(solids)


def cut(solid: Solid, point: ArrayLike, normal: ArrayLike, blend: float = 0.0) -> Solid:
    """The part of `solid` behind the plane through `point`; `normal` points to what is thrown away."""
    p, n = np.asarray(point, float), np.asarray(normal, float)
    n = n / np.linalg.norm(n)

    def sample(x: Field, y: Field, z: Field) -> Field:
        plane = x * np.float32(n[0]) + y * np.float32(n[1]) + z * np.float32(n[2]) - np.float32(n @ p)
        return -_smooth_minimum(-solid.sample(x, y, z), -plane, blend)

    return Solid(solid.low, solid.high, sample)


def difference(solid: Solid, removed: Solid, blend: float = 0.0) -> Solid:
    """`solid` without `removed`."""

    def sample(x: Field, y: Field, z: Field) -> Field:
        return -_smooth_minimum(-solid.sample(x, y, z), removed.sample(x, y, z), blend)

    return Solid(solid.low, solid.high, sample)


def intersection(solid: Solid, other: Solid, blend: float = 0.0) -> Solid:
    """What two solids share."""

    def sample(x: Field, y: Field, z: Field) -> Field:
        return -_smooth_minimum(-solid.sample(x, y, z), -other.sample(x, y, z), blend)

    return Solid(np.maximum(solid.low, other.low), np.minimum(solid.high, other.high), sample)


def grown(solid: Solid, by: float) -> Solid:
    """`solid` with its surface moved out by `by` metres."""

    def sample(x: Field, y: Field, z: Field) -> Field:
        return solid.sample(x, y, z) - np.float32(by)

    return Solid(solid.low - by, solid.high + by, sample)


def polygonise(solid: Solid, cell: float, triangles: int) -> tuple[Array, NDArray[np.int64]]:
    """A closed, outward mesh of `solid` from cells of `cell` metres, decimated to about `triangles`.

    Returns vertices (V, 3) in metres and faces (F, 3). Parts thinner than a cell may vanish.
    """
    low = solid.low - 2 * cell
    count = np.ceil((solid.high - low) / cell).astype(int) + 3
    x, y, z = _axes([(low[n] + cell * np.arange(count[n])).astype(np.float32) for n in range(3)])
    field = solid.sample(x, y, z)
    # A surface that passes a grid node at less than a twentieth of a cell would leave slivers.
    least = np.float32(0.05 * cell)
    field = np.where(np.abs(field) < least, np.where(field < 0, -least, least), field)
    vertices, faces, _, _ = marching_cubes(field, 0.0, spacing=(cell, cell, cell))
    vertices, faces = _decimate(vertices.astype(np.float32), np.ascontiguousarray(faces, np.int32), triangles)
    return vertices.astype(float) + low, faces.astype(np.int64)


def _decimate(vertices: Field, faces: Indices, triangles: int) -> tuple[Field, Indices]:
    """At most `triangles` faces, still closed."""
    if len(faces) <= triangles:
        return vertices, faces
    vertices, faces = fast_simplification.simplify(vertices, faces, target_count=triangles, agg=5.5)
    # Collapses leave faces back to back on the same three vertices, and edges where four faces meet.
    single = trimesh.grouping.group_rows(np.sort(faces, axis=1), require_count=1)
    faces = faces[np.sort(single)]
    while len(crowded := _crowded_edges(faces, len(vertices))):
        vertices, faces = _split_edge(vertices, faces, *crowded[0])
    return vertices, faces


def _crowded_edges(faces: Indices, vertices: int) -> Indices:
    """Edges (E, 2) that more than two faces share."""
    start, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    edges, count = np.unique(
        np.minimum(start, end).astype(np.int64) * vertices + np.maximum(start, end), return_counts=True
    )
    return np.stack(np.divmod(edges[count > 2], vertices), axis=1)


def _split_edge(vertices: Field, faces: Indices, a: int, b: int) -> tuple[Field, Indices]:
    """Give one of the pairs of faces on the edge a-b a middle vertex of its own, so that it leaves the others."""
    start, end = faces, faces[:, [1, 2, 0]]
    there, back = np.argwhere((start == a) & (end == b)), np.argwhere((start == b) & (end == a))
    middle = len(vertices)
    pair = (there[0], back[0])
    halves = []
    for face, corner in pair:
        p, q, apex = (faces[face, (corner + step) % 3] for step in range(3))
        halves += [(p, middle, apex), (middle, q, apex)]
    kept = np.delete(faces, [face for face, _ in pair], axis=0)
    return np.concatenate([vertices, [(vertices[a] + vertices[b]) / 2]]), np.concatenate([kept, halves])


def _merged(members: Sequence[tuple[Solid, float]]) -> Solid:
    low = np.min([solid.low for solid, _ in members], axis=0)
    high = np.max([solid.high for solid, _ in members], axis=0)
    widest = max(blend for _, blend in members)

    def sample(x: Field, y: Field, z: Field) -> Field:
        shape = (x.size, y.size, z.size)
        field = np.full(shape, FAR, np.float32)
        step = max(_step(x), _step(y), _step(z))
        for solid, blend in members:
            # A member can only move the surface where it is nearer than the fillet.
            near = [
                slice(
                    *np.searchsorted(axis.ravel(), (solid.low[n] - blend - 2 * step, solid.high[n] + blend + 2 * step))
                )
                for n, axis in enumerate((x, y, z))
            ]
            part = x[near[0]], y[:, near[1]], z[:, :, near[2]]
            if all(axis.size for axis in part):
                window = field[near[0], near[1], near[2]]
                window[...] = _smooth_minimum(window, solid.sample(*part), blend)
        return field

    return Solid(low - widest / 4, high + widest / 4, sample)


def _smooth_minimum(a: Field, b: Field, blend: float) -> Field:
    least = np.minimum(a, b)
    if blend <= 0:
        return np.asarray(least)
    overlap = np.maximum(np.float32(blend) - np.abs(a - b), 0)
    return np.asarray(least - overlap * overlap * np.float32(0.25 / blend))


class _OwnAxes(NamedTuple):
    """A function from the world's axes to a solid's own, and the box that holds the solid in the world."""

    own: Callable[[Field, Field, Field], tuple[Field, Field, Field]]
    low: Array
    high: Array


def _own_axes(center: ArrayLike, half: Array, rotation: ArrayLike | None, *, box: bool) -> _OwnAxes:
    c = np.asarray(center, float)
    turn = np.eye(3) if rotation is None else np.asarray(rotation, float)
    reach = np.abs(turn) @ half if box else np.sqrt((turn**2) @ (half**2))
    m = turn.T.astype(np.float32)

    def own(x: Field, y: Field, z: Field) -> tuple[Field, Field, Field]:
        px, py, pz = x - np.float32(c[0]), y - np.float32(c[1]), z - np.float32(c[2])
        if rotation is None:
            return px, py, pz
        first, second, third = (np.asarray(px * m[n, 0] + py * m[n, 1] + pz * m[n, 2]) for n in range(3))
        return first, second, third

    return _OwnAxes(own, c - reach, c + reach)


def _axes(flat: Sequence[Field]) -> tuple[Field, Field, Field]:
    return flat[0][:, None, None], flat[1][None, :, None], flat[2][None, None, :]


def _step(axis: Field) -> float:
    return float(axis.ravel()[1] - axis.ravel()[0]) if axis.size > 1 else 0.0
