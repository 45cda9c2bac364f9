"""Chairs of bent tube and moulded shells: cantilever, shell; for the test split one-piece and wire chairs."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import Points, ellipse, rectangle, rounded_path, smooth_path, superellipse
from scenegen.parametric.shapes.joinery import bow_back, seat_outline, upright
from scenegen.parametric.shapes.shapes import (
    Model,
    Part,
    cushion,
    cylinder,
    join,
    lathe,
    leg,
    mirrored,
    prism,
    shell,
    sweep,
    tube,
)

SEAT, FRAME, ACCENT = 0, 1, 2


def cantilever(rng: random.Random) -> Model:
    """One tube bent into runners, front posts and back uprights, without rear legs."""
    width, depth, seat = uniform(rng, 0.45, 0.5), uniform(rng, 0.46, 0.52), uniform(rng, 0.44, 0.47)
    top, r, bend = uniform(rng, 0.80, 0.88), uniform(rng, 0.011, 0.014), uniform(rng, 0.05, 0.09)
    x, f, b = width / 2 - r, -depth / 2 + 0.02, depth / 2 - 0.04
    frame_z, arms = seat - 0.035, rng.random() < 0.35
    arm = seat + 0.2
    side = [(x, b + 0.07, top - 0.02), (x, b - 0.01, frame_z), (x, f, frame_z), (x, f - 0.01, r), (x, b + 0.05, r)]
    corners = np.array(side + [(-p[0], p[1], p[2]) for p in side[::-1]])
    path = rounded_path(corners, bend, 6)
    parts = [tube(path, r, 12, bevel=0.002).of(FRAME)]
    if arms:
        hold = rounded_path(
            [(x, f + 0.03, frame_z), (x + 0.002, f + 0.02, arm), (x + 0.002, b, arm), (x, b + 0.035, arm - 0.01)],
            0.05,
            5,
        )
        rest = prism(superellipse(0.045, 0.24, 4, 24), 0.018, 0.006).moved(x, 0.0, arm + 0.004)
        parts += [p.of(m) for q, m in ((tube(hold, r * 0.9, 12), FRAME), (rest, ACCENT)) for p in mirrored([q])]
    parts += [tube([(-x, f + 0.1 + d, frame_z), (x, f + 0.1 + d, frame_z)], 0.7 * r, 8).of(FRAME) for d in (0.0, 0.2)]
    soft = rng.random() < 0.6
    lean = float(np.degrees(np.arctan2(0.08, top - seat)))
    back_height = uniform(rng, 0.18, 0.34)
    seat_shape = seat_outline(2 * x + 0.005, 2 * x - 0.01, depth - 0.09, 0.04)
    back_shape = rectangle(2 * x - 0.5 * r, back_height, 0.045, 4)
    if soft:
        pads = [
            cushion(seat_shape, 0.045, 0.014).moved(y=-0.02, z=frame_z + 0.003),
            upright(cushion(back_shape, 0.035, 0.012, 0.004).moved(y=-back_height / 2), lean, b + 0.075, top).moved(
                y=0.004
            ),
        ]
        parts += [p.of(SEAT) for p in pads]
    else:
        for flat, place in ((seat_shape, None), (back_shape, lean)):
            rim, panel = _framed(flat)
            for p, m in ((rim, ACCENT), (panel, SEAT)):
                q = (
                    p.moved(y=-0.02, z=seat - 0.024)
                    if place is None
                    else upright(p.moved(y=-back_height / 2), lean, b + 0.07, top)
                )
                parts.append(q.of(m))
    cover = palette.upholstery(rng) if soft else palette.rattan(rng)
    return join(
        parts,
        (
            cover,
            palette.metal(rng, "chrome", "brushed steel", "brass")
            if rng.random() < 0.75
            else palette.coated_metal(rng),
            palette.wood(rng),
        ),
    )


def _framed(outline: Points) -> tuple[Part, Part]:
    """A bentwood rim around an outline and the woven panel within."""
    inner = outline * 0.93
    rim = sweep(
        np.column_stack([outline * 0.95, np.full(len(outline), 0.012)]), rectangle(0.034, 0.024, 0.006), closed=True
    )
    return rim, prism(inner, 0.012, 0.002).moved(z=0.006)


def _tangents(y: Points, z: Points) -> Points:
    """Unit tangents (N, 2) of a profile, smoothed so that what is raised along the normals does not bunch in bends."""
    tangent = np.gradient(np.column_stack([y, z]), axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    padded = np.pad(tangent, ((3, 3), (0, 0)), mode="edge")
    smooth = np.mean([padded[i : i + len(tangent)] for i in range(7)], axis=0)
    result: Points = smooth / np.linalg.norm(smooth, axis=1, keepdims=True)
    return result


def bucket(width: float, seat: float, top: float, arms: float) -> Points:
    """Surface grid (U, V, 3) of a moulded seat: u across, v from the front lip up to the top of the back."""
    profile = smooth_path(
        [
            (-0.215, seat - 0.035),
            (-0.19, seat - 0.006),
            (-0.02, seat - 0.014),
            (0.115, seat - 0.008),
            (0.19, seat + 0.07),
            (0.225, seat + 0.2),
            (0.255, top),
        ],
        6,
    )
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    v = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0.045, 0.955, 26))
    y, z = (np.interp(v * length[-1], length, profile[:, i]) for i in (0, 1))
    bend = float(np.interp(0.155, profile[:, 0], length)) / length[-1]
    half = np.interp(v, [0, 0.25, bend, 0.8, 1], [0.46, 0.5, 0.47, 0.47, 0.43]) * width
    half = half * (1 - np.abs(2 * v - 1) ** 7) ** (1 / 4)
    u = np.sin(np.linspace(-1, 1, 15) * np.pi / 2 * 0.93) / np.sin(np.pi / 2 * 0.93)
    tangent = _tangents(y, z)
    curl = np.interp(v, [0, 0.3, bend, 0.75, 1], [0.01, 0.04, 0.055 + arms, 0.05, 0.025])
    reach = np.abs(u)[:, None] ** 2.4 * curl
    grid = np.empty((len(u), len(v), 3))
    grid[..., 0] = u[:, None] * half
    grid[..., 1] = y - reach * tangent[:, 1]
    grid[..., 2] = z + reach * tangent[:, 0]
    return grid


def shell_chair(rng: random.Random) -> Model:
    """Moulded plastic or plywood shell on dowel legs, a tube frame, runners or a pedestal; sometimes with a pad."""
    width, seat, top = uniform(rng, 0.45, 0.5), uniform(rng, 0.44, 0.46), uniform(rng, 0.78, 0.84)
    grid = bucket(width, seat, top, choose(rng, (0.0, 0.0, 0.04)))
    parts = [shell(grid, 0.009).of(SEAT)]
    style = choose(rng, ("dowel", "tube", "runner", "pedestal"))
    under, frame = seat - 0.012, []
    if style == "dowel":
        for sy, out, top_y in ((-1, 0.19, -0.1), (1, 0.2, 0.085)):
            frame += mirrored(
                [
                    leg(
                        (0.2, sy * out, 0),
                        (0.105, top_y, under - 0.02),
                        ellipse(0.032, 0.032, 14),
                        [(0, 0.6), (0.8, 1), (1, 0.9)],
                    ).of(FRAME)
                ]
            )
        for a, b in (((0.12, -0.115), (-0.12, 0.1)), ((-0.12, -0.115), (0.12, 0.1))):
            frame.append(tube([(*a, under - 0.07), (*b, under - 0.07)], 0.005, 8).of(ACCENT))
            frame.append(
                tube([(a[0] * 1.2, a[1] * 1.1, under - 0.12), (b[0] * 0.5, b[1] * 0.5, under - 0.03)], 0.005, 8).of(
                    ACCENT
                )
            )
        frame += [
            tube([(-0.11, q, under - 0.035), (0.11, q, under - 0.035)], 0.007, 8).of(ACCENT) for q in (-0.1, 0.085)
        ]
    elif style == "tube":
        for q, out in ((-0.12, -0.2), (0.09, 0.22)):
            bar = rounded_path(
                [(0.215, out, 0.0), (0.15, q, under - 0.012), (-0.15, q, under - 0.012), (-0.215, out, 0.0)], 0.04, 5
            )
            frame.append(tube(bar, 0.010, 10).of(FRAME))
        frame += [
            cylinder(0.013, 0.016, bevel=0.003, sides=12).moved(sx * 0.214, q).of(ACCENT)
            for sx in (1, -1)
            for q in (-0.199, 0.219)
        ]
    elif style == "runner":
        loop = [
            (0.1, -0.13, under - 0.008),
            (0.2, -0.15, under - 0.06),
            (0.215, -0.22, 0.007),
            (0.215, 0.22, 0.007),
            (0.2, 0.13, under - 0.06),
            (0.1, 0.1, under - 0.004),
        ]
        frame += [p.of(FRAME) for p in mirrored([tube(rounded_path(loop, 0.035, 4), 0.007, 10)])]
        frame += [
            tube([(-0.105, q, z), (0.105, q, z)], 0.007, 8).of(FRAME)
            for q, z in ((-0.13, under - 0.008), (0.1, under - 0.004))
        ]
    else:
        star = rng.random() < 0.5
        if star:
            arm = sweep(
                [(0.0, 0, 0.075), (0.14, 0, 0.05), (0.26, 0, 0.018)],
                rectangle(0.04, 0.026, 0.008),
                np.array([1.1, 1, 0.7]),
                bevel=0.004,
            )
            frame += [arm.rotated("z", 45 + 90 * i).of(FRAME) for i in range(4)]
            frame += [
                cylinder(0.012, 0.02, bevel=0.002, sides=12).moved(0.25).rotated("z", 45 + 90 * i).of(FRAME)
                for i in range(4)
            ]
        else:
            frame.append(
                lathe([(0, 0), (0.22, 0), (0.222, 0.008), (0.12, 0.02), (0.05, 0.04), (0.026, 0.1), (0, 0.1)], 36).of(
                    FRAME
                )
            )
        frame += [
            cylinder(0.021, seat - 0.07, bevel=0.002, sides=18).moved(z=0.04).of(FRAME),
            cylinder(0.05, 0.02, 0.1, 0.003).moved(z=seat - 0.037).of(FRAME),
        ]
    if rng.random() < 0.35:
        pad = superellipse(0.36, 0.34, 3.2, 32)
        parts.append(cushion(pad, 0.03, 0.014).moved(y=-0.03, z=seat - 0.012).of(3))
    body = palette.wood(rng, "oak", "walnut", "beech", "ash") if rng.random() < 0.25 else palette.plastic(rng)
    base = palette.wood(rng, "beech", "oak", "ash", "walnut") if style == "dowel" else palette.frame_metal(rng)
    return join([*parts, *frame], (body, base, palette.coated_metal(rng, "black steel"), palette.upholstery(rng)), 60.0)


def one_piece(rng: random.Random) -> Model:
    """A single S of moulded plastic: a flared foot that sweeps up into the seat and back."""
    width, seat, top = uniform(rng, 0.46, 0.52), uniform(rng, 0.42, 0.45), uniform(rng, 0.80, 0.87)
    foot = uniform(rng, 0.18, 0.23)
    profile = smooth_path(
        [
            (foot, 0.0),
            (0.1, 0.035),
            (-0.02, 0.14),
            (-0.1, 0.3),
            (-0.165, seat - 0.06),
            (-0.2, seat - 0.012),
            (-0.15, seat),
            (0.0, seat - 0.03),
            (0.1, seat - 0.025),
            (0.165, seat + 0.06),
            (0.2, seat + 0.2),
            (0.24, top),
        ],
        5,
    )
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    v = np.concatenate([np.linspace(0, 0.88, 48), 0.88 + 0.12 * np.sin(np.linspace(0, np.pi / 2 * 0.88, 9))[1:]])
    y, z = (np.interp(v * length[-1], length, profile[:, i]) for i in (0, 1))
    share = np.interp(v, [0, 0.2, 0.42, 0.5, 0.68, 0.85, 1], [1.0, 0.86, 0.86, 0.93, 0.88, 0.86, 0.8])
    half = share * width / 2 * (1 - np.clip((v - 0.8) / 0.2, 0, 1) ** 5) ** (1 / 3)
    u = np.sin(np.linspace(-1, 1, 15) * np.pi / 2 * 0.9) / np.sin(np.pi / 2 * 0.9)
    tangent = _tangents(y, z)
    curl = np.interp(
        v, [0, 0.12, 0.3, 0.42, 0.5, 0.62, 0.72, 0.85, 1], [0.30, 0.23, 0.12, 0.03, 0.0, 0.035, 0.06, 0.045, 0.015]
    )
    blend = np.clip((v - 0.36) / 0.14, 0, 1)
    blend = blend**2 * (3 - 2 * blend)
    reach = np.abs(u)[:, None] ** 2.2 * curl
    grid = np.empty((len(u), len(v), 3))
    grid[..., 0] = u[:, None] * half
    grid[..., 1] = y - reach * (1 + (tangent[:, 1] - 1) * blend)
    grid[..., 2] = z + reach * tangent[:, 0] * blend
    return join([shell(grid, 0.016)], (palette.plastic(rng),), 60.0)


def wire(rng: random.Random) -> Model:
    """Lounge chair woven of steel rods over a moulded shape, on runners or rod legs, with a seat pad."""
    width, seat, top = uniform(rng, 0.52, 0.62), uniform(rng, 0.41, 0.44), uniform(rng, 0.74, 0.82)
    grid = bucket(width, seat, top, uniform(rng, 0.02, 0.06))
    parts: list[Part] = []
    rows = np.linspace(0, grid.shape[0] - 1, 13)
    whole = np.arange(grid.shape[0])
    steps = np.arange(grid.shape[1])
    for row in rows[1:-1]:
        line = np.column_stack([[np.interp(row, whole, grid[:, j, a]) for j in range(grid.shape[1])] for a in range(3)])
        parts.append(tube(line[::2], 0.003, 5))
    for column in np.linspace(0, grid.shape[1] - 1, 17)[1:-1]:
        line = np.column_stack(
            [[np.interp(column, steps, grid[i, :, a]) for i in range(grid.shape[0])] for a in range(3)]
        )
        parts.append(tube(line[::2], 0.003, 5))
    rim = np.concatenate([grid[:-1, 0], grid[-1, :-1], grid[:0:-1, -1], grid[0, :0:-1]])[::2]
    rim = (np.roll(rim, 1, 0) + 2 * rim + np.roll(rim, -1, 0)) / 4
    parts.append(tube(rim, 0.006, 8, closed=True))
    spine = grid[grid.shape[0] // 2]
    rests = [(q, float(np.interp(q, spine[:, 1], spine[:, 2])) - 0.0085) for q in (-0.15, 0.12)]
    (q0, z0), (q1, z1) = rests
    if rng.random() < 0.5:
        loop = [
            (0.05, q0, z0),
            (0.19, q0, z0),
            (0.22, -0.21, 0.007),
            (0.22, 0.24, 0.007),
            (0.19, q1, z1),
            (0.05, q1, z1),
        ]
        parts += mirrored([tube(rounded_path(loop, 0.035, 4), 0.007, 10)])
    else:
        for (q, z), out in zip(rests, (-0.23, 0.25), strict=True):
            bar = rounded_path([(0.24, out, 0.0), (0.17, q, z), (-0.17, q, z), (-0.24, out, 0.0)], 0.04, 4)
            parts.append(tube(bar, 0.007, 10))
    parts += [tube([(-0.1, q, z), (0.1, q, z)], 0.007, 8) for q, z in rests]
    pad = cushion(superellipse(0.40, 0.37, 3.0, 36), 0.035, 0.014).moved(y=-0.02, z=seat - 0.008)
    parts = [p.of(FRAME) for p in parts] + [pad.of(SEAT)]
    if rng.random() < 0.5:
        back = bow_back(upright(cushion(superellipse(0.36, 0.26, 3.0, 36), 0.03, 0.014), 9, 0.222, seat + 0.2), 0.3)
        parts.append(back.of(SEAT))
    return join(
        parts,
        (
            palette.upholstery(rng),
            palette.metal(rng, "chrome", "brass") if rng.random() < 0.5 else palette.coated_metal(rng),
        ),
        60.0,
    )
