"""Cars: lofted bodies with wheel arches, panes flush in the cabin, lamps, mirrors, door gaps. Fronts face -Y."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.shapes import Families, Model, Part, beam, join, mirrored, rod
from scenegen.parametric.street import palette
from scenegen.parametric.street.vehicle import (
    BODY,
    DARK,
    GLASS,
    HEAD,
    RIM,
    SMOOTH,
    STEEL,
    TAIL,
    Arch,
    Level,
    arch_lip,
    block,
    hull,
    materials,
    mirrors,
    pair,
    plates,
    shell,
    wheels,
)


@dataclass(frozen=True)
class CarShape:
    """A car in metres: y is measured from the front end, z from the road. `pillars` are the middles of those between
    the doors, `doors` the gaps; `rails` and `trims` say whether it has bars on the roof and dark wheel arches."""

    length: float
    width: float
    height: float
    wheel: float
    axles: tuple[float, float]
    nose: float
    cowl: float
    belt: float
    tail: float
    screen: tuple[float, float]
    back: tuple[float, float]
    pillars: tuple[float, ...]
    doors: tuple[float, ...]
    lift: float = 0.0
    boot: float | None = None
    rails: bool = False
    trims: bool = False
    open_top: bool = False


def compact(rng: random.Random) -> Model:
    """Small hatchback of two boxes."""
    s = uniform(rng, 0.96, 1.05)
    shape = CarShape(
        4.0 * s, 1.74, uniform(rng, 1.44, 1.52), 0.31, (0.78 * s, 3.32 * s), 0.68, 0.93, 0.98, 0.98,
        (0.98 * s, 1.62 * s), (3.92 * s, 3.50 * s), (2.28 * s, 3.26 * s), (1.28 * s, 2.30 * s, 3.12 * s),
        trims=rng.random() < 0.3,
    )  # fmt: skip
    return _car(rng, shape)


def sedan(rng: random.Random) -> Model:
    """Saloon of three boxes."""
    s = uniform(rng, 0.96, 1.06)
    shape = CarShape(
        4.65 * s, 1.82, uniform(rng, 1.40, 1.47), 0.33, (0.88 * s, 3.62 * s), 0.66, 0.90, 0.95, 0.98,
        (1.28 * s, 2.02 * s), (4.08 * s, 3.36 * s), (2.55 * s, 3.42 * s), (1.45 * s, 2.55 * s, 3.40 * s),
        boot=3.95 * s,
    )  # fmt: skip
    return _car(rng, shape)


def estate(rng: random.Random) -> Model:
    """Estate car with a long roof and rails."""
    s = uniform(rng, 0.97, 1.05)
    shape = CarShape(
        4.70 * s, 1.83, uniform(rng, 1.44, 1.50), 0.33, (0.88 * s, 3.64 * s), 0.66, 0.91, 0.96, 0.98,
        (1.26 * s, 1.98 * s), (4.60 * s, 4.22 * s), (2.52 * s, 3.44 * s), (1.45 * s, 2.53 * s, 3.42 * s),
        rails=True,
    )  # fmt: skip
    return _car(rng, shape)


def suv(rng: random.Random) -> Model:
    """Tall car on large wheels with dark trims."""
    s = uniform(rng, 0.96, 1.06)
    shape = CarShape(
        4.55 * s, 1.90, uniform(rng, 1.66, 1.76), 0.38, (0.90 * s, 3.60 * s), 0.88, 1.08, 1.12, 1.14,
        (1.18 * s, 1.78 * s), (4.46 * s, 4.10 * s), (2.42 * s, 3.36 * s), (1.40 * s, 2.44 * s, 3.34 * s),
        lift=0.08, rails=rng.random() < 0.6, trims=True,
    )  # fmt: skip
    return _car(rng, shape)


def minivan(rng: random.Random) -> Model:
    """One-box family car: the screen goes on where the bonnet ends."""
    s = uniform(rng, 0.97, 1.04)
    shape = CarShape(
        4.45 * s, 1.84, uniform(rng, 1.62, 1.70), 0.32, (0.82 * s, 3.52 * s), 0.74, 1.02, 1.04, 1.04,
        (0.62 * s, 1.62 * s), (4.38 * s, 4.16 * s), (1.42 * s, 2.42 * s, 3.38 * s), (1.40 * s, 2.42 * s, 3.36 * s),
    )  # fmt: skip
    return _car(rng, shape)


def roadster(rng: random.Random) -> Model:
    """Open two-seater with a long bonnet, seats and a bare screen."""
    s = uniform(rng, 0.97, 1.04)
    shape = CarShape(
        4.05 * s, 1.76, 1.24, 0.31, (0.82 * s, 3.18 * s), 0.60, 0.82, 0.84, 0.86,
        (1.50 * s, 1.98 * s), (3.2 * s, 3.0 * s), (), (1.62 * s, 2.62 * s), open_top=True,
    )  # fmt: skip
    return _car(rng, shape)


def _car(rng: random.Random, shape: CarShape) -> Model:
    """A car of a shape; the parts that every car has."""
    front, width = -shape.length / 2, shape.width
    half, low, radius = width / 2, 0.19 + shape.lift, shape.wheel
    arches: list[Arch] = [(front + y, radius, radius + 0.07) for y in shape.axles]
    end = front + shape.length
    boot = end - 0.5 if shape.boot is None else front + shape.boot
    tail = end - (0.14 if shape.boot is None else 0.1)
    controls = [
        (front, 0.70 * half, low + 0.22, shape.nose - 0.10),
        (front + 0.05, 0.80 * half, low + 0.12, shape.nose - 0.03),
        (front + 0.18, 0.91 * half, low + 0.04, shape.nose + 0.02),
        (front + 0.5, 0.97 * half, low, (2 * shape.nose + shape.cowl) / 3),
        (front + max(0.8, shape.screen[0] - 0.1), half, low, shape.cowl),
        (front + 0.55 * shape.length, half, low, shape.belt),
        (boot, 0.98 * half, low + 0.01, shape.tail),
        (tail, 0.93 * half, low + 0.08, shape.tail - 0.01),
        (end - 0.03, 0.86 * half, low + 0.15, shape.tail - 0.06),
        (end, 0.76 * half, low + 0.22, shape.tail - 0.14),
    ]
    parts = [hull(controls, [front + y for y in shape.doors], arches, low + 0.1)]
    parts.append(
        beam((-0.74 * half, front + 0.35, low + 0.02), (0.74 * half, end - 0.35, shape.nose - 0.1), 0.0).of(DARK)
    )
    parts += _cockpit(shape, front, half) if shape.open_top else [_cabin(shape, front, half)]
    parts += wheels(half - 0.01, [front + y for y in shape.axles], radius, 0.21, choose(rng, (5, 5, 6, 7, 10)))
    if shape.trims:
        parts += [part for arch in arches for part in arch_lip(arch, half - 0.006)]
    parts += _ends(rng, shape, front, end, half, low)
    for door in shape.doors[1:]:
        handle = block(half - 0.005, front + door - 0.12, shape.belt - 0.11, (0.03, 0.16, 0.025), BODY)
        parts += mirrored([handle])
    parts += mirrors(half - 0.06, front + shape.screen[0] + 0.42, shape.belt + 0.06, (0.19, 0.1, 0.13))
    if shape.rails:
        y0, y1 = front + shape.screen[1] + 0.2, front + shape.back[1] - 0.25
        x, z = half - 0.26, shape.height - 0.035
        rail = [(x, y0, z - 0.05), (x, y0 + 0.12, z + 0.035), (x, y1 - 0.12, z + 0.035), (x, y1, z - 0.05)]
        parts += mirrored([rod(a, b, 0.016, 0.0, 8).of(STEEL) for a, b in itertools.pairwise(rail)])
    paint = palette.car_paint(rng)
    return join(parts, materials(rng, paint), SMOOTH)


def _cabin(shape: CarShape, front: float, half: float) -> Part:
    """The closed upper part: panes between pillars under a roof."""
    base, eaves, top = shape.belt - 0.1, shape.height - 0.11, shape.height
    lean = 0.17 + 0.12 * (shape.height - shape.belt)

    def level(z: float, inset: float = 0.0, radius: float = 0.14) -> Level:
        t = (z - base) / (eaves - base)
        y0 = front + shape.screen[0] + (shape.screen[1] - shape.screen[0]) * min(t, 1.0) + inset
        y1 = front + shape.back[0] + (shape.back[1] - shape.back[0]) * min(t, 1.0) - inset
        x = half - 0.05 - lean * min(t, 1.0) ** 1.2 - 0.6 * inset
        return Level(z, y0, y1, x, radius, 0.13, 0.08)

    sill = shape.belt + 0.035
    middle = (sill + eaves) / 2
    levels = [level(base), level(sill), level(middle), level(eaves), level(top - 0.05, 0.05), level(top - 0.015, 0.16)]
    levels.append(level(top, 0.32))
    gaps = [front + y for y in shape.pillars]
    last = front + shape.back[0] - 0.42

    def paint(region: str, _x: float, y: float, z: float) -> int:
        if not sill < z < eaves or region == "corner":
            return BODY
        if region == "side":
            dark = any(abs(y - gap) < 0.045 for gap in gaps)
            return DARK if dark else BODY if y > last or y < front + shape.screen[0] + 0.3 else GLASS
        return GLASS

    marks = [y + side * 0.045 for y in gaps for side in (-1, 1)] + [last, front + shape.screen[0] + 0.3]
    return shell(levels, marks, paint, under=BODY, leaning=True)


def _cockpit(shape: CarShape, front: float, half: float) -> list[Part]:
    """The open upper part: a screen in its frame, seats, a dark well, the hoop behind the seats."""
    low, top = shape.belt - 0.04, shape.height
    y0, y1 = front + shape.screen[0], front + shape.screen[1]
    x0, x1 = half - 0.12, half - 0.22
    posts = [rod((x0, y0, low), (x1, y1, top), 0.025, 0.0, 8)]
    rail = rod((-x1 - 0.02, y1, top - 0.01), (x1 + 0.02, y1, top - 0.01), 0.025, 0.0, 8)
    pane = beam((-x1, -0.006, 0.0), (x1, 0.006, 0.6), 0.0)
    height = ((y1 - y0) ** 2 + (top - low) ** 2) ** 0.5
    lean = -57.29578 * float((y1 - y0) / (top - low))
    pane = pane.scaled(1.0, 1.0, height / 0.6).rotated("x", 0.86 * lean).moved(0.0, y0 + 0.02, low)
    seat_y = front + shape.back[0] - 0.35
    seats = []
    for x in (-0.36, 0.36):
        back = block(x, seat_y + 0.05, shape.belt + 0.04, (0.46, 0.14, 0.42), DARK, 0.05).rotated(
            "x", -14, (0, seat_y, 0.7)
        )
        head = block(x, seat_y + 0.12, shape.belt + 0.25, (0.24, 0.1, 0.16), DARK, 0.04)
        hoop = rod((x - 0.2, seat_y + 0.28, low - 0.1), (x - 0.2, seat_y + 0.26, top - 0.12), 0.02, 0.0, 8)
        bar = rod((x - 0.2, seat_y + 0.26, top - 0.13), (x + 0.2, seat_y + 0.26, top - 0.13), 0.02, 0.0, 8)
        seats += [back, head, hoop.of(RIM), hoop.moved(x=0.4).of(RIM), bar.of(RIM)]
    well = beam((-half + 0.16, y0 + 0.12, low - 0.1), (half - 0.16, seat_y + 0.2, shape.belt + 0.028), 0.02)
    return [*(p.of(BODY) for p in [*mirrored(posts), rail]), pane.of(GLASS), well.of(DARK), *seats]


def _ends(rng: random.Random, shape: CarShape, front: float, end: float, half: float, low: float) -> list[Part]:
    """Lamps, grille, bumpers' dark lower edges and number plates."""
    z, tail = shape.nose - 0.045, shape.tail - 0.17
    wide = choose(rng, (0.26, 0.32, 0.38))
    tall = choose(rng, (0.09, 0.12, 0.15))
    parts = pair((0.80 * half - 0.08, front + 0.17, z), (wide, 0.16, tall), HEAD, 30)
    parts += pair((0.72 * half, front + 0.10, low + 0.17), (0.2, 0.1, 0.07), DARK, 22)
    grille = choose(rng, (0.08, 0.14, 0.2))
    parts.append(block(0, front + 0.02, z - 0.09, (0.95 * half, 0.09, grille), DARK, 0.02))
    parts.append(block(0, front + 0.02, low + 0.2, (1.1 * half, 0.09, 0.1), DARK, 0.02))
    if rng.random() < 0.5:
        upright = shape.boot is None
        size = (0.16, 0.14, 0.34) if upright else (0.36, 0.14, 0.14)
        parts += pair((0.82 * half - (0.0 if upright else 0.06), end - 0.085, tail - 0.02), size, TAIL, -32)
    else:
        parts += pair((0.82 * half - 0.06, end - 0.085, tail), (0.34, 0.14, 0.13), TAIL, -32)
    parts.append(block(0, end - 0.03, low + 0.22, (1.2 * half, 0.1, 0.12), DARK, 0.02))
    badge = block(0, front - 0.02, z - 0.02, (0.1, 0.03, 0.07), RIM, 0.01)
    middle = (tail + low) / 2 + 0.1
    return [
        *parts,
        badge,
        *plates(front - 0.03, end + 0.005, low + 0.2, middle),
        block(0, end, middle, (0.56, 0.02, 0.15), DARK),
    ]


TRAIN_FAMILIES: Families = {"compact": compact, "sedan": sedan, "estate": estate, "suv": suv}
TEST_FAMILIES: Families = {"minivan": minivan, "roadster": roadster}
