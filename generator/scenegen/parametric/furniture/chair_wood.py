"""Wooden chairs: slat back, windsor, folding; for the test split ladder back and director's chair."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, integer, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import (
    Points,
    bowed,
    ellipse,
    in_space,
    polygon,
    rectangle,
    smooth_path,
    superellipse,
)
from scenegen.parametric.shapes.joinery import board, bow_back, seat_outline, upright
from scenegen.parametric.shapes.shapes import (
    Model,
    Part,
    beam,
    cushion,
    join,
    lathe,
    leg,
    loft,
    mirrored,
    post,
    prism,
    rod,
    sweep,
    tube,
)

WOOD, SEAT, METAL = 0, 1, 2


def slat_back(rng: random.Random) -> Model:
    """Dining chair whose back legs rise into raked stiles with slats, a splat or a cross between them."""
    front, back, depth = uniform(rng, 0.42, 0.47), uniform(rng, 0.36, 0.41), uniform(rng, 0.40, 0.44)
    seat, top = uniform(rng, 0.44, 0.47), uniform(rng, 0.84, 0.98)
    size, rake, kick = uniform(rng, 0.028, 0.036), uniform(rng, 0.06, 0.1), uniform(rng, 0.02, 0.05)
    xf, xb, y = front / 2 - 0.03, back / 2 - size / 2, depth / 2 - 0.02
    stile = smooth_path([(y + kick, 0), (y, 0.8 * seat), (y + 0.005, seat + 0.06), (y + rake, top)], 6)
    outline = ellipse(size, size * 1.15, 12) if rng.random() < 0.4 else rectangle(size, size * 1.2, 0.006)
    scale = np.interp(stile[:, 1], [0, seat, top], [0.8, 1.0, 0.72])
    lean = uniform(rng, 0, 0.02)
    path = np.column_stack([np.interp(stile[:, 1], [0, seat, top], [xb, xb, xb + lean]), stile])
    legs = [post(path, outline, scale), leg((xf, -y, 0), (xf, -y, seat - 0.02), outline, [(0, 0.68), (1, 1)])]
    rail = seat - 0.045
    parts = [*mirrored(legs), board((-xf, -y, rail), (xf, -y, rail), 0.05), board((xb, y, rail), (-xb, y, rail), 0.05)]
    parts += mirrored([board((xf, -y, rail), (xb, y, rail), 0.05)])
    if rng.random() < 0.6:
        parts += mirrored([rod((xf, -y, 0.17), (xb, y + 0.3 * kick, 0.17), [(0, 0.008), (0.5, 0.011), (1, 0.008)])])
        middle = (xf + xb) / 2
        parts.append(
            rod((-middle, 0, 0.17), (middle, 0, 0.17), 0.009)
            if rng.random() < 0.5
            else rod((-xf, -y, 0.22), (xf, -y, 0.22), 0.009)
        )
    parts += _raked_back(rng, stile, xb + lean * 0.9, seat, top)
    pad = seat_outline(front, back - 2 * size + 0.012, depth, 0.02)
    pad = np.column_stack([pad[:, 0], np.minimum(pad[:, 1], y - 0.006)])
    soft = rng.random() < 0.45
    if soft:
        parts.append(
            cushion(seat_outline(front, back, depth - 0.02, 0.035) + np.array([0, -0.012]), 0.035, 0.018)
            .moved(z=seat - 0.025)
            .of(SEAT)
        )
    else:
        parts.append(
            prism(seat_outline(front + 0.01, back - 0.01, depth - 0.02, 0.03) + np.array([0, -0.012]), 0.022, 0.007, 3)
            .moved(z=seat - 0.022)
            .of(SEAT)
        )
    wood = palette.wood_or_paint(rng, 0.3)
    return join(parts, (wood, palette.upholstery(rng) if soft else wood))


def _raked_back(rng: random.Random, stile: Points, x: float, seat: float, top: float) -> list[Part]:
    """Crest rail, lower rail and what fills the back between stiles at +-x that follow `stile` (P, 2) of (y, z)."""

    def y_at(z: float) -> float:
        return float(np.interp(z, stile[:, 1], stile[:, 0]))

    bow, height = uniform(rng, 0.0, 0.03), uniform(rng, 0.055, 0.09)
    lean = np.degrees(np.arctan2(y_at(top) - y_at(seat + 0.1), top - seat - 0.1))
    crest_z, low_z = top - 0.5 * height - 0.012, seat + uniform(rng, 0.09, 0.16)
    arch = in_space(bowed(2 * x + 0.02, bow, 12), "xy") + np.array([0, y_at(crest_z), crest_z])
    swell = np.column_stack([np.ones(13), 1 + 0.35 * (1 - np.linspace(-1, 1, 13) ** 2) * choose(rng, (0, 1))])
    crest = sweep(arch, rectangle(0.021, height, 0.006), swell, bevel=0.004)
    parts = [crest.rotated("x", -lean, (0, y_at(crest_z), crest_z))]
    parts.append(board((x, y_at(low_z), low_z), (-x, y_at(low_z), low_z), 0.035, 0.017, -0.6 * bow))
    style = choose(rng, ("slats", "slats", "splat", "cross"))
    z = np.linspace(low_z, crest_z, 7)
    if style == "slats":
        count, wide = choose(rng, ((3, 0.045), (4, 0.035), (5, 0.022), (6, 0.016)))
        for u in np.linspace(-1, 1, count + 2)[1:-1]:
            y = np.array([y_at(h) for h in z]) + bow * (1 - u * u) * np.linspace(0.6, 1, 7)
            parts.append(
                post(np.column_stack([np.full(7, u * x * 0.92), y, z]), rectangle(wide, 0.012, 0.003), bevel=0)
            )
    elif style == "splat":
        t = np.linspace(0, 1, 15)
        wide = 0.11 + 0.035 * np.sin(2 * np.pi * (t - 0.1)) - 0.02 * t
        y = np.array([y_at(h) for h in low_z + t * (crest_z - low_z)]) + bow * np.linspace(0.6, 1, 15)
        rings = [
            np.column_stack(
                [np.outer(rectangle(1, 1, 0.02)[:, 0], w), rectangle(1, 0.012, 0.004)[:, 1] + a, np.full(12, h)]
            )
            for w, a, h in zip(wide, y, low_z + t * (crest_z - low_z), strict=True)
        ]
        parts.append(loft(rings))
    else:
        a, b = low_z + 0.01, crest_z - 0.02
        for sign, off in ((1, 0.0), (-1, 0.009)):
            ends = [
                (-sign * x, y_at(a) + off, a),
                (0, y_at((a + b) / 2) + 0.7 * bow + off, (a + b) / 2),
                (sign * x, y_at(b) + off, b),
            ]
            parts.append(sweep(smooth_path(ends, 5), rectangle(0.032, 0.011, 0.003), up=(0, -1, 0)))
    return parts


def windsor(rng: random.Random) -> Model:
    """Saddle seat, splayed turned legs with an H of stretchers, spindles under a hoop or a comb."""
    width, depth, seat = uniform(rng, 0.43, 0.48), uniform(rng, 0.40, 0.44), uniform(rng, 0.44, 0.46)
    outline = superellipse(width, depth, uniform(rng, 2.6, 3.4), 40)
    outline[:, 0] *= 1 - 0.12 * outline[:, 1] / depth
    thick, k = 0.038, uniform(rng, 0.9, 1.15)
    parts = [_saddle(outline, thick).moved(z=seat - thick)]
    x, y, out = 0.30 * width, 0.30 * depth, uniform(rng, 0.05, 0.08)
    shape = [
        (0, 0.010),
        (0.05, 0.0115),
        (0.3, 0.015 * k),
        (0.42, 0.011),
        (0.44, 0.015),
        (0.46, 0.011),
        (0.65, 0.019 * k),
        (0.85, 0.013),
        (1, 0.011),
    ]
    plain = [(0, 0.011), (0.6, 0.017), (1, 0.012)]
    turned = choose(rng, (shape, plain))
    feet = [(x + out, -y - out * 0.8, 0.0), (x + out * 0.9, y + out, 0.0)]
    heads = [(x, -y, seat - 0.012), (x, y, seat - 0.012)]
    parts += mirrored([leg(f, h, ellipse(2, 2, 12), turned, 0.0) for f, h in zip(feet, heads, strict=True)])
    a, b = (np.array(f) + 0.4 * (np.array(h) - np.array(f)) for f, h in zip(feet, heads, strict=True))
    stick = [(0, 0.007), (0.5, 0.012), (1, 0.007)]
    middle = (a + b) / 2
    parts += [*mirrored([rod(a, b, stick, 0)]), rod(middle * [-1, 1, 1], middle, stick, 0)]
    hoop, count = rng.random() < 0.6, choose(rng, (6, 7, 8, 9))
    half, rise, rake = uniform(rng, 0.17, 0.2), uniform(rng, 0.40, 0.52), uniform(rng, 0.16, 0.26)
    rim = 0.36 * depth

    def place(u: Points, v: Points) -> Points:
        bend = bend_middle * (1 - (u / half) ** 2)
        return np.column_stack([u, rim - 0.06 + bend + rake * v, seat - 0.012 + v])

    bend_middle = uniform(rng, 0.055, 0.075)
    across = np.linspace(-0.8, 0.8, count)
    if hoop:
        t = np.linspace(np.pi, 0, 33)
        c, s = np.cos(t), np.sin(t)
        p = 2 / 2.7
        parts.append(tube(place(half * np.sign(c) * np.abs(c) ** p, rise * s**p), 0.0105, 10))
        tops = rise * (1 - np.abs(across) ** 2.7) ** (1 / 2.7)
    else:
        u = np.linspace(-1.08, 1.08, 15) * half
        crest = place(u, np.full(15, rise))
        tall = 0.035 + 0.035 * np.cos(np.linspace(-1.4, 1.4, 15))
        parts.append(
            sweep(crest, rectangle(0.018, 1, 0.0), np.column_stack([np.ones(15), tall]), bevel=0).moved(z=0.012)
        )
        tops = np.full(count, rise)
    foot, head = place(across * half * 0.82, np.zeros(count)), place(across * half, tops)
    slim = [(0, 0.0055), (0.3, 0.008), (1, 0.005)]
    parts += [rod(f, h, slim, 0, 8) for f, h in zip(foot, head, strict=True)]
    if not hoop:
        ends = (
            place(np.array([-1.0, 1.0]) * half, np.array([0.0, 0.0])),
            place(np.array([-1.04, 1.04]) * half, np.full(2, rise)),
        )
        parts += [rod(f, h, 0.012, 0, 10) for f, h in zip(*ends, strict=True)]
    wood = palette.wood_or_paint(rng, 0.35)
    return join([p.of(WOOD) for p in parts], (wood,))


def _saddle(outline: Points, thick: float) -> Part:
    """Wooden seat with a soft edge, hollowed a little for the sitter."""

    def hollow(v: Points) -> Points:
        dip = 0.013 * np.exp(-(((v[:, 0]) / 0.14) ** 2 + ((v[:, 1] - 0.02) / 0.13) ** 2)) * (v[:, 2] > 0.6 * thick)
        result: Points = v - np.column_stack([0 * dip, 0 * dip, dip])
        return result

    return cushion(outline, thick, 0.0, 0.0, 0.4).warped(hollow)


def folding(rng: random.Random) -> Model:
    """Folding chair: long back stiles that run forward to the floor, crossed by the rear legs."""
    width, seat, top = uniform(rng, 0.42, 0.46), uniform(rng, 0.44, 0.46), uniform(rng, 0.78, 0.86)
    metal = rng.random() < 0.45
    size, x = (0.022, width / 2 - 0.012) if metal else (0.02, width / 2 - 0.012)
    outline = ellipse(size, size, 10) if metal else rectangle(size, 0.036, 0.005)
    inner = x - size - 0.003
    stile = np.array([(-0.24, 0.0), (0.13, seat + 0.06), (0.21, top)])
    path = smooth_path([stile[0], (-0.055, 0.5 * seat), stile[1], stile[2]], 5)
    parts = mirrored([post(in_space(path, "yz", x), outline)])
    parts += mirrored([leg((inner, 0.24, 0), (inner, -0.15, seat - 0.012), outline)])
    pivot = float(np.interp(0.6 * seat, path[:, 1], path[:, 0]))
    parts.append(
        tube([(-x - 0.012, pivot, 0.6 * seat), (x + 0.012, pivot, 0.6 * seat)], 0.006, 8, bevel=0.002).of(METAL)
    )

    def y_at(z: float) -> float:
        return float(np.interp(z, path[:, 1], path[:, 0]))

    bars = [(0.1, y_at(0.1), x), (0.12, 0.24 - 0.39 * 0.12 / (seat - 0.012), inner)]
    parts += [tube([(-w, y, z), (w, y, z)], 0.009, 10) for z, y, w in bars]
    if metal or rng.random() < 0.3:
        back = upright(cushion(rectangle(2 * x, 0.2, 0.04, 4), 0.02, 0.006), 14, y_at(top - 0.12) + 0.006, top - 0.12)
        parts.append(bow_back(back, 0.35).of(SEAT))
        parts.append(
            cushion(seat_outline(2 * inner - 0.02, 2 * inner - 0.05, 0.38, 0.05), 0.026, 0.008)
            .moved(z=seat - 0.02)
            .of(SEAT)
        )
    else:
        for z in top - 0.032 - 0.072 * np.arange(integer(rng, 2, 3)):
            parts.append(board((x, y_at(z), z), (-x, y_at(z), z), 0.05, 0.014, -0.018))
        count, depth = integer(rng, 5, 7), 0.37
        pitch = depth / count
        for i in range(count):
            start = -depth / 2 + i * pitch
            parts.append(
                beam((-inner + 0.012, start + 0.004, seat - 0.016), (inner - 0.012, start + pitch - 0.004, seat), 0.004)
            )
    side = beam(
        (inner - size * 1.5 - 0.003, -0.185, seat - 0.04), (inner - size / 2 - 0.003, 0.185, seat - 0.012), 0.003
    )
    parts += mirrored([side])
    parts.append(tube([(-inner, -0.14, seat - 0.03), (inner, -0.14, seat - 0.03)], 0.008, 10))
    parts.append(tube([(-x, y_at(seat - 0.03), seat - 0.03), (x, y_at(seat - 0.03), seat - 0.03)], 0.008, 10))
    frame = palette.coated_metal(rng) if metal else palette.wood(rng, "beech", "oak", "teak", "walnut", "pine")
    seat_material = choose(rng, (palette.plastic, palette.leather, palette.wood))(rng) if metal else frame
    return join(parts, (frame, seat_material, palette.metal(rng, "brushed steel", "brass")))


def ladder_back(rng: random.Random) -> Model:
    """Turned posts with finials, bowed ladder slats, a woven seat of four triangles, doubled stretchers."""
    front, back, depth = uniform(rng, 0.45, 0.5), uniform(rng, 0.37, 0.41), uniform(rng, 0.36, 0.4)
    seat, top, r = uniform(rng, 0.43, 0.46), uniform(rng, 0.95, 1.1), uniform(rng, 0.016, 0.02)
    xf, xb, y, rake = front / 2 - r, back / 2 - r, depth / 2, uniform(rng, 0.05, 0.09)
    line = smooth_path([(xb, y + 0.03, 0), (xb, y, seat), (xb, y + 0.3 * rake, seat + 0.2), (xb, y + rake, top)], 6)
    rear = post(line, ellipse(2 * r, 2 * r, 14), np.interp(line[:, 2], [0, 0.1, seat, top], [0.75, 1, 1, 0.8]))
    finial = lathe([(0, 0), (0.8 * r, 0), (0.5 * r, 0.012), (1.05 * r, 0.03), (0.8 * r, 0.05), (0, 0.062)], 14)
    front_leg = rod(
        (xf, -y, 0),
        (xf, -y, seat + 0.018),
        [(0, 0.7 * r), (0.15, r), (0.96, r), (0.97, 1.1 * r), (1, 0.6 * r)],
        sides=14,
    )
    parts = mirrored([rear, finial.moved(*(line[-1] - [0, 0, 0.004])), front_leg])
    for z in (0.14, 0.25):
        parts += mirrored(
            [rod((xf, -y, z + 0.02), (xb, y + 0.02, z + 0.02), [(0, 0.006), (0.5, 0.011), (1, 0.006)], 0, 10)]
        )
        parts.append(rod((-xf, -y, z), (xf, -y, z), [(0, 0.007), (0.5, 0.013), (1, 0.007)], 0, 10))
    parts.append(rod((-xb, y + 0.02, 0.2), (xb, y + 0.02, 0.2), 0.009, 0, 10))
    count = integer(rng, 3, 5)
    for z in np.linspace(seat + 0.16, top - 0.07, count):
        rail = float(np.interp(z, line[:, 2], line[:, 1]))
        arch = in_space(bowed(2 * xb, 0.035, 12), "xy") + np.array([0, rail, z])
        swell = 1 + 0.25 * (1 - np.linspace(-1, 1, 13) ** 2)
        parts.append(sweep(arch, rectangle(0.009, 0.055, 0.003), np.column_stack([np.ones(13), swell])))
    corners = np.array([(-xf, -y), (xf, -y), (xb, y), (-xb, y)])
    for i in range(4):
        a, b = corners[i], corners[(i + 1) % 4]
        for j in range(9):
            t = (j + 0.5) / 9
            p, q = a + (np.zeros(2) - a) * t, b + (np.zeros(2) - b) * t
            strand = np.array([[*p, seat - 0.004 - 0.012 * t], [*q, seat - 0.004 - 0.012 * t]])
            parts.append(sweep(strand, ellipse(0.019, 0.017, 6)).of(SEAT))
    parts.append(prism(polygon(corners * 0.97, 0.01), 0.016, 0.003).moved(z=seat - 0.026).of(SEAT))
    return join(parts, (palette.wood_or_paint(rng, 0.3), palette.rattan(rng)))


def director(rng: random.Random) -> Model:
    """Director's chair: two crossed pairs of legs, arm rests, a sling seat and a sling back."""
    width, depth, seat = uniform(rng, 0.52, 0.58), uniform(rng, 0.4, 0.44), uniform(rng, 0.43, 0.47)
    x, y, arm, top = width / 2 - 0.025, depth / 2, uniform(rng, 0.62, 0.67), uniform(rng, 0.82, 0.88)
    size, cross = 0.024, rectangle(0.024, 0.036, 0.005)
    parts: list[Part] = []
    for sign, shift in ((1, 0.0), (-1, size + 0.003)):
        for row in (-y + 0.02 + shift, y - 0.045 + shift):
            bar = [(sign * x, row, 0.045), (-sign * x, row, seat - 0.005)]
            parts.append(sweep(bar, rectangle(0.02, 0.034, 0.005), bevel=0.002))
    parts += mirrored([beam((x - 0.018, -y - 0.02, 0), (x + 0.018, y + 0.03, 0.05), 0.008)])
    parts += mirrored([beam((x - 0.018, -y, seat - 0.028), (x + 0.018, y, seat + 0.012), 0.008)])
    front = beam((x - 0.012, -y + 0.03, seat - 0.01), (x + 0.012, -y + 0.065, arm), 0.005)
    rear = post([(x, y - 0.05, seat - 0.01), (x, y - 0.045, arm), (x, y + 0.02, top)], cross)
    rest = prism(rectangle(0.056, depth + 0.04, 0.02, 4), 0.02, 0.006).moved(x, -0.01, arm - 0.004)
    parts += mirrored([front, rear, rest])
    pivot = 0.02 + 0.5 * seat
    parts.append(rod((0, -y, pivot), (0, y - 0.01, pivot), 0.006, 0.001, 8))
    sag = np.linspace(-1, 1, 17)
    sling = np.column_stack([sag * (x + 0.012), np.zeros(17), seat + 0.016 - 0.03 * (1 - sag**2)])
    parts.append(sweep(sling, rectangle(2 * y - 0.03, 0.006, 0.002), up=(0, 0, 1)).of(SEAT))
    tall = uniform(rng, 0.16, 0.2)
    lean = (0.065 / (top - arm), 1.0)
    bow = np.column_stack([sag * (x + 0.016), y + 0.03 * (1 - sag**2) - 0.02, np.full(17, top - tall / 2 - 0.01)])
    cloth = sweep(bow, rectangle(0.006, tall, 0.002)).warped(
        lambda v: v + np.column_stack([np.zeros(len(v)), lean[0] * (v[:, 2] - (top - tall / 2)), np.zeros(len(v))])
    )
    parts.append(cloth.of(SEAT))
    return join(parts, (palette.wood_or_paint(rng, 0.25), palette.fabric(rng)))
