"""Stools of sitting and of bar height."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import ellipse, rectangle, rounded_path, superellipse
from scenegen.parametric.shapes.joinery import bow_back, upright
from scenegen.parametric.shapes.shapes import (
    Model,
    cushion,
    cylinder,
    join,
    lathe,
    leg,
    mirrored,
    post,
    prism,
    rod,
    tube,
)

SEAT = 1


def stool(rng: random.Random) -> Model:
    """Low stool: round or square top, wooden or padded, on three or four legs."""
    seat, across = uniform(rng, 0.43, 0.48), uniform(rng, 0.32, 0.38)
    square, padded, count = rng.random() < 0.4, rng.random() < 0.4, choose(rng, (3, 4))
    outline = superellipse(across, across * 0.9, 6, 36) if square else ellipse(across, across, 36)
    count = 4 if square else count
    thick = 0.05 if padded else uniform(rng, 0.022, 0.035)
    top = cushion(outline, thick, 0.02) if padded else prism(outline, thick, 0.009, 3)
    parts = [top.moved(z=seat - thick - (0.02 if padded else 0)).of(SEAT)]
    under = float(parts[0].vertices[:, 2].min())
    if padded:
        parts.append(prism(outline * 0.97, 0.014, 0.003).moved(z=under - 0.012))
        under -= 0.012
    splay, size, near = uniform(rng, 0.02, 0.05), uniform(rng, 0.028, 0.036), 0.36 * across
    corner = (0.37 * across, 0.33 * across)
    if square:
        feet = [
            (sx * (corner[0] + 0.7 * splay), sy * (corner[1] + 0.7 * splay), 0.0) for sx in (1, -1) for sy in (1, -1)
        ]
        heads = [(sx * corner[0], sy * corner[1], under + 0.006) for sx in (1, -1) for sy in (1, -1)]
        order = [0, 1, 3, 2]
    else:
        turn = np.radians(45 + 360 * np.arange(count) / count)
        feet = [((near + splay) * np.cos(a), (near + splay) * np.sin(a), 0.0) for a in turn]
        heads = [(near * np.cos(a), near * np.sin(a), under + 0.006) for a in turn]
        order = list(range(count))
    parts += [leg(f, h, ellipse(size, size, 14), [(0, 0.68), (1, 1)]) for f, h in zip(feet, heads, strict=True)]
    for i, (a, b) in enumerate(zip(order, order[1:] + order[:1], strict=True)):
        t = 0.34 + 0.08 * (i % 2)
        start, end = (np.array(feet[j]) + t * (np.array(heads[j]) - np.array(feet[j])) for j in (a, b))
        parts.append(rod(start, end, [(0, 0.007), (0.5, 0.010), (1, 0.007)], 0, 10))
    wood = palette.wood_or_paint(rng, 0.25)
    cover = palette.upholstery(rng) if padded else choose(rng, (wood, wood, palette.paint(rng)))
    return join(parts, (wood, cover))


def bar_stool(rng: random.Random) -> Model:
    """High stool with a foot rest: four legs or a column on a disc, with or without a low back."""
    seat, across = uniform(rng, 0.64, 0.76), uniform(rng, 0.36, 0.41)
    round_top = rng.random() < 0.5
    outline = superellipse(across, across * 0.95, 2.0 if round_top else 4.0, 36)
    parts = [
        cushion(outline, 0.045, 0.018).moved(z=seat - 0.06).of(SEAT),
        prism(outline * 0.96, 0.016, 0.004).moved(z=seat - 0.074),
    ]
    column, back = rng.random() < 0.45, rng.random() < 0.55
    if column:
        foot = uniform(rng, 0.19, 0.22)
        parts += [
            lathe(
                [(0, 0), (foot, 0), (foot, 0.01), (0.06, 0.024), (0.032, 0.05), (0.028, 0.4 * seat), (0, 0.4 * seat)],
                36,
                0.003,
            )
        ]
        parts += [
            cylinder(0.019, seat - 0.09, sides=18).moved(z=0.02),
            cylinder(0.05, 0.02, 0.07, sides=24).moved(z=seat - 0.094),
        ]
        y = -0.17
        rest = rounded_path(
            [(0, 0.02, 0), (-0.12, 0.02, 0), (-0.15, y, 0), (0.15, y, 0), (0.12, 0.02, 0), (0, 0.021, 0)], 0.05
        )
        parts.append(tube(rest[:-1], 0.009, 10, closed=True).moved(z=0.36 * seat))
    else:
        size, near = uniform(rng, 0.024, 0.036), (0.28 if round_top else 0.36) * across
        far = near + uniform(rng, 0.05, 0.08)
        outline = rectangle(size, size, 0.004) if rng.random() < 0.5 else ellipse(size, size, 14)
        parts += mirrored(mirrored([leg((far, far, 0), (near, near, seat - 0.068), outline, [(0, 0.8), (1, 1)])]), "y")
        for level, axes in ((0.3, "y"), (0.4, "x")):
            reach = far + (near - far) * level
            bar = tube([(-reach, -reach, level * seat), (reach, -reach, level * seat)], 0.32 * size, 10)
            parts += mirrored([bar if axes == "y" else bar.rotated("z", 90)], axes)
    if back:
        rise, lean = uniform(rng, 0.2, 0.3), 8
        posts = [
            post(
                [(0.35 * across, 0.36 * across, seat - 0.07), (0.37 * across, 0.45 * across, seat + rise)],
                ellipse(0.022, 0.022, 12),
            )
        ]
        parts += mirrored(posts)
        panel = upright(
            cushion(rectangle(across * 0.95, 0.15, 0.05, 4), 0.03, 0.008), lean, 0.45 * across, seat + rise - 0.05
        )
        parts.append(bow_back(panel, 0.45).moved(y=0.02).of(SEAT))
    frame = palette.frame_metal(rng) if column or rng.random() < 0.4 else palette.wood(rng)
    cover = choose(rng, (palette.upholstery, palette.leather, palette.plastic))(rng)
    return join(parts, (frame, cover))
