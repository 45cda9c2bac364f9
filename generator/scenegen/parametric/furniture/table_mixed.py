"""Tables that mix wood with metal, glass, stone and plastic: pedestal, glass, folding, sled; and desks."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, integer, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import ellipse, rectangle, rounded_path
from scenegen.parametric.shapes.joinery import HANDLES, claws, drawer_front, four, handle, slab
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
    tube,
)

TOP, FRAME, ACCENT = 0, 1, 2


def pedestal_round(rng: random.Random) -> Model:
    """Round table on one column: a turned wooden one with claws, or a trumpet of metal."""
    across, height, thick = uniform(rng, 0.75, 1.2), uniform(rng, 0.71, 0.76), uniform(rng, 0.022, 0.035)
    under = height - thick
    foot = uniform(rng, 0.26, 0.31) * across
    board = slab(rng, ellipse(across, across, 56), thick, under)
    style = choose(rng, ("trumpet", "column", "turned"))
    if style == "trumpet":
        t = np.linspace(0, 1, 14)
        flare = 0.034 + (foot - 0.034) * (1 - t) ** 5 + 0.1 * t**9
        profile = np.column_stack([flare, 0.012 + t * (under - 0.012)])
        base = [lathe([(0, 0), (foot - 0.004, 0), (foot, 0.005), *profile, (0, under)], 40)]
        material = (
            palette.plastic(rng) if rng.random() < 0.5 else palette.metal(rng, "aluminium", "brushed steel", "brass")
        )
    elif style == "column":
        base = [cylinder(foot, 0.018, 0.97 * foot, 0.004, 40), cylinder(uniform(rng, 0.03, 0.05), under, sides=24)]
        base += [cylinder(0.16, 0.014, bevel=0.003).moved(z=under - 0.014)]
        base += [lathe([(0.0, 0.01), (0.1, 0.018), (0.055, 0.05), (0.0, 0.06)], 24, 0.006)]
        material = palette.frame_metal(rng)
    else:
        k = uniform(rng, 0.85, 1.15)
        radii = [(0.07, 0.045), (0.14, 0.06), (0.2, 0.06), (0.24, 0.035), (0.3, 0.05), (0.4, 0.07), (0.52, 0.052)]
        radii += [(0.66, 0.034), (0.7, 0.05), (0.74, 0.05), (0.78, 0.04), (0.96, 0.05), (0.965, 0.12), (1, 0.12)]
        base = [rod((0, 0, 0), (0, 0, under), [(t, r * (k if t < 0.9 else 1)) for t, r in radii], sides=24)]
        base += claws(4, foot * 1.15, uniform(rng, 0.16, 0.24), 0.045)
        material = palette.wood(rng)
    top = choose(rng, (palette.wood, palette.stone, palette.paint))(rng) if style != "turned" else material
    return join([board, *(p.of(FRAME) for p in base)], (top, material))


def glass_metal(rng: random.Random) -> Model:
    """Glass pane on a metal frame, with a lower shelf when it is low."""
    low = rng.random() < 0.6
    height = uniform(rng, 0.40, 0.48) if low else uniform(rng, 0.72, 0.75)
    width, depth = uniform(rng, 0.8, 1.2), uniform(rng, 0.55, 0.75)
    pane, size = uniform(rng, 0.010, 0.014), uniform(rng, 0.022, 0.032)
    under, round_tubes = height - pane - 0.006, rng.random() < 0.45
    x, y = width / 2 - size / 2 - 0.02, depth / 2 - size / 2 - 0.02
    outline = ellipse(size, size, 12) if round_tubes else rectangle(size, size, 0.004)
    frame = four(leg((x, y, 0), (x, y, under), outline))
    z = under - size / 2
    loop = rounded_path([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)], 0.024, 4, closed=True)
    frame.append(sweep(loop, outline * 0.98, closed=True))
    frame += four(cylinder(0.016, 0.008, bevel=0.001, sides=14).moved(x, y, under - 0.001))
    parts = [p.of(FRAME) for p in frame]
    level = uniform(rng, 0.12, 0.17)
    if low:
        loop = loop - [0, 0, z - level]
        parts.append(sweep(loop, outline * 0.8, closed=True).of(FRAME))
        shelf = prism(rectangle(2 * x - 0.005, 2 * y - 0.005, 0.006), 0.012, 0.002).moved(z=level + 0.003)
        parts.append(shelf.of(choose(rng, (TOP, ACCENT))))
    else:
        parts += [p.of(FRAME) for p in mirrored([beam((x - 0.01, -y, 0.09), (x + 0.01, y, 0.11), 0.003)])]
    parts.append(prism(rectangle(width, depth, choose(rng, (0.01, 0.04, 0.1)), 5), pane, 0.003).moved(z=height - pane))
    return join(parts, (palette.glass(rng), palette.frame_metal(rng), palette.wood(rng)))


def folding(rng: random.Random) -> Model:
    """Table on two pairs of crossed legs with rails between them."""
    width, depth, height = uniform(rng, 0.7, 1.25), uniform(rng, 0.58, 0.75), uniform(rng, 0.70, 0.75)
    thick = uniform(rng, 0.018, 0.028)
    under, x, y = height - thick, width / 2 - uniform(rng, 0.06, 0.13), 0.42 * depth
    metal = rng.random() < 0.4
    wide, broad = (0.022, 0.022) if metal else (0.02, uniform(rng, 0.038, 0.05))
    outline = ellipse(wide, wide, 12) if metal else rectangle(wide, broad, 0.004)
    outer = leg((x, -y, 0), (x, y * 0.9, under - 0.012), outline)
    inner = leg((x - wide - 0.004, y, 0), (x - wide - 0.004, -y * 0.9, under - 0.012), outline)
    parts = mirrored([outer, inner])
    for sign, side in ((1, x), (-1, x - wide - 0.004)):
        for t in (0.14, 0.97):
            centre = (0.0, sign * (-y + 1.9 * y * t), t * (under - 0.012))
            parts.append(tube([(-side, *centre[1:]), (side, *centre[1:])], 0.009 if metal else 0.011, 12))
    hub = tube([(x - wide - 0.02, -0.05 * y, under / 2), (x + 0.016, -0.05 * y, under / 2)], 0.009, 12, bevel=0.002)
    parts = [p.of(FRAME) for p in parts] + [p.of(ACCENT) for p in mirrored([hub])]
    parts += [
        p.of(FRAME)
        for p in mirrored([beam((x - 0.05, -0.46 * depth, under - 0.022), (x - 0.005, 0.46 * depth, under), 0.003)])
    ]
    if metal:
        parts.append(prism(rectangle(width, depth, 0.05, 4), thick, 0.006).moved(z=under))
    else:
        count = integer(rng, 5, 7)
        pitch = depth / count
        for i in range(count):
            y0 = -depth / 2 + i * pitch
            parts.append(beam((-width / 2, y0 + 0.0015, under), (width / 2, y0 + pitch - 0.0015, height), 0.0025))
    frame = palette.coated_metal(rng) if metal else palette.wood(rng, "teak", "beech", "oak", "pine")
    top = choose(rng, (palette.wood, palette.plastic))(rng) if metal else frame
    return join(parts, (top, frame, palette.metal(rng, "brushed steel", "brass")))


def sled(rng: random.Random) -> Model:
    """Wooden or stone top on two metal frames: closed loops, or trapezoids that lean outward."""
    low = rng.random() < 0.3
    height = uniform(rng, 0.42, 0.47) if low else uniform(rng, 0.72, 0.76)
    width, depth = uniform(rng, 0.95, 1.55), uniform(rng, 0.55, 0.85)
    thick, size = uniform(rng, 0.025, 0.045), uniform(rng, 0.018, 0.028)
    wide, under = uniform(rng, 0.05, 0.08), height - thick
    x, y = width / 2 - uniform(rng, 0.12, 0.25), depth / 2 - 0.06
    narrow = choose(rng, (1.0, 1.0, 0.7))
    h = size / 2
    loop = [(x, -y, h), (x, y, h), (x, y * narrow, under - h), (x, -y * narrow, under - h)]
    frame = sweep(rounded_path(loop, 0.02, 3, closed=True), rectangle(size, wide, 0.003), up=(1, 0, 0), closed=True)
    plate = beam((x - 0.06, -0.6 * y, under - 0.006), (x + 0.06, 0.6 * y, under), 0.002)
    tie = beam((-x, -0.015, under - 0.05), (x, 0.015, under), 0.003)
    board = slab(rng, rectangle(width, depth, choose(rng, (0.005, 0.03)), 4), thick, under)
    top = choose(rng, (palette.wood, palette.wood, palette.stone))(rng)
    return join([board, *(p.of(FRAME) for p in [*mirrored([frame, plate]), tie])], (top, palette.coated_metal(rng)))


def desk(rng: random.Random) -> Model:
    """Desk with a pedestal of drawers at one side, legs or a panel at the other, and a modesty board behind."""
    width, depth, height = uniform(rng, 1.05, 1.45), uniform(rng, 0.55, 0.7), uniform(rng, 0.72, 0.76)
    thick, box_width = uniform(rng, 0.022, 0.03), uniform(rng, 0.34, 0.42)
    under, x, y = height - thick, width / 2 - 0.02, depth / 2 - 0.03
    plinth = choose(rng, (0.05, 0.12))
    case = [
        beam((-x, -y, plinth), (-x + 0.02, y, under), 0.002),
        beam((-x + box_width - 0.02, -y, plinth), (-x + box_width, y, under), 0.002),
    ]
    case += [beam((-x + 0.01, -y + 0.02, plinth), (-x + box_width - 0.01, y, under), 0.002)]
    case += [beam((-x + 0.01, -y, plinth), (-x + box_width - 0.01, y, plinth + 0.018), 0.002)]
    count, kind = choose(rng, (3, 3, 4, 2)), choose(rng, HANDLES)
    fronts: list[Part] = []
    pulls: list[Part] = []
    low, room = plinth + 0.022, under - 0.006 - plinth - 0.022
    shares = {2: (0.62, 0.38), 3: (0.44, 0.28, 0.28), 4: (0.25,) * 4}[count]
    for share in shares:
        high = low + room * share - 0.004
        fronts += drawer_front((-x + 0.023, low), (-x + box_width - 0.023, high), -y + 0.002)
        pulls += [p.moved(-x + box_width / 2, -y + 0.002, (low + high) / 2) for p in handle(kind, 0.12)]
        low += room * share
    other: list[Part] = []
    if rng.random() < 0.5:
        other = [beam((x - 0.024, -y, 0), (x, y, under), 0.002)]
        case += [beam((-x + 0.02, -y + 0.04, 0), (-x + box_width - 0.02, y - 0.02, plinth + 0.01), 0.002)]
        feet: list[Part] = []
    else:
        size = uniform(rng, 0.03, 0.045)
        loop = [
            (x - size, -y + size, 0),
            (x - size, -y + size, under - 0.02),
            (x - size, y - size, under - 0.02),
            (x - size, y - size, 0),
        ]
        other = [sweep(rounded_path(loop, 0.03), rectangle(size * 0.8, size * 0.8, 0.004), up=(1, 0, 0))]
        feet = [
            cylinder(0.013, plinth + 0.01, 0.02, sides=12).moved(-x + a, b)
            for a in (0.05, box_width - 0.05)
            for b in (-y + 0.06, y - 0.06)
        ]
    back = beam((-x + box_width - 0.01, y - 0.05, under - uniform(rng, 0.25, 0.4)), (x - 0.01, y - 0.032, under), 0.002)
    board = prism(rectangle(width, depth, 0.006), thick, 0.003).moved(z=under)
    body, front = palette.wood_or_paint(rng, 0.45), palette.wood_or_paint(rng, 0.5)
    top = body if rng.random() < 0.5 else palette.wood(rng)
    parts = [board, *(p.of(FRAME) for p in [*case, back])]
    parts += [p.of(FRAME if len(feet) == 0 else ACCENT) for p in other] + [p.of(ACCENT) for p in pulls + feet]
    parts += [p.of(3) for p in fronts]
    return join(parts, (top, body, palette.frame_metal(rng), body if rng.random() < 0.5 else front))
