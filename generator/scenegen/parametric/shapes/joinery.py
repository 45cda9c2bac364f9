"""Pieces that several kinds of furniture share: table tops, legs in fours, drawer fronts, handles."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.curves import (
    Points,
    bowed,
    ellipse,
    in_space,
    polygon,
    rectangle,
    rounded_path,
    shrunk,
    smooth_path,
)
from scenegen.parametric.shapes.shapes import Part, Vec, beam, cylinder, lathe, loft, mirrored, sweep, torus, tube

HANDLES = ("knob", "bar", "cup", "ring", "strap", "wood knob")


def four(part: Part) -> list[Part]:
    """The part and its mirror images across x = 0, y = 0 and both."""
    return mirrored(mirrored([part], "x"), "y")


def slab(rng: random.Random, outline: Points, thickness: float, z: float) -> Part:
    """Table top from `z` up with an eased, rounded or under-cut edge; its upper face is flat."""
    style = choose(rng, ("eased", "eased", "round", "undercut"))
    if style == "undercut":
        return undercut(outline, thickness, uniform(rng, 0.02, 0.035)).moved(z=z)
    rim = min(0.004, thickness / 4) if style == "eased" else 0.42 * thickness
    angles = np.linspace(0, np.pi / 2, 3 if style == "eased" else 4)
    low = [(rim * (1 - float(np.cos(a))), rim * (1 - float(np.sin(a)))) for a in angles]
    return _stacked(outline, low + [(thickness - h, d) for h, d in low[::-1]]).moved(z=z)


def undercut(outline: Points, thickness: float, reach: float) -> Part:
    """Slab from z = 0 whose edge slopes inward by `reach` toward the bottom."""
    rim = 0.003
    profile = [(0.0, reach), (0.62 * thickness, 0.002), (0.70 * thickness, 0.0), (thickness - rim, 0.0)]
    return _stacked(outline, [*profile, (thickness - 0.3 * rim, 0.3 * rim), (thickness, rim)])


def _stacked(outline: Points, profile: list[tuple[float, float]]) -> Part:
    return loft([np.column_stack([shrunk(outline, d), np.full(len(outline), z)]) for z, d in profile])


def aprons(width: float, depth: float, top: float, height: float, thickness: float = 0.02) -> list[Part]:
    """Four boards on edge below a top, their centre lines on a `width` x `depth` rectangle."""
    x, y, t = width / 2, depth / 2, thickness / 2
    long = beam((-x, -y - t, top - height), (x, -y + t, top), 0.003)
    short = beam((-x - t, -y, top - height), (-x + t, y, top), 0.003)
    return [*mirrored([long], "y"), *mirrored([short], "x")]


def handle(kind: str, reach: float = 0.1) -> list[Part]:
    """Handle of one of `HANDLES` at the origin, standing off toward -Y; `reach` is the width of long kinds."""
    if kind == "bar":
        y = -0.028
        path = rounded_path(
            [(-reach / 2, 0.006, 0), (-reach / 2, y, 0), (reach / 2, y, 0), (reach / 2, 0.006, 0)], 0.012
        )
        return [tube(path, 0.005, 8)]
    if kind == "cup":
        bowl = lathe([(0.0, -0.034), (0.016, -0.032), (0.03, -0.02), (0.034, 0.0), (0.03, 0.006), (0, 0.008)], 20)
        return [bowl.scaled(1.3, 0.8, 0.7).warped(_keep_front).moved(z=0.012)]
    if kind == "ring":
        plate = cylinder(0.014, 0.006, bevel=0.002, sides=16).rotated("x", 90).moved(y=0.002)
        loop = torus(0.02, 0.003, 20, 8).rotated("x", 80).moved(y=-0.009, z=-0.02)
        return [plate, loop, cylinder(0.004, 0.014, bevel=0.001, sides=8).rotated("x", 90)]
    if kind == "strap":
        path = in_space(bowed(reach, -0.026, 8), "xy")
        return [sweep(path, rectangle(0.004, 0.022, 0.0015, 1)).moved(y=0.003)]
    radius = 0.015 if kind == "knob" else 0.019
    stem = [(0, 0), (0.5 * radius, 0), (0.36 * radius, 0.7 * radius), (0.95 * radius, 1.1 * radius)]
    stem += [(radius, 1.5 * radius), (0.7 * radius, 1.9 * radius), (0, 2.0 * radius)]
    return [lathe(stem, 16).moved(z=-0.003).rotated("x", 90)]


def _keep_front(vertices: Points) -> Points:
    return np.column_stack([vertices[:, 0], np.minimum(vertices[:, 1], 0.002), vertices[:, 2]])


def drawer_front(
    low: tuple[float, float], high: tuple[float, float], y: float, *, panelled: bool = False
) -> list[Part]:
    """Board from (x, z) `low` to `high` whose face lies at `y`, optionally with a raised field, toward -Y."""
    board = [beam((low[0], y, low[1]), (high[0], y + 0.02, high[1]), 0.0025)]
    if panelled:
        m = 0.035
        board.append(beam((low[0] + m, y - 0.006, low[1] + m), (high[0] - m, y + 0.01, high[1] - m), 0.005))
    return board


def turned_profile(rng: random.Random, thick: float) -> Points:
    """(fraction, radius) of a turned leg: slim foot, swelling, rings, a plain head."""
    s = uniform(rng, 0.85, 1.1)
    shape = [(0, 0.5), (0.04, 0.62), (0.09, 0.6), (0.11, 0.48), (0.13, 0.46), (0.45, 0.62 * s), (0.62, 0.9 * s)]
    shape += [(0.70, 0.84 * s), (0.735, 0.5), (0.75, 0.5), (0.77, 0.85), (0.79, 0.85), (0.81, 0.55), (0.83, 0.6)]
    shape += [(0.85, 0.95), (1, 0.95)]
    return np.array(shape) * [1, thick]


def section(rng: random.Random, size: float) -> Points:
    """Section of a wooden leg: round, square, or a square with well rounded corners."""
    kind = choose(rng, ("round", "square", "soft"))
    if kind == "round":
        return ellipse(size, size, 14)
    return rectangle(size, size, 0.005 if kind == "square" else 0.3 * size, 2)


def seat_outline(front: float, back: float, depth: float, radius: float, segments: int = 4) -> Points:
    """Trapezoid seat about the origin, `front` wide at -Y and `back` wide at +Y, with rounded corners."""
    y = depth / 2
    return polygon([(-front / 2, -y), (front / 2, -y), (back / 2, y), (-back / 2, y)], radius, segments)


def board(start: Vec, end: Vec, height: float, thickness: float = 0.02, sagitta: float = 0.0) -> Part:
    """Board on edge between two points, its middle line bowed toward the left of its run by `sagitta`."""
    a, b = np.asarray(start, np.float64), np.asarray(end, np.float64)
    run = b - a
    bow = bowed(float(np.linalg.norm(run)), sagitta, 8 if sagitta else 1)
    ahead = run / np.linalg.norm(run)
    left = np.array([-ahead[1], ahead[0], 0.0]) / np.hypot(ahead[0], ahead[1])
    path = (a + b) / 2 + bow[:, :1] * ahead + bow[:, 1:] * left
    return sweep(path, rectangle(thickness, height, 0.2 * min(thickness, height)), bevel=0.002)


def upright(part: Part, lean_deg: float, y: float, z: float) -> Part:
    """A part made lying, its +Z side turned to face -Y and its +Y end up, leaned back about its foot at (y, z)."""
    return part.rotated("x", 90 - lean_deg).moved(y=y, z=z)


def bow_back(part: Part, strength: float) -> Part:
    """The part with its two ends brought forward, toward -Y, by `strength` times x squared."""
    return part.warped(lambda v: v - np.column_stack([np.zeros(len(v)), strength * v[:, 0] ** 2, np.zeros(len(v))]))


def claws(count: int, reach: float, rise: float, thick: float) -> list[Part]:
    """Curved feet that spread from a column at `rise` down to the floor at `reach`."""
    curve = smooth_path(
        [(0.03, rise), (0.4 * reach, rise * 0.86), (0.75 * reach, 0.34 * rise), (reach, 0.5 * thick)], 5
    )
    scale = np.linspace(1.25, 0.62, len(curve))
    foot = sweep(in_space(curve, "xz"), rectangle(0.8 * thick, thick, 0.3 * thick), scale, bevel=0.006)
    pad = cylinder(0.42 * thick, 0.03, 0.3 * thick, 0.004, 14).moved(x=reach - 0.01)
    return [p.rotated("z", 45 + 360 * i / count) for i in range(count) for p in (foot, pad)]
