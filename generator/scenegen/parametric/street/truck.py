"""Trucks: cabs as painted shells on a ladder frame, with a box, a bed, a tipper, a trailer. Fronts face -Y."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable

import numpy as np

from scenegen.core.rng import choose, integer, uniform
from scenegen.parametric.shapes.curves import superellipse
from scenegen.parametric.shapes.shapes import Families, Model, Part, beam, join, loft, mirrored, prism, rod
from scenegen.parametric.street import palette
from scenegen.parametric.street.vehicle import (
    AMBER,
    BODY,
    DARK,
    GLASS,
    HEAD,
    PLATE,
    RIM,
    RUBBER,
    SEAM,
    SECOND,
    SMOOTH,
    STEEL,
    TAIL,
    Arch,
    Level,
    block,
    hull,
    materials,
    mirrors,
    pair,
    plates,
    shell,
    wheels,
)


def box_truck(rng: random.Random) -> Model:
    """Rigid truck with a closed box."""
    length, high = uniform(rng, 7.2, 9.4), uniform(rng, 3.3, 3.8)
    front, rear = -length / 2, length / 2
    cab = _cab(rng, front, uniform(rng, 2.55, 2.9), 1.15)
    start = front + 2.15
    load = [beam((-1.25, start, 1.08), (1.25, rear, high), 0.03).of(SECOND)]
    load += mirrored([beam((1.2, start - 0.012, 1.06), (1.262, rear + 0.012, 1.16), 0.0).of(STEEL)])
    load += mirrored([beam((1.2, start - 0.012, high - 0.06), (1.262, rear + 0.012, high + 0.012), 0.0).of(STEEL)])
    load += _doors(rear, 1.2, 1.16, high - 0.08)
    if rng.random() < 0.5:  # a cooling unit over the cab
        load.append(beam((-0.8, start - 0.36, high - 0.9), (0.8, start + 0.02, high - 0.2), 0.06).of(DARK))
    parts = [*cab, *load, *_frame(front, rear, [front + 1.25, rear - 2.0], guards=(front + 2.6, rear - 2.7))]
    return _finish(rng, parts)


def flatbed(rng: random.Random) -> Model:
    """Rigid truck with dropsides, empty or with a load of crates or pipes."""
    length = uniform(rng, 6.6, 8.2)
    front, rear = -length / 2, length / 2
    start, floor, side = front + 2.15, 1.1, uniform(rng, 0.4, 0.6)
    parts = [*_cab(rng, front, uniform(rng, 2.5, 2.75), 1.12)]
    parts += [*_frame(front, rear, [front + 1.25, rear - 1.8], guards=(front + 2.6, rear - 2.5))]
    parts.append(beam((-1.22, start, floor), (1.22, rear, floor + 0.14), 0.01).of(STEEL))
    rail = beam((1.16, start, floor + 0.1), (1.22, rear, floor + side), 0.01).of(SECOND)
    posts = [
        beam((1.15, y - 0.05, floor), (1.245, y + 0.05, floor + side + 0.02), 0.01).of(STEEL)
        for y in np.linspace(start + 0.05, rear - 0.05, 4)
    ]
    parts += mirrored([rail, *posts])
    parts.append(beam((-1.2, rear - 0.06, floor + 0.1), (1.2, rear, floor + side), 0.01).of(SECOND))
    parts.append(beam((-1.2, start, floor + 0.1), (1.2, start + 0.07, 2.3), 0.01).of(STEEL))
    kind = choose(rng, ("empty", "crates", "pipes"))
    if kind == "crates":
        y = start + 0.8
        while y < rear - 0.8:
            size = (uniform(rng, 1.2, 2.0), 1.1, uniform(rng, 0.6, 1.2))
            parts.append(block(0, y, floor + 0.13 + size[2] / 2, size, choose(rng, (SECOND, AMBER, RIM)), 0.02))
            y += 1.25
    elif kind == "pipes":
        for k in range(9):
            x, z = (k % 5 - 2) * 0.4 + (0.2 if k > 4 else 0), floor + 0.32 + (0.34 if k > 4 else 0)
            parts.append(rod((x, start + 0.2, z), (x, rear - 0.2, z), 0.19, 0.0, 14).of(RIM))
    return _finish(rng, parts)


def tipper(rng: random.Random) -> Model:
    """Dump truck with three or four axles and a ribbed body."""
    length = uniform(rng, 7.6, 8.8)
    front, rear = -length / 2, length / 2
    start, floor, high = front + 2.3, 1.2, uniform(rng, 2.4, 2.8)
    axles = [front + 1.3, rear - 2.4, rear - 1.05]
    parts = [*_cab(rng, front, uniform(rng, 2.8, 3.0), 1.2), *_frame(front, rear, axles)]
    flare = np.array(
        [(-1.0, 0.0), (1.0, 0.0), (1.24, 0.35), (1.24, high - floor), (-1.24, high - floor), (-1.24, 0.35)]
    )
    rings = [np.column_stack([flare[:, 0], np.full(6, y), floor + flare[:, 1]]) for y in (rear + 0.1, start)]
    parts.append(loft(np.array(rings)).of(SECOND))
    ribs = [
        beam((1.2, y - 0.06, floor + 0.3), (1.29, y + 0.06, high - 0.02), 0.01)
        for y in np.linspace(start + 0.3, rear - 0.2, integer(rng, 5, 7))
    ]
    rim = beam((1.16, start - 0.02, high - 0.1), (1.3, rear + 0.12, high + 0.06), 0.01)
    parts += mirrored([p.of(SECOND) for p in [*ribs, rim]])
    parts.append(beam((-1.24, start - 0.05, floor + 0.4), (1.24, start + 0.08, high + 0.3), 0.01).of(SECOND))
    parts.append(beam((-1.2, front + 1.0, high + 0.24), (1.2, start + 0.05, high + 0.3), 0.01).of(SECOND))
    heap = superellipse(2.3, rear - start - 0.2, 3.0, 20)
    load = [
        np.column_stack([heap * f, np.full(20, z)])
        for f, z in ((1.0, high - 0.4), (0.99, high - 0.05), (0.7, high + 0.16))
    ]
    parts.append(loft(np.array(load), None, (0, 0, high + 0.3)).moved(y=(start + rear) / 2).of(DARK))
    return _finish(rng, parts)


def semi(rng: random.Random) -> Model:
    """Tractor with a box trailer."""
    length, high = uniform(rng, 14.5, 16.4), uniform(rng, 3.85, 4.0)
    front, rear = -length / 2, length / 2
    parts = [*_cab(rng, front, uniform(rng, 3.3, 3.7), 1.25, depth=2.25, spoiler=True)]
    parts += _frame(front, front + 5.9, [front + 1.45, front + 5.0])
    start = front + 2.9
    parts.append(beam((-1.26, start, 1.2), (1.26, rear, high), 0.03).of(SECOND))
    parts += mirrored([beam((1.22, start - 0.01, 1.16), (1.272, rear + 0.01, 1.3), 0.0).of(STEEL)])
    parts += _doors(rear, 1.2, 1.26, high - 0.08)
    parts.append(beam((-0.5, front + 5.0, 0.95), (0.5, rear - 0.2, 1.25), 0.0).of(STEEL))
    legs = block(0.8, front + 6.6, 0.66, (0.14, 0.14, 1.1), STEEL)
    parts += mirrored([legs, block(0.8, front + 6.6, 0.06, (0.26, 0.26, 0.08), STEEL)])
    parts += wheels(1.24, [rear - 4.4, rear - 3.1, rear - 1.8], 0.5, 0.34, 0)
    parts += mirrored([beam((0.9, rear - 5.0, 1.0), (1.25, rear - 1.1, 1.12), 0.02).of(DARK)])
    if rng.random() < 0.6:
        parts += mirrored([beam((1.18, front + 7.0, 0.5), (1.24, rear - 5.2, 1.2), 0.02).of(SECOND)])
    parts += _tail(rear)
    return _finish(rng, parts)


def tanker(rng: random.Random) -> Model:
    """Rigid truck with an oval tank, a walkway and hatches on it."""
    length = uniform(rng, 7.8, 9.2)
    front, rear = -length / 2, length / 2
    axles = [front + 1.3, rear - 2.6, rear - 1.25] if length > 8.4 else [front + 1.3, rear - 1.9]
    parts = [
        *_cab(rng, front, uniform(rng, 2.7, 2.95), 1.15),
        *_frame(front, rear, axles, guards=(front + 2.6, rear - 3.3)),
    ]
    start, end, z = front + 2.4, rear - 0.1, 2.1
    oval = superellipse(2.42, 1.75, 2.4, 28)
    shares = (
        (start, 0.55),
        (start + 0.1, 0.86),
        (start + 0.28, 1.0),
        (end - 0.28, 1.0),
        (end - 0.1, 0.86),
        (end, 0.55),
    )
    rings = [np.column_stack([oval[:, 0] * f, np.full(28, y), z + oval[:, 1] * f]) for y, f in shares]
    tank = loft(np.array(rings)[::-1])
    parts.append(tank.of(choose(rng, (RIM, SECOND))))
    band = np.array(
        [
            np.column_stack([oval[:, 0] * f, np.full(28, y), z + oval[:, 1] * f])
            for y, f in ((0.05, 0.98), (0.05, 1.012), (-0.05, 1.012), (-0.05, 0.98))
        ]
    )
    parts += [loft(band).moved(y=y).of(STEEL) for y in np.linspace(start + 0.5, end - 0.5, 5)]
    top = z + 0.875
    parts.append(beam((-0.35, start + 0.4, top - 0.04), (0.35, end - 0.4, top + 0.05), 0.01).of(STEEL))
    parts += [block(0, y, top + 0.1, (0.5, 0.5, 0.14), DARK, 0.05) for y in np.linspace(start + 1.0, end - 1.0, 4)]
    parts += mirrored(
        [beam((0.7, y - 0.1, 1.0), (0.95, y + 0.1, 1.6), 0.0).of(STEEL) for y in (start + 0.8, end - 1.0)]
    )
    stair = [rod((x, end + 0.06, 0.9), (x, end - 0.1, top + 0.05), 0.02, 0.0, 8).of(STEEL) for x in (0.2, 0.6)]
    steps = [
        rod(
            (0.2, end + 0.05 - 0.16 * t, 0.9 + t * (top - 0.9)),
            (0.6, end + 0.05 - 0.16 * t, 0.9 + t * (top - 0.9)),
            0.016,
            0.0,
            8,
        ).of(STEEL)
        for t in (0.1, 0.3, 0.5, 0.7, 0.9)
    ]
    return _finish(rng, [*parts, *stair, *steps])


def pickup(rng: random.Random) -> Model:
    """Pick-up with two or four doors and an open bed."""
    s, double = uniform(rng, 0.98, 1.06), rng.random() < 0.6
    length, half, belt, height = 5.5 * s, 0.96, 1.14, uniform(rng, 1.80, 1.88)
    front, rear = -length / 2, length / 2
    arches: list[Arch] = [(front + 1.0, 0.4, 0.49), (rear - 1.35, 0.4, 0.49)]
    back = front + (3.45 if double else 2.85)
    controls = [
        (front, 0.76, 0.5, 0.86), (front + 0.06, 0.86, 0.4, 0.98), (front + 0.2, 0.93, 0.34, 1.04),
        (front + 0.7, half, 0.32, 1.08), (front + 1.5, half, 0.32, belt), (0.2, half, 0.32, belt),
        (back + 0.3, half, 0.33, belt + 0.01), (rear - 0.4, half, 0.4, belt + 0.01),
        (rear - 0.04, 0.94, 0.46, belt + 0.01), (rear, 0.92, 0.5, belt - 0.02),
    ]  # fmt: skip
    doors = [front + 1.62, front + 2.68] + ([front + 3.4] if double else [])
    parts = [hull(controls, [*doors, back + 0.02], arches, 0.4)]
    parts.append(beam((-0.7, front + 0.4, 0.36), (0.7, rear - 0.3, 0.8), 0.0).of(DARK))

    def level(z: float, t: float, inset: float = 0.0) -> Level:
        return Level(
            z,
            front + 1.45 + 0.75 * t + inset,
            back - 0.16 * t - inset,
            half - 0.07 - 0.16 * t - 0.6 * inset,
            0.12,
            0.1,
            0.02,
        )

    sill, eaves = belt + 0.04, height - 0.1
    levels = [level(belt - 0.1, -0.15), level(sill, 0), level((sill + eaves) / 2, 0.5), level(eaves, 1)]
    levels += [level(height - 0.03, 1.0, 0.08), level(height, 1.0, 0.22)]
    pillars = [front + 2.66] if double else []

    def paint(region: str, _x: float, y: float, z: float) -> int:
        if not sill < z < eaves or region == "corner":
            return BODY
        if region == "side":
            return (
                DARK
                if any(abs(y - p) < 0.05 for p in pillars)
                else BODY
                if y > back - 0.28 or y < front + 1.8
                else GLASS
            )
        return GLASS

    marks = [front + 1.8, back - 0.28, *(p + d for p in pillars for d in (-0.05, 0.05))]
    parts.append(shell(levels, marks, paint, under=BODY, leaning=True))
    # The bed is a dark floor between raised walls, seen from above.
    wall = beam((half - 0.14, back + 0.06, belt - 0.1), (half - 0.03, rear - 0.06, belt + 0.08), 0.02)
    parts += mirrored([wall.of(BODY), wall.moved(z=0.018).scaled(0.999, 0.996, 1.0).of(DARK)])
    parts.append(beam((-half + 0.06, rear - 0.13, belt - 0.1), (half - 0.06, rear - 0.02, belt + 0.08), 0.02).of(BODY))
    parts.append(beam((-half + 0.1, back + 0.04, belt - 0.08), (half - 0.1, rear - 0.1, belt + 0.035), 0.0).of(DARK))
    if rng.random() < 0.6:
        hoop = [
            (0.84, back + 0.3, belt),
            (0.74, back + 0.22, height - 0.04),
            (-0.74, back + 0.22, height - 0.04),
            (-0.84, back + 0.3, belt),
        ]
        parts += [rod(a, b, 0.035, 0.0, 10).of(RIM) for a, b in itertools.pairwise(hoop)]
    parts += wheels(half - 0.01, [a[0] for a in arches], 0.4, 0.26, choose(rng, (5, 6)))
    parts += pair((0.72, front + 0.12, 0.88), (0.3, 0.16, 0.2), HEAD, 22)
    parts += [
        block(0, front + 0.03, 0.84, (0.95, 0.12, 0.26), DARK, 0.03),
        block(0, front - 0.025, 0.84, (0.9, 0.03, 0.05), RIM, 0.01),
    ]
    parts.append(beam((-0.9, front - 0.08, 0.42), (0.9, front + 0.16, 0.64), 0.05).of(DARK))
    parts.append(beam((-0.9, rear - 0.1, 0.46), (0.9, rear + 0.1, 0.62), 0.04).of(RIM))
    parts += pair((0.87, rear - 0.02, 0.92), (0.13, 0.08, 0.36), TAIL) + plates(front - 0.09, rear + 0.1, 0.5, 0.54)
    parts += mirrors(half - 0.08, front + 1.95, belt + 0.1, (0.22, 0.11, 0.18), DARK)
    return join(parts, materials(rng, palette.car_paint(rng)), SMOOTH)


def _cab(
    rng: random.Random, front: float, height: float, floor: float, depth: float = 1.95, *, spoiler: bool = False
) -> list[Part]:
    """A cab over the engine: its shell, steps, grille, bumper, lamps, mirrors."""
    half, rear, low = 1.2, front + depth, 0.62
    waist, brow = floor + 0.42, min(height - 0.35, floor + 1.2)
    door = (front + 0.32, front + 1.5)
    arch: list[Arch] = [(front + 1.3, 0.5, 0.6)]
    edge = 0.08 * (brow - waist)

    def level(z: float, inset: float = 0.0) -> Level:
        lean = edge * max(0.0, z - waist) / (brow - waist)
        return Level(z, front + 0.02 + lean + inset, rear - 0.4 * inset, half - 0.35 * lean - inset, 0.16, 0.1, 0.0)

    heights = [low, 1.12, floor + 0.1, waist, (waist + brow) / 2, brow]
    levels = [
        *(level(z) for z in sorted(set(heights))),
        level(height - 0.14, 0.02),
        level(height - 0.04, 0.1),
        level(height, 0.24),
    ]

    def paint(region: str, _x: float, y: float, z: float) -> int:
        if region == "front":
            return GLASS if waist < z < brow else BODY
        if region == "side":
            if waist < z < brow and door[0] + 0.12 < y < door[1] - 0.1:
                return GLASS
            if any(abs(y - gap) < 1.5 * SEAM for gap in door) and z < brow + 0.1:
                return DARK
        return BODY

    marks = [door[0] + 0.12, door[1] - 0.1, *(gap + side * 1.5 * SEAM for gap in door for side in (-1, 1))]
    parts = [shell(levels, marks, paint, arch)]
    parts.append(beam((-0.95, front + 0.2, low - 0.04), (0.95, rear - 0.1, 1.4), 0.0).of(DARK))
    parts.append(beam((-1.18, front - 0.1, 0.32), (1.18, front + 0.32, 0.74), 0.06).of(choose(rng, (BODY, DARK))))
    parts += pair((0.92, front - 0.06, 0.55), (0.4, 0.12, 0.17), HEAD, 8) + pair(
        (1.12, front + 0.02, 0.55), (0.06, 0.12, 0.14), AMBER, 30
    )
    bars = integer(rng, 3, 5)
    parts.append(block(0, front + 0.02, (0.8 + waist - 0.1) / 2, (1.5, 0.08, waist - 0.16 - 0.8), DARK, 0.03))
    parts += [
        block(0, front - 0.02, z, (1.46, 0.03, 0.03), choose(rng, (RIM, BODY)), 0.0)
        for z in np.linspace(0.86, waist - 0.22, bars)
    ]
    parts.append(block(0, front - 0.045, 0.5, (0.52, 0.12, 0.12), STEEL, 0.0))
    parts += mirrors(half - 0.06, front + 0.16, waist + 0.45, (0.24, 0.14, 0.5), DARK)
    step = beam((1.0, front + 0.45, 0.4), (1.2, front + 0.75, 0.5), 0.02)
    parts += mirrored([step.of(DARK), block(half - 0.005, door[1] - 0.2, floor + 0.25, (0.03, 0.2, 0.05), DARK)])
    if spoiler or rng.random() < 0.4:
        profile = np.array([(0.0, 0.0), (1.3, 0.0), (1.3, 0.62), (1.1, 0.62)]) * [min(1.0, depth / 2.0), 0.9]
        wing = prism(profile, 1.9, 0.0).moved(z=-0.95).rotated("x", 90).rotated("z", 90)
        parts.append(wing.moved(0.0, front + 0.5, height - 0.04).of(BODY))
    visor = beam((-0.9, front - 0.06, brow + 0.02), (0.9, front + 0.16, brow + 0.09), 0.02)
    return [*parts, visor.of(DARK)]


def _frame(front: float, rear: float, axles: Iterable[float], guards: tuple[float, float] | None = None) -> list[Part]:
    """Ladder frame, axles, wheels, mudguards, tank and rear lamps."""
    placed = list(axles)
    parts = mirrored([beam((0.32, front + 0.5, 0.72), (0.46, rear - 0.05, 1.02), 0.0).of(STEEL)])
    parts.append(beam((-0.36, front + 1.6, 0.78), (0.36, rear - 0.3, 1.12), 0.0).of(DARK))
    parts += [rod((-0.9, y, 0.5), (0.9, y, 0.5), 0.1, 0.0, 10).of(DARK) for y in placed]
    parts += wheels(1.2, placed, 0.5, 0.32, 0)
    for y in placed[1:]:
        inner = [part.moved(0.86 - 0.15, y, 0.5) for part in _inner_tyre()]
        parts += mirrored(inner)
    if guards is not None:
        rails = [beam((1.12, guards[0], z), (1.18, guards[1], z + 0.1), 0.01).of(STEEL) for z in (0.55, 0.8)]
        stays = [
            beam((0.4, y - 0.03, 0.84), (1.14, y + 0.03, 0.9), 0.0).of(STEEL)
            for y in (guards[0] + 0.1, guards[1] - 0.1)
        ]
        posts = [
            beam((1.1, y - 0.03, 0.54), (1.14, y + 0.03, 0.92), 0.0).of(STEEL)
            for y in (guards[0] + 0.1, guards[1] - 0.1)
        ]
        parts += mirrored([*rails, *stays, *posts])
    tank_y = placed[0] + 1.25
    parts.append(beam((0.5, tank_y, 0.45), (1.05, tank_y + 0.8, 0.95), 0.1).of(RIM))
    parts.append(beam((-1.0, tank_y, 0.5), (-0.5, tank_y + 0.6, 0.92), 0.02).of(DARK))
    return parts + _tail(rear)


def _inner_tyre() -> list[Part]:
    """The inner tyre of a twin wheel."""
    return [rod((-0.15, 0, 0), (0.15, 0, 0), 0.49, 0.0, 20).of(RUBBER)]


def _tail(rear: float) -> list[Part]:
    parts = pair((0.92, rear - 0.04, 0.84), (0.44, 0.1, 0.16), TAIL, 0) + pair(
        (0.62, rear - 0.04, 0.84), (0.12, 0.1, 0.16), AMBER
    )
    parts.append(beam((-1.15, rear - 0.16, 0.44), (1.15, rear - 0.06, 0.58), 0.01).of(STEEL))
    parts += mirrored([beam((0.5, rear - 0.14, 0.5), (0.58, rear - 0.08, 0.9), 0.0).of(STEEL)])
    return [
        *parts,
        beam((-1.16, rear - 0.1, 0.72), (1.16, rear - 0.04, 0.95), 0.0).of(DARK),
        block(0, rear, 0.8, (0.5, 0.1, 0.11), PLATE),
    ]


def _doors(rear: float, half: float, low: float, high: float) -> list[Part]:
    """Two leaves at the end of a box, with hinges and locking bars."""
    leaf = beam((0.012, rear - 0.03, low), (half, rear + 0.014, high), 0.006)
    bars = [
        rod((x, rear + 0.03, low + 0.04), (x, rear + 0.03, high - 0.04), 0.018, 0.0, 8).of(STEEL) for x in (0.3, 0.8)
    ]
    hinges = [block(half, rear + 0.015, z, (0.12, 0.03, 0.07), STEEL) for z in np.linspace(low + 0.25, high - 0.25, 4)]
    return mirrored([leaf.of(SECOND), *bars, *hinges])


def _finish(rng: random.Random, parts: list[Part]) -> Model:
    return join(parts, materials(rng, palette.fleet_paint(rng), palette.fleet_paint(rng)), SMOOTH)


TRAIN_FAMILIES: Families = {"box": box_truck, "flatbed": flatbed, "tipper": tipper, "semi": semi}
TEST_FAMILIES: Families = {"tanker": tanker, "pickup": pickup}
