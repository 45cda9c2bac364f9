"""The wing chair, of the test split."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import Points, ellipse, polygon, rectangle, smooth_path
from scenegen.parametric.shapes.joinery import seat_outline, upright
from scenegen.parametric.shapes.shapes import (
    Model,
    Part,
    cushion,
    cylinder,
    join,
    leg,
    mirrored,
    post,
    prism,
    rod,
    sphere,
)

COVER, FRAME = 0, 1


def wingback(rng: random.Random) -> Model:
    """High-backed wing chair with rolled arms, a loose seat cushion and turned or cabriole legs."""
    width, depth, seat = uniform(rng, 0.68, 0.76), uniform(rng, 0.70, 0.78), uniform(rng, 0.43, 0.47)
    top, arm, feet = uniform(rng, 1.0, 1.12), uniform(rng, 0.60, 0.65), uniform(rng, 0.15, 0.19)
    inner, y = width - 0.2, depth / 2
    parts: list[Part] = [
        prism(seat_outline(width - 0.06, width - 0.12, depth - 0.1, 0.04), seat - 0.1 - feet, 0.02, 3).moved(z=feet)
    ]
    parts.append(
        cushion(seat_outline(inner + 0.02, inner - 0.02, depth - 0.16, 0.05) + np.array([0, -0.06]), 0.12, 0.028).moved(
            z=seat - 0.128
        )
    )
    lean, foot = 11.0, y - 0.12
    height = (top - feet) / np.cos(np.radians(lean))
    h, w = height, (inner + 0.13) / 2
    shape = polygon(
        [
            (-w * 0.86, 0),
            (w * 0.86, 0),
            (w, 0.55 * h),
            (w * 0.98, 0.93 * h),
            (0.4 * w, h),
            (-0.4 * w, h),
            (-w * 0.98, 0.93 * h),
            (-w, 0.55 * h),
        ],
        [0.03, 0.03, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3],
        5,
    )
    back = cushion(shape, 0.11, 0.035, 0.008)
    parts.append(upright(back, lean, foot + 0.05, feet))
    if rng.random() < 0.5:
        spots = [
            (u * w, v * h)
            for v, us in ((0.62, (-0.5, 0, 0.5)), (0.74, (-0.25, 0.25)), (0.86, (-0.5, 0, 0.5)))
            for u in us
        ]
        rise = [0.11 + 0.035 * (1 - (abs(u / w) ** 3 + abs(2 * v / h - 1) ** 3) ** (2 / 3)) for u, v in spots]
        buttons = [sphere(0.012, 10).scaled(1, 1, 0.5).moved(u, v, z) for (u, v), z in zip(spots, rise, strict=True)]
        parts += [upright(b, lean, foot + 0.05, feet) for b in buttons]
    x = width / 2 - 0.07
    lift = (0.55 * h) * np.cos(np.radians(lean))
    run = float(np.tan(np.radians(lean)) * lift)
    wing = polygon(
        [
            (foot - 0.02, seat - 0.05),
            (foot + run + 0.02, top - 0.05),
            (foot + run - 0.05, top - 0.02),
            (foot + run - 0.24, top - 0.12),
            (foot - 0.2, arm + 0.1),
            (foot - 0.26, arm - 0.06),
            (foot - 0.2, seat - 0.05),
        ],
        [0.035, 0.05, 0.06, 0.14, 0.12, 0.05, 0.035],
        5,
    )
    side = prism(wing, 0.06, 0.024, 4).rotated("x", 90).rotated("z", 90)
    parts += mirrored([side.rotated("z", -6, (0, y, 0)).moved(x - 0.01)])
    panel = prism(rectangle(depth - 0.12, arm - feet - 0.03, 0.03, 3), 0.075, 0.02, 3).rotated("x", 90).rotated("z", 90)
    roll = cylinder(0.058, depth - 0.14, bevel=0.016, sides=24).rotated("x", 90).moved(y=y - 0.1)
    parts += mirrored(
        [panel.moved(x - 0.035, -0.025, feet + (arm - feet - 0.03) / 2), roll.moved(x + 0.012, -0.02, arm - 0.04)]
    )
    parts += mirrored(
        [
            cylinder(0.024, 0.012, bevel=0.004, sides=18)
            .rotated("x", 90)
            .moved(x + 0.012, -y + 0.044, arm - 0.04)
            .of(FRAME)
        ]
    )
    legs: list[Part] = []
    lx, ly = width / 2 - 0.08, y - 0.1
    if rng.random() < 0.5:
        curve = [(0.0, 0.0), (0.006, 0.012), (-0.006, 0.35), (0.014, 0.75), (0.0, 1.0)]
        s = [0.8, 0.75, 0.5, 0.95, 1.1]
        bent = smooth_path(np.column_stack([np.array(curve) * [1, feet + 0.02], s]), 4)
        front = _cabriole(bent, (lx, -ly))
    else:
        turned = [
            (0, 0.011),
            (0.1, 0.015),
            (0.5, 0.017),
            (0.62, 0.026),
            (0.8, 0.028),
            (0.86, 0.018),
            (0.9, 0.026),
            (1, 0.026),
        ]
        front = rod((lx, -ly, 0), (lx, -ly, feet + 0.02), turned, sides=16)
    legs += mirrored(
        [
            front,
            leg(
                (lx - 0.03, ly + 0.08, 0),
                (lx - 0.04, ly - 0.02, feet + 0.02),
                rectangle(0.04, 0.04, 0.006),
                [(0, 0.7), (1, 1)],
            ),
        ]
    )
    wood = palette.wood(rng, "walnut", "mahogany", "oak", "wenge", "cherry")
    return join([*parts, *(p.of(FRAME) for p in legs)], (palette.upholstery(rng), wood), 60.0)


def _cabriole(curve: Points, place: tuple[float, float]) -> Part:
    """S-shaped leg; `curve` (P, 3) holds (outward shift, height, scale)."""
    path = np.column_stack([place[0] + curve[:, 0], place[1] - curve[:, 0], curve[:, 1]])
    return post(path, ellipse(0.05, 0.05, 14), curve[:, 2])
