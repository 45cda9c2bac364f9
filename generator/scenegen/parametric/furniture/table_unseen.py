"""Tables of the test split: waterfall, tripod, hairpin, gateleg and drum."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import Points, ellipse, polygon, rectangle, rounded_path
from scenegen.parametric.shapes.joinery import aprons, claws, drawer_front, four, handle, slab, turned_profile
from scenegen.parametric.shapes.shapes import Model, beam, cylinder, join, lathe, prism, rod, tube

TOP, FRAME, ACCENT = 0, 1, 2


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
        outline = _polar(angle, 0.5 * across * (0.96 + 0.04 * np.abs(np.cos(4 * angle)) ** 0.6))
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


def _polar(angle: Points, radius: Points) -> Points:
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
    path = rounded_path([a, tuple(np.subtract(foot, side)), tuple(np.add(foot, side)), b], 0.008, 3)
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
    hanging = flat.rotated("x", 90).moved(y=-middle / 2 + 0.0005, z=height - 0.012)
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
