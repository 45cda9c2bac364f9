"""Nightstands of the training split: drawers, posts, shelf, cube, drum, door, metal frame."""

from __future__ import annotations

import random

from scenegen.core.rng import choose, integer, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.furniture.casework import case, drawer_stack, matching, tunnel
from scenegen.parametric.shapes.curves import arc, ellipse, polygon, rectangle, rounded_path
from scenegen.parametric.shapes.joinery import drawer_front, four, handle, slab, turned_profile
from scenegen.parametric.shapes.shapes import (
    Model,
    Part,
    beam,
    cylinder,
    join,
    lathe,
    leg,
    mirrored,
    prism,
    rod,
    sweep,
    wall,
)

BODY, TOP, FRONT, METAL = 0, 1, 2, 3


def drawers(rng: random.Random) -> Model:
    """Two or three drawers in a case on a plinth, set back or with bracket feet."""
    width, depth, height = uniform(rng, 0.40, 0.54), uniform(rng, 0.36, 0.44), uniform(rng, 0.46, 0.62)
    thick, base = uniform(rng, 0.02, 0.03), uniform(rng, 0.05, 0.09)
    under, x, y = height - thick, width / 2 - 0.012, depth / 2 - 0.012
    parts = case(x, y, base, under)
    if rng.random() < 0.5:
        parts.append(beam((-x + 0.02, -y + 0.03, 0), (x - 0.02, y - 0.02, base + 0.004), 0.002))
    else:
        foot = polygon(
            [
                (-x, 0),
                (-x + 0.06, 0),
                (-x + 0.085, 0.6 * base),
                (x - 0.085, 0.6 * base),
                (x - 0.06, 0),
                (x, 0),
                (x, base),
                (-x, base),
            ],
            [0.003, 0.003, 0.03, 0.03, 0.003, 0.003, 0.003, 0.003],
            3,
        )
        parts.append(prism(foot, 0.02, 0.002).rotated("x", 90).moved(y=-y + 0.02))
        parts += mirrored([beam((x - 0.02, -y + 0.01, 0), (x, y, base + 0.004), 0.002)])
    count = integer(rng, 2, 3)
    parts += drawer_stack(rng, count, x, -y, (base, under))
    parts.append(slab(rng, rectangle(width, depth, choose(rng, (0.004, 0.015)), 3), thick, under).of(TOP))
    return join(parts, matching(rng))


def posts(rng: random.Random) -> Model:
    """Shaker stand: four corner posts down to the floor, a drawer between them, sometimes a low shelf."""
    width, depth, height = uniform(rng, 0.42, 0.52), uniform(rng, 0.38, 0.44), uniform(rng, 0.52, 0.65)
    thick, size = uniform(rng, 0.018, 0.026), uniform(rng, 0.034, 0.045)
    under, x, y = height - thick, width / 2 - 0.035, depth / 2 - 0.035
    box_height = uniform(rng, 0.12, 0.17) * choose(rng, (1.0, 1.0, 1.9))
    low = under - box_height
    if rng.random() < 0.35:
        legs = four(rod((x, y, 0), (x, y, low + 0.01), turned_profile(rng, 0.55 * size), sides=14))
        legs += four(beam((x - size / 2, y - size / 2, low - 0.02), (x + size / 2, y + size / 2, under), 0.003))
    else:
        foot = choose(rng, (0.55, 1.0))
        legs = four(leg((x, y, 0), (x, y, under), rectangle(size, size, 0.004), [(0, foot), (low / under, 1), (1, 1)]))
    parts = [*legs, beam((-x, -y + 0.006, low), (x, y + 0.006, under), 0.002)]
    parts += mirrored([beam((x - 0.008, -y, low), (x + size / 2 - 0.006, y, under), 0.002)])
    inner = x - size / 2 - 0.003
    parts += drawer_stack(
        rng, 2 if box_height > 0.2 else 1, inner + 0.02, -y - size / 2 + 0.006, (low - 0.012, under), 0.012
    )
    parts += [beam((-inner, -y - 0.012, low - 0.002), (inner, -y + 0.01, low + 0.014), 0.002)]
    if rng.random() < 0.6:
        z = uniform(rng, 0.12, 0.17)
        parts.append(beam((-x, -y, z), (x, y, z + 0.016), 0.003))
        parts += mirrored([beam((x - 0.008, -y, z - 0.02), (x + 0.008, y, z + 0.004), 0.002)])
    parts.append(slab(rng, rectangle(width, depth, 0.008, 3), thick, under).of(TOP))
    return join(parts, matching(rng))


def drawer_shelf(rng: random.Random) -> Model:
    """Panel sides, a drawer on top and an open niche below, or the niche on top."""
    width, depth, height = uniform(rng, 0.40, 0.50), uniform(rng, 0.36, 0.42), uniform(rng, 0.45, 0.6)
    t, base = 0.02, uniform(rng, 0.03, 0.08)
    x, y, under = width / 2, depth / 2, height - t
    split = base + uniform(rng, 0.42, 0.58) * (under - base)
    parts = mirrored([beam((x - t, -y, 0 if rng.random() < 0.5 else base), (x, y, under + 0.004), 0.002)])
    parts += [
        beam((-x + 0.01, -y + 0.003, base), (x - 0.01, y, base + t), 0.002),
        beam((-x + 0.01, y - 0.012, base), (x - 0.01, y, under), 0.001),
    ]
    parts.append(beam((-x + 0.01, -y + 0.003, split), (x - 0.01, y, split + t), 0.002))
    if parts[0].vertices[:, 2].min() > 0.01:
        parts.append(beam((-x + 0.03, -y + 0.03, 0), (x - 0.03, y - 0.03, base + 0.004), 0.002))
    low, high = (split + t, under) if rng.random() < 0.7 else (base + t, split)
    parts.append(beam((-x + 0.01, -y + 0.021, low - 0.004), (x - 0.01, y, high + 0.004), 0.002))
    parts += drawer_stack(rng, 1, x, -y + 0.002, (low - 0.004, high))
    parts.append(prism(rectangle(width + 0.006, depth + 0.004, 0.006), t, 0.003).moved(z=under).of(TOP))
    return join(parts, matching(rng))


def open_cube(rng: random.Random) -> Model:
    """Open box with thick walls, perhaps a shelf or an upright in it, on low feet or runners."""
    width, depth, height = uniform(rng, 0.38, 0.48), uniform(rng, 0.34, 0.42), uniform(rng, 0.42, 0.55)
    t, feet = uniform(rng, 0.018, 0.03), choose(rng, (0.0, 0.05, 0.14))
    x, z0 = width / 2, feet
    parts = [tunnel(x, depth, z0, height, t, choose(rng, (0.0, 0.04)))]
    parts.append(
        beam((-x + t / 2, depth / 2 - 0.014, z0 + t / 2), (x - t / 2, depth / 2 - 0.004, height - t / 2), 0.001).of(
            FRONT
        )
    )
    style = choose(rng, ("shelf", "shelf", "upright"))
    if style == "shelf":
        z = z0 + uniform(rng, 0.42, 0.6) * (height - z0)
        parts.append(beam((-x + t / 2, -depth / 2 + 0.01, z), (x - t / 2, depth / 2 - 0.005, z + 0.018), 0.003))
    else:
        u = uniform(rng, -0.25, 0.25) * width
        parts.append(
            beam((u - 0.009, -depth / 2 + 0.01, z0 + t / 2), (u + 0.009, depth / 2 - 0.005, height - t / 2), 0.003)
        )
    if feet:
        stub = leg(
            (x - 0.05, depth / 2 - 0.05, 0),
            (x - 0.055, depth / 2 - 0.055, feet + 0.004),
            ellipse(0.034, 0.034, 14),
            [(0, 0.7), (1, 1)],
        )
        parts += [p.of(METAL) for p in four(stub)]
    body = palette.wood_or_paint(rng, 0.45)
    feet_material = palette.wood(rng) if rng.random() < 0.5 else palette.coated_metal(rng)
    return join(parts, (body, body, body if rng.random() < 0.6 else palette.paint(rng), feet_material))


def drum(rng: random.Random) -> Model:
    """Round stand: a drum with curved drawer fronts, or with an open niche."""
    across, height = uniform(rng, 0.42, 0.5), uniform(rng, 0.46, 0.58)
    thick, base, r = uniform(rng, 0.02, 0.03), uniform(rng, 0.03, 0.06), across / 2 - 0.012
    under = height - thick
    parts = [cylinder(r - 0.03, base + 0.01, bevel=0.002, sides=36)]
    parts.append(cylinder(r - 0.017, under - base, bevel=0.002, sides=40).moved(z=base))
    opening = 62.0
    back = arc(r - 0.009, -90 + opening, 270 - opening, 26)
    parts.append(wall(back, 0.018, base, under + 0.002, 0.003))
    count = integer(rng, 1, 3)
    pitch = (under - base) / count
    kind, pulls = choose(rng, ("knob", "knob", "ring")), []
    for i in range(count):
        low, high = base + i * pitch + 0.003, base + (i + 1) * pitch - 0.003
        front = arc(r - 0.009, -90 - opening + 0.8, -90 + opening - 0.8, 16)
        parts.append(wall(front, 0.02, low, high, 0.003).of(FRONT))
        pulls += [p.moved(0, -r - 0.001, (low + high) / 2) for p in handle(kind)]
    parts += [p.of(METAL) for p in pulls]
    parts.append(slab(rng, ellipse(across, across, 56), thick, under).of(TOP))
    return join(parts, matching(rng, stone=0.3))


def door(rng: random.Random) -> Model:
    """Cabinet with one framed or plain door, a drawer above it at times, on bun feet or a plinth."""
    width, depth, height = uniform(rng, 0.40, 0.48), uniform(rng, 0.35, 0.42), uniform(rng, 0.52, 0.65)
    thick, base = 0.022, uniform(rng, 0.05, 0.08)
    under, x, y = height - thick, width / 2 - 0.014, depth / 2 - 0.014
    parts = case(x, y, base, under)
    if rng.random() < 0.5:
        bun = lathe(
            [
                (0, 0),
                (0.014, 0),
                (0.026, 0.3 * base),
                (0.026, 0.62 * base),
                (0.014, 0.85 * base),
                (0.02, base + 0.004),
                (0, base + 0.004),
            ],
            18,
            0.004,
        )
        parts += four(bun.moved(x - 0.035, y - 0.035))
    else:
        parts.append(beam((-x + 0.015, -y + 0.02, 0), (x - 0.015, y - 0.01, base + 0.004), 0.002))
    high = under - 0.004
    if rng.random() < 0.45:
        high = under - 0.13
        parts += drawer_stack(rng, 1, x, -y, (high - 0.002, under), 0.004)
        parts.append(beam((-x + 0.01, -y, high), (x - 0.01, -y + 0.03, high + 0.012), 0.001))
    low, inner = base + 0.022, x - 0.023
    high -= 0.003
    if rng.random() < 0.7:
        parts.append(
            beam((-inner + 0.03, -y + 0.012, low + 0.03), (inner - 0.03, -y + 0.03, high - 0.03), 0.002).of(FRONT)
        )
        stile = beam((inner - 0.055, -y + 0.002, low), (inner, -y + 0.022, high), 0.003)
        parts += [p.of(FRONT) for p in mirrored([stile])]
        for a, b in ((low, low + 0.055), (high - 0.055, high)):
            parts.append(beam((-inner + 0.05, -y + 0.002, a), (inner - 0.05, -y + 0.022, b), 0.003).of(FRONT))
    else:
        parts += [
            p.of(FRONT) for p in drawer_front((-inner, low), (inner, high), -y + 0.002, panelled=rng.random() < 0.5)
        ]
    side, kind = choose(rng, (-1, 1)), choose(rng, ("knob", "bar", "wood knob"))
    place = (side * (inner - 0.027), -y + 0.002, low + 0.6 * (high - low))
    parts += [p.rotated("y", 90 if kind == "bar" else 0).moved(*place).of(METAL) for p in handle(kind, 0.1)]
    parts.append(slab(rng, rectangle(width, depth, 0.006), thick, under).of(TOP))
    return join(parts, matching(rng))


def metal_frame(rng: random.Random) -> Model:
    """Drawer box carried by a frame of slim square tubes, with a low metal shelf or runners."""
    width, depth, height = uniform(rng, 0.40, 0.5), uniform(rng, 0.36, 0.42), uniform(rng, 0.48, 0.6)
    s, x, y = uniform(rng, 0.014, 0.02), width / 2, depth / 2
    low = height - uniform(rng, 0.15, 0.22)
    h = s / 2
    parts: list[Part] = []
    loop = rounded_path(
        [(x - h, -y + h, h), (x - h, y - h, h), (x - h, y - h, height - 0.03), (x - h, -y + h, height - 0.03)],
        0.012,
        3,
        closed=True,
    )
    parts += mirrored([sweep(loop, rectangle(s, s, 0.002, 1), up=(1, 0, 0), closed=True)])
    parts += [beam((-x + h, q - h, low - s), (x - h, q + h, low), 0.002) for q in (-y + h, y - h)]
    if rng.random() < 0.6:
        z = uniform(rng, 0.1, 0.18)
        parts.append(beam((-x + h, -y + h, z), (x - h, y - h, z + 0.006), 0.001))
        parts += [beam((-x + h, q - h, z - s + 0.004), (x - h, q + h, z + 0.004), 0.002) for q in (-y + h, y - h)]
    else:
        parts.append(beam((-x + h, y - s, 0), (x - h, y, s), 0.002))
    parts = [p.of(METAL) for p in parts]
    inner = x - s
    parts.append(beam((-inner, -y + 0.022, low - 0.002), (inner, y - 0.002, height - 0.02), 0.002))
    parts += drawer_stack(rng, choose(rng, (1, 1, 2)), inner + 0.018, -y + 0.002, (low - 0.018, height - 0.022))
    parts.append(prism(rectangle(width + 0.002, depth + 0.002, 0.006), 0.022, 0.003).moved(z=height - 0.022).of(TOP))
    body, top, front, _ = matching(rng)
    return join(parts, (body, top, front, palette.frame_metal(rng)))
