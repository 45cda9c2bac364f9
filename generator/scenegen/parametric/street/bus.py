"""Buses: long shells with bands of panes, doors on the kerb's side (-X), wheels, lamps. Fronts face -Y."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.shapes import Families, Model, Part, beam, join, mirrored, rod
from scenegen.parametric.street import palette
from scenegen.parametric.street.vehicle import (
    AMBER,
    BODY,
    DARK,
    GLASS,
    HEAD,
    SECOND,
    SMOOTH,
    STEEL,
    TAIL,
    Arch,
    Level,
    block,
    materials,
    pair,
    plates,
    shell,
    wheels,
)


@dataclass(frozen=True)
class BusShape:
    """A bus in metres: y from the front end, z from the road. `bands` are its rows of windows (low, high), `screen` the
    front pane; `doors` (from, to) are on the -X side; `skirt` is the top of the second colour."""

    length: float
    width: float
    height: float
    axles: tuple[float, ...]
    bands: tuple[tuple[float, float], ...]
    screen: tuple[float, float]
    doors: tuple[tuple[float, float], ...]
    pitch: float = 1.45
    skirt: float = 0.0
    rake: float = 0.12
    wheel: float = 0.48
    floor: float = 0.32


def city_bus(rng: random.Random) -> Model:
    """Low-floor town bus with two or three doors."""
    length = uniform(rng, 10.5, 12.2)
    doors = [(0.45, 1.65), (0.48 * length, 0.48 * length + 1.35)]
    doors += [(length - 1.75, length - 0.55)] if rng.random() < 0.3 else []
    shape = BusShape(
        length, 2.55, 3.05, (2.75, length - 3.3), ((1.15, 2.42),), (0.85, 2.42), tuple(doors),
        skirt=choose(rng, (0.0, 0.7, 1.02)), rake=0.08,
    )  # fmt: skip
    return _bus(rng, shape, rack=True)


def coach(rng: random.Random) -> Model:
    """High-floored coach: luggage lockers below its windows, a raked screen."""
    length = uniform(rng, 11.6, 13.0)
    axles = (2.6, length - 3.6, length - 2.25) if length > 12.3 else (2.6, length - 3.0)
    shape = BusShape(
        length, 2.55, 3.6, axles, ((1.75, 2.95),), (1.15, 2.95), ((0.5, 1.4),), pitch=1.7,
        skirt=choose(rng, (0.0, 1.5)), rake=0.42,
    )  # fmt: skip
    return _bus(rng, shape, lockers=True)


def midibus(rng: random.Random) -> Model:
    """Short bus with one door."""
    length = uniform(rng, 7.2, 8.6)
    shape = BusShape(
        length, 2.3, 2.85, (1.75, length - 2.1), ((1.2, 2.25),), (1.0, 2.25), ((2.3, 3.4),), pitch=1.25,
        skirt=choose(rng, (0.0, 0.85)), rake=0.3, wheel=0.42,
    )  # fmt: skip
    return _bus(rng, shape)


def school_bus(rng: random.Random) -> Model:
    """Bus behind a bonnet, with rails along its sides."""
    length = uniform(rng, 8.6, 10.2)
    box = BusShape(
        length - 1.25, 2.4, 3.0, (length - 1.25 - 2.6,), ((1.5, 2.3),), (1.5, 2.45), ((0.35, 1.2),), pitch=0.85,
        rake=0.06,
    )  # fmt: skip
    front = -length / 2
    parts = [part.moved(y=0.625) for part in _coachwork(box)[:2]]
    levels = [
        Level(0.5, front + 0.02, front + 1.4, 0.98, 0.2, 0.1),
        Level(0.9, front, front + 1.4, 0.98, 0.2, 0.1),
        Level(1.3, front + 0.05, front + 1.4, 0.94, 0.2, 0.1),
        Level(1.42, front + 0.16, front + 1.4, 0.84, 0.2, 0.1),
    ]
    parts.append(shell(levels, [], lambda *_: BODY))
    parts += [
        block(0, front + 0.04, 0.98, (1.1, 0.1, 0.42), DARK, 0.02),
        *pair((0.76, front + 0.12, 1.0), (0.26, 0.14, 0.2), HEAD, 16),
    ]
    parts.append(beam((-1.1, front - 0.14, 0.45), (1.1, front + 0.1, 0.7), 0.03).of(DARK))
    parts += mirrored([beam((0.8, front + 0.45, 0.9), (1.16, front + 1.6, 1.05), 0.05).of(BODY)])
    side, rear = box.width / 2, front + length
    for z in (0.85, 1.2, 1.45):
        parts += mirrored(
            [beam((side - 0.01, front + 1.4, z - 0.04), (side + 0.025, rear - 0.05, z + 0.04), 0.01).of(DARK)]
        )
    parts += pair((0.9, front + 1.26, 2.75), (0.18, 0.12, 0.18), AMBER) + pair(
        (0.9, rear, 2.75), (0.18, 0.12, 0.18), TAIL
    )
    parts += _tail(box, rear) + wheels(1.14, [front + 1.0, front + 1.25 + box.axles[0]], 0.46, 0.3, 0)
    parts += _mirror_arms(1.1, front + 0.9, 1.9)
    return join(parts, materials(rng, palette.fleet_paint(rng) if rng.random() < 0.2 else _yellow()), SMOOTH)


def double_decker(rng: random.Random) -> Model:
    """Two decks, each with its row of windows and a front pane."""
    length = uniform(rng, 10.2, 11.4)
    shape = BusShape(
        length, 2.52, 4.3, (2.5, length - 3.0), ((1.2, 2.08), (2.72, 3.72)), (0.95, 2.08),
        ((0.4, 1.5), (0.45 * length, 0.45 * length + 1.2)), skirt=choose(rng, (0.0, 0.8)), rake=0.12,
    )  # fmt: skip
    return _bus(rng, shape)


def articulated(rng: random.Random) -> Model:
    """Two stiff parts joined by a bellows."""
    length = uniform(rng, 16.6, 18.2)
    first, second = 0.56 * length, 0.44 * length - 1.0
    shape = BusShape(
        first, 2.55, 3.05, (2.75, first - 1.9), ((1.15, 2.42),), (0.85, 2.42),
        ((0.45, 1.65), (0.55 * first, 0.55 * first + 1.3)),
        skirt=0.7, rake=0.08,
    )  # fmt: skip
    trailer = BusShape(
        second,
        2.55,
        3.05,
        (0.45 * second,),
        ((1.15, 2.42),),
        (9.0, 9.1),
        ((0.62 * second, 0.62 * second + 1.3),),
        skirt=0.7,
        rake=0.0,
    )
    front = -length / 2
    parts = [part.moved(y=front + first / 2) for part in [*_coachwork(shape), *_front(shape)]]
    parts += [part.moved(y=length / 2 - second / 2) for part in [*_coachwork(trailer), *_tail(trailer, second / 2)]]
    y0, y1 = front + first - 0.1, length / 2 - second + 0.1
    for fold, y in enumerate(np.linspace(y0, y1, 13)):
        inset = 0.04 if fold % 2 else 0.1
        step = (y1 - y0) / 12
        parts.append(
            beam((-1.275 + inset, y - 0.7 * step, 0.4), (1.275 - inset, y + 0.7 * step, 3.02 - inset), 0.02).of(DARK)
        )
    colour = palette.bus_paint(rng)
    return join(parts, materials(rng, colour, palette.fleet_paint(rng)), SMOOTH)


def _bus(rng: random.Random, shape: BusShape, *, rack: bool = False, lockers: bool = False) -> Model:
    front, rear, half = -shape.length / 2, shape.length / 2, shape.width / 2
    parts = [*_coachwork(shape), *_front(shape), *_tail(shape, rear)]
    if rack:
        low, high = shape.height - 0.02, shape.height + 0.22
        parts.append(beam((-0.8, front + 2.2, low), (0.8, front + 4.4, high), 0.06).of(BODY))
        parts.append(beam((-0.9, rear - 4.2, low), (0.9, rear - 1.2, high - 0.04), 0.06).of(BODY))
    if lockers:
        y = np.arange(front + shape.axles[0] + 0.9, front + shape.axles[1] - 0.7, 1.3)
        for start in y[:-1]:
            lid = beam((half - 0.03, start, 0.48), (half + 0.006, start + 1.26, 1.24), 0.008)
            parts += mirrored([lid.of(SECOND), block(half, start + 0.63, 0.56, (0.03, 0.14, 0.03), DARK)])
    colour = palette.bus_paint(rng)
    second = palette.fleet_paint(rng) if rng.random() < 0.7 else palette.lighter(colour, 0.5)
    return join(parts, materials(rng, colour, second), SMOOTH)


def _coachwork(shape: BusShape) -> list[Part]:
    """The shell with its panes and doors, its underside and its wheels, its middle at y = 0."""
    front, rear, half = -shape.length / 2, shape.length / 2, shape.width / 2
    arches: list[Arch] = [(front + y, shape.wheel, shape.wheel + 0.09) for y in shape.axles]
    over = 2 * shape.wheel + 0.12
    doors = [(front + a, front + b) for a, b in shape.doors]
    start, end = front + 0.35, rear - 0.3
    count = max(1, round((end - start) / shape.pitch))
    posts = list(np.linspace(start, end, count + 1))
    top = shape.height
    edges = {value for pair_ in (*shape.bands, shape.screen) for value in pair_ if value < top}
    heights = sorted(
        {shape.floor, over, *(z for z in edges if z > over), *((shape.skirt,) if shape.skirt > over else ())}
    )
    waist = shape.bands[0][0]

    def level(z: float, inset: float = 0.0) -> Level:
        lean = shape.rake * max(0.0, z - waist) / (top - waist)
        return Level(z, front + lean + inset, rear - 0.3 * lean - inset, half - 0.04 * lean - inset, 0.22, 0.16, 0.06)

    levels = [
        *(level(z) for z in heights if z < top - 0.22),
        level(top - 0.2),
        level(top - 0.06, 0.05),
        level(top, 0.18),
    ]

    def paint(region: str, x: float, y: float, z: float) -> int:
        lower = SECOND if z < shape.skirt else BODY
        in_band = any(low < z < high for low, high in shape.bands)
        if region in ("front", "corner") and y < 0:
            if shape.screen[0] < z < shape.screen[1] or (in_band and z > shape.screen[1]):
                return GLASS
            return lower
        if region == "side":
            for a, b in doors:
                if x < 0 and a < y < b and z < shape.bands[0][1]:
                    leaf = min(abs(y - a), abs(y - b), abs(y - (a + b) / 2))
                    return DARK if leaf < 0.06 else GLASS
            if in_band and start < y < end:
                return DARK if min(abs(y - post) for post in posts) < 0.05 else GLASS
            return lower
        return GLASS if region == "rear" and in_band else lower

    marks = [post + side * 0.05 for post in posts for side in (-1, 1)]
    marks += [value for a, b in doors for value in (a, a + 0.06, (a + b) / 2 - 0.06, (a + b) / 2 + 0.06, b - 0.06, b)]
    body = shell(levels, marks, paint, arches)
    under = beam((-0.7 * half, front + 0.4, shape.floor - 0.06), (0.7 * half, rear - 0.4, over + 0.1), 0.0).of(DARK)
    return [body, under, *wheels(half - 0.03, [front + y for y in shape.axles], shape.wheel, 0.3, 0)]


def _front(shape: BusShape) -> list[Part]:
    """Lamps, bumper, destination board and mirrors."""
    front, half = -shape.length / 2, shape.width / 2
    parts = pair((half - 0.32, front + 0.12, 0.66), (0.42, 0.2, 0.18), HEAD, 12)
    parts += pair((half - 0.06, front + 0.3, 0.66), (0.08, 0.16, 0.14), AMBER, 40)
    parts.append(beam((-half + 0.2, front - 0.04, shape.floor), (half - 0.2, front + 0.3, 0.5), 0.05).of(DARK))
    top = shape.bands[-1][1] if len(shape.bands) > 1 else shape.screen[1]
    lean = shape.rake * (top - shape.bands[0][0]) / (shape.height - shape.bands[0][0])
    if len(shape.bands) > 1:
        z, y = (shape.bands[0][1] + shape.bands[1][0]) / 2, front + 0.06
    else:
        z, y = min(top + 0.16, shape.height - 0.2), front + lean + 0.07
    parts.append(block(0, y, z, (1.7, 0.12, 0.26), DARK, 0.02))
    parts.append(block(0, y - 0.056, z, (1.2, 0.02, 0.13), AMBER, 0.0))
    parts += _mirror_arms(half - 0.06, front + 0.12, shape.screen[1] - 0.1)
    return [*parts, block(0, front - 0.03, 0.5, (0.5, 0.03, 0.11), STEEL, 0.0)]


def _mirror_arms(half: float, y: float, z: float) -> list[Part]:
    arm = rod((half - 0.1, y + 0.05, z), (half + 0.2, y - 0.22, z - 0.04), 0.022, 0.0, 8)
    return mirrored([arm.of(DARK), block(half + 0.2, y - 0.22, z - 0.2, (0.2, 0.12, 0.4), DARK, 0.03)])


def _tail(shape: BusShape, rear: float) -> list[Part]:
    """Lamps, bumper, engine grille and plate."""
    half = shape.width / 2
    parts = pair((half - 0.2, rear - 0.045, 0.95), (0.14, 0.12, 0.42), TAIL, -14)
    parts += pair((half - 0.2, rear - 0.045, 1.26), (0.14, 0.12, 0.14), AMBER, -14)
    parts.append(beam((-half + 0.2, rear - 0.3, shape.floor), (half - 0.2, rear + 0.03, 0.52), 0.05).of(DARK))
    parts.append(block(0, rear, 0.85, (1.3, 0.05, 0.4), DARK, 0.01))
    slats: Sequence[float] = (0.72, 0.8, 0.88, 0.96)
    parts += [block(0, rear + 0.025, z, (1.2, 0.02, 0.03), STEEL, 0.0) for z in slats]
    return parts + plates(rear - 0.2, rear + 0.03, 0.5, 0.58)


def _yellow() -> Material:
    tone = palette.linear((236, 170, 24))
    return Material("bus yellow", "plain", tone, tone, roughness=0.25)


TRAIN_FAMILIES: Families = {"city": city_bus, "coach": coach, "midi": midibus, "school": school_bus}
TEST_FAMILIES: Families = {"double-decker": double_decker, "articulated": articulated}
