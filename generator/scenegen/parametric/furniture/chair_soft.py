"""Upholstered chairs: dining, armchair, tub, office."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import (
    ellipse,
    in_space,
    polygon,
    rectangle,
    rounded_path,
    smooth_path,
    superellipse,
)
from scenegen.parametric.shapes.joinery import bow_back, four, seat_outline, upright
from scenegen.parametric.shapes.shapes import (
    Model,
    Part,
    box,
    cushion,
    cylinder,
    join,
    leg,
    mirrored,
    prism,
    rod,
    sphere,
    sweep,
    tube,
    wall,
)

COVER, FRAME, TRIM = 0, 1, 2


def upholstered(rng: random.Random) -> Model:
    """Dining chair with a padded seat and a padded back: plain, channelled, buttoned or round."""
    width, depth, seat = uniform(rng, 0.45, 0.5), uniform(rng, 0.42, 0.46), uniform(rng, 0.46, 0.48)
    top, lean = uniform(rng, 0.82, 1.0), uniform(rng, 8, 12)
    thick = uniform(rng, 0.06, 0.08)
    outline = seat_outline(width, width * 0.9, depth, uniform(rng, 0.05, 0.1), 5)
    parts = [
        cushion(outline, thick, 0.02).moved(z=seat - thick - 0.012),
        prism(outline * 0.94, 0.03, 0.004).moved(z=seat - thick - 0.03),
    ]
    style = choose(rng, ("plain", "channels", "buttons", "round"))
    low = seat - 0.03 if style != "round" and rng.random() < 0.6 else seat + 0.07
    height, wide = (top - low) / np.cos(np.radians(lean)), width * uniform(rng, 0.88, 0.96)
    y = depth / 2 - 0.02
    if style == "round":
        height = wide = min(height, 0.42)
        pads = [cushion(ellipse(wide, height, 40), 0.045, 0.016, 0.01).moved(y=height / 2)]
    elif style == "channels":
        count = 6
        pitch = wide / count
        pads = [
            cushion(rectangle(pitch * 1.04, height, 0.025, 2), 0.05, 0.012, 0.006).moved(
                (i - (count - 1) / 2) * pitch, height / 2
            )
            for i in range(count)
        ]
    else:
        shape = polygon(
            [(-wide * 0.46, 0), (wide * 0.46, 0), (wide / 2, height), (-wide / 2, height)], [0.03, 0.03, 0.07, 0.07], 5
        )
        pads = [cushion(shape, 0.055, 0.016, 0.01)]
        if style == "buttons":
            grid = [
                (u * wide, v * height)
                for v, us in ((0.4, (-0.25, 0, 0.25)), (0.62, (-0.125, 0.125)), (0.82, (-0.25, 0, 0.25)))
                for u in us
            ]
            pads += [sphere(0.011, 10).scaled(1, 1, 0.5).moved(u, v, 0.068) for u, v in grid]
    curve = uniform(rng, 0.2, 0.5) if style != "round" else 0.25
    parts += [bow_back(upright(p, lean, y + 0.03, low), curve).moved(y=0.02) for p in pads]
    legs: list[Part] = []
    x, splay, under = width / 2 - 0.055, uniform(rng, 0.01, 0.05), seat - thick - 0.02
    size = uniform(rng, 0.03, 0.04)
    section = choose(rng, (ellipse(size, size, 14), rectangle(size, size, 0.006)))
    for sy, s in ((-1, splay * 0.8), (1, splay + 0.02)):
        foot = (x + splay * 0.8, sy * (depth / 2 - 0.06) + sy * s, 0)
        legs += mirrored([leg(foot, (x, sy * (depth / 2 - 0.06), under), section, [(0, 0.55), (1, 1)])])
    if low > seat:
        dy = np.tan(np.radians(lean)) * (low - seat + 0.12)
        legs += mirrored([rod((0.3 * wide, y - 0.01, seat - 0.05), (0.3 * wide, y + 0.03 + dy, low + 0.1), 0.011)])
    frame = palette.wood(rng) if rng.random() < 0.7 else palette.frame_metal(rng)
    return join([*parts, *(p.of(FRAME) for p in legs)], (palette.upholstery(rng), frame))


def armchair(rng: random.Random) -> Model:
    """Low padded armchair: boxy with cushions, or with open wooden arms."""
    width, depth, seat = uniform(rng, 0.70, 0.82), uniform(rng, 0.72, 0.82), uniform(rng, 0.40, 0.45)
    top, arm = uniform(rng, 0.76, 0.88), uniform(rng, 0.56, 0.64)
    wooden = rng.random() < 0.4
    arm_width = 0.05 if wooden else uniform(rng, 0.10, 0.15)
    inner, feet = width - 2 * arm_width, uniform(rng, 0.1, 0.16)
    y, pad = depth / 2, 0.13
    base = seat - pad
    parts = [box(inner + 0.02, depth - 0.06, base - feet, 0.02, 3).moved(z=feet)] if not wooden else []
    parts.append(
        cushion(rectangle(inner - 0.006, depth - 0.14, 0.05, 4) + np.array([0, -0.055]), pad, 0.025).moved(
            z=base - 0.012
        )
    )
    lean = uniform(rng, 10, 16)
    height = (top - seat + 0.05) / np.cos(np.radians(lean))
    back = cushion(rectangle(inner - 0.004, height, 0.06, 4), 0.14, 0.035, 0.0).moved(y=height / 2)
    parts.append(upright(back, lean, y - 0.02 - 0.14 * wooden * 0.3 - 0.11, seat - 0.04))
    frame: list[Part] = []
    if wooden:
        x = width / 2 - 0.022
        front, rear = -y + 0.09, y - 0.12
        legs = [
            leg((x, front - 0.02, 0), (x, front, arm), rectangle(0.036, 0.045, 0.012), [(0, 0.62), (0.6, 1), (1, 0.9)]),
            leg(
                (x, rear + 0.09, 0),
                (x, rear, arm - 0.03),
                rectangle(0.036, 0.045, 0.012),
                [(0, 0.62), (0.5, 1), (1, 0.9)],
            ),
        ]
        path = smooth_path(
            [(front - 0.07, arm + 0.004), (front, arm + 0.014), (0.4 * rear, arm - 0.004), (rear + 0.08, arm - 0.045)],
            5,
        )
        rest = sweep(in_space(path, "yz", x), rectangle(0.062, 0.024, 0.01, 3), bevel=0.008)
        rail = sweep([(x, front, base - 0.035), (x, rear, base - 0.055)], rectangle(0.022, 0.06, 0.006))
        frame += mirrored([*legs, rest, rail])
        frame += [
            sweep([(-x, q, z), (x, q, z)], rectangle(0.024, 0.06, 0.006))
            for q, z in ((front, base - 0.03), (rear, base - 0.05))
        ]
        frame.append(prism(rectangle(inner + 0.03, depth - 0.2, 0.01), 0.02, 0.004).moved(y=-0.02, z=base - 0.025))
        frame += [
            p.rotated("x", -lean, (0, y - 0.12, seat))
            for p in mirrored([rod((0.3 * inner, y - 0.1, seat - 0.14), (0.3 * inner, y - 0.1, top - 0.08), 0.014)])
        ]
        frame.append(
            sweep(
                [(-0.36 * inner, y - 0.1, top - 0.1), (0.36 * inner, y - 0.1, top - 0.1)],
                rectangle(0.02, 0.06, 0.006),
                bevel=0.004,
            ).rotated("x", -lean, (0, y - 0.12, seat))
        )
    else:
        block = (
            prism(rectangle(depth - 0.02, arm - feet, 0.055, 5), arm_width, 0.03, 4).rotated("x", 90).rotated("z", 90)
        )
        parts += mirrored([block.moved(width / 2 - arm_width, 0, feet + (arm - feet) / 2)])
        shell = prism(rectangle(inner + 0.03, top - feet - 0.05, 0.04, 4), 0.1, 0.03, 4).moved(
            y=(top - feet - 0.05) / 2
        )
        parts.append(upright(shell, 5, y - 0.02, feet))
        size = choose(rng, (0.035, 0.05))
        x = width / 2 - 0.06
        frame += four(
            leg((x + 0.012, y - 0.08, 0), (x, y - 0.1, feet + 0.01), ellipse(size, size, 14), [(0, 0.6), (1, 1)])
        )
    return join([*parts, *(p.of(FRAME) for p in frame)], (palette.upholstery(rng), palette.wood(rng)), 60.0)


def tub(rng: random.Random) -> Model:
    """Barrel armchair: one curved wall makes arms and back around a round cushion."""
    width, depth, seat = uniform(rng, 0.66, 0.76), uniform(rng, 0.62, 0.70), uniform(rng, 0.42, 0.46)
    top, arm, feet = uniform(rng, 0.70, 0.80), uniform(rng, 0.56, 0.66), choose(rng, (0.03, 0.13, 0.16))
    thick = uniform(rng, 0.08, 0.11)
    x, y = width / 2 - thick / 2, depth / 2 - thick / 2
    corner = 0.92 * x
    path = rounded_path([(x, -y), (x, y), (-x, y), (-x, -y)], corner, 12)
    path = np.concatenate([np.linspace(path[0], path[1], 4)[:-1], path[1:-1], np.linspace(path[-2], path[-1], 4)[1:]])
    rise = np.clip((path[:, 1] + 0.2 * y) / (0.9 * y), 0, 1)
    high = arm + (top - arm) * rise**2 * (3 - 2 * rise)
    parts = [wall(path, thick, feet, high, 0.44 * thick)]
    inside = polygon([(-x, -y - thick * 0.3), (x, -y - thick * 0.3), (x, y), (-x, y)], [0.06, 0.06, corner, corner], 8)
    parts.append(prism(inside, seat - 0.11 - feet, 0.012).moved(z=feet))
    loose = polygon(
        [
            (-x + thick / 2, -y - thick * 0.45),
            (x - thick / 2, -y - thick * 0.45),
            (x - thick / 2, y - thick / 2),
            (-x + thick / 2, y - thick / 2),
        ],
        [0.06, 0.06, corner * 0.9, corner * 0.9],
        8,
    )
    parts.append(cushion(loose, 0.115, 0.02).moved(z=seat - 0.128))
    frame = [cylinder(0.02, 0.05, bevel=0.003, sides=12)] if feet < 0.05 else []
    legs = (
        four(frame[0].moved(0.6 * x, 0.6 * y))
        if frame
        else four(
            leg(
                (0.68 * x + 0.03, 0.68 * y + 0.03, 0),
                (0.68 * x, 0.68 * y, feet + 0.02),
                ellipse(0.036, 0.036, 14),
                [(0, 0.5), (1, 1)],
            )
        )
    )
    foot = palette.wood(rng) if rng.random() < 0.6 else palette.metal(rng, "brass", "brushed steel")
    return join([*parts, *(p.of(FRAME) for p in legs)], (palette.upholstery(rng), foot), 60.0)


def office(rng: random.Random) -> Model:
    """Swivel chair: five-star base on castors, gas column, padded seat, back on a bracket, often arms."""
    seat, top, width = uniform(rng, 0.45, 0.48), uniform(rng, 0.88, 1.15), uniform(rng, 0.47, 0.52)
    reach, parts = uniform(rng, 0.28, 0.32), []
    caster_height = 0.055
    spoke = sweep(
        [(0.02, 0, 0.11), (0.5 * reach, 0, 0.095), (reach, 0, 0.075)],
        rectangle(0.04, 0.028, 0.008),
        np.array([1.2, 1.0, 0.75]),
        bevel=0.004,
    )
    wheel = cylinder(0.026, 0.016, bevel=0.0, sides=14).rotated("x", 90)
    hood = cylinder(0.008, 0.03, bevel=0.0, sides=8).moved(reach - 0.012, 0, caster_height - 0.005)
    caster = [wheel.moved(reach - 0.028, s, 0.026).of(TRIM) for s in (0.022, -0.006)] + [hood.of(TRIM)]
    caster.append(box(0.03, 0.028, 0.028, 0.008, 1).moved(reach - 0.02, 0, 0.03).of(TRIM))
    for i in range(5):
        parts += [p.rotated("z", 90 + 72 * i) for p in [spoke.of(FRAME), *caster]]
    parts += [
        cylinder(0.045, 0.05, 0.036, 0.006).moved(z=0.085).of(FRAME),
        cylinder(0.027, 0.2, bevel=0.003).moved(z=0.12).of(TRIM),
    ]
    parts += [
        cylinder(0.015, seat - 0.36, bevel=0.002).moved(z=0.3).of(FRAME),
        box(0.16, 0.2, 0.035, 0.01).moved(z=seat - 0.1).of(TRIM),
    ]
    parts.append(tube([(0.05, 0.02, seat - 0.085), (0.24, 0.03, seat - 0.09)], 0.005, 8, bevel=0.001).of(TRIM))
    outline = seat_outline(width, width * 0.92, 0.48, 0.09, 5)
    parts += [
        prism(outline * 0.93, 0.022, 0.008).moved(z=seat - 0.076).of(TRIM),
        cushion(outline, 0.065, 0.012).moved(z=seat - 0.072),
    ]
    low, lean, deep = seat + uniform(rng, 0.08, 0.14), 9.0, 0.25
    height, wide = top - low, width * uniform(rng, 0.86, 0.98)
    shape = polygon(
        [
            (-0.44 * wide, 0),
            (0.44 * wide, 0),
            (0.5 * wide, 0.55 * height),
            (0.43 * wide, height),
            (-0.43 * wide, height),
            (-0.5 * wide, 0.55 * height),
        ],
        [0.05, 0.05, 0.2, 0.08, 0.08, 0.2],
        5,
    )
    pads = [cushion(shape, 0.05, 0.018)]
    if top > 1.02 and rng.random() < 0.6:
        pads.append(cushion(rectangle(0.6 * wide, 0.13, 0.05, 4), 0.045, 0.02).moved(0, height + 0.03, 0.01))
    parts += [bow_back(upright(p, lean, deep, low), 0.55).moved(y=0.03) for p in pads]
    cover = prism(shape * 0.96 + [0, 0.02 * height], 0.014, 0.005).moved(z=-0.012)
    parts.append(bow_back(upright(cover, lean, deep, low), 0.55).moved(y=0.03).of(TRIM))
    spine = smooth_path(
        [
            (0.06, seat - 0.088),
            (0.22, seat - 0.085),
            (0.286, seat - 0.02),
            (0.301, low + 0.06),
            (0.301 + 0.06 * height, low + 0.45 * height),
        ],
        5,
    )
    parts.append(sweep(in_space(spine, "yz"), rectangle(0.06, 0.016, 0.006), up=(0, -1, 0), bevel=0.003).of(TRIM))
    if rng.random() < 0.7:
        arm, x = seat + uniform(rng, 0.18, 0.22), width / 2 + 0.03
        if rng.random() < 0.5:
            loop = rounded_path([(x - 0.1, 0.06, seat - 0.07), (x, 0.06, seat - 0.06), (x, 0.05, arm - 0.01)], 0.05, 4)
            bracket = sweep(loop, rectangle(0.02, 0.05, 0.006), up=(0, 1, 0), bevel=0.003)
        else:
            loop = rounded_path(
                [
                    (x - 0.1, -0.06, seat - 0.07),
                    (x, -0.08, seat - 0.05),
                    (x, -0.1, arm),
                    (x, 0.14, arm),
                    (x, 0.12, seat - 0.05),
                    (x - 0.1, 0.1, seat - 0.07),
                ],
                0.05,
                4,
            )
            bracket = tube(loop, 0.012, 10, bevel=0.002)
        rest = prism(superellipse(0.075, 0.26, 3.5, 26), 0.03, 0.012, 3).moved(x, 0.03, arm - 0.016)
        parts += [p.of(TRIM) for p in mirrored([bracket, rest])]
    base = (
        palette.metal(rng, "chrome", "aluminium", "brushed steel") if rng.random() < 0.5 else palette.black_plastic(rng)
    )
    return join(parts, (palette.upholstery(rng), base, palette.black_plastic(rng)))
