"""Nightstands of the test split: louvred door, mid-century slot, stacked crates, three legs."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.furniture.casework import case, matching, tunnel
from scenegen.parametric.shapes.curves import ellipse, rectangle
from scenegen.parametric.shapes.joinery import four, handle, slab
from scenegen.parametric.shapes.shapes import Model, Part, beam, cylinder, join, leg, mirrored, prism, ring

BODY, TOP, FRONT, METAL = 0, 1, 2, 3


def louvred(rng: random.Random) -> Model:
    """Cabinet whose door is a frame of slanted louvres."""
    width, depth, height = uniform(rng, 0.42, 0.5), uniform(rng, 0.36, 0.42), uniform(rng, 0.55, 0.68)
    thick, base = 0.024, uniform(rng, 0.06, 0.1)
    under, x, y = height - thick, width / 2 - 0.014, depth / 2 - 0.014
    parts = case(x, y, base, under)
    parts += four(beam((x - 0.045, y - 0.045, 0), (x, y, base + 0.004), 0.003))
    low, high, inner = base + 0.022, under - 0.006, x - 0.023
    doors = [(-inner, inner)] if width < 0.46 else [(-inner, -0.0015), (0.0015, inner)]
    for a, b in doors:
        rail = 0.042
        frame = [
            beam((a, -y, low), (a + rail, -y + 0.022, high), 0.003),
            beam((b - rail, -y, low), (b, -y + 0.022, high), 0.003),
        ]
        frame += [
            beam((a + rail - 0.004, -y, p), (b - rail + 0.004, -y + 0.022, q), 0.003)
            for p, q in ((low, low + rail), (high - rail, high))
        ]
        count = int((high - low - 2 * rail) / 0.026)
        pitch = (high - low - 2 * rail) / count
        slat = beam((a + rail - 0.004, -0.003, -0.015), (b - rail + 0.004, 0.003, 0.015), 0.0015, 1).rotated("x", -28)
        frame += [slat.moved(0, -y + 0.011, low + rail + (i + 0.5) * pitch) for i in range(count)]
        parts += [p.of(FRONT) for p in frame]
        at = b - rail / 2 if len(doors) == 1 or a < -0.1 else a + rail / 2
        parts += [p.moved(at, -y, (low + high) / 2).of(METAL) for p in handle("knob")]
    parts.append(slab(rng, rectangle(width, depth, 0.01, 3), thick, under).of(TOP))
    return join(parts, matching(rng))


def midcentury(rng: random.Random) -> Model:
    """Long low box with an open slot above a drawer, on splayed tapered legs."""
    width, depth, height = uniform(rng, 0.48, 0.6), uniform(rng, 0.36, 0.42), uniform(rng, 0.50, 0.6)
    t, low = uniform(rng, 0.018, 0.024), uniform(rng, 0.20, 0.26)
    x, y = width / 2, depth / 2
    split = low + uniform(rng, 0.5, 0.62) * (height - low)
    parts = [tunnel(x, depth, low, height, t, choose(rng, (0.0, 0.05)))]
    parts.append(beam((-x + t / 2, y - 0.016, low + t / 2), (x - t / 2, y - 0.006, height - t / 2), 0.001))
    parts.append(beam((-x + t / 2, -y + 0.012, split - 0.008), (x - t / 2, y - 0.006, split + 0.008), 0.002))
    parts.append(beam((-x + t / 2, -y + 0.032, low + t / 2), (x - t / 2, y - 0.008, split), 0.002))
    parts.append(
        beam((-x + t + 0.003, -y + 0.014, low + t + 0.003), (x - t - 0.003, -y + 0.034, split - 0.011), 0.003).of(FRONT)
    )
    kind = choose(rng, ("wood knob", "strap", "knob"))
    parts += [p.moved(0, -y + 0.014, (low + split) / 2 + 0.004).of(METAL) for p in handle(kind, 0.09)]
    foot = leg(
        (x - 0.03, y - 0.035, 0),
        (x - 0.085, y - 0.085, low + 0.002),
        ellipse(0.036, 0.036, 16),
        [(0, 0.5), (0.9, 1), (1, 1)],
    )
    parts += [p.of(TOP) for p in four(foot)]
    parts += [
        p.of(TOP)
        for p in [
            beam((-x + 0.06, q - 0.02, low - 0.016), (x - 0.06, q + 0.02, low + 0.004), 0.003)
            for q in (y - 0.085, -y + 0.085)
        ]
    ]
    wood = palette.wood(rng, "walnut", "teak", "oak", "cherry")
    front = palette.paint(rng) if rng.random() < 0.4 else wood
    return join(
        parts,
        (wood, palette.wood(rng, "walnut", "beech", "oak", "wenge"), front, palette.metal(rng, "brass", "copper")),
    )


def crates(rng: random.Random) -> Model:
    """Two slatted fruit crates, one on the other, open to the front, with a board on top."""
    width, depth, height = uniform(rng, 0.44, 0.52), uniform(rng, 0.34, 0.4), uniform(rng, 0.27, 0.31)
    x, y, t = width / 2, depth / 2, 0.012
    board = uniform(rng, 0.014, 0.02)
    parts: list[Part] = []
    for level in range(2):
        crate: list[Part] = []
        z0 = level * height
        crate += mirrored(
            [
                beam((x - t - 0.028, q - 0.016, z0 - 0.004 * level), (x - t, q + 0.016, z0 + height - 0.001), 0.002)
                for q in (-y + 0.018, y - t - 0.017)
            ]
        )
        pitch = height / 3
        for i in range(3):
            low, high = z0 + i * pitch + 0.004, z0 + (i + 1) * pitch - 0.004 - 0.008
            crate += mirrored([beam((x - t, -y, low), (x, y, high), 0.002)])
            crate.append(beam((-x + 0.002, y - t, low), (x - 0.002, y, high), 0.002))
        for i in range(4):
            start = -y + i * (depth / 4)
            crate.append(
                beam(
                    (-x + 0.004, start + 0.004, z0 + 0.004),
                    (x - 0.004, start + depth / 4 - 0.005, z0 + 0.004 + t),
                    0.002,
                )
            )
        if level == 0:
            crate += [
                beam((-x + 0.002, q - 0.03, z0 + height - t), (x - 0.002, q + 0.03, z0 + height + 0.002), 0.002)
                for q in (-0.5 * y, 0.5 * y)
            ]
        parts += crate
    top = prism(rectangle(width + 0.01, depth + 0.01, 0.005), board, 0.003).moved(z=2 * height - 0.004)
    wood = palette.wood(rng, "pine", "beech", "light oak", "oak", "teak")
    return join([*parts, top.of(TOP)], (wood, wood if rng.random() < 0.5 else palette.wood(rng)))


def three_legged(rng: random.Random) -> Model:
    """Round tray-like top and a smaller shelf on three splayed legs."""
    across, height = uniform(rng, 0.42, 0.5), uniform(rng, 0.5, 0.62)
    thick, size = uniform(rng, 0.02, 0.03), uniform(rng, 0.028, 0.036)
    under, near, far = height - thick, 0.3 * across, 0.46 * across
    section = ellipse(size, size, 14)
    one = leg((far, 0, 0), (near, 0, under + 0.002), section, [(0, 0.6), (0.7, 1), (1, 1)])
    parts = [one.rotated("z", 30 + 120 * i) for i in range(3)]
    level = uniform(rng, 0.28, 0.45) * under
    reach = far + (near - far) * level / under
    shelf = prism(ellipse(2 * reach + 0.01, 2 * reach + 0.01, 44), 0.016, 0.005).moved(z=level)
    collar = ring(rectangle(0.016, 0.05, 0.004) + np.array([near, under - 0.025]), 36)
    parts += [shelf.of(TOP if rng.random() < 0.5 else BODY), collar]
    if rng.random() < 0.5:
        parts.append(cylinder(near - 0.004, 0.1, bevel=0.004, sides=36).moved(z=under - 0.1).of(FRONT))
        parts += [p.moved(0, -near + 0.003, under - 0.05).of(METAL) for p in handle("knob")]
    parts.append(slab(rng, ellipse(across, across, 56), thick, under).of(TOP))
    return join(parts, matching(rng, stone=0.2))
