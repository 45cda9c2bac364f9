"""Bicycles standing upright on their stands: tubes, spoked wheels, chain, brakes. They ride toward -Y."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.curves import smooth_path
from scenegen.parametric.shapes.shapes import (
    Families,
    Model,
    Part,
    along,
    beam,
    box,
    cylinder,
    join,
    mirrored,
    prism,
    ring,
    rod,
    sweep,
    torus,
    tube,
)
from scenegen.parametric.street import palette

FRAME, BLACK, CHROME, SADDLE, LAMP, RED, CASE = range(7)


@dataclass(frozen=True)
class BicycleFrame:
    """The bicycle's points as (y, z) in metres, y from the bottom bracket toward the rear."""

    rear: tuple[float, float]
    front: tuple[float, float]
    seat: tuple[float, float]
    head: tuple[float, float]
    crown: tuple[float, float]
    radius: float
    tyre: float
    bottom: tuple[float, float] = (0.0, 0.28)


def city(rng: random.Random) -> Model:
    """Town bicycle: diamond frame, mudguards, carrier, lamps."""
    f = _diamond(rng, 0.345, 0.02)
    parts = [*_wheels(f), *_diamond_tubes(f), *_drive(f), *_mudguards(f), *_carrier(f), *_stand(f)]
    parts += [*_saddle(f, 0.1), *_swept_bar(f, 0.3), *_lamps(f)]
    return _model(rng, parts)


def racer(rng: random.Random) -> Model:
    """Racing bicycle: thin tyres, drop bars."""
    f = _diamond(rng, 0.335, 0.013)
    parts = [*_wheels(f, 20), *_diamond_tubes(f, 0.017), *_drive(f), *_saddle(f, 0.16, 0.85), *_drop_bar(f), *_stand(f)]
    return _model(rng, parts)


def mountain(rng: random.Random) -> Model:
    """Mountain bicycle: fat tyres, a sloping top tube, a sprung fork, a flat bar."""
    f = _diamond(rng, 0.35, 0.03, slope=0.1)
    parts = [
        *_wheels(f, 16),
        *_diamond_tubes(f, 0.021, fork=0.026),
        *_drive(f),
        *_saddle(f, 0.14),
        *_flat_bar(f),
        *_stand(f),
    ]
    return _model(rng, parts)


def child(rng: random.Random) -> Model:
    """Child's bicycle on small wheels with a chain guard and a basket."""
    f = BicycleFrame((0.34, 0.225), (-0.5, 0.225), (0.17, 0.56), (-0.33, 0.62), (-0.36, 0.5), 0.225, 0.022, (0.0, 0.22))
    parts = [*_wheels(f, 14), *_diamond_tubes(f, 0.017), *_drive(f), *_mudguards(f), *_saddle(f, 0.06, 0.8)]
    parts += [*_swept_bar(f, 0.25), *_basket(f), *_stand(f)]
    return _model(rng, parts)


def step_through(rng: random.Random) -> Model:
    """Bicycle with one low bent tube, a basket and a chain case."""
    s = uniform(rng, 0.97, 1.04)
    f = BicycleFrame(
        (0.47 * s, 0.345), (-0.66 * s, 0.345), (0.19, 0.78), (-0.43 * s, 0.92), (-0.49 * s, 0.7), 0.345, 0.021
    )
    curve = smooth_path([_p(f.crown, 0.06), (0, -0.33, 0.48), (0, -0.16, 0.36), (0, 0.03, 0.36), (0, 0.12, 0.5)], 4)
    tubes = [
        tube(curve, 0.024, 10),
        rod(_p(f.bottom), _p(f.seat), 0.017, 0.0, 10),
        rod(_p(f.crown, -0.03), _p(f.head), 0.021, 0.0, 10),
    ]
    parts = [part.of(FRAME) for part in [*tubes, *_stays(f, 0.011)]]
    parts += [*_fork(f, 0.015), *_wheels(f), *_drive(f, guard=True), *_mudguards(f), *_carrier(f), *_saddle(f, 0.1)]
    parts += [*_swept_bar(f, 0.32), *_basket(f), *_lamps(f), *_stand(f)]
    return _model(rng, parts)


def cargo(rng: random.Random) -> Model:
    """Cargo bicycle: a box between the rider and a small front wheel."""
    small, s = 0.25, uniform(rng, 0.96, 1.02)
    f = BicycleFrame((0.47, 0.33), (-1.38 * s, small), (0.2, 0.80), (-0.40, 0.95), (-0.46, 0.6), 0.33, 0.025)
    parts = [
        *_wheel(f.rear, f.radius, f.tyre),
        *_wheel(f.front, small, f.tyre),
        *_drive(f, guard=True),
        *_saddle(f, 0.1),
    ]
    keel = [_p(f.bottom), (0, -0.5, 0.26), (0, -1.0 * s, 0.26), (0, -1.2 * s, 0.62)]
    tubes = [tube(smooth_path(keel, 4), 0.026, 10), rod(_p(f.bottom), _p(f.seat), 0.018, 0.0, 10)]
    tubes += [
        rod((0, -0.42, 0.28), _p(f.head), 0.02, 0.0, 10),
        rod(_p(f.seat, -0.14), (0, -0.42, 0.62), 0.017, 0.0, 10),
    ]
    parts += [part.of(FRAME) for part in [*tubes, *_stays(f, 0.011)]]
    tip = (-1.24 * s, 0.56)
    blade = rod((0.055, f.front[0], small), (0.055, *tip), 0.014, 0.0, 8)
    parts += [
        *mirrored([blade.of(CHROME)]),
        beam((-0.07, tip[0] - 0.02, tip[1] - 0.02), (0.07, tip[0] + 0.02, tip[1] + 0.03), 0.005).of(CHROME),
    ]
    parts.append(rod((0, tip[0], tip[1]), (0, tip[0] + 0.05, 0.74), 0.018, 0.0, 10).of(FRAME))
    y0, y1, x, low, high, t = -1.14 * s, -0.5, 0.29, 0.31, 0.72, 0.012
    sides = [beam((x - t, y0, low), (x, y1, high), 0.003)]
    ends = [beam((-x, y, low), (x, y + t, high + rise), 0.003) for y, rise in ((y0, -0.06), (y1 - t, 0.05))]
    parts += [p.of(CASE) for p in [*mirrored(sides), *ends, beam((-x, y0, low - 0.01), (x, y1, low + 0.01), 0.002)]]
    parts += [*_swept_bar(f, 0.3), *_mudguard(f.rear, f.radius), *_carrier(f)]
    foot = [
        rod((0.2, -0.56, 0.26), (0.24, -0.6, 0.0), 0.012, 0.0, 8).of(CHROME),
        rod((0.0, -0.56, 0.27), (0.2, -0.56, 0.26), 0.012, 0.0, 8).of(CHROME),
    ]
    return _model(rng, [*parts, *mirrored(foot)])


def _diamond(rng: random.Random, radius: float, tyre: float, slope: float = 0.0) -> BicycleFrame:
    s = uniform(rng, 0.95, 1.06)
    return BicycleFrame(
        (0.43 * s, radius), (-0.60 * s, radius), (0.17 * s, 0.78 * s - slope), (-0.40 * s, 0.84 * s),
        (-0.45 * s, 0.70 * s), radius, tyre,
    )  # fmt: skip


def _p(point: Sequence[float], up: float = 0.0, x: float = 0.0) -> tuple[float, float, float]:
    return (x, point[0], point[1] + up)


def _diamond_tubes(f: BicycleFrame, thick: float = 0.016, fork: float = 0.013) -> list[Part]:
    tubes = [rod(_p(f.bottom), _p(f.seat), thick, 0.0, 10), rod(_p(f.seat, -0.04), _p(f.head, -0.05), thick, 0.0, 10)]
    tubes += [
        rod(_p(f.bottom), _p(f.crown, 0.03), 1.2 * thick, 0.0, 10),
        rod(_p(f.crown), _p(f.head), 1.3 * thick, 0.0, 10),
    ]
    return [*(part.of(FRAME) for part in [*tubes, *_stays(f, 0.6 * thick)]), *_fork(f, fork)]


def _stays(f: BicycleFrame, thick: float) -> list[Part]:
    out = 0.062
    low = rod((0.03, f.bottom[0], f.bottom[1]), _p(f.rear, 0.0, out), thick, 0.0, 8)
    high = rod((0.016, f.seat[0], f.seat[1] - 0.06), _p(f.rear, 0.0, out), 0.85 * thick, 0.0, 8)
    return mirrored([low, high])


def _fork(f: BicycleFrame, thick: float) -> list[Part]:
    top = (f.crown[0] + 0.0, f.crown[1] - 0.02)
    bend = (0.4 * top[0] + 0.6 * f.front[0] + 0.015, 0.4 * top[1] + 0.6 * f.front[1])
    curve = smooth_path([_p(top, 0, 0.05), _p(bend, 0, 0.056), _p(f.front, 0, 0.058)], 3)
    crown = beam((-0.065, top[0] - 0.02, top[1] - 0.015), (0.065, top[0] + 0.02, top[1] + 0.03), 0.006)
    return [crown.of(FRAME), *mirrored([tube(curve, thick, 8).of(FRAME)])]


def _wheels(f: BicycleFrame, spokes: int = 18) -> list[Part]:
    return [*_wheel(f.rear, f.radius, f.tyre, spokes), *_wheel(f.front, f.radius, f.tyre, spokes)]


def _wheel(axle: Sequence[float], radius: float, tyre: float, spokes: int = 18) -> list[Part]:
    rim = radius - 2 * tyre
    outline = np.array([(rim - 0.012, 0.0), (rim + 0.006, -0.011), (rim + 0.006, 0.011)])
    parts = [torus(radius - tyre, tyre, 40, 7).of(BLACK), ring(outline, 40).of(CHROME)]
    parts += [cylinder(0.022, 0.11, bevel=0.0, sides=10).moved(z=-0.055).of(CHROME)]
    for k in range(spokes):
        angle = 360 * k / spokes
        one = rod((0.018, 0, 0.03 * (-1) ** k), (rim, 0, 0), 0.0022, 0.0, 3)
        parts.append(one.rotated("z", angle).of(CHROME))
    return [part.rotated("y", 90).moved(0, *axle) for part in parts]


def _drive(f: BicycleFrame, *, guard: bool = False) -> list[Part]:
    """Cranks, pedals, chainring, chain or its case."""
    y, z = f.bottom
    wheel = cylinder(0.095, 0.006, bevel=0.0, sides=24).rotated("y", 90).moved(0.045, y, z)
    axle = rod((-0.075, y, z), (0.075, y, z), 0.02, 0.0, 10)
    parts = [wheel.of(CHROME), axle.of(CHROME), rod((0.035, *f.rear), (0.055, *f.rear), 0.042, 0.0, 14).of(CHROME)]
    for side in (1, -1):
        tip = (y - side * 0.14, z - side * 0.09)
        parts.append(
            beam((-0.007, -0.014, 0.0), (0.007, 0.014, 0.17), 0.003)
            .rotated("x", 57 if side > 0 else -123)
            .moved(side * 0.07, y, z)
            .of(CHROME)
        )
        parts.append(
            beam((0.0, -0.035, -0.012), (0.095, 0.035, 0.012), 0.004)
            .moved(side * 0.07 - (0.095 if side < 0 else 0), tip[0], z + side * 0.09)
            .of(BLACK)
        )
    ends = ((0.092, 0.04), (-0.092, -0.04))
    parts += [rod((0.048, y, z + a), (0.045, f.rear[0], f.rear[1] + b), 0.006, 0.0, 4).of(BLACK) for a, b in ends]
    if guard:
        outline = np.array(
            [
                (-0.11, -0.1),
                (0.05, -0.11),
                (f.rear[0] + 0.03, -0.05),
                (f.rear[0] + 0.03, 0.1),
                (0.05, 0.11),
                (-0.11, 0.1),
            ]
        )
        case = prism(outline, 0.03, 0.0).rotated("x", 90).rotated("z", 90)
        parts.append(case.moved(0.035, y, z).of(CASE))
    return parts


def _mudguards(f: BicycleFrame) -> list[Part]:
    return [*_mudguard(f.rear, f.radius), *_mudguard(f.front, f.radius, -20, 115)]


def _mudguard(axle: Sequence[float], radius: float, start: float = -12, end: float = 185) -> list[Part]:
    """A band around a wheel from behind (degrees from +y) over its top, with its stays."""
    angle = np.radians(np.linspace(start, end, 17))
    r = radius + 0.018
    band = [(0.0, axle[0] + r * np.cos(a), axle[1] + r * np.sin(a)) for a in angle]
    section = np.array([(-0.03, -0.004), (0.03, -0.004), (0.022, 0.006), (-0.022, 0.006)])
    stay = rod((0.05, *axle), (0.024, axle[0] + r * np.cos(angle[2]), axle[1] + r * np.sin(angle[2])), 0.003, 0.0, 4)
    return [sweep(band, section, up=(0.0, 1.0, 0.0)).of(CASE), *mirrored([stay.of(CHROME)])]


def _carrier(f: BicycleFrame) -> list[Part]:
    y, z = f.rear[0], f.radius * 2 + 0.06
    rails = [
        rod((0.055, y - 0.2, z), (0.055, y + 0.2, z), 0.006, 0.0, 6),
        rod((0.055, y + 0.05, z), (0.06, *f.rear), 0.005, 0.0, 6),
    ]
    bars = [rod((-0.06, y + d, z), (0.06, y + d, z), 0.006, 0.0, 6) for d in (-0.19, -0.06, 0.07, 0.19)]
    lug = rod((0.0, f.seat[0], f.seat[1] - 0.1), (0.0, y - 0.19, z), 0.006, 0.0, 6)
    return [part.of(BLACK) for part in [*mirrored(rails), *bars, lug]]


def _saddle(f: BicycleFrame, up: float, size: float = 1.0) -> list[Part]:
    y, z = f.seat
    slope = (f.seat[0] - f.bottom[0]) / (f.seat[1] - f.bottom[1])
    top = (y + slope * up, z + up)
    outline = np.array(
        [
            (-0.02, -0.16),
            (0.02, -0.16),
            (0.035, -0.05),
            (0.075, 0.07),
            (0.06, 0.115),
            (-0.06, 0.115),
            (-0.075, 0.07),
            (-0.035, -0.05),
        ]
    )
    seat = prism(outline * size, 0.05, 0.014, 3).moved(0, top[0] + 0.01, top[1] + 0.02)
    return [rod(_p(f.seat, -0.06), (0, top[0], top[1] + 0.03), 0.0135, 0.0, 10).of(CHROME), seat.of(SADDLE)]


def _stem(f: BicycleFrame, up: float, ahead: float) -> tuple[list[Part], tuple[float, float]]:
    slope = (f.head[0] - f.crown[0]) / (f.head[1] - f.crown[1])
    top = (f.head[0] + slope * up, f.head[1] + up)
    clamp = (top[0] - ahead, top[1] + 0.01)
    stem = [rod(_p(f.head, -0.05), _p(top), 0.012, 0.0, 10), rod(_p(top, -0.012), _p(clamp), 0.013, 0.0, 10)]
    return [part.of(CHROME) for part in stem], clamp


def _bar(points: Sequence[Sequence[float]], grip: int, thick: float = 0.0115) -> list[Part]:
    """Half a handlebar with its grip on the last `grip` spans, and its other half."""
    curve = smooth_path(points, 4)
    whole = np.concatenate([(curve * [-1, 1, 1])[:0:-1], curve])
    hand = tube(curve[-4 * grip - 1 :], thick + 0.005, 8)
    return [tube(whole, thick, 8).of(CHROME), *mirrored([hand.of(BLACK)])]


def _swept_bar(f: BicycleFrame, half: float) -> list[Part]:
    stem, (y, z) = _stem(f, 0.12, 0.06)
    bell = cylinder(0.024, 0.02, 0.016, 0.004, 12).moved(0.12, y, z + 0.03)
    points = [
        (0, y, z),
        (0.12, y - 0.02, z + 0.02),
        (half * 0.85, y + 0.02, z + 0.06),
        (half, y + 0.12, z + 0.06),
        (half - 0.02, y + 0.22, z + 0.05),
    ]
    return [*stem, *_bar(points, 1), bell.of(CHROME)]


def _flat_bar(f: BicycleFrame) -> list[Part]:
    stem, (y, z) = _stem(f, 0.05, 0.08)
    lever = rod((0.2, y - 0.02, z + 0.01), (0.31, y - 0.06, z - 0.01), 0.006, 0.0, 6)
    points = [(0, y, z), (0.12, y, z + 0.015), (0.24, y + 0.02, z + 0.02), (0.36, y + 0.04, z + 0.02)]
    return [*stem, *_bar(points, 1), *mirrored([lever.of(BLACK)])]


def _drop_bar(f: BicycleFrame) -> list[Part]:
    stem, (y, z) = _stem(f, 0.03, 0.1)
    points = [
        (0, y, z),
        (0.14, y, z),
        (0.19, y - 0.06, z - 0.01),
        (0.205, y - 0.1, z - 0.07),
        (0.21, y - 0.05, z - 0.13),
        (0.215, y + 0.05, z - 0.14),
    ]
    lever = rod((0.195, y - 0.08, z + 0.03), (0.2, y - 0.12, z - 0.08), (0.014, 0.007), 0.0, 6)
    return [*stem, *_bar(points, 4), *mirrored([lever.of(BLACK)])]


def _lamps(f: BicycleFrame) -> list[Part]:
    lamp = along(cylinder(0.035, 0.05, 0.022, 0.004, 12), (0, f.crown[0] - 0.1, f.crown[1] + 0.1), (0, 1, 0.1))
    arm = rod((0, f.crown[0] - 0.06, f.crown[1] + 0.1), (0, f.crown[0] + 0.01, f.crown[1] + 0.06), 0.008, 0.0, 6)
    rear = box(0.06, 0.025, 0.035, 0.005).moved(0, f.rear[0] + 0.2, 2 * f.radius + 0.035)
    return [lamp.of(LAMP), arm.of(BLACK), rear.of(RED)]


def _basket(f: BicycleFrame) -> list[Part]:
    """A woven basket before the handlebar, from rails and stays."""
    y, z, x, d, h = f.head[0] - 0.24, f.head[1] + 0.0, 0.16, 0.12, 0.2
    levels = ((0.0, 0.82), (0.25, 0.87), (0.5, 0.92), (0.75, 0.96), (1.0, 1.0))
    parts: list[Part] = []
    for t, s in levels:
        corners = [(a * x * s, y + b * d * s, z + t * h) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        thick = 0.007 if t == 1.0 else 0.004
        parts += [rod(p, q, thick, 0.0, 5) for p, q in itertools.pairwise([*corners, corners[0]])]
    stays = [(-1 + 2 * k / 5, end) for k in range(6) for end in (-1.0, 1.0)]
    stays += [(end, b) for b in (-0.5, 0.0, 0.5) for end in (-1.0, 1.0)]
    for a, b in stays:
        parts.append(rod((a * x * 0.82, y + b * d * 0.82, z), (a * x, y + b * d, z + h), 0.004, 0.0, 4))
    floor = beam((-0.82 * x, y - 0.82 * d, z - 0.004), (0.82 * x, y + 0.82 * d, z + 0.004), 0.0)
    arm = rod((0.03, f.head[0], z + 0.02), (0.05, y + 0.8 * d, z + 0.02), 0.007, 0.0, 6)
    return [part.of(BLACK) for part in [*parts, floor, *mirrored([arm])]]


def _stand(f: BicycleFrame) -> list[Part]:
    """A stand with two legs behind the bracket, so that it keeps upright."""
    y, z = f.bottom[0] + 0.12, f.bottom[1] + 0.01
    foot = rod((0.03, y, z), (0.14, y + 0.05, 0.0), 0.009, 0.0, 8)
    return [
        beam((-0.035, y - 0.02, z - 0.015), (0.035, y + 0.02, z + 0.02), 0.004).of(BLACK),
        *mirrored([foot.of(BLACK)]),
    ]


def _model(rng: random.Random, parts: list[Part]) -> Model:
    paint = palette.car_paint(rng)
    grey, tan = (34, 34, 36), (120, 74, 42)
    seat = Material("saddle", "plain", palette.linear(choose(rng, (grey, grey, tan))), roughness=0.6)
    case = paint if rng.random() < 0.5 else palette.dark_plastic()
    made = (paint, palette.rubber(), palette.alloy(rng), seat, palette.headlamp(), palette.tail_lamp(), case)
    return join(parts, made, 50)


TRAIN_FAMILIES: Families = {"city": city, "racer": racer, "mountain": mountain, "child": child}
TEST_FAMILIES: Families = {"step-through": step_through, "cargo": cargo}
