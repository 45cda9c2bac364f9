"""Tables of wood: four legs, splayed legs, trestles, coffee tables with a shelf, ovals."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, integer, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import bowed, ellipse, in_space, polygon, rectangle, superellipse
from scenegen.parametric.shapes.joinery import aprons, four, section, slab, turned_profile, undercut
from scenegen.parametric.shapes.shapes import Model, Part, beam, join, leg, mirrored, prism, ring, rod, sweep

TOP, FRAME = 0, 1


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
    parts.append(ring(rectangle(0.02, drop, 0.004) + np.array([near, under - drop / 2]), 40))
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
            in_space(bowed(0.72 * depth, 0.05, 10), "yz", x) + np.array([0, 0, 0.032]),
            rectangle(0.07, 0.05, 0.012),
            bevel=0.008,
        )
        pad = prism(rectangle(0.07, 0.06, 0.01), 0.03, 0.004)
        pads = [pad.moved(x, sign * 0.335 * depth) for sign in (-1, 1)]
        bearer = beam((x - 0.03, -0.3 * depth, under - 0.03), (x + 0.03, 0.3 * depth, under), 0.004)
        parts = mirrored([post, arch, bearer, *pads])
        parts.append(rod((-x, 0, 0.3 * under), (x, 0, 0.3 * under), [(0, 0.014), (0.5, 0.022), (1, 0.014)], 0))
    else:
        curve = in_space(bowed(0.62 * depth, 0.09 * width, 12), "xy") @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1.0]])
        panel = sweep(curve + np.array([0.0, 0, under / 2]), rectangle(0.035, under, 0.008), bevel=0.006)
        parts = mirrored([panel.moved(x=x + 0.05)])
        parts.append(beam((-x - 0.02, -0.02, under - 0.12), (x + 0.02, 0.02, under), 0.004))
    frame = palette.wood_or_paint(rng, 0.25)
    board = undercut(outline, thick, 0.03).moved(z=under) if rng.random() < 0.5 else slab(rng, outline, thick, under)
    top = frame if rng.random() < 0.6 else choose(rng, (palette.wood, palette.stone))(rng)
    return join([board, *(p.of(FRAME) for p in parts)], (top, frame))
