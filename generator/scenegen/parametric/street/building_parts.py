"""Facades and roofs of buildings, in metres; facades face -Y."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.curves import Points
from scenegen.parametric.shapes.relief import Patch, chequer, upright
from scenegen.parametric.shapes.shapes import Part, beam, loft, mirrored, prism, rod
from scenegen.parametric.street import palette

WALL, TRIM, GLASS, DOOR, ROOF, SIGN, STEEL, FELT, BASE = range(9)
RECESS = 0.16
_BEHIND = 0.3  # front and back overlap in the middle


@dataclass(frozen=True)
class BuildingPlan:
    """A building: its storeys (the first is `ground` high, the others `storey`), `bays` windows per row, each of size
    `pane` (width, height), the bay of its `door`, and its ornaments. `top` is the height of a parapet."""

    width: float
    depth: float
    storeys: int
    ground: float
    storey: float
    bays: int
    pane: tuple[float, float]
    door: int
    balconies: tuple[int, ...] = ()
    shops: bool = False
    boards: bool = True
    surround: bool = False
    band: bool = False
    cornice: bool = False
    porch: bool = False
    plinth: bool = False
    sides: bool = False
    ribbon: bool = False
    bars: str = "cross"
    top: float = 0.0

    @property
    def eaves(self) -> float:
        """Where the roof begins."""
        return self.ground + (self.storeys - 1) * self.storey

    @property
    def pitch(self) -> float:
        """Metres from one window's middle to the next."""
        return (self.width - 0.5) / self.bays

    def across(self, bay: int) -> float:
        """The middle of a bay."""
        return (bay - (self.bays - 1) / 2) * self.pitch

    def floor(self, level: int) -> float:
        """The height of a storey's floor."""
        return 0.0 if level == 0 else self.ground + (level - 1) * self.storey


def materials(rng: random.Random, walls: str) -> tuple[Material, ...]:
    """The materials in the order of the names above; `walls` is brick, plaster, ashlar or concrete."""
    kinds = {"brick": palette.brick, "plaster": palette.plaster, "ashlar": palette.ashlar, "concrete": palette.concrete}
    wall = kinds[walls](rng)
    base = palette.ashlar(rng) if walls in ("plaster", "brick") and rng.random() < 0.5 else palette.lighter(wall, 0.7)
    fixed = (palette.steel(), palette.flat_roof(), base)
    return (
        wall,
        palette.trim(rng),
        palette.window(rng),
        palette.door(rng),
        palette.roof(rng),
        palette.sign(rng),
        *fixed,
    )


def storeys(rng: random.Random, plan: BuildingPlan) -> list[Part]:
    """All walls, windows, doors, and the parts on them."""
    parts = _face(rng, plan, front=True) + [part.mirrored("y") for part in _face(rng, plan, front=False)]
    if plan.sides:
        parts += mirrored(_side(plan))
    return parts


def half_block(width: float, depth: float, eaves: float, patches: list[Patch]) -> Part:
    """The front half of a building, `patches` on its facade: levels are metres in front of the facade's plane."""
    deep = depth / 2 + _BEHIND
    raised = [(u0, u1, v0, v1, deep + level, of) for u0, u1, v0, v1, level, of in patches]
    return upright(chequer((-width / 2, 0.0), (width / 2, eaves), deep, WALL, raised)).moved(y=_BEHIND)


def panes(x: float, low: float, size: tuple[float, float], y: float, bars: str, of: int = TRIM) -> list[Part]:
    """Frame and glazing bars of a window whose glass is at y, its lower edge at `low`."""
    w, h = size
    y0, y1 = y - 0.05, y + 0.03
    frame = [
        beam((x - w / 2 - 0.02, y0, z - 0.035), (x + w / 2 + 0.02, y1, z + 0.035), 0.0)
        for z in (low + 0.03, low + h - 0.03)
    ]
    frame += [
        beam((s - 0.035, y0, low - 0.02), (s + 0.035, y1, low + h + 0.02), 0.0)
        for s in (x - w / 2 + 0.03, x + w / 2 - 0.03)
    ]
    if bars in ("two", "cross"):
        frame.append(beam((x - 0.03, y0 + 0.01, low), (x + 0.03, y1, low + h), 0.0))
    if bars == "cross":
        at = low + 0.66 * h
        frame.append(beam((x - w / 2, y0 + 0.015, at - 0.025), (x + w / 2, y1, at + 0.025), 0.0))
    return [part.of(of) for part in frame]


def _face(rng: random.Random, plan: BuildingPlan, *, front: bool) -> list[Part]:
    """One long side with its upper windows and its ground floor."""
    y = -plan.depth / 2
    patches: list[Patch] = []
    parts: list[Part] = []
    if plan.plinth or plan.shops:
        patches.append((-plan.width / 2, plan.width / 2, 0.0, plan.ground - 0.5 if plan.shops else 0.6, 0.03, BASE))
    if plan.band:
        for level in range(1, plan.storeys):
            z = plan.floor(level)
            patches.append((-plan.width / 2, plan.width / 2, z - 0.1, z + 0.08, 0.06, TRIM))
    for level in range(1, plan.storeys):
        for bay in range(plan.bays):
            open_door = front and bay in plan.balconies
            _window(plan, plan.across(bay), plan.floor(level), patches, parts, to_floor=open_door)
    if plan.shops and front:
        _shop_floor(rng, plan, patches, parts)
    else:
        for bay in range(plan.bays):
            if front and bay == plan.door:
                _door(plan, plan.across(bay), patches, parts)
            else:
                _window(plan, plan.across(bay), 0.15, patches, parts)
    if front:
        for bay in plan.balconies:
            kind = choose(rng, ("bars", "solid", "glass"))
            parts += [
                p for level in range(1, plan.storeys) for p in _balcony(plan, plan.across(bay), plan.floor(level), kind)
            ]
        if plan.cornice:
            parts += _cornice(plan)
        x = plan.width / 2 - 0.14
        pipe = rod((x, y - 0.09, 0.1), (x, y - 0.09, plan.eaves - 0.05), 0.05, 0.0, 8)
        parts.append(pipe.of(STEEL))
        parts += [
            beam((x - 0.07, y - 0.1, z), (x + 0.07, y + 0.04, z + 0.04), 0.0).of(STEEL)
            for z in np.arange(1.2, plan.eaves, 2.4)
        ]
    hidden = 0.0 if front else 0.004  # no two walls may lie in one plane where the halves overlap
    return [half_block(plan.width - 2 * hidden, plan.depth, plan.eaves - hidden, patches), *parts]


def _window(
    plan: BuildingPlan, x: float, floor: float, patches: list[Patch], parts: list[Part], *, to_floor: bool = False
) -> None:
    w, h = (plan.pitch - 0.16 if plan.ribbon else plan.pane[0]), plan.pane[1]
    low = floor + 0.95
    if to_floor:
        low, h = floor + 0.1, plan.pane[1] + 0.85
    y = -plan.depth / 2
    if plan.surround:
        patches.append((x - w / 2 - 0.14, x + w / 2 + 0.14, low - 0.02, low + h + 0.18, 0.045, TRIM))
    patches.append((x - w / 2, x + w / 2, low, low + h, -RECESS, GLASS))
    parts += panes(x, low, (w, h), y + RECESS, plan.bars)
    if not to_floor:
        over = 0.0 if plan.ribbon else 0.1
        parts.append(
            beam((x - w / 2 - over, y - 0.1, low - 0.07), (x + w / 2 + over, y + RECESS + 0.02, low + 0.01), 0.0).of(
                TRIM
            )
        )


def _door(plan: BuildingPlan, x: float, patches: list[Patch], parts: list[Part]) -> None:
    """A door with a light above it, a step and, if there is a porch, a roof on two posts."""
    y, w = -plan.depth / 2, 1.15
    patches.append((x - w / 2 - 0.16, x + w / 2 + 0.16, 0.0, 2.82, 0.07, TRIM))
    patches += [(x - w / 2, x + w / 2, 0.0, 2.2, -0.22, DOOR), (x - w / 2, x + w / 2, 2.2, 2.65, -0.22, GLASS)]
    parts.append(beam((x - w / 2 - 0.02, y + 0.12, 2.16), (x + w / 2 + 0.02, y + 0.26, 2.25), 0.0).of(TRIM))
    for z0, z1 in ((0.25, 0.95), (1.1, 1.95)):
        for s in (-0.28, 0.28):
            parts.append(beam((x + s - 0.18, y + 0.2, z0), (x + s + 0.18, y + 0.3, z1), 0.02).of(DOOR))
    parts.append(beam((x + 0.42, y + 0.16, 0.98), (x + 0.47, y + 0.3, 1.12), 0.01).of(STEEL))
    parts.append(beam((x - 0.95, y - 0.5, 0.0), (x + 0.95, y + 0.25, 0.14), 0.01).of(BASE))
    if plan.porch:
        parts.append(beam((x - 1.1, y - 1.1, 2.9), (x + 1.1, y + 0.1, 3.06), 0.02).of(TRIM))
        post = rod((x + 0.95, y - 0.95, 0.0), (x + 0.95, y - 0.95, 2.95), 0.08, 0.0, 12)
        parts += [post.of(TRIM), post.moved(x=-1.9).of(TRIM)]
        parts.append(beam((x - 1.1, y - 1.15, 0.0), (x + 1.1, y, 0.13), 0.01).of(BASE))


def _shop_floor(rng: random.Random, plan: BuildingPlan, patches: list[Patch], parts: list[Part]) -> None:
    """Panes from pier to pier with a door among them; boards and awnings above."""
    y, high = -plan.depth / 2, plan.ground - 0.95
    spans = [(k, min(k + 1, plan.bays - 1)) for k in range(0, plan.bays, 2) if k != plan.door]
    spans = [(a, b if b != plan.door else a) for a, b in spans if a != plan.door]
    taken = {bay for span in spans for bay in range(span[0], span[1] + 1)}
    spans += [(bay, bay) for bay in range(plan.bays) if bay not in taken and bay != plan.door]
    for first, last in spans:
        x0, x1 = plan.across(first) - plan.pitch / 2 + 0.25, plan.across(last) + plan.pitch / 2 - 0.25
        patches += [(x0, x1, 0.0, 0.5, -0.1, DOOR), (x0, x1, 0.5, high, -0.2, GLASS)]
        count = max(1, round((x1 - x0) / 1.5))
        for k in range(count + 1):
            x = x0 + (x1 - x0) * k / count
            parts.append(beam((x - 0.04, y + 0.13, 0.4), (x + 0.04, y + 0.24, high + 0.02), 0.0).of(DOOR))
        parts.append(beam((x0 - 0.02, y + 0.12, high - 0.08), (x1 + 0.02, y + 0.24, high + 0.03), 0.0).of(DOOR))
        if not plan.boards:
            continue
        parts.append(beam((x0 - 0.12, y - 0.14, high + 0.08), (x1 + 0.12, y + 0.1, high + 0.62), 0.02).of(SIGN))
        if rng.random() < 0.5:
            parts.append(_awning(x0 - 0.05, x1 + 0.05, y, high + 0.06, uniform(rng, 0.8, 1.3)).of(SIGN))
        else:
            half = uniform(rng, 0.2, 0.34) * (x1 - x0)
            middle = (x0 + x1) / 2
            parts.append(
                beam((middle - half, y - 0.17, high + 0.22), (middle + half, y - 0.1, high + 0.46), 0.0).of(TRIM)
            )
    x = plan.across(plan.door)
    patches += [(x - 0.75, x + 0.75, 0.0, 2.25, -0.24, DOOR), (x - 0.75, x + 0.75, 2.25, high, -0.24, GLASS)]
    parts += [beam((x + s - 0.24, y + 0.22, 0.3), (x + s + 0.24, y + 0.29, 2.0), 0.0).of(GLASS) for s in (-0.36, 0.36)]
    parts += [beam((x + s - 0.02, y + 0.12, 0.9), (x + s + 0.02, y + 0.3, 1.4), 0.0).of(STEEL) for s in (-0.08, 0.08)]


def _awning(x0: float, x1: float, y: float, z: float, reach: float) -> Part:
    outline = np.array([(0.0, 0.0), (0.05, 0.0), (reach, 0.55), (reach, 0.8), (reach - 0.03, 0.8), (reach - 0.04, 0.6)])
    rings = [np.column_stack([np.full(len(outline), x), y + 0.05 - outline[:, 0], z - outline[:, 1]]) for x in (x0, x1)]
    part = loft(np.array(rings))
    return part if _volume(part) > 0 else Part(part.vertices, part.faces[:, ::-1].copy())


def _volume(part: Part) -> float:
    a, b, c = (part.vertices[part.faces[:, k]] for k in range(3))
    return float(np.einsum("fd,fd->f", a, np.cross(b, c)).sum())


def _balcony(plan: BuildingPlan, x: float, z: float, kind: str) -> list[Part]:
    y, half, out = -plan.depth / 2, plan.pitch / 2 - 0.2, 1.15
    floor = beam((x - half, y - out, z - 0.12), (x + half, y + 0.1, z + 0.06), 0.01)
    top = [beam((x - half, y - out, z + 1.0), (x + half, y - out + 0.06, z + 1.06), 0.0)]
    top += [
        beam((s - 0.03, y - out, z + 1.0), (s + 0.03, y + 0.06, z + 1.06), 0.0)
        for s in (x - half + 0.03, x + half - 0.03)
    ]
    if kind == "bars":
        count = round(2 * half / 0.22)
        bars = [(x - half + 0.04 + k * (2 * half - 0.08) / count, y - out + 0.03) for k in range(count + 1)]
        bars += [(s, y - out + 0.22 * k) for s in (x - half + 0.03, x + half - 0.03) for k in range(1, 5)]
        rails = [rod((a, b, z), (a, b, z + 1.02), 0.014, 0.0, 5) for a, b in bars]
    else:
        rails = [beam((x - half, y - out + 0.01, z + 0.1), (x + half, y - out + 0.05, z + 1.02), 0.0)]
        rails += [
            beam((s - 0.02, y - out + 0.02, z + 0.1), (s + 0.02, y + 0.05, z + 1.02), 0.0)
            for s in (x - half + 0.03, x + half - 0.03)
        ]
    of = {"bars": STEEL, "solid": TRIM, "glass": GLASS}[kind]
    return [floor.of(BASE), *(p.of(STEEL) for p in top), *(p.of(of) for p in rails)]


def _cornice(plan: BuildingPlan) -> list[Part]:
    half, y, z = plan.width / 2, -plan.depth / 2, plan.eaves
    parts = [beam((-half - 0.02, y - 0.3, z - 0.14), (half + 0.02, y + 0.3, z + 0.04), 0.01)]
    parts.append(beam((-half - 0.01, y - 0.16, z - 0.3), (half + 0.01, y + 0.3, z - 0.1), 0.01))
    count = round(plan.width / 0.6)
    xs = np.linspace(-half + 0.2, half - 0.2, count)
    parts += [beam((x - 0.07, y - 0.24, z - 0.26), (x + 0.07, y + 0.1, z - 0.12), 0.0) for x in xs]
    return [part.of(TRIM) for part in parts]


def _side(plan: BuildingPlan) -> list[Part]:
    """Windows on the +X wall, their frames before the wall."""
    parts: list[Part] = []
    count = max(1, int(plan.depth / 4.0))
    w, h = (1.6 if plan.ribbon else plan.pane[0]), plan.pane[1]
    for level in range(plan.storeys):
        low = plan.floor(level) + (0.95 if level else 1.1)
        for k in range(count):
            y = (k - (count - 1) / 2) * plan.depth / count
            parts.append(window_box(plan.width / 2, y, low, (w, h)))
            glass = beam((plan.width / 2 - 0.05, y - w / 2, low), (plan.width / 2 + 0.045, y + w / 2, low + h), 0.0)
            parts.append(glass.of(GLASS))
            parts.append(
                beam((plan.width / 2 - 0.05, y - 0.03, low), (plan.width / 2 + 0.06, y + 0.03, low + h), 0.0).of(TRIM)
            )
    return parts


def window_box(x: float, y: float, low: float, size: tuple[float, float]) -> Part:
    """The frame of a window on a wall at x, as one board behind its pane."""
    w, h = size
    return beam((x - 0.05, y - w / 2 - 0.09, low - 0.09), (x + 0.03, y + w / 2 + 0.09, low + h + 0.09), 0.0).of(TRIM)


def flat_roof(rng: random.Random, plan: BuildingPlan, *, plant: bool = False) -> list[Part]:
    """Felt within parapets, with chimneys or machinery on it."""
    half, deep, z = plan.width / 2, plan.depth / 2, plan.eaves
    rim, top = 0.28, plan.eaves + plan.top
    parts = [beam((-half + 0.01, -deep + 0.01, z - 0.1), (half - 0.01, deep - 0.01, z + 0.12), 0.0).of(FELT)]
    # Walls stand a little in front of those below, by unequal distances, so that no two faces lie in one plane.
    side, end = beam((half - rim, -deep - 0.006, z - 0.05), (half + 0.006, deep + 0.006, top), 0.0), half - rim + 0.01
    parts += mirrored([side.of(WALL)])
    parts += mirrored([beam((-end, -deep - 0.004, z - 0.05), (end, -deep + rim, top - 0.004), 0.0).of(WALL)], "y")
    parts += mirrored(
        [beam((half - rim - 0.05, -deep - 0.06, top - 0.01), (half + 0.06, deep + 0.06, top + 0.07), 0.0).of(TRIM)]
    )
    parts += mirrored(
        [beam((-end, -deep - 0.056, top - 0.008), (end, -deep + rim + 0.05, top + 0.066), 0.0).of(TRIM)], "y"
    )
    if plant:
        x, y = uniform(rng, -0.2, 0.2) * plan.width, uniform(rng, 0.0, 0.15) * plan.depth
        parts.append(beam((x - 2.0, y - 1.5, z), (x + 2.0, y + 1.5, z + 2.3), 0.02).of(STEEL))
    for _ in range(choose(rng, (1, 2, 3))):
        x, y = uniform(rng, -0.4, 0.4) * plan.width, uniform(rng, -0.2, 0.35) * plan.depth
        parts.append(beam((x - 0.35, y - 0.3, z), (x + 0.35, y + 0.3, z + uniform(rng, 0.9, 1.6)), 0.01).of(BASE))
    return parts


def gable_roof(rng: random.Random, plan: BuildingPlan, slope: float) -> list[Part]:
    """Two slopes whose ridge runs along the street; chimneys at the ends and dormers."""
    half, deep, z = plan.width / 2, plan.depth / 2, plan.eaves
    ridge = z + slope * deep
    parts = [chevron(half, deep, z, ridge, 0.35).of(ROOF), attic(half, deep, z, ridge).of(WALL)]
    for side in choose(rng, ((-1,), (1,), (-1, 1))):
        x = side * (half - 0.55)
        parts.append(beam((x - 0.35, -0.1, ridge - 1.4), (x + 0.35, 0.65, ridge + 1.0), 0.01).of(WALL))
        parts += [
            rod((x + s, 0.28, ridge + 0.9), (x + s, 0.28, ridge + 1.3), (0.11, 0.09), 0.0, 10).of(ROOF)
            for s in (-0.17, 0.17)
        ]
    if rng.random() < 0.7:
        for bay in range(plan.bays)[:: choose(rng, (1, 2))]:
            parts += dormer(plan.across(bay), -deep, z, slope)
    gutter = beam(
        (-half - 0.1, -deep - 0.5, z - 0.4 * slope - 0.02), (half + 0.1, -deep - 0.36, z - 0.4 * slope + 0.1), 0.02
    )
    return [*parts, gutter.of(STEEL)]


def chevron(half: float, deep: float, eaves: float, ridge: float, over: float, thick: float = 0.14) -> Part:
    """Two roof slopes in one, their ridge along x."""
    slope = (ridge - eaves) / deep
    low = eaves - over * slope
    lines = [(-deep - over, low), (-deep - over, low + thick), (0.0, ridge + thick), (deep + over, low + thick)]
    lines += [(deep + over, low), (0.0, ridge)]
    return across(np.array(lines), -half - 0.12, half + 0.12)


def attic(half: float, deep: float, eaves: float, ridge: float) -> Part:
    """The walls under two slopes."""
    return across(
        np.array([(-deep, eaves - 0.1), (-deep, eaves), (0.0, ridge + 0.05), (deep, eaves), (deep, eaves - 0.1)]),
        -half,
        half,
    )


def across(outline: Points, x0: float, x1: float) -> Part:
    """An outline (N, 2) in (y, z) drawn out from x0 to x1, either way round."""
    rings = np.array([np.column_stack([np.full(len(outline), x), outline]) for x in (x0, x1)])
    part = loft(rings)
    return part if _volume(part) > 0 else Part(part.vertices, part.faces[:, ::-1].copy())


def dormer(x: float, y: float, eaves: float, slope: float) -> list[Part]:
    """A window standing in a roof slope, under a small roof of its own."""
    front, wide, tall = y + 0.7, 1.3, 1.5
    base = eaves + 0.7 * slope
    deep = min(tall / slope + 0.3, 3.0)
    body = beam((x - wide / 2, front, base - 0.4), (x + wide / 2, front + deep, base + tall), 0.0).of(TRIM)
    pane = beam((x - 0.5, front - 0.02, base + 0.35), (x + 0.5, front + 0.1, base + tall - 0.12), 0.0).of(GLASS)
    bar = beam((x - 0.03, front - 0.05, base + 0.35), (x + 0.03, front, base + tall - 0.12), 0.0).of(TRIM)
    lines = np.array([(-wide / 2 - 0.15, 0.0), (wide / 2 + 0.15, 0.0), (0.0, 0.5)])
    roof = prism(lines, deep + 0.15).rotated("x", 90).moved(x, front + deep, base + tall - 0.01).of(ROOF)
    return [body, pane, bar, roof]


def hipped_roof(rng: random.Random, plan: BuildingPlan, slope: float) -> list[Part]:
    """Four slopes to a ridge, a chimney and wide eaves."""
    half, deep, z, over = plan.width / 2, plan.depth / 2, plan.eaves, 0.5
    high = slope * (deep + over)
    rings = [_level(half + over, deep + over, z - 0.05), _level(half + over, deep + over, z + 0.08)]
    rings.append(_level(max(half - deep, 0.15), 0.08, z + high))
    parts = [
        loft(np.array(rings)).of(ROOF),
        beam((-half - 0.42, -deep - 0.42, z - 0.12), (half + 0.42, deep + 0.42, z), 0.0).of(TRIM),
    ]
    x = choose(rng, (-1, 1)) * 0.4 * half
    return [*parts, beam((x - 0.4, 0.3, z), (x + 0.4, 1.0, z + high + 0.7), 0.01).of(BASE)]


def _level(x: float, y: float, z: float) -> Points:
    return np.array([(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)])
