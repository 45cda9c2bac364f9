"""Vans: painted shells of one or two boxes, with panes, sliding doors and lamps. Fronts face -Y."""

from __future__ import annotations

import random
from dataclasses import dataclass

from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.shapes import Families, Model, Part, beam, join, mirrored
from scenegen.parametric.street import palette
from scenegen.parametric.street.vehicle import (
    AMBER,
    BODY,
    DARK,
    GLASS,
    HEAD,
    RIM,
    SEAM,
    SECOND,
    SMOOTH,
    STEEL,
    TAIL,
    Arch,
    Level,
    block,
    materials,
    mirrors,
    pair,
    plates,
    shell,
    wheels,
)


@dataclass(frozen=True)
class VanShape:
    """A van in metres: y from the front end, z from the road. `bonnet` is where the screen begins (y, z), `brow` where
    it ends; `panes` are the side windows (y from, y to), `gaps` the door gaps, `pane` their lower and upper edge."""

    length: float
    width: float
    height: float
    wheel: float
    axles: tuple[float, float]
    bonnet: tuple[float, float]
    brow: tuple[float, float]
    panes: tuple[tuple[float, float], ...]
    gaps: tuple[float, ...]
    pane: tuple[float, float]
    nose: float = 0.16
    upright: bool = False


def panel_van(rng: random.Random) -> Model:
    """Delivery van with a closed load space."""
    s = uniform(rng, 0.95, 1.12)
    shape = VanShape(
        5.5 * s, 2.0, uniform(rng, 2.3, 2.6), 0.34, (1.0, 5.5 * s - 1.25), (0.72, 1.18), (1.52, 1.98), ((1.14, 2.02),),
        (1.02, 2.1, 3.4 * s), (1.26, 1.86),
    )  # fmt: skip
    return _van(rng, shape, cargo=True)


def minibus(rng: random.Random) -> Model:
    """Van with windows and seats for nine."""
    s = uniform(rng, 0.95, 1.1)
    panes = ((1.12, 1.98), (2.1, 3.0 * s), (3.1 * s, 4.0 * s), (4.1 * s, 4.95 * s))
    shape = VanShape(
        5.2 * s, 1.92, uniform(rng, 1.95, 2.1), 0.33, (0.98, 5.2 * s - 1.15), (0.7, 1.14), (1.5, 1.72), panes,
        (1.02, 2.04, 3.05 * s), (1.16, 1.66),
    )  # fmt: skip
    return _van(rng, shape)


def city_van(rng: random.Random) -> Model:
    """Small van on a car's chassis, its load space higher than the bonnet by far."""
    s = uniform(rng, 0.96, 1.06)
    shape = VanShape(
        4.3 * s, 1.8, uniform(rng, 1.8, 1.9), 0.31, (0.85 * s, 3.55 * s), (0.92 * s, 1.04), (1.62 * s, 1.66),
        ((1.3 * s, 2.1 * s),), (1.18 * s, 2.2 * s, 3.1 * s), (1.08, 1.58),
    )  # fmt: skip
    return _van(rng, shape, cargo=rng.random() < 0.6)


def step_van(rng: random.Random) -> Model:
    """Parcel van: an upright box with a tall flat screen and a stub of a bonnet."""
    s = uniform(rng, 0.95, 1.08)
    shape = VanShape(
        6.3 * s, 2.2, uniform(rng, 2.75, 2.95), 0.4, (1.05, 6.3 * s - 1.7), (0.42, 1.36), (0.66, 2.36), ((0.82, 1.5),),
        (0.76, 1.62), (1.42, 2.2), upright=True,
    )  # fmt: skip
    return _van(rng, shape, cargo=True)


def luton(rng: random.Random) -> Model:
    """Removal van: a high box, wider than the cab and reaching over it."""
    s = uniform(rng, 0.96, 1.06)
    cab = VanShape(
        2.95, 1.98, 2.05, 0.35, (1.0, 4.85 * s), (0.72, 1.18), (1.5, 1.78), ((1.14, 2.0),), (1.02, 2.1), (1.24, 1.7)
    )
    length = 6.6 * s
    front = -length / 2
    y, rear = front + 1.0, front + length
    parts = [*_body(cab, front, cab.length), *_face(rng, cab, front)]
    parts.append(beam((-1.06, front + 2.3, 0.78), (1.06, rear, 3.0), 0.03).of(SECOND))
    parts.append(beam((-1.06, y, 2.1), (1.06, front + 2.5, 3.0), 0.1).of(SECOND))
    parts.append(beam((-0.45, front + 2.0, 0.45), (0.45, rear - 0.1, 0.82), 0.0).of(STEEL))
    parts += [
        beam((x - 0.02, front + 2.28, 0.76), (x + 0.02, rear + 0.012, 0.84), 0.0).of(STEEL) for x in (-1.05, 1.05)
    ]
    parts += _rear_doors(rear, 1.06, 0.82, 2.94, SECOND)
    parts += pair((0.86, rear - 0.04, 0.66), (0.3, 0.1, 0.12), TAIL)
    parts += wheels(0.98, [front + a for a in cab.axles], cab.wheel, 0.26, 0)
    parts += [*plates(front - 0.02, rear + 0.01, 0.5, 0.6), block(0, rear - 0.06, 0.6, (2.0, 0.08, 0.14), DARK)]
    paint = palette.fleet_paint(rng)
    return join(parts, materials(rng, paint, palette.fleet_paint(rng)), SMOOTH)


def cab_over(rng: random.Random) -> Model:
    """Camper of one box on the engine's place: a flat face, a waist line in two colours, many panes."""
    s = uniform(rng, 0.96, 1.04)
    panes = ((0.72, 1.42), (1.54, 2.4 * s), (2.52 * s, 3.38 * s), (3.5 * s, 4.2 * s))
    shape = VanShape(
        4.5 * s, 1.76, uniform(rng, 1.95, 2.05), 0.33, (0.9, 3.5 * s), (0.14, 1.14), (0.44, 1.7), panes,
        (0.62, 1.48, 2.46 * s), (1.16, 1.62), nose=0.05,
    )  # fmt: skip
    return _van(rng, shape, waist=1.08)


def _van(rng: random.Random, shape: VanShape, *, cargo: bool = False, waist: float = 0.0) -> Model:
    front = -shape.length / 2
    rear, half = front + shape.length, shape.width / 2
    parts = [*_body(shape, front, shape.length, waist), *_face(rng, shape, front)]
    axles = [front + y for y in shape.axles]
    parts += wheels(half - 0.01, axles, shape.wheel, 0.23, choose(rng, (0, 0, 5, 6)))
    size = (0.12, 0.1, 0.36)
    parts += pair((half - 0.08, rear - 0.05, 0.98), size, TAIL, -18)
    bottom = 0.5
    if cargo:
        parts += _rear_doors(rear, half, bottom + 0.1, shape.height - 0.3, BODY)
    else:
        pane = (1.5 * half, 0.03, 0.8 * (shape.pane[1] - shape.pane[0]))
        parts.append(block(0, rear - 0.008, (shape.pane[0] + shape.pane[1]) / 2, pane, GLASS, 0.012))
    bumper = beam((-half + 0.04, rear - 0.1, 0.34), (half - 0.04, rear + 0.05, 0.56), 0.04)
    parts += [bumper.of(DARK), *plates(front - 0.03, rear + 0.02, 0.52, 0.78 if not cargo else 0.68)]
    for gap in shape.gaps[1:]:
        handle = block(half - 0.005, front + gap - 0.14, shape.pane[0] - 0.14, (0.03, 0.18, 0.035), DARK)
        parts += mirrored([handle])
    if len(shape.gaps) > 2:  # the rail of the sliding door
        rail = beam(
            (half - 0.03, front + shape.gaps[2], shape.pane[0] - 0.06),
            (half + 0.008, rear - 0.3, shape.pane[0] - 0.03),
            0.0,
        )
        parts += mirrored([rail.of(DARK)])
    paint = palette.fleet_paint(rng) if cargo else palette.car_paint(rng)
    return join(parts, materials(rng, paint, palette.fleet_paint(rng)), SMOOTH)


def _body(shape: VanShape, front: float, length: float, waist: float = 0.0) -> list[Part]:
    """The shell from the bumper to the rear, `length` long, with its underside."""
    half, rear, low = shape.width / 2, front + length, 0.3
    arches: list[Arch] = [(front + y, shape.wheel, shape.wheel + 0.08) for y in shape.axles if y < length]
    top_arch = shape.wheel * 2 + 0.08
    (y_bonnet, z_bonnet), (y_brow, z_brow) = shape.bonnet, shape.brow
    lean = 0.0 if shape.upright else 0.07
    roof = shape.height

    def level(z: float, y: float, inset: float = 0.0, radius: float = 0.16, bow: float = 0.12) -> Level:
        tumble = lean * max(0.0, z - z_bonnet) / (roof - z_bonnet)
        return Level(z, front + y, rear - inset - 0.4 * tumble, half - tumble - 0.7 * inset, radius, bow, 0.02)

    grown = (z_bonnet - 0.1 - top_arch) / 2
    sill, head = shape.pane
    # The bonnet is a long step in depth at little height.
    steps = [(low, 0.06), (top_arch + 0.02, 0.0), (top_arch + grown, 0.02), (z_bonnet - 0.09, shape.nose)]
    steps += [(z_bonnet - 0.02, 0.7 * y_bonnet), (z_bonnet + 0.02, y_bonnet)]
    slope = (y_brow - y_bonnet) / (z_brow - z_bonnet)
    panes = sorted({sill, (sill + head) / 2, head, z_brow})
    steps += [(z, y_bonnet + slope * (z - z_bonnet)) for z in panes if z_bonnet + 0.03 < z]
    levels = [level(z, y) for z, y in sorted(steps)]
    y_roof = y_brow + 0.18 * slope
    levels += (
        [level(roof - 0.16, y_brow + slope * 0.3 * (roof - 0.16 - z_brow) / 0.2, 0.0)]
        if roof - 0.16 > z_brow + 0.02
        else []
    )
    last = levels[-1].front - front
    levels += [level(roof - 0.05, max(y_roof, last) + 0.1, 0.05), level(roof - 0.01, max(y_roof, last) + 0.24, 0.14)]
    levels.append(level(roof, max(y_roof, last) + 0.4, 0.3))
    gaps = [front + y for y in shape.gaps]
    panes_at = [(front + a, front + b) for a, b in shape.panes]
    upper = roof - 0.1

    def paint(region: str, _x: float, y: float, z: float) -> int:
        if region == "front":
            return GLASS if z_bonnet + 0.02 < z < z_brow else DARK if z < top_arch - 0.1 else BODY
        lower = SECOND if z < waist else BODY
        if region == "side":
            if sill < z < head and any(a < y < b for a, b in panes_at):
                return GLASS
            if any(abs(y - gap) < SEAM for gap in gaps) and z < upper:
                return DARK
        return lower

    marks = [y for ab in panes_at for y in ab] + [y + side * SEAM for y in gaps for side in (-1, 1)]
    under = beam((-0.75 * half, front + 0.3, low - 0.04), (0.75 * half, rear - 0.3, 0.9), 0.0).of(DARK)
    return [shell(levels, marks, paint, arches), under]


def _face(rng: random.Random, shape: VanShape, front: float) -> list[Part]:
    """Bumper, grille, lamps and mirrors."""
    half, z = shape.width / 2, shape.bonnet[1] - 0.24
    bumper = beam((-half + 0.03, front - 0.04, 0.28), (half - 0.03, front + 0.22, 0.6), 0.06)
    wide = choose(rng, (0.24, 0.3))
    parts = [
        bumper.of(DARK),
        *pair((half - 0.24, front + 0.08, z), (wide, 0.14, choose(rng, (0.14, 0.2, 0.26))), HEAD, 14),
    ]
    parts += pair((half - 0.05, front + 0.18, z - 0.02), (0.06, 0.1, 0.12), AMBER, 30)
    grille = block(0, front + 0.02, z, (half, 0.09, choose(rng, (0.12, 0.2, 0.26))), DARK, 0.02)
    badge = block(0, front - 0.02, z, (0.12, 0.03, 0.1), RIM, 0.01)
    y = front + shape.panes[0][0] + 0.08
    return [*parts, grille, badge, *mirrors(half - 0.05, y, shape.pane[0] + 0.14, (0.2, 0.11, 0.28), DARK)]


def _rear_doors(rear: float, half: float, low: float, high: float, of: int) -> list[Part]:
    """Two leaves with their gap, hinges and a bar."""
    gap = block(0, rear - 0.004, (low + high) / 2, (0.02, 0.03, high - low), DARK, 0.0)
    hinge = block(half - 0.1, rear, low + 0.3, (0.1, 0.04, 0.07), DARK)
    leaf = block(half / 2, rear - 0.012, (low + high) / 2, (half - 0.16, 0.05, high - low - 0.1), of, 0.012)
    bar = block(0.08, rear + 0.02, (low + high) / 2, (0.03, 0.04, 0.5 * (high - low)), STEEL)
    return [gap, *mirrored([hinge, hinge.moved(z=high - low - 0.6), leaf]), bar]


TRAIN_FAMILIES: Families = {"panel": panel_van, "minibus": minibus, "city": city_van, "step": step_van}
TEST_FAMILIES: Families = {"luton": luton, "camper": cab_over}
