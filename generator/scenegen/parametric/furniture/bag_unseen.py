"""Bags of the test split: types that are built unlike every training family."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture.bag_pieces import (
    DARK,
    METAL,
    PRINT,
    SHELL,
    TRIM,
    WEB,
    arch,
    belt,
    buckle,
    girdle,
    materials,
    pouch,
    reach,
    ring,
    soft,
    standing,
    stud,
    zip_line,
)
from scenegen.parametric.shapes.curves import Points
from scenegen.parametric.shapes.shapes import Model, Part, beam, box, cylinder, join, mirrored, torus, tube
from scenegen.parametric.shapes.solids import cut, round_cone, superellipsoid, union


def shopping(rng: random.Random) -> Model:
    """A paper carrier bag with pleated sides and rope handles."""
    w, d, h = uniform(rng, 0.24, 0.34), uniform(rng, 0.09, 0.14), uniform(rng, 0.30, 0.42)

    def section(fold: float, scale: float) -> Points:
        x, y = scale * w / 2, d / 2
        corners = [(-x, -y), (0.0, -y - 0.004 * fold), (x, -y), (x - fold * 0.05, 0.0), (x, y), (0.0, y + 0.004 * fold)]
        return np.array([*corners, (-x, y), (-x + fold * 0.05, 0.0)])

    heights = [0.0, 0.25 * h, 0.5 * h, 0.8 * h, h]
    folds = [0.0, 0.15, 0.5, 0.85, uniform(rng, 0.8, 1.1)]
    body = pouch([section(f, 1 - 0.01 * f) for f in folds], heights, 0.0035, SHELL)
    parts = [body]
    x, rise = 0.19 * w, uniform(rng, 0.09, 0.15)
    for sign in (-1.0, 1.0):
        y = sign * (d / 2 + 0.002)
        lean = -sign * uniform(rng, 0.0, 0.12)
        handle = arch(2 * x, rise, (0, y, h - 0.002), lean, 0.0035, WEB)
        tails = [tube([(s * x, y, h - 0.055), (s * x, y, h)], 0.0035, 8).of(WEB) for s in (-1, 1)]
        parts += [handle, *tails, *(ring((s * x, y, h - 0.05), 0.006) for s in (-1, 1))]
    style = choose(rng, ("disc", "band", "label"))
    front = -d / 2 - 0.0035
    if style == "disc":
        disc = cylinder(0.24 * w, 0.004, bevel=0.0, sides=32).rotated("x", 90).moved(0, front + 0.003, 0.48 * h)
        parts.append(disc.of(PRINT))
    elif style == "band":
        parts.append(beam((-0.492 * w, front, 0.36 * h), (0.492 * w, front + 0.006, 0.60 * h), 0.0).of(PRINT))
    else:
        parts.append(beam((-0.25 * w, front, 0.30 * h), (0.25 * w, front + 0.006, 0.66 * h), 0.0).of(PRINT))
    return join(parts, materials(rng, "paper"), smooth_angle_deg=25.0)


def hiking(rng: random.Random) -> Model:
    """A tall pack with a lid, a rolled mat below, side pockets and a hip belt."""
    w, d, h = uniform(rng, 0.27, 0.31), uniform(rng, 0.18, 0.21), uniform(rng, 0.43, 0.47)
    body = union(
        [
            standing((0, 0, 0.40 * h), (0.47 * w, d / 2, 0.40 * h), 3.6),
            superellipsoid((0, 0, 0.62 * h), (w / 2, 0.48 * d, 0.33 * h), 3.0),
        ],
        0.06,
    )
    lid = superellipsoid((0, -0.02, h), (0.50 * w, 0.58 * d, 0.055), 3.2)
    pocket = superellipsoid((0, -0.50 * d, 0.45 * h), (0.30 * w, 0.06, 0.24 * h), 3.2)
    side = superellipsoid((0.50 * w, 0.0, 0.30 * h), (0.055, 0.36 * d, 0.17 * h), 2.8)
    mat_r = uniform(rng, 0.055, 0.068)
    mat = cylinder(mat_r, 1.25 * w, bevel=0.008, sides=24).moved(z=-0.625 * w).rotated("y", 90)
    mat = mat.moved(y=-0.46 * d, z=mat_r + 0.005)
    curl = [cylinder(0.6 * mat_r, 1.26 * w, bevel=0.004, sides=20).moved(z=-0.63 * w).rotated("y", 90)]
    parts = [
        soft(body, SHELL, 2000),
        soft(lid, choose(rng, (SHELL, PRINT)), 700, 0.008),
        soft(pocket, PRINT, 700, 0.008),
        *mirrored([soft(side, SHELL, 500, 0.008)]),
        mat.of(PRINT),
        *(part.moved(y=-0.46 * d, z=mat_r + 0.005).of(DARK) for part in curl),
        *zip_line(girdle(pocket, (0, -0.52 * d, 0.45 * h), (15, 165), 20)),
    ]
    for x in (-0.28 * w, 0.28 * w):
        parts.append(torus(mat_r + 0.002, 0.004, 24, 6).rotated("y", 90).moved(x, -0.46 * d, mat_r + 0.005).of(WEB))
        front = union([body, pocket, lid])
        run = [reach(front, (x, 0, z * h), (0, -1, 0)) - [0, 0.002, 0] for z in (1.0, 0.9, 0.78, 0.66)]
        parts.append(belt(run, 0.020, 0.004, WEB, (0, -1, 0), 2))
        parts += buckle(run[2] - [0, 0.004, 0], 0.028, 0.024, DARK)
    for z in (0.38 * h, 0.72 * h):
        path = girdle(body, (0, 0, z), (-60, 20), 8, "xy")
        parts += mirrored([belt(path + np.array([0.003, 0, 0]), 0.016, 0.004, WEB, (0, 0, 1), 3)])
    parts += _harness(w, d, h)
    top = reach(lid, (0, 0.2 * d, h), (0, 0, 1))[2]
    parts.append(arch(0.09, 0.03, (0, 0.30 * d, top - 0.008), 0.0, 0.006, WEB))
    parts.append(_bottle(0.52 * w * choose(rng, (-1.0, 1.0)), h))
    return join(parts, materials(rng, "fabric"))


def _bottle(x: float, h: float) -> Part:
    """A bottle in a side pocket."""
    flask = round_cone((x, 0.0, 0.30 * h), (x, 0.0, 0.52 * h), 0.032, 0.030)
    neck = round_cone((x, 0.0, 0.52 * h), (x, 0.0, 0.60 * h), 0.014, 0.015)
    return soft(union([flask, neck], 0.012), METAL, 400, 0.006)


def _harness(w: float, d: float, h: float) -> list[Part]:
    """Shoulder straps and hip belt at the back."""
    back = 0.46 * d
    parts: list[Part] = []
    for sign in (-1.0, 1.0):
        x = sign * 0.20 * w
        pad = [
            (0.7 * x, 0.3 * d, 0.92 * h),
            (0.8 * x, back + 0.04, 0.93 * h),
            (x, back + 0.09, 0.78 * h),
            (1.3 * x, back + 0.085, 0.52 * h),
            (1.6 * x, back + 0.03, 0.30 * h),
        ]
        wing = [
            (sign * 0.30 * w, back - 0.02, 0.19 * h),
            (sign * 0.48 * w, back + 0.02, 0.18 * h),
            (sign * 0.58 * w, back - 0.05, 0.17 * h),
        ]
        parts += [belt(pad, 0.060, 0.016, WEB, smooth=4), belt(wing, 0.075, 0.016, WEB, (0, 1, 0), 4)]
    return parts


def bucket(rng: random.Random) -> Model:
    """A round bag gathered by a drawstring, with a shoulder strap."""
    r, h = uniform(rng, 0.10, 0.13), uniform(rng, 0.25, 0.31)
    pleats = choose(rng, (9, 11, 13))
    angle = np.linspace(0, 2 * np.pi, 8 * pleats, endpoint=False)

    def section(radius: float, depth: float) -> Points:
        wave = radius * (1 + depth * np.cos(pleats * angle))
        return np.column_stack([wave * np.cos(angle), wave * np.sin(angle)])

    heights = (0.0, 0.02, 0.3, 0.55, 0.74, 0.84, 0.90, 1.0)
    widths = (0.93, 1.0, 1.06, 1.02, 0.86, 0.70, 0.74, 0.92)
    depths = (0.0, 0.0, 0.0, 0.015, 0.05, 0.10, 0.11, 0.09)
    outlines = [section(r * a, b) for a, b in zip(widths, depths, strict=True)]
    body = pouch(outlines, [h * z for z in heights], 0.006, SHELL)
    foot = cylinder(1.03 * r, 0.16 * h, top=1.07 * r, bevel=0.004, sides=40).of(TRIM)
    waist = 0.71 * r * (1.10 + 0.03 * np.cos(pleats * angle))
    cord = np.column_stack([waist * np.cos(angle), waist * np.sin(angle), np.full(len(angle), 0.84 * h)])
    parts = [body, foot, tube(cord, 0.0045, 8, closed=True).of(TRIM)]
    for x in (-0.018, 0.018):
        tail = [
            (0.3 * x, -0.78 * r, 0.84 * h),
            (x, -0.95 * r, 0.80 * h),
            (1.3 * x, -1.06 * r, 0.66 * h),
            (1.6 * x, -1.09 * r, 0.50 * h),
        ]
        parts += [tube(tail, 0.004, 8).of(TRIM), _knot(tail[-1])]
    rise = uniform(rng, 0.14, 0.20)
    half = [
        (1.05 * r, 0, 0.55 * h),
        (0.98 * r, 0, 0.84 * h),
        (0.85 * r, 0.01, h + 0.4 * rise),
        (0.4 * r, 0.02, h + 0.88 * rise),
    ]
    parts.append(
        belt([*half, (0, 0.02, h + rise), *((-a, b, c) for a, b, c in half[::-1])], 0.024, 0.005, TRIM, (1, 0, 0), 8)
    )
    parts += [*mirrored([ring((1.07 * r, 0, 0.55 * h), 0.014, "x")]), stud((0.0, -1.06 * r, 0.12 * h), 0.006)]
    return join(parts, materials(rng, "leather"))


def _knot(at: tuple[float, float, float]) -> Part:
    """The knot at a cord's end."""
    return cylinder(0.006, 0.035, top=0.009, bevel=0.003, sides=10).rotated("x", 180).moved(*at).of(TRIM)


def doctor(rng: random.Random) -> Model:
    """A Gladstone bag: broad below, closed by a metal-bound frame above, two handles."""
    w, d, h = uniform(rng, 0.34, 0.42), uniform(rng, 0.17, 0.21), uniform(rng, 0.24, 0.29)
    body = union(
        [
            standing((0, 0, 0.36 * h), (w / 2, d / 2, 0.36 * h), 5.0),
            superellipsoid((0, 0, 0.62 * h), (0.46 * w, 0.30 * d, 0.36 * h), 4.0),
        ],
        0.09,
    )
    body = cut(body, (0, 0, 0.94 * h), (0, 0, 1))
    rail = beam((-0.43 * w, -0.024, 0.90 * h), (0.43 * w, 0.024, 0.98 * h), 0.008).of(TRIM)
    ridge = beam((-0.435 * w, -0.008, 0.965 * h), (0.435 * w, 0.008, 0.995 * h), 0.004).of(METAL)
    parts = [soft(body, SHELL, 2600, 0.009), rail, ridge]
    for sign in (-1.0, 1.0):
        parts.append(arch(0.34 * w, 0.085, (0, sign * 0.026, 0.93 * h), sign * 0.18, 0.0075, TRIM))
        parts += [
            box(0.03, 0.012, 0.03, 0.004).moved(x, sign * 0.026, 0.91 * h).of(METAL) for x in (-0.17 * w, 0.17 * w)
        ]
    front = reach(body, (0, 0, 0.8 * h), (0, -1, 0))[1]
    parts.append(beam((-0.022, front - 0.012, 0.80 * h), (0.022, 0.0, 0.99 * h), 0.004).of(METAL))
    for x in (-0.30 * w, 0.30 * w):
        run = [reach(body, (x, 0, z * h), (0, -1, 0)) - [0, 0.002, 0] for z in (0.86, 0.72, 0.56, 0.42, 0.30, 0.18)]
        parts.append(belt(run, 0.028, 0.005, TRIM, (0, -1, 0), 3))
        parts += buckle(run[2] - [0, 0.004, 0], 0.038, 0.032)
    return join([*parts, *_feet(w, d)], materials(rng, "leather"))


def _feet(w: float, d: float) -> list[Part]:
    """Corner pieces and studs under a bag's base."""
    corner = box(0.07, 0.06, 0.05, 0.014).moved(0.5 * w - 0.036, 0.5 * d - 0.030, 0.0).of(TRIM)
    studs = cylinder(0.009, 0.006, bevel=0.002, sides=12).moved(0.38 * w, 0.34 * d, -0.005).of(METAL)
    return mirrored(mirrored([corner, studs]), "y")
