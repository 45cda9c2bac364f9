"""Parts of bags: soft bodies, straps that follow a surface, zips, handles, buckles, and their materials."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture.palette import black_plastic, fabric, leather, metal
from scenegen.parametric.shapes.curves import Points, rectangle, smooth_path
from scenegen.parametric.shapes.shapes import Part, box, cylinder, loft, sweep, torus, tube
from scenegen.parametric.shapes.solids import Solid, cut, polygonise, superellipsoid

SHELL, TRIM, WEB, METAL, DARK, PRINT = range(6)


def materials(rng: random.Random, shell: str) -> tuple[Material, ...]:
    """The six materials of a bag whose body is "fabric", "leather", "plastic" or "paper"."""
    body = leather(rng) if shell == "leather" else fabric(rng)
    if shell == "plastic":
        body = replace(body, kind="plain", roughness=uniform(rng, 0.25, 0.4))
    if shell == "paper":
        tone = choose(
            rng, ((0.46, 0.31, 0.18), (0.80, 0.79, 0.76), (0.03, 0.03, 0.035), (0.62, 0.20, 0.24), (0.10, 0.28, 0.26))
        )
        body = Material("paper", base_color=tone, roughness=0.75)
    value = choose(rng, (0.018, 0.018, 0.05, 0.22))
    web = Material("webbing", "fabric", (value,) * 3, (value * 0.7,) * 3, roughness=0.9, scale=0.03)
    trim = leather(rng) if shell in ("leather", "fabric") else web
    return (body, trim, web, metal(rng, "chrome", "brass", "gunmetal"), black_plastic(rng), fabric(rng))


def soft(solid: Solid, material: int, triangles: int = 1600, cell: float = 0.010) -> Part:
    """A soft body as a mesh."""
    return Part(*polygonise(solid, cell, triangles), material)


def standing(center: ArrayLike, radii: ArrayLike, power: float, sit: float = 0.004) -> Solid:
    """A cushion cut flat `sit` above its lowest point."""
    c, r = np.asarray(center, float), np.asarray(radii, float)
    return cut(superellipsoid(c, r, power), (0, 0, c[2] - r[2] + sit), (0, 0, -1), 0.01)


def reach(solid: Solid, start: ArrayLike, direction: ArrayLike) -> NDArray[np.float64]:
    """Where a ray from inside `solid` leaves it."""
    a, d = np.asarray(start, float), np.asarray(direction, float)
    low, high = 0.0, 1.0 / float(np.linalg.norm(d))
    for _ in range(14):  # to 0.06 mm
        middle = (low + high) / 2
        p = (a + middle * d).astype(np.float32).reshape(3, 1, 1, 1)
        inside = solid.sample(p[0], p[1], p[2]).item() < 0
        low, high = (middle, high) if inside else (low, middle)
    return np.asarray(a + low * d)


def girdle(solid: Solid, center: ArrayLike, degrees: tuple[float, float], steps: int, plane: str = "xz") -> Points:
    """`steps` points on the surface around `center` in a plane ("xz" or "xy"), from one angle in degrees to another."""
    start, stop = degrees
    angles = np.radians(np.linspace(start, stop, steps, endpoint=stop - start < 360))
    a, b = (np.eye(3)["xyz".index(axis)] for axis in plane)
    return np.array([reach(solid, center, np.cos(t) * a + np.sin(t) * b) for t in angles])


def zip_line(path: Points, *, closed: bool = False) -> list[Part]:
    """A zip's teeth along a path on the surface, with a puller at its end."""
    teeth = tube(path, 0.0032, 6, closed=closed).of(METAL)
    puller = box(0.009, 0.004, 0.032, 0.001, 1).moved(*(path[-1] - np.array([0, 0.005, 0.030]))).of(METAL)
    return [tube(path, 0.0052, 6, closed=closed).moved(z=-0.0008).of(DARK), teeth, puller]


def belt(
    points: ArrayLike,
    width: float,
    thickness: float,
    material: int,
    up: Sequence[float] = (0, 0, 1),
    smooth: int = 6,
) -> Part:
    """A flat strap through `points`, its broad side facing `up` where it starts."""
    path = smooth_path(np.asarray(points, float), smooth) if smooth > 1 else np.asarray(points, float)
    return sweep(path, rectangle(width, thickness, 0.45 * thickness, 2), up=up, bevel=0.3 * thickness).of(material)


def arch(width: float, height: float, base: ArrayLike, lean: float, thickness: float, material: int) -> Part:
    """A round handle standing on `base`, in the plane of x and a direction `lean` (y per z)."""
    angles = np.radians(np.linspace(180, 0, 15))
    x = width / 2 * np.cos(angles)
    z = height * np.sin(angles) ** 0.75
    path = np.column_stack([x, lean * z, z]) + np.asarray(base, float)
    return tube(path, thickness, 10, bevel=0.4 * thickness).of(material)


def ring(at: ArrayLike, radius: float, axis: str = "y") -> Part:
    """A metal ring about an axis, at a point."""
    hoop = torus(radius, 0.0025, 16, 6)
    turned = hoop.rotated("x", 90) if axis == "y" else hoop.rotated("y", 90) if axis == "x" else hoop
    x, y, z = (float(c) for c in np.asarray(at, float))
    return turned.moved(x, y, z).of(METAL)


def buckle(at: ArrayLike, width: float, height: float, material: int = METAL) -> list[Part]:
    """A frame with a bar, facing -Y."""
    x, y, z = (float(c) for c in np.asarray(at, float))
    bars = [
        box(width, 0.004, 0.004, 0.001, 1).moved(x, y, z + height / 2 - 0.002),
        box(width, 0.004, 0.004, 0.001, 1).moved(x, y, z - height / 2 - 0.002),
        box(0.004, 0.004, height, 0.001, 1).moved(x - width / 2, y, z - height / 2),
        box(0.004, 0.004, height, 0.001, 1).moved(x + width / 2, y, z - height / 2),
        box(0.003, 0.003, 0.98 * height, 0.0006, 1).moved(x, y - 0.001, z - 0.49 * height),
    ]
    return [bar.of(material) for bar in bars]


def stud(at: ArrayLike, radius: float = 0.007) -> Part:
    """A rivet facing -Y."""
    x, y, z = (float(c) for c in np.asarray(at, float))
    return cylinder(radius, 0.005, bevel=0.0018, sides=14).rotated("x", 90).moved(x, y + 0.002, z).of(METAL)


def pouch(outlines: Sequence[Points], heights: Sequence[float], thickness: float, material: int) -> Part:
    """An open bag: its wall passes through `outlines` (each (N, 2), the same N) at `heights`, open at the last."""
    rings = [np.column_stack([o, np.full(len(o), z)]) for o, z in zip(outlines, heights, strict=True)]
    inner = []
    for outer in rings[::-1]:
        middle = outer[:, :2].mean(axis=0)
        spokes = outer[:, :2] - middle
        length = np.linalg.norm(spokes, axis=1, keepdims=True)
        flat = middle + spokes * (1 - thickness / length)
        inner.append(np.column_stack([flat, np.maximum(outer[:, 2], rings[0][0, 2] + thickness)]))
    return loft([*rings, *inner]).of(material)
