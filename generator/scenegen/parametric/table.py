"""Tables: dining, desk, coffee and side tables whose tops are flat. Long side along X, a desk's sitter at -Y."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from scenegen.parametric import palette
from scenegen.parametric.curves import (
    bowed,
    ellipse,
    in_space,
    polygon,
    rectangle,
    rounded_path,
    smooth_path,
    superellipse,
)
from scenegen.parametric.joinery import HANDLES, aprons, drawer_front, four, handle, section, shield, slab
from scenegen.parametric.joinery import turned_profile, undercut
from scenegen.parametric.shapes import (
    Model,
    Part,
    beam,
    cylinder,
    join,
    lathe,
    leg,
    mirrored,
    prism,
    ring,
    rod,
    sweep,
    tube,
)
from scenegen.rng import choose, integer, uniform

TOP, FRAME, ACCENT = 0, 1, 2


def four_leg(rng: random.Random) -> Model:
    """Rectangular dining or work table: four legs joined by an apron."""
    width, depth, height = uniform(rng, 0.9, 1.6), uniform(rng, 0.68, 0.88), uniform(rng, 0.71, 0.76)
    thick, size, overhang = uniform(rng, 0.022, 0.04), uniform(rng, 0.05, 0.075), uniform(rng, 0.02, 0.07)
    under = height - thick
    x, y = width / 2 - overhang - size / 2, depth / 2 - overhang - size / 2
    style = choose(rng, ("square", "tapered", "round", "turned"))
    if style == "turned":
        legs = four(rod((x, y, 0), (x, y, under), turned_profile(rng, size * 0.58), sides=16))
        block = 0.13
        legs += four(beam((x - size / 2, y - size / 2, under - block), (x + size / 2, y + size / 2, under), 0.003))
    elif style == "round":
        legs = four(leg((x, y, 0), (x, y, under), ellipse(size, size, 18), [(0, 0.6), (0.75, 1), (1, 1)]))
    elif style == "square":
        legs = four(leg((x, y, 0), (x, y, under), rectangle(size, size, 0.005)))
    else:
        foot = (x + size * 0.2, y + size * 0.2, 0)
        legs = four(leg(foot, (x, y, under), rectangle(size, size, 0.005), [(0, 0.58), (1, 1)]))
    apron = aprons(2 * x, 2 * y, under, uniform(rng, 0.07, 0.11))
    board = slab(rng, rectangle(width, depth, choose(rng, (0.004, 0.02, 0.05)), 4), thick, under)
    frame = palette.wood_or_paint(rng, 0.4)
    top = frame if rng.random() < 0.55 else palette.wood(rng)
    return join([board, *(p.of(FRAME) for p in legs + apron)], (top, frame))


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


def claws(count: int, reach: float, rise: float, thick: float) -> list[Part]:
    """Curved feet that spread from a column at `rise` down to the floor at `reach`."""
    curve = smooth_path(
        [(0.03, rise), (0.4 * reach, rise * 0.86), (0.75 * reach, 0.34 * rise), (reach, 0.5 * thick)], 5
    )
    scale = np.linspace(1.25, 0.62, len(curve))
    foot = sweep(in_space(curve, "xz"), rectangle(0.8 * thick, thick, 0.3 * thick), scale, bevel=0.006)
    pad = cylinder(0.42 * thick, 0.03, 0.3 * thick, 0.004, 14).moved(x=reach - 0.01)
    return [p.rotated("z", 45 + 360 * i / count) for i in range(count) for p in (foot, pad)]


def round_splayed(rng: random.Random) -> Model:
    """Round mid-century table: splayed round legs under a ring, dining height or low."""
    low = rng.random() < 0.4
    height = uniform(rng, 0.40, 0.47) if low else uniform(rng, 0.71, 0.75)
    across, thick = uniform(rng, 0.7, 1.15), uniform(rng, 0.022, 0.034)
    under, count = height - thick, choose(rng, (3, 4, 4))
    near, far, size = 0.27 * across, 0.43 * across, uniform(rng, 0.038, 0.052)
    one = leg((far, 0, 0), (near, 0, under), ellipse(size, size, 16), [(0, 0.5), (0.8, 1), (1, 1.05)])
    parts = [one.rotated("z", 45 + 360 * i / count) for i in range(count)]
    drop = uniform(rng, 0.035, 0.06)
    parts.append(ring(rectangle(0.02, drop, 0.004) + [near, under - drop / 2], 40))
    if count == 4:
        span = near + (far - near) * 0.55
        bar = rod((-span, 0, 0.45 * under), (span, 0, 0.45 * under), [(0, 0.009), (0.5, 0.013), (1, 0.009)])
        parts += [bar.rotated("z", 45), bar.rotated("z", 135).moved(z=0.012)] if rng.random() < 0.5 else []
    board = slab(rng, ellipse(across, across, 56), thick, under)
    frame = palette.wood(rng)
    top = frame if rng.random() < 0.6 else palette.paint(rng)
    return join([board, *(p.of(FRAME) for p in parts)], (top, frame))


def trestle(rng: random.Random) -> Model:
    """Long table on two trestles: a post between foot and bearer, or a leaning pair of legs, tied by a stretcher."""
    width, depth, height = uniform(rng, 1.2, 1.7), uniform(rng, 0.7, 0.9), uniform(rng, 0.72, 0.76)
    thick, under = uniform(rng, 0.03, 0.045), 0.0
    under = height - thick
    x, wide = width / 2 - uniform(rng, 0.18, 0.28), 0.36 * depth
    size = uniform(rng, 0.055, 0.08)
    if rng.random() < 0.5:
        foot = polygon(
            [
                (-wide, 0),
                (-wide * 0.6, 0),
                (-wide * 0.55, 0.015),
                (wide * 0.55, 0.015),
                (wide * 0.6, 0),
                (wide, 0),
                (wide, 0.03),
                (0.25 * wide, 0.085),
                (-0.25 * wide, 0.085),
                (-wide, 0.03),
            ],
            0.006,
        )
        foot_part = prism(foot, size, 0.004).moved(z=-size / 2).rotated("x", 90).rotated("z", 90).moved(x=x)
        bearer = beam((x - size / 2, -wide, under - 0.055), (x + size / 2, wide, under), 0.005)
        post = beam((x - size / 2 + 0.006, -0.08, 0.05), (x + size / 2 - 0.006, 0.08, under - 0.03), 0.005)
        end, z = [foot_part, bearer, post], 0.38 * under
        bar = beam((-x - 0.09, -0.018, z), (x + 0.09, 0.018, z + 0.09), 0.005)
        pin = beam((x + 0.045, -0.03, z + 0.02), (x + 0.062, 0.03, z + 0.07), 0.003)
        ties = [bar, *mirrored([pin])]
    else:
        lean = leg((x + 0.02, 0.95 * wide, 0), (x - 0.02, 0.3 * wide, under), rectangle(size, 0.8 * size, 0.005))
        spread = 0.95 * wide - 0.65 * wide * 0.35
        rail = beam((x - 0.012, -spread, 0.35 * under - 0.03), (x + 0.012, spread, 0.35 * under + 0.03), 0.004)
        end = [*mirrored([lean], "y"), rail, beam((x - 0.05, -wide, under - 0.05), (x + 0.03, wide, under), 0.005)]
        ties = [beam((-x, -0.014, 0.35 * under - 0.02), (x, 0.014, 0.35 * under + 0.05), 0.004)]
    board = slab(rng, rectangle(width, depth, 0.006, 2), thick, under)
    frame = palette.wood_or_paint(rng, 0.2)
    top = frame if rng.random() < 0.6 else palette.wood(rng)
    return join([board, *(p.of(FRAME) for p in mirrored(end) + ties)], (top, frame))


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
    loop = rounded_path([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)], 0.012, 3, closed=True)
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
    case += [beam((-x + 0.01, -y + 0.024, plinth), (-x + box_width - 0.01, y, under), 0.002)]
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


def coffee_shelf(rng: random.Random) -> Model:
    """Low table with a shelf, solid or slatted, between its legs."""
    width, depth, height = uniform(rng, 0.8, 1.2), uniform(rng, 0.5, 0.68), uniform(rng, 0.40, 0.48)
    thick, size, level = uniform(rng, 0.025, 0.045), uniform(rng, 0.04, 0.065), uniform(rng, 0.1, 0.17)
    under = height - thick
    x, y = width / 2 - 0.025 - size / 2, depth / 2 - 0.025 - size / 2
    legs = four(leg((x, y, 0), (x, y, under), section(rng, size)))
    rails = aprons(2 * x, 2 * y, under, uniform(rng, 0.04, 0.07), 0.018) + aprons(2 * x, 2 * y, level, 0.03, 0.018)
    shelf: list[Part] = []
    if rng.random() < 0.5:
        shelf = [beam((-x - 0.006, -y - 0.006, level - 0.008), (x + 0.006, y + 0.006, level + 0.01), 0.003)]
    else:
        count = integer(rng, 6, 9)
        pitch = (2 * x - size) / count
        for i in range(count):
            start = -x + size / 2 + i * pitch
            shelf.append(beam((start + 0.012, -y, level - 0.006), (start + pitch - 0.012, y, level + 0.01), 0.003))
    board = slab(rng, rectangle(width, depth, choose(rng, (0.005, 0.03, 0.07)), 4), thick, under)
    frame = palette.wood_or_paint(rng, 0.35)
    top = frame if rng.random() < 0.5 else choose(rng, (palette.wood, palette.stone))(rng)
    return join(
        [board, *(p.of(FRAME) for p in legs + rails), *(p.of(FRAME) for p in shelf)],
        (top, frame),
    )


def oval(rng: random.Random) -> Model:
    """Oval table on two columns over arched feet, or on two curved panels."""
    width, depth, height = uniform(rng, 1.2, 1.6), uniform(rng, 0.75, 0.95), uniform(rng, 0.72, 0.76)
    thick, x = uniform(rng, 0.025, 0.038), uniform(rng, 0.2, 0.26) * width
    under = height - thick
    outline = superellipse(width, depth, choose(rng, (2.0, 2.4, 3.0)), 64)
    parts: list[Part] = []
    if rng.random() < 0.5:
        k = uniform(rng, 0.9, 1.2)
        radii = [(0, 0.04), (0.1, 0.05), (0.2, 0.052 * k), (0.45, 0.036), (0.75, 0.03), (0.8, 0.045), (0.85, 0.032)]
        radii += [(1, 0.05)]
        post = rod((x, 0, 0.04), (x, 0, under), radii, sides=20)
        arch = sweep(
            in_space(bowed(0.72 * depth, 0.05, 10), "yz", x) + [0, 0, 0.032], rectangle(0.07, 0.05, 0.012), bevel=0.008
        )
        pad = prism(rectangle(0.07, 0.06, 0.01), 0.03, 0.004)
        pads = [pad.moved(x, sign * 0.335 * depth) for sign in (-1, 1)]
        bearer = beam((x - 0.03, -0.3 * depth, under - 0.03), (x + 0.03, 0.3 * depth, under), 0.004)
        parts = mirrored([post, arch, bearer, *pads])
        parts.append(rod((-x, 0, 0.3 * under), (x, 0, 0.3 * under), [(0, 0.014), (0.5, 0.022), (1, 0.014)], 0))
    else:
        curve = in_space(bowed(0.62 * depth, 0.09 * width, 12), "xy") @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
        panel = sweep(curve + [0.0, 0, under / 2], rectangle(0.035, under, 0.008), bevel=0.006)
        parts = mirrored([panel.moved(x=x + 0.05)])
        parts.append(beam((-x - 0.02, -0.02, under - 0.12), (x + 0.02, 0.02, under - 0.0), 0.004))
    frame = palette.wood_or_paint(rng, 0.25)
    board = undercut(outline, thick, 0.03).moved(z=under) if rng.random() < 0.5 else slab(rng, outline, thick, under)
    top = frame if rng.random() < 0.6 else choose(rng, (palette.wood, palette.stone))(rng)
    return join([board, *(p.of(FRAME) for p in parts)], (top, frame))


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
    tie = beam((-x, -0.015, under - 0.05), (x, 0.015, under - 0.0), 0.003)
    board = slab(rng, rectangle(width, depth, choose(rng, (0.005, 0.03)), 4), thick, under)
    top = choose(rng, (palette.wood, palette.wood, palette.stone))(rng)
    return join([board, *(p.of(FRAME) for p in [*mirrored([frame, plate]), tie])], (top, palette.coated_metal(rng)))


def waterfall(rng: random.Random) -> Model:
    """Parsons table: top and sides are one bent board, with a shelf or a drawer box between."""
    low = rng.random() < 0.5
    height = uniform(rng, 0.38, 0.46) if low else uniform(rng, 0.72, 0.76)
    width, depth = uniform(rng, 0.85, 1.3), uniform(rng, 0.48, 0.68)
    thick = uniform(rng, 0.03, 0.06)
    x, inner = width / 2, width / 2 - thick
    corner = choose(rng, (0.004, thick * 1.4))
    outline = polygon(
        [
            (-x, 0),
            (-inner, 0),
            (-inner, height - thick),
            (inner, height - thick),
            (inner, 0),
            (x, 0),
            (x, height),
            (-x, height),
        ],
        [0.004, 0.004, max(corner - thick, 0.004), max(corner - thick, 0.004), 0.004, 0.004, corner, corner],
        5,
    )
    bent = prism(outline, depth, 0.002).rotated("x", 90).moved(y=depth / 2)
    parts = [bent]
    style = choose(rng, ("shelf", "drawer", "rail"))
    y = depth / 2 - 0.02
    if style == "shelf":
        z = uniform(rng, 0.3, 0.45) * height
        parts.append(beam((-inner - 0.005, -y, z), (inner + 0.005, y, z + 0.022), 0.003).of(FRAME))
    elif style == "drawer":
        z = height - thick - 0.11
        parts.append(beam((-inner - 0.004, -y + 0.02, z), (inner + 0.004, y, height - thick + 0.002), 0.002).of(FRAME))
        half = inner - 0.002
        for a, b in ((-half, -0.002), (0.002, half)):
            parts += [p.of(FRAME) for p in drawer_front((a, z + 0.002), (b, height - thick - 0.003), -y)]
            parts += [p.moved((a + b) / 2, -y, z + 0.055).of(ACCENT) for p in handle("knob")]
    else:
        parts.append(
            beam((-inner - 0.004, -0.012, height - thick - 0.09), (inner + 0.004, 0.012, height - thick + 0.003)).of(
                FRAME
            )
        )
    body = palette.wood_or_paint(rng, 0.4)
    return join(
        parts,
        (body, body if style == "rail" else palette.wood_or_paint(rng), palette.metal(rng, "brass", "brushed steel")),
    )


def tripod(rng: random.Random) -> Model:
    """Round side or tea table: a slim turned stem on three cabriole feet, the top scalloped, octagonal or round."""
    across, height, thick = uniform(rng, 0.52, 0.8), uniform(rng, 0.58, 0.72), uniform(rng, 0.018, 0.026)
    under = height - thick
    shape = choose(rng, ("round", "octagon", "scalloped"))
    outline = ellipse(across, across, 56)
    if shape == "octagon":
        outline = polygon(
            0.5 * across * np.array([(np.cos(a), np.sin(a)) for a in np.radians(np.arange(22.5, 382, 45))]), 0.01
        )
    elif shape == "scalloped":
        angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        outline = outline_at(angle, 0.5 * across * (0.96 + 0.04 * np.abs(np.cos(4 * angle)) ** 0.6))
    k = uniform(rng, 0.85, 1.2)
    radii = [
        (0.16, 0.02),
        (0.18, 0.034),
        (0.3, 0.034),
        (0.32, 0.024),
        (0.38, 0.04 * k),
        (0.46, 0.046 * k),
        (0.56, 0.026),
    ]
    radii += [
        (0.6, 0.03),
        (0.62, 0.018),
        (0.85, 0.026),
        (0.87, 0.034),
        (0.9, 0.024),
        (0.97, 0.03),
        (0.975, 0.09),
        (1, 0.09),
    ]
    stem = rod(
        (0, 0, 0.12 * under), (0, 0, under), [((t - 0.12) / 0.88, r) for t, r in [(0.12, 0.012), *radii]], sides=20
    )
    feet = claws(3, uniform(rng, 0.44, 0.5) * across, 0.26 * under, 0.036)
    wood = palette.wood(rng)
    return join([slab(rng, outline, thick, under), stem.of(FRAME), *(p.of(FRAME) for p in feet)], (wood, wood))


def outline_at(angle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Outline with the given polar coordinates; (N, 2)."""
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def hairpin(rng: random.Random) -> Model:
    """Thick board, straight or with a wavy natural edge, on four bent-rod legs."""
    low = rng.random() < 0.6
    height = uniform(rng, 0.40, 0.46) if low else uniform(rng, 0.72, 0.76)
    width, depth, thick = uniform(rng, 0.85, 1.35), uniform(rng, 0.5, 0.68), uniform(rng, 0.035, 0.055)
    under, lean = height - thick, uniform(rng, 0.03, 0.05)
    x, y = width / 2 - 0.11, depth / 2 - 0.09
    top, spread = under - 0.004, uniform(rng, 0.045, 0.06)
    a, b = (x - spread, y + spread * 0.4, top), (x + spread * 0.4, y - spread, top)
    foot = (x + lean, y + lean, 0.006)
    side = (0.007, -0.007, 0.0)
    path = rounded_path(
        [a, tuple(f - s for f, s in zip(foot, side)), tuple(f + s for f, s in zip(foot, side)), b], 0.008, 3
    )
    rods = [tube(path, 0.006, 8)]
    if rng.random() < 0.5:
        rods.append(tube([(x - spread * 0.2, y - spread * 0.2, top), foot], 0.006, 8))
    plate = prism(
        polygon([(x - 0.075, y + 0.045), (x - 0.06, y - 0.06), (x + 0.045, y - 0.075), (x + 0.045, y + 0.045)], 0.01),
        0.005,
        0.001,
    )
    legs = [p for one in [*rods, plate.moved(z=under - 0.005)] for p in four(one)]
    if rng.random() < 0.5:
        t = np.linspace(-0.5, 0.5, 25)
        phase = uniform(rng, 0, 6)
        wave = [0.012 * np.sin(9 * t + p + phase) + 0.008 * np.sin(21 * t + 2 * p) for p in (0.0, 2.0)]
        edge = np.concatenate(
            [
                np.stack([t * width, -depth / 2 + 0.02 + wave[0]], 1),
                np.stack([-t * width, depth / 2 - 0.02 + wave[1]], 1),
            ]
        )
        board = prism(edge, thick, 0.006).moved(z=under)
        wood = palette.wood(rng, "walnut", "oak", "teak", "ash")
    else:
        board = prism(rectangle(width, depth, 0.02, 4), thick, 0.005).moved(z=under)
        wood = palette.wood(rng)
    return join([board, *(p.of(FRAME) for p in legs)], (wood, palette.coated_metal(rng, "black steel", "white steel")))


def gateleg(rng: random.Random) -> Model:
    """Drop-leaf table: a narrow frame, one leaf raised on its gate and one hanging, or both hanging."""
    length, height, thick = uniform(rng, 0.8, 1.1), uniform(rng, 0.71, 0.75), 0.02
    middle, leaf, under = uniform(rng, 0.32, 0.4), uniform(rng, 0.26, 0.34), height - 0.02
    size = uniform(rng, 0.042, 0.052)
    x, y = length / 2 - 0.1, middle / 2 - 0.05
    turned = (
        turned_profile(rng, size * 0.55)
        if rng.random() < 0.5
        else np.array([(0, size * 0.36), (0.7, size * 0.5), (1, size * 0.5)])
    )
    post = rod((0, 0, 0), (0, 0, under), turned, sides=14)
    frame = four(post.moved(x, y))
    frame += aprons(2 * x, 2 * y, under, 0.1) + aprons(2 * x, 2 * y, 0.13, 0.035)
    board = [prism(rectangle(length, middle, 0.004), thick, 0.003).moved(z=under)]
    curve = rectangle(length, 2 * leaf, min(0.9 * leaf, 0.2), 6)
    half = polygon([tuple(p) for p in curve if p[1] < -1e-6] + [(length / 2, 0), (-length / 2, 0)][::1])
    half = half[np.argsort(np.arctan2(half[:, 1] + leaf / 2, half[:, 0]))]
    flat = prism(half, thick, 0.003)
    raised = rng.random() < 0.6
    hanging = flat.rotated("x", 90).moved(y=-middle / 2 - 0.003, z=height - 0.012)
    board.append(hanging.mirrored("y"))
    if raised:
        board.append(flat.moved(y=-middle / 2 - 0.002, z=under))
        gate_y = -middle / 2 - 0.6 * leaf
        frame += [post.moved(0, gate_y), beam((-0.012, gate_y, 0.1), (0.012, -y, 0.135), 0.003)]
        frame += [beam((-0.012, gate_y, under - 0.06), (0.012, -y, under), 0.003)]
    else:
        board.append(hanging)
    wood = palette.wood(rng)
    return join([*board, *(p.of(FRAME) for p in frame)], (wood, wood if rng.random() < 0.7 else palette.paint(rng)))


def drum(rng: random.Random) -> Model:
    """Low drum: a cylinder with ribs, staves or a plain skin between two discs."""
    across, height, thick = uniform(rng, 0.56, 0.85), uniform(rng, 0.38, 0.46), uniform(rng, 0.02, 0.035)
    radius, plinth = across / 2, 0.025
    style = choose(rng, ("ribs", "staves", "bulge"))
    low, high = plinth, height - thick
    parts = [cylinder(radius - 0.05, plinth + 0.01, bevel=0.003, sides=40).of(ACCENT)]
    if style == "bulge":
        t = np.linspace(0, 1, 10)
        skin = [(radius * (0.78 + 0.2 * np.sin(np.pi * u)), low + u * (high - low)) for u in t]
        parts.append(lathe([(0, low), *skin, (0, high)], 48).of(FRAME))
    else:
        parts.append(cylinder(radius - 0.035, high - low, bevel=0.002, sides=48).moved(z=low).of(FRAME))
        count = 40 if style == "ribs" else 24
        wide = 2 * np.pi * (radius - 0.03) / count
        for i in range(count):
            outline = (
                ellipse(0.82 * wide, 0.82 * wide, 10) if style == "ribs" else rectangle(0.024, 0.9 * wide, 0.005, 1)
            )
            stave = prism(outline, high + 0.002 - low).moved(x=radius - 0.034, z=low)
            parts.append(stave.rotated("z", 360 * i / count).of(FRAME))
    parts.append(slab(rng, ellipse(across, across, 64), thick, high))
    body = palette.wood_or_paint(rng, 0.3)
    top = body if rng.random() < 0.4 else choose(rng, (palette.stone, palette.wood))(rng)
    return join(parts, (top, body, palette.black_plastic(rng)))


Families = dict[str, Callable[[random.Random], Model]]

TRAIN_FAMILIES: Families = {
    "four-leg": four_leg,
    "round-pedestal": pedestal_round,
    "round-splayed": round_splayed,
    "trestle": trestle,
    "glass-metal": glass_metal,
    "folding": folding,
    "desk": desk,
    "coffee-shelf": coffee_shelf,
    "oval": oval,
    "sled": sled,
}
TEST_FAMILIES: Families = {
    "waterfall": waterfall,
    "tripod": tripod,
    "hairpin": hairpin,
    "gateleg": gateleg,
    "drum": drum,
}
