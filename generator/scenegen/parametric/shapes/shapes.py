"""Solid parts: every part is one closed surface whose faces look outward; metres, Z up.

Families build lists of `Part`s and `join` them into a `Model`. Parts may overlap: joints are made by pushing one solid
into the other, as a carpenter does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import trimesh
from numpy.typing import ArrayLike, NDArray

from scenegen.core.asset_library import Material
from scenegen.parametric.shapes.caps import ear_clip, star_shaped
from scenegen.parametric.shapes.curves import Points, dense, ellipse, inset, rectangle, rounded_path, shrunk

Vec = Sequence[float]


@dataclass(frozen=True)
class Part:
    """One closed solid: vertices float64 (V, 3), faces int64 (F, 3), material an index, or int64 (F,), one a face."""

    vertices: Points
    faces: NDArray[np.int64]
    material: int | NDArray[np.int64] = 0

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Part:
        """The part shifted by (x, y, z)."""
        return replace(self, vertices=self.vertices + np.array([x, y, z]))

    def rotated(self, axis: str, degrees: float, about: Vec = (0.0, 0.0, 0.0)) -> Part:
        """The part turned right-handed about the axis "x", "y" or "z" through the point `about`."""
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        i = "xyz".index(axis)
        j, k = (i + 1) % 3, (i + 2) % 3
        turn = np.eye(3)
        turn[j, j], turn[j, k], turn[k, j], turn[k, k] = c, -s, s, c
        centre = np.asarray(about, np.float64)
        return replace(self, vertices=(self.vertices - centre) @ turn.T + centre)

    def scaled(self, x: float, y: float, z: float) -> Part:
        """The part stretched about the origin by positive factors."""
        return replace(self, vertices=self.vertices * np.array([x, y, z]))

    def mirrored(self, axis: str) -> Part:
        """The part's mirror image across the plane through the origin normal to `axis`, still outward oriented."""
        flip = np.ones(3)
        flip["xyz".index(axis)] = -1
        return replace(self, vertices=self.vertices * flip, faces=self.faces[:, ::-1].copy())

    def warped(self, warp: Callable[[Points], Points]) -> Part:
        """The part with its vertices (V, 3) mapped by a continuous deformation that keeps orientation."""
        return replace(self, vertices=warp(self.vertices))

    def of(self, material: int | NDArray[np.int64]) -> Part:
        """The part in another material, or with one material per face (F,)."""
        return replace(self, material=material)


@dataclass(frozen=True)
class Model:
    """A whole model standing on z = 0: vertices (V, 3), faces (F, 3), material_index (F,) into `materials`.

    Edges flatter than `smooth_angle_deg` are to be shaded smooth.
    """

    vertices: Points
    faces: NDArray[np.int64]
    material_index: NDArray[np.int64]
    materials: tuple[Material, ...]
    smooth_angle_deg: float


Families = dict[str, Callable[[random.Random], Model]]
"""Kinds of model by name: each draws a model from a stream."""


def join(parts: Iterable[Part], materials: Sequence[Material], smooth_angle_deg: float = 50.0) -> Model:
    """Put parts together into a model that stands on z = 0; a part's `material` indexes `materials`."""
    listed = list(parts)
    vertices, faces = trimesh.util.append_faces([p.vertices for p in listed], [p.faces for p in listed])
    vertices = vertices - np.array([0.0, 0.0, vertices[:, 2].min()])
    index = np.concatenate([np.full(len(p.faces), p.material, np.int64) for p in listed])
    return Model(vertices, faces, index, tuple(materials), smooth_angle_deg)


def mirrored(parts: Iterable[Part], axis: str = "x") -> list[Part]:
    """The parts and their mirror images."""
    listed = list(parts)
    return listed + [part.mirrored(axis) for part in listed]


def loft(rings: ArrayLike, start: Vec | None = None, end: Vec | None = None, *, closed: bool = False) -> Part:
    """A surface over rings (R, N, 3) of points, which run counter-clockwise seen from the last ring.

    Each end is closed by a fan to `start` or `end`, or flat if that is None (any simple polygon works). With `closed`
    the last ring is joined to the first instead.
    """
    r = np.asarray(rings, np.float64)
    count, sides = r.shape[:2]
    vertices = [r.reshape(-1, 3)]
    here = np.arange(sides)
    there = np.roll(here, -1)
    faces = []
    for k in range(count if closed else count - 1):
        a, b = k * sides, (k + 1) % count * sides
        faces += [np.stack([a + here, a + there, b + there], 1), np.stack([a + here, b + there, b + here], 1)]
    if not closed:
        extra = count * sides
        for base, tip, ahead in ((0, start, False), ((count - 1) * sides, end, True)):
            ring = r[base // sides]
            if tip is None and not star_shaped(ring):
                cap = ear_clip(ring) + base
            else:
                vertices.append(np.asarray(ring.mean(axis=0) if tip is None else tip, np.float64).reshape(1, 3))
                cap = np.stack([base + here, base + there, np.full(sides, extra)], 1)
                extra += 1
            faces.append(cap if ahead else cap[:, ::-1])
    return Part(np.concatenate(vertices), np.concatenate(faces).astype(np.int64))


def prism(outline: Points, height: float, bevel: float = 0.0, segments: int = 2, top_scale: float = 1.0) -> Part:
    """Outline (N, 2) extruded from z = 0 to `height` with rounded rims; `top_scale` tapers it toward the origin."""
    bevel = min(bevel, 0.45 * height)
    rings = []
    for fraction, depth in _bevel_steps(height, bevel, segments):
        scale = 1 + (top_scale - 1) * fraction / height
        shrunk = inset(outline, depth) if depth > 0 else outline
        rings.append(np.column_stack([shrunk * scale, np.full(len(outline), fraction)]))
    return loft(rings)


def box(width: float, depth: float, height: float, bevel: float = 0.004, segments: int = 2) -> Part:
    """Box with all edges rounded, standing on z = 0 about the z axis."""
    bevel = min(bevel, 0.45 * min(width, depth, height))
    return prism(rectangle(width, depth, 1.15 * bevel, segments), height, bevel, segments)


def beam(low: Vec, high: Vec, bevel: float = 0.004, segments: int = 2) -> Part:
    """Box with rounded edges between two opposite corners."""
    a, b = np.asarray(low, np.float64), np.asarray(high, np.float64)
    size, middle = b - a, (a + b) / 2
    return box(size[0], size[1], size[2], bevel, segments).moved(middle[0], middle[1], a[2])


def cylinder(radius: float, height: float, top: float | None = None, bevel: float = 0.003, sides: int = 24) -> Part:
    """Cylinder, or a frustum of a cone with another radius at the `top`, from z = 0 up, with rounded rims."""
    upper = radius if top is None else top
    return lathe([(0, 0), (radius, 0), (upper, height), (0, height)], sides, bevel)


def lathe(profile: ArrayLike, sides: int = 24, bevel: float = 0.0, segments: int = 2) -> Part:
    """Solid of revolution about z: `profile` (N, 2) of (r, z) runs from the bottom's middle up the outside to the top.

    Ends on the axis (r = 0) close in a point, others in a flat disc; `bevel` rounds the corners between.
    """
    p = rounded_path(profile, bevel, segments) if bevel > 0 else np.asarray(profile, np.float64)
    ends = [(0.0, 0.0, float(p[i, 1])) for i in (0, -1)]
    p = p[p[:, 0] > 1e-9]
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    x, y = np.cos(angle), np.sin(angle)
    rings = [np.column_stack([r * x, r * y, np.full(sides, z)]) for r, z in p]
    return loft(rings, ends[0], ends[1])


def sphere(radius: float, sides: int = 16) -> Part:
    """Sphere about the origin."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    profile = radius * np.column_stack([np.cos(angle), np.sin(angle)])
    profile[[0, -1], 0] = 0.0
    return lathe(profile, sides)


def ring(profile: Points, sides: int = 32) -> Part:
    """Closed (r, z) outline (N, 2), counter-clockwise and off the axis, revolved about z: rims, tyres, hoops."""
    angle = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    x, y, r, z = np.cos(angle), np.sin(angle), profile[:, 0], profile[:, 1]
    rings = [np.column_stack([r * a, r * b, z]) for a, b in zip(x, y, strict=True)]
    return loft([one[::-1] for one in rings], closed=True)


def torus(radius: float, tube: float, sides: int = 32, section_sides: int = 10) -> Part:
    """Torus about the z axis at z = 0."""
    angle = np.linspace(0, 2 * np.pi, section_sides, endpoint=False)
    return ring(np.column_stack([radius + tube * np.cos(angle), tube * np.sin(angle)]), sides)


def sweep(
    path: ArrayLike,
    section: Points,
    scale: ArrayLike | None = None,
    up: Vec = (0.0, 0.0, 1.0),
    bevel: float = 0.0,
    *,
    closed: bool = False,
) -> Part:
    """Section (N, 2) carried along a path (P, 3), mitred at bends and carried without twist.

    The section's first axis starts out sideways (up x forward... to the right of the path), its second toward `up`.
    `scale` (P,) or (P, 2) resizes the section along the path; `bevel` rounds both ends.
    """
    p = np.asarray(path, np.float64)
    count = len(p)
    size = np.ones((count, 2)) if scale is None else np.broadcast_to(np.asarray(scale, np.float64).T, (2, count)).T
    if bevel > 0:
        p, size, insets = _with_bevelled_ends(p, size, bevel)
    else:
        insets = np.zeros(count)
    steps = np.diff(p, axis=0, append=p[:1]) if closed else np.diff(p, axis=0)
    steps = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    arriving = np.roll(steps, 1, 0) if closed else np.concatenate([steps[:1], steps])
    leaving = steps if closed else np.concatenate([steps, steps[-1:]])
    side = np.cross(arriving[0], np.asarray(up, np.float64))
    if np.linalg.norm(side) < 1e-6:
        side = np.cross(arriving[0], np.array([0.0, 1.0, 0.0]))
    side /= np.linalg.norm(side)
    rings = []
    for point, before, after, factor, shrink in zip(p, arriving, leaving, size, insets, strict=True):
        side = side - before * np.dot(side, before)
        side /= np.linalg.norm(side)
        flat = shrunk(section * factor, float(shrink))
        offsets = flat[:, :1] * side + flat[:, 1:] * np.cross(side, before)
        mitre = before + after
        offsets = offsets - before * (offsets @ mitre / np.dot(before, mitre))[:, None]
        rings.append(point + offsets)
        side = side - (before + after) * np.dot(side, after) / (1 + np.dot(before, after))
    return loft([one[::-1] for one in rings] if _runs_clockwise(rings, p) else rings, closed=closed)


def tube(path: ArrayLike, radius: float, sides: int = 10, *, closed: bool = False, bevel: float = 0.0) -> Part:
    """Round tube along a path (P, 3)."""
    return sweep(path, ellipse(2 * radius, 2 * radius, sides), closed=closed, bevel=bevel)


def rod(start: Vec, end: Vec, radii: ArrayLike, bevel: float = 0.002, sides: int = 12) -> Part:
    """Turned stick between two points; `radii` is (N, 2) of (fraction of the length, radius), or (r0, r1), or r."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    length = float(np.linalg.norm(b - a))
    turned = np.asarray(radii, np.float64)
    if turned.ndim < 2:
        turned = np.column_stack([[0.0, 1.0], np.broadcast_to(turned, (2,))])
    profile = np.concatenate([[[0, 0]], turned[:, ::-1] * [1, length], [[0, length]]])
    if bevel > 0:
        radius = np.zeros(len(profile))
        radius[[1, -2]] = bevel
        profile = rounded_path(profile, list(radius), 2)
    return along(lathe(profile, sides), a, b - a)


def along(part: Part, origin: ArrayLike, direction: ArrayLike) -> Part:
    """The part turned so that its z axis points in `direction`, and moved to `origin`."""
    w = np.asarray(direction, np.float64)
    w = w / np.linalg.norm(w)
    u = np.cross([0.0, 1.0, 0.0] if abs(w[1]) < 0.9 else [0.0, 0.0, 1.0], w)
    u /= np.linalg.norm(u)
    frame = np.stack([u, np.cross(w, u), w])
    return replace(part, vertices=part.vertices @ frame + np.asarray(origin, np.float64))


def leg(
    foot: Vec, head: Vec, outline: Points, profile: ArrayLike = ((0.0, 1.0), (1.0, 1.0)), bevel: float = 0.003
) -> Part:
    """Leg whose sections stay level, so that its foot is flat also when it leans.

    `outline` (N, 2) is the section; `profile` (M, 2) is (fraction of the height, scale), from the foot up.
    """
    stations = np.asarray(profile, np.float64)
    a, b = np.asarray(foot, np.float64), np.asarray(head, np.float64)
    return post(a + (b - a) * stations[:, :1], outline, stations[:, 1], bevel)


def post(path: ArrayLike, outline: Points, scale: ArrayLike = 1.0, bevel: float = 0.003) -> Part:
    """Upright member whose sections stay level while it follows a path (P, 3) that rises; `scale` is (P,) or one."""
    p = np.asarray(path, np.float64)
    size = np.broadcast_to(np.asarray(scale, np.float64), (len(p),))
    if bevel > 0:
        p, size, insets = _with_bevelled_ends(p, size, bevel)
    else:
        insets = np.zeros(len(p))
    rings = []
    for centre, factor, shrink in zip(p, size, insets, strict=True):
        flat = shrunk(outline * factor, float(shrink))
        rings.append(np.column_stack([flat + centre[:2], np.full(len(outline), centre[2])]))
    return loft(rings)


def wall(path: Points, thickness: float, low: ArrayLike, high: ArrayLike, radius: float = 0.01) -> Part:
    """Upright band along a plane path (P, 2) from heights `low` to `high` (P,) or one, all its edges rounded."""
    count = len(path)
    bottom, top = (np.broadcast_to(np.asarray(h, np.float64), (count,)) for h in (low, high))
    p, heights, insets = _with_bevelled_ends(path, np.column_stack([bottom, top]), 0.9 * radius)
    steps = np.diff(p, axis=0)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    before, after = np.concatenate([steps[:1], steps]), np.concatenate([steps, steps[-1:]])
    mitre = (before + after) / (1 + np.sum(before * after, axis=1, keepdims=True))
    rings = []
    for point, direction, (z0, z1), shrink in zip(p, mitre, heights, insets, strict=True):
        flat = rectangle(thickness - 2 * shrink, z1 - z0 - 2 * shrink, max(radius - shrink, 0.1 * radius), 3)
        side = np.array([-direction[1], direction[0]])
        rings.append(np.column_stack([point + flat[:, :1] * side, flat[:, 1] + (z0 + z1) / 2]))
    return loft(rings)


def cushion(
    outline: Points, height: float, crown: float = 0.02, base_crown: float = 0.0, roundness: float = 0.45
) -> Part:
    """Puffed slab over an outline (N, 2): sides rounded by `roundness` of the height, top bulging by `crown`."""
    outline = dense(outline, 20)
    middle, half = (outline.max(axis=0) + outline.min(axis=0)) / 2, np.ptp(outline, axis=0) / 2
    rim = [
        np.column_stack([shrunk(outline, d), np.full(len(outline), z)])
        for z, d in _bevel_steps(height, roundness * height, 3)
    ]

    def inner(rim_ring: Points, share: float, bulge: float) -> Points:
        flat = middle + (rim_ring[:, :2] - middle) * share
        r = np.sum(np.abs((flat - middle) / half) ** 3, axis=1) ** (2 / 3)
        return np.column_stack([flat, rim_ring[:, 2] + bulge * np.maximum(1 - r, 0)])

    shares = (0.3, 0.6, 0.84)
    rings = [inner(rim[0], s, -base_crown) for s in shares] + rim + [inner(rim[-1], s, crown) for s in shares[::-1]]
    return loft(rings, (*middle, -base_crown), (*middle, height + crown))


def shell(grid: ArrayLike, thickness: float) -> Part:
    """Sheet of even thickness about a surface grid (U, V, 3), its rim rounded."""
    g = np.asarray(grid, np.float64)
    du, dv = np.gradient(g, axis=0), np.gradient(g, axis=1)
    normal = np.cross(du, dv)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    upper, lower = g + normal * thickness / 2, g - normal * thickness / 2
    u, v = g.shape[:2]
    index = np.arange(u * v).reshape(u, v)
    a, b, c, d = index[:-1, :-1].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel(), index[:-1, 1:].ravel()
    top = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    rim = np.concatenate([index[:-1, 0], index[-1, :-1], index[:0:-1, -1], index[0, :0:-1]])
    flat = g.reshape(-1, 3)
    edge_line = flat[rim]
    outward = np.cross(np.roll(edge_line, -1, 0) - np.roll(edge_line, 1, 0), normal.reshape(-1, 3)[rim])
    outward *= thickness / 2 / np.linalg.norm(outward, axis=1, keepdims=True)
    here = np.arange(len(rim))
    there = np.roll(here, -1)
    edge = 2 * u * v + here
    after = 2 * u * v + there
    high, high_next, low, low_next = rim, rim[there], rim + u * v, rim[there] + u * v
    sides = [
        np.stack(t, 1)
        for t in ((low, low_next, after), (low, after, edge), (edge, after, high_next), (edge, high_next, high))
    ]
    vertices = np.concatenate([upper.reshape(-1, 3), lower.reshape(-1, 3), flat[rim] + outward])
    faces = np.concatenate([top, top[:, ::-1] + u * v, *sides])
    return Part(vertices, faces.astype(np.int64))


def _bevel_steps(height: float, bevel: float, segments: int) -> list[tuple[float, float]]:
    if bevel <= 0:
        return [(0.0, 0.0), (height, 0.0)]
    angles = np.linspace(0, np.pi / 2, segments + 1)
    low = [(bevel * (1 - float(np.sin(a))), bevel * (1 - float(np.cos(a)))) for a in angles[::-1]]
    return low + [(height - z, d) for z, d in low[::-1]]


class _Bevelled(NamedTuple):
    """A path (P, D) with a point added near each end, the scale at each point, and how far the outline is inset."""

    path: Points
    size: Points
    insets: Points


def _with_bevelled_ends(p: Points, size: Points, bevel: float) -> _Bevelled:
    first = p[0] + (p[1] - p[0]) * bevel / np.linalg.norm(p[1] - p[0])
    last = p[-1] + (p[-2] - p[-1]) * bevel / np.linalg.norm(p[-2] - p[-1])
    return _Bevelled(
        np.concatenate([p[:1], [first], p[1:-1], [last], p[-1:]]),
        np.concatenate([size[:1], size, size[-1:]]),
        np.array([bevel, *([0.0] * len(p)), bevel]),
    )


def _runs_clockwise(rings: Sequence[Points], path: Points) -> bool:
    first, ahead = rings[0], path[1] - path[0]
    area = np.cross(first, np.roll(first, -1, 0)).sum(axis=0)
    return bool(np.dot(area, ahead) < 0)
