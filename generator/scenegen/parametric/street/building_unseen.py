"""Buildings of the test split: the foot of a glass tower, a gabled house with bays, a mansard."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.rng import choose, integer, uniform
from scenegen.parametric.shapes.shapes import Model, Part, beam, join, loft, mirrored
from scenegen.parametric.street import palette
from scenegen.parametric.street.building_parts import (
    BASE,
    FELT,
    GLASS,
    ROOF,
    STEEL,
    TRIM,
    WALL,
    BuildingPlan,
    dormer,
    materials,
    storeys,
)
from scenegen.parametric.street.vehicle import painted


def curtain_wall(rng: random.Random) -> Model:
    """Block of coated glass in a grid of posts and rails, over a recessed ground floor on columns."""
    count, storey, ground = integer(rng, 3, 6), uniform(rng, 3.3, 3.6), uniform(rng, 3.9, 4.6)
    half, deep = uniform(rng, 5.0, 9.0), uniform(rng, 5.0, 6.0)
    top = ground + (count - 1) * storey
    parts = [beam((-half, -deep, ground - 0.3), (half, deep, top + 0.9), 0.0).of(WALL)]
    parts.append(beam((-half + 1.2, -deep + 1.2, 0.0), (half - 1.2, deep - 0.6, ground), 0.0).of(GLASS))
    parts.append(beam((-half + 0.05, -deep + 0.05, top + 0.85), (half - 0.05, deep - 0.05, top + 0.95), 0.0).of(FELT))
    step = uniform(rng, 1.3, 1.7)
    for length, turn, out in ((half, 0.0, deep), (deep, 90.0, half)):
        posts = np.linspace(-length, length, max(4, round(2 * length / step)) + 1)
        rails = [ground - 0.26, *(ground + k * storey for k in range(1, count)), top + 0.87]
        grid = [
            beam((x - 0.04, -out - 0.12, ground - 0.3), (x + 0.04, -out + 0.1, top + 0.92), 0.0).of(STEEL)
            for x in posts[1:-1]
        ]
        grid += [
            beam((-length - 0.06, -out - 0.07, z - 0.05), (length + 0.06, -out + 0.1, z + 0.05), 0.0).of(STEEL)
            for z in rails
        ]
        grid += [
            beam((-length, -out - 0.03, z - 0.75), (length, -out + 0.1, z - 0.04), 0.0).of(TRIM) for z in rails[1:-1]
        ]
        parts += [p.rotated("z", turn + side) for p in grid for side in (0.0, 180.0)]
    parts += [
        beam((x - 0.12, y - 0.12, ground - 0.32), (x + 0.12, y + 0.12, top + 0.94), 0.0).of(STEEL)
        for x in (-half, half)
        for y in (-deep, deep)
    ]
    for x in np.linspace(-half + 0.5, half - 0.5, max(3, round(half / 2)) + 1):
        parts.append(beam((x - 0.2, -deep + 0.3, 0.0), (x + 0.2, -deep + 0.7, ground), 0.02).of(BASE))
    for x in np.arange(-half + 1.8, half - 1.2, 1.6):
        parts.append(beam((x - 0.04, -deep + 1.12, 0.0), (x + 0.04, -deep + 1.3, ground), 0.0).of(STEEL))
    parts += [beam((x - 0.55, -deep + 1.16, 0.02), (x + 0.55, -deep + 1.3, 2.4), 0.0).of(STEEL) for x in (-0.6, 0.6)]
    parts += [beam((x - 0.47, -deep + 1.14, 0.1), (x + 0.47, -deep + 1.2, 2.3), 0.0).of(WALL) for x in (-0.6, 0.6)]
    parts.append(beam((-half + 2.0, 0.0, top + 0.9), (half - 3.0, deep - 1.0, top + 2.8), 0.02).of(STEEL))
    made = list(materials(rng, "concrete"))
    made[WALL] = palette.mirror_glass(rng)
    made[TRIM] = palette.lighter(made[WALL], 0.6)
    return join(parts, made, 30)


def gabled_row(rng: random.Random) -> Model:
    """Two or three narrow houses side by side, each with its gable and a bay toward the street."""
    houses, wide, deep = integer(rng, 2, 3), uniform(rng, 5.2, 6.2), uniform(rng, 8.5, 10.0)
    count, ground, storey = integer(rng, 2, 3), 3.1, 2.9
    eaves, slope = ground + (count - 1) * storey, uniform(rng, 0.8, 1.2)
    width = houses * wide
    plan = BuildingPlan(
        width, deep, count, ground, storey, 2 * houses, (1.05, 1.5), -1,
        surround=False, band=rng.random() < 0.5, bars="cross",
    )  # fmt: skip
    parts = storeys(rng, plan)
    for house in range(houses):
        x = (house - (houses - 1) / 2) * wide
        ridge = eaves + slope * wide / 2
        parts += _gable(x, wide / 2, deep / 2, eaves, ridge)
        bay_x, door_x = x + wide / 4 - 0.05, x - wide / 4
        parts += _bay(bay_x, -deep / 2, min(wide / 2 - 0.3, 2.4), eaves - 0.5 if rng.random() < 0.5 else ground - 0.2)
        y = -deep / 2
        parts.append(beam((door_x - 0.72, y - 0.1, 0.0), (door_x + 0.72, y + 0.2, 2.9), 0.01).of(TRIM))
        parts.append(beam((door_x - 0.55, y - 0.14, 0.12), (door_x + 0.55, y, 2.25), 0.01).of(3))
        parts.append(beam((door_x - 0.5, y - 0.13, 2.35), (door_x + 0.5, y, 2.75), 0.0).of(GLASS))
        parts.append(beam((door_x - 0.8, y - 0.7, 0.0), (door_x + 0.8, y + 0.1, 0.13), 0.01).of(BASE))
        parts.append(
            beam((x + wide / 2 - 0.4, -0.6, ridge - 1.8), (x + wide / 2 + 0.4, 0.5, ridge + 0.7), 0.01).of(WALL)
        )
    return join(parts, materials(rng, choose(rng, ("brick", "plaster"))), 30)


def mansard(rng: random.Random) -> Model:
    """Stone town palace: steep slates with dormers over a cornice, shops or tall windows below."""
    bays = integer(rng, 4, 6)
    plan = BuildingPlan(
        width=bays * uniform(rng, 2.6, 2.9), depth=uniform(rng, 10.0, 12.0), storeys=integer(rng, 3, 5), ground=4.1,
        storey=3.3, bays=bays, pane=(1.2, 2.0), door=bays // 2, shops=rng.random() < 0.5, surround=True, band=True,
        bars="cross", cornice=True, balconies=tuple(range(1, bays - 1, 2)),
    )  # fmt: skip
    parts = storeys(rng, plan)
    half, deep, z = plan.width / 2, plan.depth / 2, plan.eaves
    outline = ((0.12, -0.02), (0.12, 0.1), (-0.1, 0.12), (-0.75, 2.6), (-0.75, 2.75), (-2.4, 3.3))
    rings = [
        np.array(
            [
                (-half - 0.01, -deep - o, z + h),
                (half + 0.01, -deep - o, z + h),
                (half + 0.01, deep + o, z + h),
                (-half - 0.01, deep + o, z + h),
            ]
        )
        for o, h in outline
    ]
    parts.append(loft(np.array(rings)).of(ROOF))
    for bay in range(bays):
        parts += [p.moved(y=-0.45) for p in dormer(plan.across(bay), -deep, z - 1.6, 2.6)]
    parts += mirrored([beam((half - 0.45, -1.6, z), (half + 0.02, 1.2, z + 4.3), 0.01).of(BASE)])
    return join(parts, materials(rng, choose(rng, ("ashlar", "plaster"))), 30)


def _gable(x: float, half: float, deep: float, eaves: float, ridge: float) -> list[Part]:
    """A roof whose ridge runs from front to back, with its gable wall and a window in it."""
    over, thick = 0.3, 0.14
    slope = (ridge - eaves) / half
    reach = half - 0.005
    wall = np.array([(-reach, eaves - 0.1), (reach, eaves - 0.1), (reach, eaves), (0.0, ridge + 0.04), (-reach, eaves)])
    edge = half + 0.02
    roof = np.array(
        [
            (-edge, eaves),
            (0.0, ridge),
            (edge, eaves),
            (edge, eaves + thick),
            (0.0, ridge + thick),
            (-edge, eaves + thick),
        ]
    )
    parts = []
    for outline, y, of in ((wall, deep - 0.002, WALL), (roof, deep + over, ROOF)):
        rings = np.array(
            [np.column_stack([outline[:, 0] + x, np.full(len(outline), end), outline[:, 1]]) for end in (y, -y)]
        )
        parts.append(loft(rings).of(of))
    board = np.array(
        [
            (-edge - 0.01, eaves - 0.16),
            (0.0, ridge - 0.16),
            (edge + 0.01, eaves - 0.16),
            (edge + 0.01, eaves + 0.04),
            (0.0, ridge + 0.04),
            (-edge - 0.01, eaves + 0.04),
        ]
    )
    rings = np.array(
        [
            np.column_stack([board[:, 0] + x, np.full(6, y), board[:, 1]])
            for y in (-deep - over + 0.02, -deep - over - 0.05)
        ]
    )
    parts.append(loft(rings).of(TRIM))
    z = eaves + 0.3 * half * slope
    parts.append(beam((x - 0.5, -deep - 0.06, z - 0.55), (x + 0.5, -deep + 0.1, z + 0.55), 0.0).of(TRIM))
    parts.append(beam((x - 0.42, -deep - 0.09, z - 0.47), (x + 0.42, -deep, z + 0.47), 0.0).of(GLASS))
    return [*parts, beam((x - 0.03, -deep - 0.11, z - 0.47), (x + 0.03, -deep, z + 0.47), 0.0).of(TRIM)]


def _bay(x: float, y: float, wide: float, high: float) -> list[Part]:
    """A bay with splayed sides, panes between its breast and its lead roof."""
    a, b, out = wide / 2, wide * 0.3, 0.75
    plan = np.array([(-a, 0.3), (-a, 0.0), (-b, -out), (b, -out), (a, 0.0), (a, 0.3)])
    mullions = [0.0, 0.06, 0.47, 0.53, 0.94, 1.0]
    outline = []
    for k, (start, end) in enumerate(zip(plan, np.roll(plan, -1, 0), strict=True)):
        stops = mullions[:-1] if k in (1, 2, 3) else [0.0]
        outline += [start + (end - start) * t for t in stops]
    points = np.array(outline)
    heights = [0.0, 0.9, 1.0, 2.55, 2.7]
    if high > 4.0:
        heights += [3.85, 3.95, 5.4, 5.55]
    heights.append(max(high, heights[-1] + 0.1))
    rings = np.array([np.column_stack([points[:, 0] + x, points[:, 1] + y, np.full(len(points), z)]) for z in heights])
    colours = np.full((len(heights) - 1, len(points)), WALL)
    colours[1::2] = TRIM
    panes = [i for i in range(len(points)) if 1 <= i <= 15 and (i - 1) % 5 in (1, 3)]
    for row in range(2, len(heights) - 1, 4):
        colours[row] = TRIM
        colours[row, panes] = GLASS
    lid = [
        np.column_stack([plan[:, 0] * s + x, plan[:, 1] * s + y, np.full(6, z)])
        for s, z in ((1.08, heights[-1] - 0.02), (1.08, heights[-1] + 0.08), (0.55, heights[-1] + 0.42))
    ]
    return [painted(rings, colours, WALL, WALL), loft(np.array(lid)).of(ROOF)]
