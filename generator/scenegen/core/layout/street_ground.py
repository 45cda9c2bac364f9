"""The ground of a street: where each slab lies, and which areas are lanes, crossings, pavements and lots.

    y      +--------------------------------------------+
    |      |  lots with a row of buildings              |
    |      |  pavement                                  |
    +-- x  |  road of the junction (along x)            |
           |  pavement    |      |  pavement             |
           |  lots  | pav | road | pav |  lots           |      the same again, mirrored, at the other end
           |  lots  | pav |cross.| pav |  lots           |

Slabs are 10 m long, crossings 4 m. There are two crossings: road and pavements then have the same length, beside
junction pavements that are as wide as a crossing is long.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from scenegen.core.asset_library import Asset
from scenegen.core.errors import ScenegenError
from scenegen.core.layout.boxes import Box, aligned_box, make_pose, oriented_box
from scenegen.core.layout.collision import two_boxes_overlap
from scenegen.core.rng import choose, integer, shuffled
from scenegen.core.scene.scene import Matrix4

CROSSINGS = 2
LANE = 3.5
TOUCH = 1e-6

GROUND_FORMS = ("road", "crossing", "pavement", "lot")

_FAMILY = re.compile(rf"ground/({'|'.join(GROUND_FORMS)})(\w*?)_(\w+)")

Pair = tuple[float, float]
Forms = Mapping[tuple[str, str], Mapping[str, Asset]]


@dataclass(frozen=True)
class Slab:
    """A piece of ground where it lies."""

    asset: Asset
    matrix: Matrix4


@dataclass(frozen=True)
class Area:
    """A level rectangle: centre, `along` (a unit vector on a world axis), length along it, width across, height.

    `right` is across, to the right of `along`. Of a pavement or a lot, the street lies toward -right.
    """

    centre: Pair
    along: Pair
    length: float
    width: float
    height: float

    @property
    def right(self) -> Pair:
        """The unit vector across."""
        return self.along[1], -self.along[0]

    def at(self, along: float, aside: float) -> Pair:
        """World x, y of a place given in metres from the centre, along and to the right."""
        (cx, cy), (ax, ay), (rx, ry) = self.centre, self.along, self.right
        return cx + ax * along + rx * aside, cy + ay * along + ry * aside

    def box(self) -> Box:
        """Its outline, as a box of one metre's height."""
        return Box(*self.centre, *self.right, self.width / 2, self.length / 2, bottom=0.0, top=1.0)

    def holds(self, box: Box) -> bool:
        """Whether the outline of an upright box lies in the area."""
        inner, outer = aligned_box(box), aligned_box(self.box())
        return (
            abs(inner.x - outer.x) + inner.half_x <= outer.half_x + TOUCH
            and abs(inner.y - outer.y) + inner.half_y <= outer.half_y + TOUCH
        )

    def overlaps(self, box: Box, margin: float) -> bool:
        """Whether the outline of an upright box comes nearer than `margin` along the area's width."""
        own = self.box()
        return two_boxes_overlap(own._replace(half_x=own.half_x + margin), box._replace(bottom=0.0, top=1.0))


@dataclass(frozen=True)
class Lane:
    """A lane of a road, `offset` metres to the right of its middle, where vehicles head along `heading`."""

    road: Area
    offset: float
    heading: Pair
    parking: bool


@dataclass(frozen=True)
class Ground:
    """All slabs in the order of their ids, and the areas they form. The first two pavements are the street's own."""

    slabs: tuple[Slab, ...]
    road: Area
    lanes: tuple[Lane, ...]
    crossings: tuple[Area, ...]
    pavements: tuple[Area, ...]
    rows: tuple[Area, ...]
    record: dict[str, Any]

    def slab_at(self, x: float, y: float) -> int | None:
        """The id of the slab under a point."""
        for number, slab in enumerate(self.slabs):
            box = aligned_box(oriented_box(slab.matrix, slab.asset.size))
            if abs(x - box.x) <= box.half_x + TOUCH and abs(y - box.y) <= box.half_y + TOUCH:
                return number
        return None


def lay_ground(assets: Sequence[Asset], blocks: int, rng: Random) -> Ground:
    """The ground of a street `blocks` road slabs long. ScenegenError when the library's slabs do not fit together."""
    road, crossing, pavement, corner, lots = _choose_slabs(assets, rng)
    side_road = choose(
        rng, [a for (form, _), looks in _forms(assets).items() if form == "road" for a in looks.values()]
    )
    layer = _Layer(base=-road.size[2])
    length = blocks * road.size[1] + CROSSINGS * crossing.size[1]
    street = Area((0.0, 0.0), (0.0, 1.0), length, road.size[0], 0.0)
    crossings = _lay_road(layer, street, road, crossing, blocks, rng)
    pavements, rows = [], []
    for side in (1.0, -1.0):
        walk = Area(
            (side * (street.width + pavement.size[0]) / 2, 0.0),
            (0.0, side),
            blocks * road.size[1],
            pavement.size[0],
            0.0,
        )
        pavements.append(layer.lay(walk, [pavement] * blocks))
        lot = choose(rng, lots)
        far = walk.at(0.0, (walk.width + lot.size[0]) / 2)
        rows.append(layer.lay(Area(far, walk.along, walk.length, lot.size[0], 0.0), [lot] * blocks))
    roads = [street]
    for side in (1.0, -1.0):
        junction = _Junction(street, side, side_road, corner, choose(rng, lots))
        roads.append(junction.lay(layer, pavements, rows))
    lanes = [lane for area in roads for lane in _lanes(area, rng, parking=area is street)]
    own = [lane for lane in lanes if lane.road is street]
    record = {
        "length": round(length, 6),
        "road_width": round(street.width, 6),
        "pavement_width": round(pavement.size[0], 6),
        "lanes": [{"x": round(n.offset, 6), "heading": n.heading[1], "parking": n.parking} for n in own],
        "crossings": [round(area.centre[1], 6) for area in crossings],
    }
    return Ground(tuple(layer.slabs), street, tuple(lanes), tuple(crossings), tuple(pavements), tuple(rows), record)


class _Layer:
    """The slabs that are laid so far, all with their base at the same height."""

    def __init__(self, base: float) -> None:
        self.base = base
        self.slabs: list[Slab] = []

    def lay(self, area: Area, pieces: Sequence[Asset]) -> Area:
        """Cover an area with a row of slabs, each with its front or kerb, -x, toward -right; the area at its height."""
        place = -area.length / 2
        turn = math.atan2(area.right[1], area.right[0])
        for piece in pieces:
            x, y = area.at(place + piece.size[1] / 2, 0.0)
            self.slabs.append(Slab(piece, make_pose(x, y, self.base, turn, 1.0)))
            place += piece.size[1]
        height = self.base + pieces[0].size[2]
        return Area(area.centre, area.along, area.length, area.width, round(height, 9))


def ground_form(family: str) -> str | None:
    """The form of ground that an asset's family says: "road", "crossing", "pavement" or "lot"; None for others."""
    match = _FAMILY.fullmatch(family)
    return match[1] if match else None


def _forms(assets: Sequence[Asset]) -> Forms:
    """(form, width as named) to look to asset, of what the library's families say; of several alike the first."""
    forms: dict[tuple[str, str], dict[str, Asset]] = {}
    for asset in assets:
        if match := _FAMILY.fullmatch(asset.family):
            forms.setdefault((match[1], match[2]), {}).setdefault(match[3], asset)
    return forms


class _Slabs(NamedTuple):
    """The slabs of a street: `corner` is the pavement of the junctions; one of the `lots` is drawn per row."""

    road: Asset
    crossing: Asset
    pavement: Asset
    corner: Asset
    lots: list[Asset]


def _choose_slabs(assets: Sequence[Asset], rng: Random) -> _Slabs:
    """Road and crossing of one width and look, pavement and junction pavement of one look, and the lots."""
    forms = _forms(assets)
    roads = [
        (looks[look], forms["crossing", width][look])
        for (form, width), looks in forms.items()
        if form == "road" and ("crossing", width) in forms
        for look in looks
        if look in forms["crossing", width]
    ]
    lots = [asset for (form, _), looks in forms.items() if form == "lot" for asset in looks.values()]
    if roads and lots:
        road, crossing = choose(rng, roads)
        pavements = [(look, a) for (form, _), looks in forms.items() if form == "pavement" for look, a in looks.items()]
        corners = {look: a for look, a in pavements if abs(a.size[0] - crossing.size[1]) < 1e-3}
        fitting = [(a, corners[look]) for look, a in pavements if look in corners]
        if fitting:
            pavement, corner = choose(rng, fitting)
            return _Slabs(road, crossing, pavement, corner, lots)
    raise ScenegenError(
        f"the library's {len(assets)} assets of class ground do not make a street (families ground/road*, crossing*, "
        f"pavement*, lot); run `scenegen assets build`"
    )


def _lay_road(layer: _Layer, street: Area, road: Asset, crossing: Asset, blocks: int, rng: Random) -> list[Area]:
    """The street's own road, with crossings at two of the joints of its blocks; where they are."""
    joints = sorted(shuffled(rng, range(blocks + 1))[:CROSSINGS])
    place, crossings, pieces = -street.length / 2, [], []
    for block in range(blocks + 1):
        if block in joints:
            middle = place + crossing.size[1] / 2
            crossings.append(Area((0.0, middle), (1.0, 0.0), street.width, crossing.size[1], 0.0))
            pieces.append(crossing)
            place += crossing.size[1]
        if block < blocks:
            pieces.append(road)
            place += road.size[1]
    layer.lay(street, pieces)
    return crossings


@dataclass(frozen=True)
class _Junction:
    """A road across one end of the street (side 1 or -1 along y), its pavements and the row that closes the view."""

    street: Area
    side: float
    road: Asset
    pavement: Asset
    lot: Asset

    def lay(self, layer: _Layer, pavements: list[Area], rows: list[Area]) -> Area:
        """Lay it, add its pavements and its row; the road."""
        half, side = self.street.length / 2, self.side
        near = 2 * self.pavement.size[1]  # two slabs to either side: past the lots
        count = math.ceil((self.street.width + 2 * near) / self.road.size[1])
        long, along = count * self.road.size[1], (-side, 0.0)
        wide, walk, deep = self.road.size[0], self.pavement.size[0], self.lot.size[0]
        road = layer.lay(Area((0.0, side * (half + wide / 2)), along, long, wide, 0.0), [self.road] * count)
        far = Area((0.0, side * (half + wide + walk / 2)), along, long, walk, 0.0)
        pavements.append(layer.lay(far, [self.pavement] * count))
        row = Area((0.0, side * (half + wide + walk + deep / 2)), along, long, deep, 0.0)
        rows.append(layer.lay(row, [self.lot] * count))
        for hand in (1.0, -1.0):
            centre = (hand * (self.street.width + near) / 2, side * (half - walk / 2))
            corner = Area(centre, (side, 0.0), near, walk, 0.0)
            pavements.append(layer.lay(corner, [self.pavement] * 2))
        return road


def _lanes(road: Area, rng: Random, *, parking: bool) -> list[Lane]:
    """Lanes of 3.5 m, traffic on the right; a kerb lane may be for `parking`, never all of them."""
    count = max(1, round(road.width / LANE))
    wide = road.width / count
    parked: set[int] = set()
    if parking and count > 1:
        sides = shuffled(rng, (0, count - 1))
        parked = set(sides[: integer(rng, 0, 2 if count > 2 else 1)])
    turn = choose(rng, (-1.0, 1.0))
    lanes = []
    for number in range(count):
        offset = (number + 0.5) * wide - road.width / 2
        sign = turn if abs(offset) < wide / 4 else math.copysign(1.0, offset)
        heading = (sign * road.along[0], sign * road.along[1])
        lanes.append(Lane(road, offset, heading, number in parked))
    return lanes
