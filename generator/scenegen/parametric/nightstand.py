"""Bedside tables with flat tops; drawers and doors face -Y."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np

from scenegen.assets.library import Material
from scenegen.parametric import palette
from scenegen.parametric.curves import arc, ellipse, polygon, rectangle, rounded_path
from scenegen.parametric.joinery import HANDLES, drawer_front, four, handle, slab, turned_profile
from scenegen.parametric.shapes import Model, Part, beam, cylinder, join, lathe, leg, mirrored, prism, ring, rod, sweep
from scenegen.parametric.shapes import tube, wall
from scenegen.rng import choose, integer, uniform

BODY, TOP, FRONT, METAL = 0, 1, 2, 3


def drawers(rng: random.Random) -> Model:
    """Two or three drawers in a case on a plinth, set back or with bracket feet."""
    width, depth, height = uniform(rng, 0.40, 0.54), uniform(rng, 0.36, 0.44), uniform(rng, 0.46, 0.62)
    thick, base = uniform(rng, 0.02, 0.03), uniform(rng, 0.05, 0.09)
    under, x, y = height - thick, width / 2 - 0.012, depth / 2 - 0.012
    parts = _case(x, y, base, under)
    if rng.random() < 0.5:
        parts.append(beam((-x + 0.02, -y + 0.03, 0), (x - 0.02, y - 0.02, base + 0.004), 0.002))
    else:
        foot = polygon([(-x, 0), (-x + 0.06, 0), (-x + 0.085, 0.6 * base), (x - 0.085, 0.6 * base), (x - 0.06, 0), (x, 0), (x, base), (-x, base)],
                       [0.003, 0.003, 0.03, 0.03, 0.003, 0.003, 0.003, 0.003], 3)
        parts.append(prism(foot, 0.02, 0.002).rotated("x", 90).moved(y=-y + 0.02))
        parts += mirrored([beam((x - 0.02, -y + 0.01, 0), (x, y, base + 0.004), 0.002)])
    count = integer(rng, 2, 3)
    parts += _drawer_stack(rng, count, x, -y, base, under)
    parts.append(slab(rng, rectangle(width, depth, choose(rng, (0.004, 0.015)), 3), thick, under).of(TOP))
    return join(parts, _materials(rng))


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
    parts += _drawer_stack(rng, 2 if box_height > 0.2 else 1, inner + 0.02, -y - size / 2 + 0.006, low - 0.012, under, 0.012)
    parts += [beam((-inner, -y - 0.012, low - 0.002), (inner, -y + 0.01, low + 0.014), 0.002)]
    if rng.random() < 0.6:
        z = uniform(rng, 0.12, 0.17)
        parts.append(beam((-x, -y, z), (x, y, z + 0.016), 0.003))
        parts += mirrored([beam((x - 0.008, -y, z - 0.02), (x + 0.008, y, z + 0.004), 0.002)])
    parts.append(slab(rng, rectangle(width, depth, 0.008, 3), thick, under).of(TOP))
    return join(parts, _materials(rng))


def drawer_shelf(rng: random.Random) -> Model:
    """Panel sides, a drawer on top and an open niche below, or the niche on top."""
    width, depth, height = uniform(rng, 0.40, 0.50), uniform(rng, 0.36, 0.42), uniform(rng, 0.45, 0.6)
    t, base = 0.02, uniform(rng, 0.03, 0.08)
    x, y, under = width / 2, depth / 2, height - t
    split = base + uniform(rng, 0.42, 0.58) * (under - base)
    parts = mirrored([beam((x - t, -y, 0 if rng.random() < 0.5 else base), (x, y, under + 0.004), 0.002)])
    parts += [beam((-x + 0.01, -y + 0.003, base), (x - 0.01, y, base + t), 0.002), beam((-x + 0.01, y - 0.012, base), (x - 0.01, y, under), 0.001)]
    parts.append(beam((-x + 0.01, -y + 0.003, split), (x - 0.01, y, split + t), 0.002))
    if parts[0].vertices[:, 2].min() > 0.01:
        parts.append(beam((-x + 0.03, -y + 0.03, 0), (x - 0.03, y - 0.03, base + 0.004), 0.002))
    low, high = (split + t, under) if rng.random() < 0.7 else (base + t, split)
    parts.append(beam((-x + 0.01, -y + 0.026, low - 0.004), (x - 0.01, y, high + 0.004), 0.002))
    parts += _drawer_stack(rng, 1, x, -y + 0.002, low - 0.004, high)
    parts.append(prism(rectangle(width + 0.006, depth + 0.004, 0.006), t, 0.003).moved(z=under).of(TOP))
    return join(parts, _materials(rng))


def open_cube(rng: random.Random) -> Model:
    """Open box with thick walls, perhaps a shelf or an upright in it, on low feet or runners."""
    width, depth, height = uniform(rng, 0.38, 0.48), uniform(rng, 0.34, 0.42), uniform(rng, 0.42, 0.55)
    t, feet = uniform(rng, 0.018, 0.03), choose(rng, (0.0, 0.05, 0.14))
    x, z0 = width / 2, feet
    radius = choose(rng, (0.004, 0.04))
    outer = polygon([(-x, z0), (x, z0), (x, height), (-x, height)], radius, 5)
    middle = (z0 + height) / 2
    path = np.column_stack([outer[:, 0], np.zeros(len(outer)), outer[:, 1]])
    shrink = np.array([(width - t) / width, 1.0, (height - z0 - t) / (height - z0)])
    path = (path - [0, 0, middle]) * shrink + [0, 0, middle]
    parts = [sweep(path, rectangle(t, depth, 0.003), up=(0, 1, 0), closed=True)]
    parts.append(beam((-x + t / 2, depth / 2 - 0.014, z0 + t / 2), (x - t / 2, depth / 2 - 0.004, height - t / 2), 0.001).of(FRONT))
    style = choose(rng, ("shelf", "shelf", "upright"))
    if style == "shelf":
        z = z0 + uniform(rng, 0.42, 0.6) * (height - z0)
        parts.append(beam((-x + t / 2, -depth / 2 + 0.01, z), (x - t / 2, depth / 2 - 0.005, z + 0.018), 0.003))
    else:
        u = uniform(rng, -0.25, 0.25) * width
        parts.append(beam((u - 0.009, -depth / 2 + 0.01, z0 + t / 2), (u + 0.009, depth / 2 - 0.005, height - t / 2), 0.003))
    if feet:
        stub = leg((x - 0.05, depth / 2 - 0.05, 0), (x - 0.055, depth / 2 - 0.055, feet + 0.004), ellipse(0.034, 0.034, 14), [(0, 0.7), (1, 1)])
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
    parts.append(cylinder(r - 0.022, under - base, bevel=0.002, sides=40).moved(z=base))
    opening = 62.0
    back = _curve(r - 0.009, -90 + opening, 270 - opening, 26)
    parts.append(wall(back, 0.018, base, under + 0.002, 0.003))
    count = integer(rng, 1, 3)
    pitch = (under - base) / count
    kind, pulls = choose(rng, ("knob", "knob", "ring")), []
    for i in range(count):
        low, high = base + i * pitch + 0.003, base + (i + 1) * pitch - 0.003
        front = _curve(r - 0.009, -90 - opening + 0.8, -90 + opening - 0.8, 16)
        parts.append(wall(front, 0.02, low, high, 0.003).of(FRONT))
        pulls += [p.moved(0, -r - 0.001, (low + high) / 2) for p in handle(kind)]
    parts += [p.of(METAL) for p in pulls]
    parts.append(slab(rng, ellipse(across, across, 56), thick, under).of(TOP))
    return join(parts, _materials(rng, stone=0.3))


def door(rng: random.Random) -> Model:
    """Cabinet with one framed or plain door, a drawer above it at times, on bun feet or a plinth."""
    width, depth, height = uniform(rng, 0.40, 0.48), uniform(rng, 0.35, 0.42), uniform(rng, 0.52, 0.65)
    thick, base = 0.022, uniform(rng, 0.05, 0.08)
    under, x, y = height - thick, width / 2 - 0.014, depth / 2 - 0.014
    parts = _case(x, y, base, under)
    if rng.random() < 0.5:
        bun = lathe([(0, 0), (0.014, 0), (0.026, 0.3 * base), (0.026, 0.62 * base), (0.014, 0.85 * base), (0.02, base + 0.004), (0, base + 0.004)], 18, 0.004)
        parts += four(bun.moved(x - 0.035, y - 0.035))
    else:
        parts.append(beam((-x + 0.015, -y + 0.02, 0), (x - 0.015, y - 0.01, base + 0.004), 0.002))
    high = under - 0.004
    if rng.random() < 0.45:
        high = under - 0.13
        parts += _drawer_stack(rng, 1, x, -y, high - 0.002, under, 0.004)
        parts.append(beam((-x + 0.01, -y, high), (x - 0.01, -y + 0.03, high + 0.012), 0.001))
    low, inner = base + 0.022, x - 0.023
    high -= 0.003
    if rng.random() < 0.7:
        parts.append(beam((-inner + 0.03, -y + 0.012, low + 0.03), (inner - 0.03, -y + 0.03, high - 0.03), 0.002).of(FRONT))
        stile = beam((inner - 0.055, -y + 0.002, low), (inner, -y + 0.022, high), 0.003)
        parts += [p.of(FRONT) for p in mirrored([stile])]
        for a, b in ((low, low + 0.055), (high - 0.055, high)):
            parts.append(beam((-inner + 0.05, -y + 0.002, a), (inner - 0.05, -y + 0.022, b), 0.003).of(FRONT))
    else:
        parts += [p.of(FRONT) for p in drawer_front((-inner, low), (inner, high), -y + 0.002, rng.random() < 0.5)]
    side, kind = choose(rng, (-1, 1)), choose(rng, ("knob", "bar", "wood knob"))
    place = (side * (inner - 0.027), -y + 0.002, low + 0.6 * (high - low))
    parts += [p.rotated("y", 90 if kind == "bar" else 0).moved(*place).of(METAL) for p in handle(kind, 0.1)]
    parts.append(slab(rng, rectangle(width, depth, 0.006), thick, under).of(TOP))
    return join(parts, _materials(rng))


def metal_frame(rng: random.Random) -> Model:
    """Drawer box carried by a frame of slim square tubes, with a low metal shelf or runners."""
    width, depth, height = uniform(rng, 0.40, 0.5), uniform(rng, 0.36, 0.42), uniform(rng, 0.48, 0.6)
    s, x, y = uniform(rng, 0.014, 0.02), width / 2, depth / 2
    low = height - uniform(rng, 0.15, 0.22)
    h = s / 2
    parts: list[Part] = []
    loop = rounded_path([(x - h, -y + h, h), (x - h, y - h, h), (x - h, y - h, height - 0.03), (x - h, -y + h, height - 0.03)], 0.012, 3, closed=True)
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
    parts += _drawer_stack(rng, choose(rng, (1, 1, 2)), inner + 0.018, -y + 0.002, low - 0.018, height - 0.022)
    parts.append(prism(rectangle(width + 0.002, depth + 0.002, 0.006), 0.022, 0.003).moved(z=height - 0.022).of(TOP))
    body, top, front, _ = _materials(rng)
    return join(parts, (body, top, front, palette.frame_metal(rng)))


def louvred(rng: random.Random) -> Model:
    """Cabinet whose door is a frame of slanted louvres."""
    width, depth, height = uniform(rng, 0.42, 0.5), uniform(rng, 0.36, 0.42), uniform(rng, 0.55, 0.68)
    thick, base = 0.024, uniform(rng, 0.06, 0.1)
    under, x, y = height - thick, width / 2 - 0.014, depth / 2 - 0.014
    parts = _case(x, y, base, under)
    parts += four(beam((x - 0.045, y - 0.045, 0), (x, y, base + 0.004), 0.003))
    low, high, inner = base + 0.022, under - 0.006, x - 0.023
    doors = [(-inner, inner)] if width < 0.46 else [(-inner, -0.0015), (0.0015, inner)]
    for a, b in doors:
        rail = 0.042
        frame = [beam((a, -y + 0.0, low), (a + rail, -y + 0.022, high), 0.003), beam((b - rail, -y, low), (b, -y + 0.022, high), 0.003)]
        frame += [beam((a + rail - 0.004, -y, p), (b - rail + 0.004, -y + 0.022, q), 0.003) for p, q in ((low, low + rail), (high - rail, high))]
        count = int((high - low - 2 * rail) / 0.026)
        pitch = (high - low - 2 * rail) / count
        slat = beam((a + rail - 0.004, -0.003, -0.015), (b - rail + 0.004, 0.003, 0.015), 0.0015, 1).rotated("x", -38)
        frame += [slat.moved(0, -y + 0.012, low + rail + (i + 0.5) * pitch) for i in range(count)]
        parts += [p.of(FRONT) for p in frame]
        at = b - rail / 2 if len(doors) == 1 or a < -0.1 else a + rail / 2
        parts += [p.moved(at, -y, (low + high) / 2).of(METAL) for p in handle("knob")]
    parts.append(slab(rng, rectangle(width, depth, 0.01, 3), thick, under).of(TOP))
    return join(parts, _materials(rng))


def midcentury(rng: random.Random) -> Model:
    """Long low box with an open slot above a drawer, on splayed tapered legs."""
    width, depth, height = uniform(rng, 0.48, 0.6), uniform(rng, 0.36, 0.42), uniform(rng, 0.50, 0.6)
    t, low = uniform(rng, 0.018, 0.024), uniform(rng, 0.20, 0.26)
    x, y = width / 2, depth / 2
    middle, split = (low + height) / 2, low + uniform(rng, 0.5, 0.62) * (height - low)
    path = rounded_path([(-x + t / 2, 0, low + t / 2), (x - t / 2, 0, low + t / 2), (x - t / 2, 0, height - t / 2), (-x + t / 2, 0, height - t / 2)],
                        choose(rng, (0.004, 0.05)), 6, closed=True)
    parts = [sweep(path, rectangle(t, depth, 0.003), up=(0, 1, 0), closed=True)]
    parts.append(beam((-x + t / 2, y - 0.016, low + t / 2), (x - t / 2, y - 0.006, height - t / 2), 0.001))
    parts.append(beam((-x + t / 2, -y + 0.012, split - 0.008), (x - t / 2, y - 0.006, split + 0.008), 0.002))
    parts.append(beam((-x + t / 2, -y + 0.036, low + t / 2), (x - t / 2, y - 0.008, split), 0.002))
    parts.append(beam((-x + t + 0.003, -y + 0.014, low + t + 0.003), (x - t - 0.003, -y + 0.034, split - 0.011), 0.003).of(FRONT))
    kind = choose(rng, ("wood knob", "strap", "knob"))
    parts += [p.moved(0, -y + 0.014, (low + split) / 2 + 0.004).of(METAL) for p in handle(kind, 0.09)]
    foot = leg((x - 0.03, y - 0.035, 0), (x - 0.085, y - 0.085, low + 0.002), ellipse(0.036, 0.036, 16), [(0, 0.5), (0.9, 1), (1, 1)])
    parts += [p.of(TOP) for p in four(foot)]
    parts += [p.of(TOP) for p in [beam((-x + 0.06, q - 0.02, low - 0.016), (x - 0.06, q + 0.02, low + 0.004), 0.003) for q in (y - 0.085, -y + 0.085)]]
    wood = palette.wood(rng, "walnut", "teak", "oak", "cherry")
    front = palette.paint(rng) if rng.random() < 0.4 else wood
    del middle
    return join(parts, (wood, palette.wood(rng, "walnut", "beech", "oak", "wenge"), front, palette.metal(rng, "brass", "copper")))


def crates(rng: random.Random) -> Model:
    """Two slatted fruit crates, one on the other, open to the front, with a board on top."""
    width, depth, height = uniform(rng, 0.44, 0.52), uniform(rng, 0.34, 0.4), uniform(rng, 0.27, 0.31)
    x, y, t = width / 2, depth / 2, 0.012
    board = uniform(rng, 0.014, 0.02)
    parts: list[Part] = []
    for level in range(2):
        crate: list[Part] = []
        z0 = level * height
        crate += mirrored([beam((x - t - 0.028, q - 0.016, z0 + 0.001), (x - t, q + 0.016, z0 + height - 0.001), 0.002) for q in (-y + 0.018, y - t - 0.017)])
        count = 3
        pitch = height / count
        for i in range(count):
            low, high = z0 + i * pitch + 0.004, z0 + (i + 1) * pitch - 0.004 - 0.008
            crate += mirrored([beam((x - t, -y, low), (x, y, high), 0.002)])
            crate.append(beam((-x + 0.002, y - t, low), (x - 0.002, y, high), 0.002))
        for i in range(4):
            start = -y + i * (depth / 4)
            crate.append(beam((-x + 0.004, start + 0.004, z0 + 0.004), (x - 0.004, start + depth / 4 - 0.005, z0 + 0.004 + t), 0.002))
        if level == 0:
            crate += [beam((-x + 0.002, q - 0.03, z0 + height - t), (x - 0.002, q + 0.03, z0 + height + 0.002), 0.002) for q in (-0.5 * y, 0.5 * y)]
        else:
            crate = [p.moved(x=uniform_shift) for p in crate for uniform_shift in (0.0,)]
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
    collar = ring(rectangle(0.016, 0.05, 0.004) + [near, under - 0.025], 36)
    parts += [shelf.of(TOP if rng.random() < 0.5 else BODY), collar]
    if rng.random() < 0.5:
        parts.append(cylinder(near - 0.004, 0.1, bevel=0.004, sides=36).moved(z=under - 0.1).of(FRONT))
        parts += [p.moved(0, -near + 0.003, under - 0.05).of(METAL) for p in handle("knob")]
    parts.append(slab(rng, ellipse(across, across, 56), thick, under).of(TOP))
    return join(parts, _materials(rng, stone=0.2))


def _case(x: float, y: float, low: float, high: float) -> list[Part]:
    """Sides, floor, back and the filled inside of a case; fronts go into the 20 mm before the filling."""
    sides = mirrored([beam((x - 0.02, -y, low), (x, y, high), 0.002)])
    floor = beam((-x + 0.01, -y, low), (x - 0.01, y - 0.002, low + 0.018), 0.002)
    head = beam((-x + 0.01, -y + 0.004, high - 0.003), (x - 0.01, y - 0.002, high + 0.004), 0.001)
    return [*sides, floor, head, beam((-x + 0.01, -y + 0.026, low + 0.005), (x - 0.01, y - 0.001, high), 0.002)]


def _drawer_stack(
    rng: random.Random, count: int, x: float, y: float, low: float, high: float, lip: float = 0.02
) -> list[Part]:
    """`count` drawer fronts with handles between walls at +-x (20 mm thick), above a floor of thickness `lip`."""
    kind, panelled = choose(rng, HANDLES), rng.random() < 0.25
    twin = x > 0.23 and kind in ("knob", "wood knob", "ring") and rng.random() < 0.4
    pitch = (high - low - lip) / count
    parts: list[Part] = []
    for i in range(count):
        a, b = low + lip + i * pitch + 0.0025, low + lip + (i + 1) * pitch - 0.0025
        parts += [p.of(FRONT) for p in drawer_front((-x + 0.0225, a), (x - 0.0225, b), y + 0.001, panelled)]
        for at in (-0.45 * x, 0.45 * x) if twin else (0.0,):
            parts += [p.moved(at, y + 0.001 - 0.006 * panelled, (a + b) / 2).of(METAL) for p in handle(kind, 0.55 * x)]
    return parts


def _curve(radius: float, start_deg: float, end_deg: float, segments: int) -> np.ndarray:  # type: ignore[type-arg]
    return arc(radius, start_deg, end_deg, segments)


def _materials(rng: random.Random, stone: float = 0.08) -> Sequence[Material]:
    """Body, top, fronts and handles that go together."""
    body = palette.wood_or_paint(rng, 0.4)
    top = palette.stone(rng) if rng.random() < stone else body if rng.random() < 0.65 else palette.wood(rng)
    front = body if rng.random() < 0.7 else palette.wood_or_paint(rng, 0.5)
    pull = palette.metal(rng) if rng.random() < 0.6 else choose(rng, (palette.coated_metal, palette.wood))(rng)
    return (body, top, front, pull)


Families = dict[str, Callable[[random.Random], Model]]

TRAIN_FAMILIES: Families = {
    "drawers": drawers,
    "posts": posts,
    "drawer-shelf": drawer_shelf,
    "open-cube": open_cube,
    "round-drum": drum,
    "door": door,
    "metal-frame": metal_frame,
}
TEST_FAMILIES: Families = {
    "louvred": louvred,
    "midcentury": midcentury,
    "crates": crates,
    "three-legged": three_legged,
}
_ = tube
