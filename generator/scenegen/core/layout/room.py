"""Which objects a scene holds and where they stand: in a room, on show, or along a street (see street.py).

Objects go in one after another, parents before what stands on them and large before small. One that finds no place
free within the preset's attempts is left out and recorded, so a layout always ends.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset
from scenegen.core.errors import ScenegenError
from scenegen.core.layout.cameras import camera_position, make_cameras, room_coverage
from scenegen.core.layout.collision import (
    Box,
    aligned_box,
    boxes_meet,
    distance_to_box,
    inside_room,
    make_pose,
    oriented_box,
    put_down,
    stands_on,
    support_point,
    top_supports,
)
from scenegen.core.layout.street import lay_street
from scenegen.core.layout.street_views import showcase_views, street_views
from scenegen.core.look.variation import VARIATIONS, draw_look
from scenegen.core.preset.preset import ClassRule, Preset, stacking_order
from scenegen.core.rng import choose, integer, shuffled, stream, uniform
from scenegen.core.scene.scene import Camera, Matrix4, PlacedObject, Scene, Skipped, Vector

Usable = Mapping[str, Sequence[Asset]]
Arranged = tuple[tuple[Camera, ...], tuple[PlacedObject, ...], tuple[Skipped, ...], dict[str, Any]]

_COVERAGE_CELL = 0.2  # metres: fine enough for two decimals of `room_seen`, and a millisecond


@dataclass(frozen=True)
class _Wish:
    """An object that is meant to be in the scene."""

    rule: ClassRule
    asset: Asset
    scale: float
    on_parent: bool


@dataclass(frozen=True)
class _Site:
    """What is fixed before the first object is placed; no object comes nearer to a point of `eyes` than its metres.

    `space` is what the objects stand in, as a room's size.
    """

    preset: Preset
    space: Vector
    eyes: tuple[tuple[Vector, float], ...]


def make_scene(
    preset: Preset, assets: Sequence[Asset], seed: int, index: int, split: str, variation: Sequence[str] = VARIATIONS
) -> Scene:
    """Scene `index` of a data set, decided by the arguments alone; `assets` in the order of their names.

    Whatever `variation` leaves out, the same objects stand in the same places.

    ScenegenError when a class has no asset of this split or an asset does not fit into the room.
    """
    usable = _usable_assets(preset, assets, split)
    views, chances, places = (stream(seed, index, f"{split}/{name}") for name in ("cameras", "objects", "places"))
    if preset.layout == "street":
        cameras, objects, skipped, extra = _street(preset, usable, views, places)
    elif preset.layout == "showcase":
        cameras, objects, skipped, extra = _show(preset, usable, views, chances, places)
    else:
        cameras, objects, skipped, extra = _furnish(preset, usable, views, chances, places, "cameras" in variation)
    return Scene(
        seed=seed,
        index=index,
        preset=preset.name,
        split=split,
        classes=preset.classes,
        grid=preset.grid,
        room=preset.room,
        cameras=cameras,
        objects=objects,
        skipped=skipped,
        look=draw_look(preset, objects, seed, index, split, variation),
        extra=extra,
    )


def _furnish(preset: Preset, usable: Usable, views: Random, chances: Random, places: Random, vary: bool) -> Arranged:
    """Furniture in a room with fixed cameras."""
    assert preset.room is not None
    moved = make_cameras(preset, views)
    cameras = moved if vary else make_cameras(preset, None)
    site = _Site(preset, preset.room, _eyes(preset, moved))
    objects, skipped = _place_all(site, _draw_wishes(preset, usable, chances), places)
    seen_by_any, seen_by_all, seen = room_coverage(cameras, preset.room, _COVERAGE_CELL)
    room_seen = {
        "any": round(seen_by_any, 4),
        "all": round(seen_by_all, 4),
        "per_camera": [round(share, 4) for share in seen],
    }
    return cameras, objects, skipped, {"room_seen": room_seen}


def _show(preset: Preset, usable: Usable, views: Random, chances: Random, places: Random) -> Arranged:
    """A few objects of like sizes on nothing, seen from around."""
    shown = preset.showcase
    assert shown is not None
    side = math.sqrt(2) * shown.radius
    site = _Site(preset, (side, side, side), ())
    wishes = [
        dataclasses.replace(wish, scale=min(uniform(chances, *shown.size), 0.99 * side) / max(wish.asset.size))
        for wish in _draw_wishes(preset, usable, chances)
    ]
    objects, skipped = _place_all(site, wishes, places)
    return showcase_views(preset, objects, views), objects, skipped, {}


def _street(preset: Preset, usable: Usable, views: Random, places: Random) -> Arranged:
    """A street."""
    laid = lay_street(preset, usable, places)
    return street_views(preset, laid.objects, laid.ground, views), laid.objects, laid.skipped, {"street": laid.record}


def _eyes(preset: Preset, cameras: Sequence[Camera]) -> tuple[tuple[Vector, float], ...]:
    """What to keep clear: the moved cameras even where they are not shown, so that objects stand alike.

    A jitter too small to bring an object into the near plane of an unmoved camera needs no more than that.
    """
    rig, near = preset.cameras, preset.frustum.near
    moved = tuple((camera_position(camera), rig.clear) for camera in cameras)
    reach = math.sqrt(3.0) * rig.position_jitter
    unmoved = tuple((place.position, near) for place in rig.places) if rig.clear - reach < near else ()
    return moved + unmoved


def _usable_assets(preset: Preset, assets: Sequence[Asset], split: str) -> Usable:
    """Class to its assets of a split; refuses what would fail later in some scene or other."""
    rules = [rule for rule in preset.rules if rule.maximum]
    usable = {
        rule.name: [a for a in assets if a.split == split and a.class_name in rule.asset_classes] for rule in rules
    }
    for rule in rules:
        if preset.room:
            for asset in usable[rule.name]:
                _check_fits(asset, preset.room, preset.scale[1])
        if not usable[rule.name]:
            raise ScenegenError(
                f"the library has no {rule.asset_classes[0]} for the {split} split; run `scenegen assets build`, "
                f"or `scenegen assets add --class {rule.asset_classes[0]} --split {split} FILE`"
            )
    return usable


def _check_fits(asset: Asset, room: Vector, scale: float) -> None:
    x, y, z = (length * scale for length in asset.size)
    wide, deep, high = room
    if z > high or not ((x <= wide and y <= deep) or (y <= wide and x <= deep)):
        raise ScenegenError(
            f"{asset.folder}: this {asset.class_name} ({asset.split}) of {x:.2f} x {y:.2f} x {z:.2f} m does not fit "
            f"into the room; remove it with `scenegen assets drop {asset.name}` and add it at its true size"
        )


def _draw_wishes(preset: Preset, usable: Usable, rng: Random) -> list[_Wish]:
    """The objects meant to be in a scene, at least one of them on the floor, in the order of placing."""
    wishes: list[_Wish] = []

    def wish(rule: ClassRule, on_parent: bool) -> None:
        wishes.append(_Wish(rule, choose(rng, usable[rule.name]), uniform(rng, *preset.scale), on_parent))

    for rule in preset.rules:
        for _ in range(integer(rng, 0, rule.maximum)):
            fate = rng.random()
            if fate < rule.on_chance + rule.floor_chance:
                wish(rule, fate < rule.on_chance)
    fewest, most = preset.objects
    while len(wishes) < fewest or all(w.on_parent for w in wishes):
        spare = [rule for rule in preset.rules if sum(w.rule is rule for w in wishes) < rule.maximum]
        grounded = [rule for rule in spare if rule.floor_chance]
        if not spare:
            break
        rule = choose(rng, grounded or spare)
        wish(rule, on_parent=not rule.floor_chance)

    # the sort is stable: those that stand on the floor first, so that the cut leaves one of them
    mixed = sorted(shuffled(rng, wishes), key=lambda w: w.on_parent)
    kept = mixed[:1] + shuffled(rng, mixed[1:])[: most - 1]
    levels = stacking_order(preset.rules)
    return sorted(kept, key=lambda w: (levels[w.rule.name], -w.asset.size[0] * w.asset.size[1] * w.scale**2))


def _place_all(
    site: _Site, wishes: Iterable[_Wish], rng: Random
) -> tuple[tuple[PlacedObject, ...], tuple[Skipped, ...]]:
    objects: list[PlacedObject] = []
    assets: list[Asset] = []
    taken: list[Box] = []
    skipped: list[Skipped] = []
    for wish in wishes:
        attempts, reason = 0, ""
        found: tuple[Matrix4, int | None] | None = None
        others = np.array(taken).reshape(-1, 8)
        if wish.on_parent:
            carriers = [(o, a) for o, a in zip(objects, assets, strict=True) if a.class_name in wish.rule.on]
            found, tried = _place_on_parent(site, wish, carriers, others, rng)
            attempts += tried
            reason = f"no {'free place on a ' if tried else ''}{' or '.join(wish.rule.on)}"
        if found is None and wish.rule.floor_chance:
            found, tried = _place_on_floor(site, wish, others, rng)
            attempts += tried
            reason = f"{reason}, none on the floor" if reason else "no free place on the floor"
        if found is None:
            skipped.append(Skipped(wish.rule.name, wish.asset.name, attempts, reason))
            continue
        matrix, parent = found
        box = oriented_box(matrix, wish.asset.size)
        taken.append(_kept_apart(site, box))
        assets.append(wish.asset)
        objects.append(put_down(len(objects), wish.rule.name, wish.asset, matrix, parent))
    return tuple(objects), tuple(skipped)


def _place_on_floor(
    site: _Site, wish: _Wish, others: NDArray[np.float64], rng: Random
) -> tuple[tuple[Matrix4, None] | None, int]:
    """A free place on the floor, or None, and the number of attempts."""
    wide, deep, _ = site.space
    for attempt in range(1, site.preset.attempts + 1):
        yaw = uniform(rng, 0.0, 2 * math.pi)
        around = aligned_box(oriented_box(make_pose(0.0, 0.0, 0.0, yaw, wish.scale), wish.asset.size))
        reach_x, reach_y = wide / 2 - around[4], deep / 2 - around[5]
        matrix = make_pose(uniform(rng, -reach_x, reach_x), uniform(rng, -reach_y, reach_y), 0.0, yaw, wish.scale)
        if _is_free(site, oriented_box(matrix, wish.asset.size), others):
            return (matrix, None), attempt
    return None, site.preset.attempts


def _place_on_parent(
    site: _Site,
    wish: _Wish,
    carriers: Sequence[tuple[PlacedObject, Asset]],
    others: NDArray[np.float64],
    rng: Random,
) -> tuple[tuple[Matrix4, int] | None, int]:
    """A free place on top of one of `carriers`, or None, and the number of attempts: 0 where nothing can carry.

    The child stands on its parent's top, which is at most placement.TOP from the support, so that their boxes touch.
    """
    tops = [(parent, support) for parent, asset in carriers for support in top_supports(asset)]
    if not tops:
        return None, 0
    cells = [np.argwhere(support.mask) for _, support in tops]
    for attempt in range(1, site.preset.attempts + 1):
        number = integer(rng, 0, len(tops) - 1)
        parent, support = tops[number]
        i, j = cells[number][integer(rng, 0, len(cells[number]) - 1)]
        x, y = support_point(parent.matrix, support, (float(i) + rng.random(), float(j) + rng.random()))
        top = parent.matrix[2][3] + parent.size[2] * parent.matrix[2][2]
        matrix = make_pose(x, y, top, uniform(rng, 0.0, 2 * math.pi), wish.scale)
        box = oriented_box(matrix, wish.asset.size)
        if stands_on(box, parent.matrix, support) and _is_free(site, box, others):
            return (matrix, parent.id), attempt
    return None, site.preset.attempts


def _is_free(site: _Site, box: Box, others: NDArray[np.float64]) -> bool:
    return (
        inside_room(box, site.space)
        and all(distance_to_box(box, eye) >= clear for eye, clear in site.eyes)
        and not boxes_meet(_kept_apart(site, box), others).any()
    )


def _kept_apart(site: _Site, box: Box) -> Box:
    """The box that must not meet another one's."""
    return aligned_box(box) if site.preset.boxes == "axis_aligned" else box
