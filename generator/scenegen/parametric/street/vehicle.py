"""Parts of vehicles: painted shells with wheel arches, wheels, lamps, mirrors. Fronts face -Y.

A shell is one closed solid whose faces are painted by place, so that panes and seams lie flush in its surface.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Material
from scenegen.parametric.shapes.curves import Points, rectangle, smooth_path
from scenegen.parametric.shapes.shapes import Part, beam, box, cylinder, loft, mirrored, ring, rod
from scenegen.parametric.street import palette

BODY, GLASS, DARK, RUBBER, RIM, HEAD, TAIL, AMBER, PLATE, STEEL, SECOND = range(11)
SMOOTH = 38.0  # degrees: bent panels are smooth, the edges of boxes are not
SEAM = 0.006  # half the width of a door's gap, wide enough to show in an image

Paint = Callable[[str, float, float, float], int]
"""(region, x, y, z) of a face's middle to its material; the regions are front, corner, side and rear, and y is that
of the outline's lowest point below, so that pillars may lean."""
Arch = tuple[float, float, float]
"""A wheel arch: y and z of its centre, and its radius."""


@dataclass(frozen=True)
class Level:
    """A shell's outline at one height: where its front and rear are, half its width, how round its corners are and how
    far its front and rear bow out, all in metres."""

    z: float
    front: float
    rear: float
    half: float
    radius: float = 0.12
    bow: float = 0.0
    rear_bow: float = 0.0


def materials(rng: random.Random, paint: Material, second: Material | None = None) -> tuple[Material, ...]:
    """The materials in the order of the names above."""
    fixed = (palette.dark_plastic(), palette.rubber(), palette.alloy(rng), palette.headlamp(), palette.tail_lamp())
    rest = (palette.amber(), palette.plate(rng), palette.steel(), second or paint)
    return (paint, palette.car_glass(rng), *fixed, *rest)


def shell(
    levels: Sequence[Level],
    marks: Iterable[float],
    paint: Paint,
    arches: Sequence[Arch] = (),
    under: int = DARK,
    *,
    leaning: bool = False,
) -> Part:
    """A body of level outlines, `marks` the y along its sides (at the lowest level) where paint may change.

    Marks run straight up, and are pushed back where a front slopes over them, or share the slopes of front and rear
    when `leaning`. The lowest outline rises over the `arches`, whose tops must lie below the next one.
    """
    base, last = levels[0], levels[-1]
    inner = replace(last, front=last.front + 0.04, rear=last.rear - 0.04, half=last.half - 0.04)
    levels = [*levels, inner]  # so that the roof within is shaded flat
    ends = _straight(base)
    along = [y for y in [*marks, *_arch_marks(arches, base.z)] if ends[0] < y < ends[1]]
    places = _stations(along, [])
    regions: list[str] = []
    outlines = []
    for level in levels:
        low, high = _straight(level)
        step = min(0.003, (high - low) / (2 * len(places) + 2)) * np.arange(1, len(places) + 1)
        side = np.clip(places, low + step, high - step[::-1])
        if leaning:
            side = low + (places - ends[0]) * (high - low) / (ends[1] - ends[0])
        regions, outline = _outline(level, side)
        outlines.append(np.column_stack([outline, np.full(len(outline), level.z)]))
    rings = np.array(outlines)
    sides = np.abs(rings[0, :, 0]) > base.half - 1e-6
    rings[0, sides, 2] = _lifted(rings[0, sides, 1], base.z, arches)
    middle = (rings + np.roll(rings, -1, 1)) / 2
    place = (middle[1:] + middle[:-1]) / 2
    place[:, :, 1] = middle[0, :, 1]
    colours = np.array([[paint(regions[p], *place[k, p]) for p in range(len(regions))] for k in range(len(place))])
    return painted(rings, colours, under, int(colours[-1, 0]), (0.0, (base.front + base.rear) / 2, base.z))


def hull(controls: Sequence[Sequence[float]], seams: Sequence[float], arches: Sequence[Arch], sill: float) -> Part:
    """A car's lower body through `controls` (y, half width, lowest z, highest z), from front to rear.

    Below `sill` it is of dark plastic, and so are the `seams`: door gaps at these y.
    """
    curve = smooth_path(controls, 8)
    edges = [y + side * SEAM for y in seams for side in (-1, 1)]
    low_most = float(curve[:, 2].min())
    y = _stations([*edges, *_arch_marks(arches, low_most)], np.linspace(controls[0][0], controls[-1][0], 40))
    half, low, high = (np.interp(y, curve[:, 0], curve[:, k])[:, None] for k in (1, 2, 3))
    lifted = np.maximum(low, _lifted(y, low_most, arches)[:, None])
    side = np.array(_SECTION)
    across, up = np.concatenate([side * [-1, 1], side[-2:0:-1]]).T
    z = np.maximum(low + up * (high - low), lifted + 0.35 * np.minimum(up, 1) * (high - lifted))
    rings = np.stack([across * half, np.broadcast_to(y[:, None], z.shape), z], axis=2)
    middle = (rings + np.roll(rings, -1, 1)) / 2
    place, level = (middle[1:] + middle[:-1]) / 2, (up + np.roll(up, -1)) / 2
    gap = np.zeros(place.shape[:2], bool)
    for seam in seams:
        gap |= np.abs(place[:, :, 1] - seam) < SEAM
    dark = gap & (level > 0.1) & (level < 0.97) | (place[:, :, 2] < sill) | (level <= 0.02)
    return painted(rings, np.where(dark, DARK, BODY), BODY, BODY)


# Half a car's section from the bottom's middle to the top's: share of half its width, share of its height.
_SECTION = (
    (0.0, 0.0), (0.5, 0.0), (0.86, 0.0), (0.95, 0.04), (0.985, 0.2), (1.0, 0.42), (0.99, 0.62), (0.965, 0.8),
    (0.925, 0.93), (0.86, 0.985), (0.6, 1.01), (0.3, 1.02), (0.0, 1.024),
)  # fmt: skip


def painted(
    rings: NDArray[np.float64], colours: NDArray[np.int64], first: int, last: int, start: Sequence[float] | None = None
) -> Part:
    """A loft over rings (R, N, 3), the faces between them of `colours` (R - 1, N), its ends `first` and `last`."""
    part = loft(rings, start)
    sides = rings.shape[1]
    between = np.repeat(colours, 2, axis=0).reshape(-1)
    caps = len(part.faces) - len(between)
    ends = np.concatenate([np.full(sides, first), np.full(caps - sides, last)])
    return part.of(np.concatenate([between, ends]).astype(np.int64))


def wheels(half: float, places: Iterable[float], radius: float, width: float, spokes: int = 5) -> list[Part]:
    """Wheels at both sides for axles at `places` in y; their outer faces are at x = +-half."""
    one = wheel(radius, width, spokes)
    right = [part.moved(half - width / 2, y, radius) for y in places for part in one]
    return mirrored(right)


def wheel(radius: float, width: float, spokes: int = 5) -> list[Part]:
    """A wheel about the x axis, its outer face toward +x."""
    rim = 0.66 * radius if spokes else 0.6 * radius
    tyre = ring(rectangle(radius - rim, width, 0.3 * (radius - rim), 1) + np.array([(radius + rim) / 2, 0]), 26)
    dish = cylinder(rim + 0.01, 0.72 * width, bevel=0.0, sides=26).moved(z=-0.45 * width)
    lip = ring(rectangle(0.07 * radius, 0.1 * width) + np.array([rim - 0.02 * radius, 0.4 * width]), 26)
    hub = cylinder(0.24 * rim, 0.2 * width, 0.18 * rim, 0.0, 12).moved(z=0.22 * width)
    parts = [tyre.of(RUBBER), dish.of(DARK), lip.of(RIM), hub.of(RIM)]
    spoke = beam((0.1 * rim, -0.09 * rim, 0.24 * width), (0.97 * rim, 0.09 * rim, 0.38 * width), 0.0)
    parts += [spoke.rotated("z", 90 + 360 * n / spokes).of(RIM) for n in range(spokes)]
    if not spokes:
        cover = cylinder(0.8 * rim, 0.1 * width, 0.55 * rim, 0.0, 20).moved(z=0.26 * width)
        parts.append(cover.of(RIM))
    return [part.rotated("y", 90) for part in parts]


def pair(
    at: tuple[float, float, float], size: Sequence[float], of: int, turn: float = 0.0, bevel: float = 0.03
) -> list[Part]:
    """Two bevelled blocks sunk into a front or rear, at a point and at its mirror image: lamps, vents.

    `turn` is degrees outward.
    """
    x, y, z = at
    one = block(0.0, 0.0, z, size, of, min(bevel, 0.3 * min(size)))
    return mirrored([one.rotated("z", turn).moved(x, y)])


def block(x: float, y: float, z: float, size: Sequence[float], of: int, bevel: float = 0.006) -> Part:
    """A block about a point."""
    return box(size[0], size[1], size[2], bevel).moved(x, y, z - size[2] / 2).of(of)


def mirrors(
    x: float, y: float, z: float, size: tuple[float, float, float] = (0.2, 0.1, 0.14), of: int = BODY
) -> list[Part]:
    """Wing mirrors on short arms, `x` the body's side there."""
    case = block(x + 0.07 + size[0] / 2, y, z, size, of, 0.025)
    face = block(x + 0.07 + size[0] / 2, y + size[1] / 2, z, (0.84 * size[0], 0.01, 0.8 * size[2]), GLASS, 0.0)
    arm = rod((x - 0.06, y, z - 0.2 * size[2]), (x + 0.1, y, z - 0.1 * size[2]), 0.02, 0.0, 8)
    return mirrored([case, face, arm.of(DARK)])


def plates(front: float, rear: float, z: float, rear_z: float) -> list[Part]:
    """Number plates."""
    ends = ((front, z), (rear, rear_z))
    return [block(0, y, height, (0.5, 0.03, 0.11), PLATE, 0.0) for y, height in ends]


def arch_lip(arch: Arch, x: float, band: float = 0.05, of: int = DARK) -> list[Part]:
    """Wheel arch trims at both sides of a body whose side is at x."""
    y, z, radius = arch
    angle = np.linspace(np.radians(-12), np.radians(192), 17)
    inner = np.column_stack([y + radius * np.cos(angle), z + radius * np.sin(angle)])
    outer = np.column_stack([y + (radius + band) * np.cos(angle), z + (radius + band) * np.sin(angle)])
    rings = [
        np.array([(x + 0.012, *a), (x + 0.012, *b), (x - 0.06, *b), (x - 0.06, *a)])
        for a, b in zip(inner, outer, strict=True)
    ]
    part = loft(rings)
    return mirrored([part.of(of)])


def _straight(level: Level) -> tuple[float, float]:
    """Where a side's straight run begins and ends in y."""
    r = min(level.radius, 0.9 * level.half)
    reach = ((level.half - r) / level.half) ** 2
    return level.front + level.bow * reach + r, level.rear - level.rear_bow * reach - r


def _outline(level: Level, places: Points) -> tuple[list[str], Points]:
    """Points (P, 2) counter-clockwise from the front's left corner, and the region of the edge after each;
    `places` are the y along its sides."""
    r, flat = min(level.radius, 0.9 * level.half), level.half - min(level.radius, 0.9 * level.half)
    low, high = _straight(level)
    x = np.linspace(-flat, flat, 7)
    front = np.column_stack([x, level.front + level.bow * (x / level.half) ** 2])
    rear = np.column_stack([-x, level.rear - level.rear_bow * (x / level.half) ** 2])
    angle = np.linspace(0, np.pi / 2, 5)
    turn = np.column_stack([np.sin(angle), 1 - np.cos(angle)])[1:-1] * r
    side = np.concatenate([[low], places, [high]])
    right, left = (np.column_stack([np.full(len(side), s * level.half), side[::s]]) for s in (1, -1))
    pieces = [
        ("front", front),
        ("corner", np.array([flat, low - r]) + turn),
        ("side", right),
        ("corner", np.array([flat, high + r]) + turn[::-1] * [1, -1]),
        ("rear", rear),
        ("corner", np.array([-flat, high + r]) - turn),
        ("side", left),
        ("corner", np.array([-flat, low - r]) + turn[::-1] * [-1, 1]),
    ]
    points = np.concatenate([piece for _, piece in pieces])
    regions: list[str] = []
    for name, piece in pieces:
        inner = len(piece) - 1
        regions += ["corner"] * len(piece) if name == "corner" else [name] * inner + ["corner"]
    return regions, points


def _arch_marks(arches: Sequence[Arch], low: float) -> list[float]:
    marks = []
    for y, z, radius in arches:
        down = np.arcsin(np.clip((low - z) / radius, -1, 1))
        marks += list(y + radius * np.cos(np.linspace(down, np.pi - down, 15)))
    return marks


def _lifted(y: Points, low: float, arches: Sequence[Arch]) -> Points:
    """The height of a body's lower edge at each y."""
    lifted = np.full(len(y), low)
    for centre, z, radius in arches:
        under = np.abs(y - centre) <= radius
        lifted[under] = np.maximum(lifted[under], z + np.sqrt(radius**2 - (y[under] - centre) ** 2))
    return lifted


def _stations(fixed: Iterable[float], others: Iterable[float]) -> Points:
    """The fixed places, and the others that lie no nearer than 12 mm to one of them, in order."""
    kept = np.unique(np.round(list(fixed), 6))
    kept = kept[np.diff(kept, prepend=-np.inf) > 0.002]
    more = [value for value in others if not len(kept) or np.abs(kept - value).min() > 0.012]
    return np.sort(np.concatenate([kept, more]))
