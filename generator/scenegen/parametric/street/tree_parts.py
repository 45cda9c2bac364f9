"""Branches, clumps of foliage and sprays of leaves, every one a closed solid, in metres."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray

from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.curves import Points, ellipse
from scenegen.parametric.shapes.shapes import Part, sweep

BARK, LEAF = 0, 1


@dataclass(frozen=True)
class Branch:
    """A bent, tapered limb: points (P, 3) and its radius at each (P,)."""

    path: Points
    radii: Points

    def at(self, t: float) -> tuple[Points, float]:
        """Place and radius at a share of the limb's length."""
        s = np.linspace(0.0, 1.0, len(self.path))
        place = np.array([np.interp(t, s, self.path[:, k]) for k in range(3)])
        return place, float(np.interp(t, s, self.radii))


def trunk(rng: random.Random, height: float, radius: float, lean: float, taper: float = 0.55) -> Branch:
    """A stem from the ground with a flared foot."""
    s = np.linspace(0.0, 1.0, 8)
    turn, sway = uniform(rng, 0.0, 2 * np.pi), uniform(rng, 0.0, 2 * np.pi)
    out = lean * height * s**1.5
    wave = 0.4 * lean * height * np.sin(np.pi * s)
    path = np.column_stack(
        [out * np.cos(turn) + wave * np.cos(sway), out * np.sin(turn) + wave * np.sin(sway), s * height]
    )
    radii = radius * (1 - (1 - taper) * s)
    radii[0] *= 1.35
    return Branch(path, radii)


@dataclass(frozen=True)
class Growth:
    """How limbs grow out of a parent: their number, length in metres and rise in degrees above the horizontal.

    They start between two shares of the parent's length (`along`) and bear limbs of their own, `depth` levels in all.
    """

    count: int
    length: float
    rise: float
    depth: int
    along: tuple[float, float] = (0.72, 1.0)


def branches(rng: random.Random, parent: Branch, growth: Growth) -> list[Branch]:
    """Limbs out of a parent, each followed by its own limbs."""
    count, depth, along = growth.count, growth.depth, growth.along
    grown: list[Branch] = []
    turn = uniform(rng, 0.0, 360.0)
    heading = parent.path[-1] - parent.path[-2]
    heading = heading / np.linalg.norm(heading)
    first = np.cross(heading, [0.3, 0.9, 0.2])
    first /= np.linalg.norm(first)
    second = np.cross(heading, first)
    for k in range(count):
        t = along[0] + (along[1] - along[0]) * (k + 0.5) / count
        start, radius = parent.at(t)
        angle = np.radians(turn + 137.5 * k + uniform(rng, -20, 20))
        out = np.cos(angle) * first + np.sin(angle) * second
        up = np.radians(growth.rise + uniform(rng, -12, 12))
        way = np.cos(up) * out + np.sin(up) * (0.6 * heading + np.array([0, 0, 0.4]))
        way /= np.linalg.norm(way)
        long = growth.length * uniform(rng, 0.75, 1.15)
        s = np.linspace(0.0, 1.0, 5)[:, None]
        bend = np.array([uniform(rng, -0.16, 0.16), uniform(rng, -0.16, 0.16), uniform(rng, -0.04, 0.28)])
        path = start + way * s * long + bend * long * s**2
        limb = Branch(path, radius * np.linspace(0.62, 0.3, 5))
        grown.append(limb)
        if depth > 1:
            grown += branches(
                rng, limb, Growth(3 if depth < 4 else 4, 0.62 * growth.length, 42, depth - 1, (0.45, 1.0))
            )
    return grown


def bark_part(wood: Sequence[Branch]) -> list[Part]:
    """Limbs as tapered tubes with fewer sides the thinner they are."""
    parts = []
    for limb in wood:
        thick = float(limb.radii.max())
        sides = 12 if thick > 0.12 else 7 if thick > 0.05 else 5 if thick > 0.02 else 3
        path, radii = (limb.path, limb.radii) if thick > 0.03 else (limb.path[::2], limb.radii[::2])
        parts.append(sweep(path, ellipse(2.0, 2.0, sides), radii, up=(0.37, 0.61, 0.2)).of(BARK))
    return parts


def crown(
    rng: random.Random, middle: Sequence[float], radii: Sequence[float], count: int, size: float, taper: float = 0.0
) -> list[Part]:
    """Clumps of leaves that fill an ellipsoid, with one large clump at its core.

    `size` is their radius relative to the ellipsoid's least radius; `taper` is how much narrower its top is.
    """
    centre, reach = np.asarray(middle, float), np.asarray(radii, float)
    least = float(reach[:2].min())
    parts = [clump(rng, 0.74 * reach * [1 - 0.5 * taper, 1 - 0.5 * taper, 1.0], 0.18, fine=True).moved(*centre)]
    for k in range(count):
        z = 1 - 2 * (k + 0.5) / count
        angle = 2.399963 * k + uniform(rng, -0.3, 0.3)
        flat = np.sqrt(1 - z * z) * (1 - taper * max(z, 0.0))
        direction = np.array([flat * np.cos(angle), flat * np.sin(angle), z])
        place = centre + reach * direction * uniform(rng, 0.62, 0.9)
        radius = least * size * uniform(rng, 0.8, 1.25)
        parts.append(clump(rng, (radius, radius, 0.85 * radius), 0.3).moved(*place))
    return parts


def clump(rng: random.Random, radii: Sequence[float] | Points, roughness: float, *, fine: bool = False) -> Part:
    """A closed, uneven ball about the origin; `roughness` is how far its surface goes in and out."""
    vertices, faces = _FINE if fine else _COARSE
    bumps = np.zeros(len(vertices))
    for _ in range(5):
        way = np.array([uniform(rng, -1, 1) for _ in range(3)])
        pitch = choose(rng, (3.0, 4.5, 6.0))
        bumps += np.sin(pitch * (vertices @ way) + uniform(rng, 0.0, 6.28))
    jitter = np.array([uniform(rng, -1.0, 1.0) for _ in range(len(vertices))])
    scale = 1 + roughness * (0.16 * bumps + 0.3 * jitter)
    return Part(vertices * scale[:, None] * np.asarray(radii, float), faces)


def leaves(rng: random.Random, clumps: Sequence[Part], count: int, size: float) -> list[Part]:
    """`count` sprays of leaves about the clumps, as three parts of many thin solids each, to be of three shades."""
    areas = np.array([np.prod(np.ptp(part.vertices, axis=0)) ** (2 / 3) for part in clumps])
    shares = np.maximum(1, np.round(count * areas / areas.sum())).astype(int)
    sprays: list[list[Points]] = [[], [], []]
    for part, number in zip(clumps, shares, strict=True):
        centre = part.vertices.mean(axis=0)
        for _ in range(number):
            corners = part.vertices[part.faces[int(rng.random() * len(part.faces))]]
            weights = np.array([rng.random() + 0.05 for _ in range(3)])
            place = weights @ corners / weights.sum()
            out = (place - centre) / np.linalg.norm(place - centre)
            way = out + np.array([uniform(rng, -1.2, 1.2), uniform(rng, -1.2, 1.2), uniform(rng, -1.3, 0.9)])
            side = np.cross(way, [uniform(rng, -1, 1), uniform(rng, -1, 1), uniform(rng, -1, 1) + 0.01])
            spray = _spray(place + 0.25 * size * out, way, side, size * uniform(rng, 0.6, 1.4))
            sprays[int(3 * rng.random())].append(spray)
    return [_solids(group) for group in sprays if group]


def _spray(place: Points, way: Points, side: Points, size: float) -> Points:
    """The corners (4, 3) of a thin three-cornered solid."""
    way, side = way / np.linalg.norm(way), side / np.linalg.norm(side)
    over = np.cross(way, side)
    corners: Points = place + size * np.stack([way, 0.75 * side - 0.4 * way, -0.7 * side - 0.5 * way, 0.1 * over])
    return corners


def _solids(corners: Sequence[Points]) -> Part:
    starts = 4 * np.arange(len(corners))[:, None, None]
    return Part(np.concatenate(corners), (starts + _SPRAY).reshape(-1, 3))


def _icosphere(steps: int) -> tuple[Points, NDArray[np.int64]]:
    """A unit sphere of triangles whose vertices are in the order that the built-in trees were drawn with."""
    ball = trimesh.creation.icosahedron()
    points: list[Points] = list(np.asarray(ball.vertices))
    faces: list[tuple[int, int, int]] = [(a, b, c) for a, b, c in ball.faces.tolist()]
    for _ in range(steps):
        middles: dict[tuple[int, int], int] = {}
        finer = []
        for a, b, c in faces:
            halves = []
            for i, j in ((a, b), (b, c), (c, a)):
                key = (min(i, j), max(i, j))
                if key not in middles:
                    middles[key] = len(points)
                    middle = points[i] + points[j]
                    points.append(middle / np.linalg.norm(middle))
                halves.append(middles[key])
            ab, bc, ca = halves
            finer += [(a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca)]
        faces = finer
    return np.array(points), np.array(faces, np.int64)


_COARSE, _FINE = _icosphere(1), _icosphere(2)
_SPRAY = np.array([(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)], np.int64)
