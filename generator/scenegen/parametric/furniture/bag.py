"""Built-in bags, upright on z = 0, their fronts toward -Y, straps and wheels behind (+Y)."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, uniform
from scenegen.parametric.furniture.bag_pieces import (
    DARK,
    METAL,
    PRINT,
    SHELL,
    TRIM,
    WEB,
    arch,
    belt,
    buckle,
    girdle,
    materials,
    pouch,
    reach,
    ring,
    soft,
    standing,
    stud,
    zip_line,
)
from scenegen.parametric.furniture.bag_unseen import bucket, doctor, hiking, shopping
from scenegen.parametric.shapes.curves import rectangle, rounded_path, superellipse
from scenegen.parametric.shapes.shapes import Families, Model, Part, beam, box, cylinder, join, mirrored, tube
from scenegen.parametric.shapes.solids import (
    cut,
    ellipsoid,
    grown,
    intersection,
    round_cone,
    rounded_box,
    superellipsoid,
    union,
)


def _backpack(rng: random.Random) -> Model:
    w, d, h = uniform(rng, 0.28, 0.33), uniform(rng, 0.15, 0.19), uniform(rng, 0.42, 0.52)
    body = union(
        [
            standing((0, 0, 0.30 * h), (w / 2, d / 2, 0.30 * h), 4.5),
            superellipsoid((0, 0.01, 0.60 * h), (0.46 * w, 0.44 * d, 0.40 * h), 3.2),
        ],
        0.06,
    )
    low = uniform(rng, 0.36, 0.46) * h
    pocket = standing((0, -0.46 * d, 0.52 * low + 0.015), (0.39 * w, 0.34 * d, 0.50 * low), 3.6, 0.0)
    side = superellipsoid((0.47 * w, 0.01, 0.17 * h), (0.045, 0.36 * d, 0.15 * h), 3.0)
    two_tone = choose(rng, (SHELL, TRIM, PRINT))
    parts = [
        soft(body, SHELL, 2600),
        soft(pocket, two_tone, 900, 0.008),
        *mirrored([soft(side, choose(rng, (SHELL, WEB)), 400, 0.008)]),
        *zip_line(girdle(body, (0, -0.22 * d, 0.55 * h), (-28, 208), 40)),
        *zip_line(girdle(pocket, (0, -0.50 * d, 0.55 * low), (12, 168), 24)),
    ]
    x, back = 0.21 * w, 0.46 * d
    for sign in (-1.0, 1.0):
        pad = [
            (sign * 0.6 * x, 0.30 * d, 0.955 * h),
            (sign * 0.75 * x, back + 0.035, 0.955 * h),
            (sign * x, back + 0.085, 0.80 * h),
            (sign * 1.2 * x, back + 0.090, 0.55 * h),
            (sign * 1.45 * x, back + 0.055, 0.34 * h),
        ]
        web = [
            (sign * 1.42 * x, back + 0.058, 0.37 * h),
            (sign * 1.65 * x, back + 0.03, 0.20 * h),
            (sign * 1.8 * x, back - 0.03, 0.09 * h),
        ]
        parts += [belt(pad, 0.060, 0.014, two_tone if two_tone != PRINT else SHELL), belt(web, 0.025, 0.004, WEB)]
    top = reach(body, (0, 0.2 * d, 0.6 * h), (0, 0, 1))[2]
    loop = [(-0.05, 0.22 * d, top - 0.012), (-0.045, 0.22 * d, top + 0.02), (0, 0.22 * d, top + 0.034)]
    parts.append(
        belt([*loop, (0.045, 0.22 * d, top + 0.02), (0.05, 0.22 * d, top - 0.012)], 0.024, 0.006, WEB, (0, 1, 0))
    )
    patch = reach(body, (0, 0, 0.70 * h), (0, -1, 0))
    parts.append(box(0.055, 0.008, 0.035, 0.002).moved(0, patch[1], patch[2] - 0.02).of(TRIM))
    return join(parts, materials(rng, choose(rng, ("fabric", "fabric", "fabric", "leather"))))


def _tote(rng: random.Random) -> Model:
    w, d, h = uniform(rng, 0.32, 0.40), uniform(rng, 0.10, 0.15), uniform(rng, 0.28, 0.36)
    shares = (
        (0.0, 0.80, 0.90),
        (0.02, 0.84, 1.0),
        (0.3, 0.90, 1.08),
        (0.65, 0.96, 0.92),
        (0.9, 1.0, 0.72),
        (1.0, 1.01, 0.66),
    )
    outlines = [superellipse(w * a, d * b, 3.6, 48) for _, a, b in shares]
    body = pouch(outlines, [h * z for z, _, _ in shares], 0.006, SHELL)
    hem = pouch([o * 1.012 for o in outlines[-2:]], [0.93 * h, 1.003 * h], 0.010, TRIM)
    parts = [body, hem]
    reach_up, x = uniform(rng, 0.14, 0.22), 0.21 * w
    strap = choose(rng, (TRIM, WEB, TRIM))
    for sign in (-1.0, 1.0):
        y = sign * 0.335 * d
        low, fall = sign * 0.44 * d, sign * uniform(rng, 0.0, 0.05)
        path = [
            (-x, low, 0.68 * h),
            (-x, y + sign * 0.005, h),
            (-0.86 * x, y + fall, h + 0.72 * reach_up),
            (0, y + 1.3 * fall, h + reach_up),
        ]
        path += [(-a, b, c) for a, b, c in path[-2::-1]]
        parts.append(belt(path, 0.026, 0.005, strap, (0, -sign, 0), 8))
        parts += [stud((a, low - 0.004 if sign < 0 else low, 0.70 * h)) for a in (-x, x)] if sign < 0 else []
    if rng.random() < 0.6:
        parts.append(box(0.34 * w, 0.006, 0.3 * h, 0.002).moved(0, -0.53 * d, 0.32 * h).of(PRINT))
    return join(parts, materials(rng, choose(rng, ("fabric", "leather", "leather"))))


def _handbag(rng: random.Random) -> Model:
    w, d, h = uniform(rng, 0.26, 0.33), uniform(rng, 0.10, 0.14), uniform(rng, 0.19, 0.24)
    body = union(
        [
            standing((0, 0, 0.42 * h), (w / 2, d / 2, 0.42 * h), 4.5),
            superellipsoid((0, 0, 0.62 * h), (0.44 * w, 0.36 * d, 0.38 * h), 4.0),
        ],
        0.04,
    )
    drop = uniform(rng, 0.38, 0.5) * h
    tongue = ellipsoid((0, -0.4 * d, 1.02 * h), (0.56 * w, 0.8 * d, 1.02 * h - drop))
    flap = cut(intersection(grown(body, 0.006), tongue, 0.006), (0, 0.1 * d, 0), (0, 1, 0))
    front = reach(body, (0, 0, drop + 0.02), (0, -1, 0))[1]
    parts = [soft(body, SHELL, 2200, 0.008), soft(flap, choose(rng, (SHELL, TRIM)), 1200, 0.006)]
    parts += [
        cylinder(0.016, 0.010, bevel=0.003, sides=20).rotated("x", 90).moved(0, front - 0.002, drop + 0.02).of(METAL)
    ]
    top = reach(body, (0, 0.05 * d, 0.6 * h), (0, 0, 1))[2]
    grip = uniform(rng, 0.11, 0.15)
    parts.append(arch(0.50 * w, grip, (0, 0.05 * d, top + 0.008), 0.0, 0.008, TRIM))
    for x in (-0.25 * w, 0.25 * w):
        parts += [
            ring((x, 0.05 * d, top + 0.006), 0.012),
            box(0.024, 0.022, 0.022, 0.004).moved(x, 0.05 * d, top - 0.018).of(TRIM),
        ]
    seam = girdle(body, (0, -0.28 * d, 0.45 * h), (150, 390), 36)
    parts.append(tube(seam, 0.0035, 6).of(TRIM))
    parts += mirrored([cylinder(0.007, 0.012, bevel=0.002, sides=12).moved(0.36 * w, 0.22 * d, -0.003).of(METAL)])
    return join(parts, materials(rng, "leather"))


def _briefcase(rng: random.Random) -> Model:
    w, d, h = uniform(rng, 0.38, 0.44), uniform(rng, 0.09, 0.13), uniform(rng, 0.28, 0.33)
    parts: list[Part] = []
    if rng.random() < 0.5:
        shape = rounded_box((0, 0, h / 2), (w / 2, d / 2, h / 2), 0.022)
        half = soft(cut(shape, (0, -0.003, 0), (0, 1, 0)), SHELL, 900, 0.008)
        parts += mirrored([half], "y")
        parts.append(_frame(w - 0.004, h - 0.004, 0.016, 0.008, METAL))
        parts += mirrored([beam((0.26 * w, -0.024, h - 0.034), (0.26 * w + 0.045, 0.016, h + 0.002), 0.002).of(METAL)])
        parts += [_frame(w - 0.01, h - 0.01, 0.016, 0.010, TRIM, y) for y in (-d / 2 + 0.012, d / 2 - 0.012)]
        shell = choose(rng, ("leather", "leather", "plastic"))
    else:
        body = standing((0, 0, h / 2), (w / 2, d / 2, h / 2), 6.5)
        flap = cut(cut(grown(body, 0.006), (0, 0.1 * d, 0), (0, 1, 0)), (0, 0, 0.42 * h), (0, 0, -1), 0.008)
        parts += [soft(body, SHELL, 1800, 0.009), soft(flap, SHELL, 1200, 0.009)]
        for x in (-0.26 * w, 0.26 * w):
            heights = (0.90, 0.75, 0.6, 0.46)
            run = np.array([reach(flap, (x, 0, z * h), (0, -1, 0)) for z in heights]) - [0, 0.002, 0]
            low = run[-1][1]
            tongue = np.concatenate([run, [(x, low + 0.002, 0.30 * h)]])
            parts.append(belt(tongue, 0.028, 0.005, TRIM, (0, -1, 0), 4))
            parts += buckle((x, low - 0.003, 0.44 * h), 0.040, 0.034)
        shell = "leather"
    parts.append(arch(0.15, 0.055, (0, 0, h - 0.004), 0.0, 0.009, DARK if shell == "plastic" else TRIM))
    parts += mirrored([box(0.022, 0.024, 0.014, 0.003).moved(0.075, 0, h - 0.006).of(METAL)])
    parts += mirrored(
        mirrored([cylinder(0.008, 0.014, bevel=0.002, sides=12).moved(0.4 * w, 0.3 * d, -0.004).of(METAL)]), "y"
    )
    return join(parts, materials(rng, shell))


def _frame(width: float, height: float, depth: float, lip: float, material: int, y: float = 0.0) -> Part:
    """A hoop about the y axis: the seam of a case."""
    outline = rectangle(width, height, 0.022, 4)
    path = np.column_stack([outline[:, 0], np.full(len(outline), y), outline[:, 1] + height / 2 + 0.002])
    return tube(path, lip / 2, 8, closed=True).of(material).scaled(1, depth / lip if y == 0 else 1, 1)


def _suitcase(rng: random.Random) -> Model:
    w, d, h = uniform(rng, 0.33, 0.42), uniform(rng, 0.21, 0.26), uniform(rng, 0.44, 0.55)
    lift = 0.045
    shape = rounded_box((0, 0, lift + h / 2), (w / 2, d / 2, h / 2), 0.055)
    hard = rng.random() < 0.65
    parts = [soft(shape, SHELL, 1700, 0.012)]
    if hard:
        count = choose(rng, (4, 5, 7))
        for n in range(count):
            x = (n / (count - 1) - 0.5) * 0.68 * w
            rib = beam((x - 0.010, -d / 2 - 0.005, lift + 0.07), (x + 0.010, d / 2 + 0.005, lift + h - 0.07), 0.005)
            parts.append(rib.of(SHELL))
    else:
        for low, high in ((0.08, 0.46), (0.52, 0.92)):
            bulge = superellipsoid((0, -d / 2, lift + (low + high) / 2 * h), (0.40 * w, 0.035, (high - low) / 2 * h), 4)
            parts.append(soft(bulge, choose(rng, (SHELL, WEB)), 600, 0.008))
            parts += zip_line(girdle(bulge, (0, -d / 2 - 0.012, lift + (low + high) / 2 * h), (20, 160), 24))
    seam = girdle(shape, (0, 0, lift + h / 2), (0, 360), 72)
    parts += [
        tube(seam, 0.0065, 8, closed=True).of(DARK),
        tube(seam, 0.0035, 6, closed=True).scaled(1.012, 1, 1.004).of(METAL),
    ]
    for y in (-0.5 * d + 0.045, 0.5 * d - 0.045):
        for x in (-0.5 * w + 0.05, 0.5 * w - 0.05):
            parts.append(box(0.046, 0.046, 0.03, 0.008).moved(x, y, lift - 0.015).of(DARK))
            parts += [
                cylinder(0.019, 0.011, bevel=0.003, sides=18).rotated("y", 90).moved(x + s, y, 0.019).of(DARK)
                for s in (-0.016, 0.005)
            ]
    rise = lift + h + choose(rng, (0.02, 0.06, 0.10, 0.14))
    rise = max(min(rise, 0.68), lift + h + 0.02)
    bars = [
        (-0.085, 0.34 * d, lift + h - 0.10),
        (-0.085, 0.34 * d, rise),
        (0.085, 0.34 * d, rise),
        (0.085, 0.34 * d, lift + h - 0.10),
    ]
    parts.append(tube(rounded_path(bars, 0.015, 4), 0.0065, 10).of(METAL))
    parts.append(
        beam((-0.085, 0.34 * d - 0.013, rise - 0.012), (0.085, 0.34 * d + 0.013, rise + 0.014), 0.009).of(DARK)
    )
    parts.append(box(0.21, 0.035, 0.012, 0.004).moved(0, 0.34 * d, lift + h - 0.006).of(DARK))
    parts.append(arch(0.15, 0.028, (0, -0.05 * d, lift + h - 0.004), 0.0, 0.008, DARK))
    handle = arch(0.15, 0.028, (0, 0, 0), 0.0, 0.008, DARK).rotated("y", 90).moved(w / 2 - 0.004, 0.0, lift + 0.55 * h)
    parts.append(handle)
    return join(parts, materials(rng, "plastic" if hard else "fabric"))


def _duffel(rng: random.Random) -> Model:
    length, r = uniform(rng, 0.46, 0.55), uniform(rng, 0.125, 0.15)
    roll = cut(round_cone((-length, 0, r), (length, 0, r), r, r), (0, 0, 0.02), (0, 0, -1), 0.02)
    body = intersection(roll, superellipsoid((0, 0, r), (length / 2, 1.25 * r, 1.25 * r), 6.0), 0.03)
    ends = [cut(grown(body, 0.003), (0.40 * length, 0, 0), (-1, 0, 0))]
    parts = [soft(body, SHELL, 2400)]
    parts += mirrored([soft(end, TRIM, 900, 0.008) for end in ends])
    parts += zip_line(girdle(body, (0, 0, r), (38, 142), 30))
    x, rise = 0.17 * length, uniform(rng, 0.09, 0.14)
    for sign in (-1.0, 1.0):
        side = [reach(body, (x, 0, r), (0, sign * np.cos(t), np.sin(t))) for t in (-1.0, -0.5, 0.0, 0.5, 0.85)]
        free = [(0.85 * x, sign * 0.35 * r, 1.94 * r + 0.55 * rise), (0.3 * x, sign * 0.22 * r, 1.94 * r + rise)]
        run = np.array([*(point + np.array([0, sign * 0.003, 0]) for point in side), *free])
        path = np.concatenate([run, run[::-1] * [-1, 1, 1]])
        parts.append(belt(path, 0.032, 0.005, WEB, (0, sign, 0), 5))
    grip = [(-0.045, 0, 0), (0.045, 0, 0)]
    parts += [tube(grip, 0.016, 12, bevel=0.005).moved(0, s * 0.22 * r, 1.94 * r + rise).of(TRIM) for s in (-1, 1)]
    pocket = superellipsoid((0, -0.92 * r, 0.82 * r), (0.14 * length, 0.035, 0.48 * r), 4.0)
    parts += [soft(pocket, choose(rng, (SHELL, TRIM)), 600, 0.008)]
    tab = box(0.012, 0.05, 0.07, 0.004).moved(length / 2 - 0.004, 0, 0.9 * r)
    parts += mirrored([tab.of(WEB)])
    return join(parts, materials(rng, choose(rng, ("fabric", "fabric", "leather"))))


def _messenger(rng: random.Random) -> Model:
    w, d, h = uniform(rng, 0.34, 0.40), uniform(rng, 0.09, 0.12), uniform(rng, 0.26, 0.31)
    body = standing((0, 0, h / 2), (w / 2, d / 2, h / 2), 5.0)
    fall = uniform(rng, 0.14, 0.30) * h
    flap = cut(cut(grown(body, 0.006), (0, 0.2 * d, 0), (0, 1, 0)), (0, 0, fall), (0, 0, -1), 0.01)
    cover = choose(rng, (SHELL, SHELL, TRIM))
    parts = [soft(body, SHELL, 1600, 0.009), soft(flap, cover, 1400, 0.008)]
    for x in (-0.27 * w, 0.27 * w):
        run = [reach(flap, (x, 0, z * h), (0, -1, 0)) - [0, 0.002, 0] for z in (0.72, 0.55, 0.4)]
        tip = reach(body, (x, 0, 0.16 * h), (0, -1, 0)) - [0, 0.006, 0]
        parts.append(belt([*run, tip], 0.026, 0.004, WEB, (0, -1, 0), 4))
        parts += buckle((x, run[-1][1] - 0.004, 0.36 * h), 0.036, 0.030, choose(rng, (METAL, DARK)))
    rise, sway = uniform(rng, 0.16, 0.24), uniform(rng, -0.04, 0.04)
    half = [
        (w / 2 + 0.004, 0, 0.62 * h),
        (w / 2 + 0.006, 0, 0.95 * h),
        (0.45 * w, sway, h + 0.45 * rise),
        (0.22 * w, 1.6 * sway, h + 0.88 * rise),
    ]
    mirror = [(-a, b, c) for a, b, c in half[::-1]]
    path = np.array([*half, (0, 1.9 * sway, h + rise), *mirror])
    parts.append(belt(path, 0.038, 0.005, WEB, (1, 0, 0), 8))
    parts.append(box(0.10, 0.014, 0.018, 0.005).moved(0, 1.9 * sway, h + rise - 0.009).of(TRIM))
    parts += mirrored(
        [beam((w / 2 - 0.006, -0.024, 0.70 * h), (w / 2 + 0.012, 0.024, 0.70 * h + 0.016), 0.003).of(METAL)]
    )
    return join(parts, materials(rng, choose(rng, ("fabric", "leather"))))


TRAIN_FAMILIES: Families = {
    "backpack": _backpack,
    "tote": _tote,
    "handbag": _handbag,
    "briefcase": _briefcase,
    "suitcase": _suitcase,
    "duffel": _duffel,
    "messenger": _messenger,
}
TEST_FAMILIES: Families = {
    "shopping": shopping,
    "hiking": hiking,
    "bucket": bucket,
    "doctor": doctor,
}
