"""A street: lanes, crossings, kerbs, pavements, rows of buildings, vehicles, trees and people.

The street runs along y with its middle at the origin and ends in a junction at both ends, beyond which a row of
buildings closes the view. The ground is made of assets of class "ground" (slabs, see parametric/street/ground.py) laid
edge to edge: roads with their top at z = 0, pavements and lots a kerb higher. Everything else stands on them. Boxes may
touch and never overlap, so no wheel stands on a pavement.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from scenegen.core.asset_library import Asset
from scenegen.core.layout.arrangement import Arrangement, AssetsByClass, LayoutStreams
from scenegen.core.layout.boxes import Box, box_array, make_pose, oriented_box, place_asset
from scenegen.core.layout.collision import boxes_overlap
from scenegen.core.layout.street_ground import Area, Ground, Lane, lay_ground
from scenegen.core.layout.street_rig import plan_drive, rig_cameras, rig_of
from scenegen.core.layout.street_views import street_views
from scenegen.core.preset.preset import ClassRule, Preset
from scenegen.core.rng import choose, integer, shuffled, uniform
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Matrix4, PlacedObject, Skipped

_PARKABLE = 8.0  # metres: longer vehicles are not parked
_STREET_TREE = 3.2  # metres across: a wider one, on a pavement, would hang over the lanes
_SMALLEST_TREE = 0.5  # a tree is made smaller for a pavement by no more than this
_GROUP_CHANCE = 0.35  # probability that a person stands near the one before


@dataclass
class _Street:
    """What has been placed so far; `boxes` are those of the objects, and of what must stay free."""

    preset: Preset
    ground: Ground
    rng: Random
    objects: list[PlacedObject]
    boxes: list[Box]
    skipped: list[Skipped] = field(default_factory=list)

    def put(self, rule: ClassRule, asset: Asset, matrix: Matrix4, room: float = 0.0) -> bool:
        """Place an object unless its box, `room` metres longer at either end, overlaps another object's."""
        box = oriented_box(matrix, asset.size)
        longer = box._replace(half_y=box.half_y + room)
        if boxes_overlap(longer, box_array(self.boxes)).any():
            return False
        parent = self.ground.slab_at(matrix[0][3], matrix[1][3])
        self.objects.append(place_asset(len(self.objects), rule.name, asset, matrix, parent))
        self.boxes.append(box)
        return True

    def number(self, rule: ClassRule) -> int:
        """How many objects of a class to try: at least a third of its maximum."""
        return integer(self.rng, -(-rule.maximum // 3), rule.maximum)

    def scale(self) -> float:
        """An object's size factor."""
        return uniform(self.rng, *self.preset.scale)

    def skip(self, rule: ClassRule, asset: Asset, where: str) -> None:
        """Record an object that found no place."""
        self.skipped.append(Skipped(rule.name, asset.name, self.preset.attempts, f"no free place {where}"))


def arrange_street(preset: Preset, usable: AssetsByClass, streams: LayoutStreams) -> Arrangement:
    """One street of a preset, and views of it or a drive along it.

    ScenegenError when the library has no ground to lay, or the street is too short for the drive.
    """
    assert preset.street is not None
    (ground_rule,) = _rules_of(preset, "ground")
    ground = lay_ground(usable[ground_rule.name], integer(streams.places, *preset.street.blocks), streams.places)
    drive = plan_drive(preset, ground, streams.drive) if preset.vehicle else None
    street = _furnish(preset, usable, ground, [drive.free] if drive else [], streams.places)
    record = {"street": ground.record}
    if preset.vehicle and drive:
        cameras, rig = rig_cameras(preset, drive.poses), rig_of(preset.vehicle, drive.poses)
        return Arrangement(cameras, tuple(street.objects), tuple(street.skipped), record, rig)
    cameras = street_views(preset, street.objects, ground, streams.cameras)
    return Arrangement(cameras, tuple(street.objects), tuple(street.skipped), record)


def _furnish(preset: Preset, usable: AssetsByClass, ground: Ground, free: Sequence[Box], rng: Random) -> _Street:
    """Place everything that stands on the ground, and nothing in the boxes that must stay `free`."""
    (ground_rule,) = _rules_of(preset, "ground")
    objects = [
        place_asset(number, ground_rule.name, slab.asset, slab.matrix, None) for number, slab in enumerate(ground.slabs)
    ]
    street = _Street(preset, ground, rng, objects, [*(oriented_box(o.matrix, o.size) for o in objects), *free])
    for place, place_class in _PLACES.items():
        for rule in _rules_of(preset, place):
            place_class(street, rule, usable[rule.name])
    return street


def _rules_of(preset: Preset, place: str) -> list[ClassRule]:
    """The classes with this place in a street, the longest first: they find room only while there is much of it."""
    rules = [rule for rule in preset.rules if rule.maximum and object_class(rule.name).street == place]
    return sorted(rules, key=lambda rule: -_usual_length(rule.name))


def _usual_length(class_name: str) -> float:
    usual = object_class(class_name).usual_size
    return usual.longest[1] if usual else 0.0


def _heading(dx: float, dy: float) -> float:
    """The yaw that turns an asset's front, -Y, toward (dx, dy)."""
    return math.atan2(dx, -dy)


def _build(street: _Street, rule: ClassRule, assets: Sequence[Asset]) -> None:
    """Place rows of buildings with terraces, gaps and set-backs, fronts to the street."""
    rng, left = street.rng, rule.maximum
    for row in street.ground.rows:
        facing = _heading(-row.right[0], -row.right[1])
        usual = uniform(rng, 0.2, 1.5)
        start, end = -row.length / 2 + uniform(rng, 0.1, 1.0), row.length / 2 - 0.1
        while left:
            scale = street.scale()
            fitting = [a for a in assets if a.size[0] * scale <= end - start and a.size[1] * scale <= row.width - 0.4]
            if not fitting:
                break
            asset = choose(rng, fitting)
            wide, deep = asset.size[0] * scale, asset.size[1] * scale
            back = usual if rng.random() < 0.7 else uniform(rng, 0.2, 4.0)
            back = min(back, row.width - deep - 0.1)
            x, y = row.at(start + wide / 2, -row.width / 2 + back + deep / 2)
            street.put(rule, asset, make_pose(x, y, row.height, facing, scale))
            left -= 1
            start += wide + (uniform(rng, 0.05, 0.3) if rng.random() < 0.55 else uniform(rng, 1.5, 5.0))


def _plant(street: _Street, rule: ClassRule, assets: Sequence[Asset]) -> None:
    """Place trees along the kerbs at even distances, the rest in the gardens."""
    rng, left = street.rng, street.number(rule)
    for pavement in shuffled(rng, street.ground.pavements[:2]):
        step = uniform(rng, 7.0, 12.0)
        place = -pavement.length / 2 + uniform(rng, 2.0, step)
        while place < pavement.length / 2 - 2 and left > 0:
            asset = choose(rng, assets)
            scale = min(street.scale(), _STREET_TREE / max(asset.size[:2]))
            x, y = pavement.at(place + uniform(rng, -0.4, 0.4), -pavement.width / 2 + uniform(rng, 0.8, 1.1))
            pose = make_pose(x, y, pavement.height, uniform(rng, 0.0, 2 * math.pi), scale)
            if scale >= _SMALLEST_TREE and street.put(rule, asset, pose):
                left -= 1
            place += step
    for _ in range(left):
        asset, scale = choose(rng, assets), street.scale()
        for _ in range(street.preset.attempts):
            row = choose(rng, street.ground.rows)
            x, y = row.at(uniform(rng, -0.5, 0.5) * row.length, uniform(rng, -0.45, 0.45) * row.width)
            pose = make_pose(x, y, row.height, uniform(rng, 0.0, 2 * math.pi), scale)
            if street.put(rule, asset, pose):
                break
        else:
            street.skip(rule, asset, "in the gardens")


def _drive(street: _Street, rule: ClassRule, assets: Sequence[Asset]) -> None:
    """Place vehicles in the lanes: parked along the kerb, or driving in the direction of the lane."""
    rng, lanes = street.rng, street.ground.lanes
    for _ in range(street.number(rule)):
        asset, scale = choose(rng, assets), street.scale()
        fitting = [lane for lane in lanes if not lane.parking or asset.size[1] * scale <= _PARKABLE]
        for _ in range(street.preset.attempts):
            if fitting and _drive_one(street, rule, asset, scale, choose(rng, fitting)):
                break
        else:
            street.skip(rule, asset, "in the lanes")


def _drive_one(street: _Street, rule: ClassRule, asset: Asset, scale: float, lane: Lane) -> bool:
    rng, wide = street.rng, asset.size[0] * scale
    turn = math.radians(1.0 if lane.parking else 2.0)
    aside = lane.offset + uniform(rng, -0.25, 0.25)
    if lane.parking:
        aside = math.copysign(lane.road.width / 2 - uniform(rng, 0.15, 0.4) - wide / 2, lane.offset)
    along = uniform(rng, -0.5, 0.5) * lane.road.length
    x, y = lane.road.at(along, aside)
    heading = _heading(*lane.heading) + uniform(rng, -turn, turn)
    matrix = make_pose(x, y, lane.road.height, heading, scale)
    box = oriented_box(matrix, asset.size)
    if not lane.road.holds(box) or any(crossing.overlaps(box, 0.5) for crossing in street.ground.crossings):
        return False
    return street.put(rule, asset, matrix, room=0.3 if lane.parking else 0.8)


def _park_on_pavements(street: _Street, rule: ClassRule, assets: Sequence[Asset]) -> None:
    """Place bicycles on the pavements, along the kerb or along the fronts."""
    rng = street.rng
    for _ in range(street.number(rule)):
        asset, scale = choose(rng, assets), street.scale()
        for _ in range(street.preset.attempts):
            pavement = choose(rng, street.ground.pavements)
            side = choose(rng, (-1.0, 1.0))
            edge = pavement.width / 2 - asset.size[0] * scale / 2 - uniform(rng, 0.15, 0.5)
            yaw = _heading(*pavement.along) + math.pi * integer(rng, 0, 1) + uniform(rng, -0.12, 0.12)
            along = uniform(rng, -0.5, 0.5) * pavement.length
            x, y = pavement.at(along, side * edge)
            if _stand(street, rule, asset, pavement, make_pose(x, y, pavement.height, yaw, scale)):
                break
        else:
            street.skip(rule, asset, "on the pavements")


def _walk(street: _Street, rule: ClassRule, assets: Sequence[Asset]) -> None:
    """Place people on pavements and crossings; most walk along, some stand in groups."""
    rng = street.rng
    last: tuple[Area, float, float] | None = None
    for _ in range(street.number(rule)):
        asset, scale = choose(rng, assets), street.scale()
        for _ in range(street.preset.attempts):
            area = choose(rng, street.ground.crossings if rng.random() < 0.12 else street.ground.pavements)
            place = uniform(rng, -0.5, 0.5) * area.length, uniform(rng, -0.5, 0.5) * area.width
            if last and rng.random() < _GROUP_CHANCE:
                area, along, aside = last
                angle, far = uniform(rng, 0.0, 2 * math.pi), uniform(rng, 0.7, 1.3)
                place = along + far * math.cos(angle), aside + far * math.sin(angle)
            yaw = _heading(*area.along) + math.pi * integer(rng, 0, 1) + uniform(rng, -0.35, 0.35)
            if rng.random() < 0.3:
                yaw = uniform(rng, 0.0, 2 * math.pi)
            x, y = area.at(*place)
            if _stand(street, rule, asset, area, make_pose(x, y, area.height, yaw, scale)):
                last = (area, *place)
                break
        else:
            street.skip(rule, asset, "on the pavements")


def _stand(street: _Street, rule: ClassRule, asset: Asset, area: Area, matrix: Matrix4) -> bool:
    """Place an object wholly on an area, if it is free there."""
    return area.holds(oriented_box(matrix, asset.size)) and street.put(rule, asset, matrix)


_PLACES: Mapping[str, Callable[[_Street, ClassRule, Sequence[Asset]], None]] = {
    "row": _build,
    "garden": _plant,
    "lane": _drive,
    "kerb": _park_on_pavements,
    "walk": _walk,
}
"""What places the classes of each place in a street, in this order: large and fixed objects first."""
