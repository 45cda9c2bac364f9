"""Which objects are wished for, and where each of them finds a free place.

Objects are placed one after another, parents before what stands on them and large before small. An object that finds no
free place within the preset's attempts is left out and recorded, so a layout always comes to an end.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np

from scenegen.core.asset_library import Asset
from scenegen.core.layout.arrangement import AssetsByClass
from scenegen.core.layout.boxes import Box, BoxArray, aligned_box, box_array, make_pose, oriented_box, place_asset
from scenegen.core.layout.collision import boxes_overlap, distance_to_box, inside_room
from scenegen.core.layout.support import stands_on, support_point, top_supports
from scenegen.core.preset.preset import ClassRule, Preset, stacking_order
from scenegen.core.rng import choose, integer, shuffled, uniform
from scenegen.core.scene.scene import Matrix4, PlacedObject, Skipped, Vector


@dataclass(frozen=True)
class WishedObject:
    """An object that is meant to be in the scene, on the floor or `on_parent`."""

    rule: ClassRule
    asset: Asset
    scale: float
    on_parent: bool


class ClearPoint(NamedTuple):
    """A world point, such as a camera's place, that no object comes nearer to than `distance` metres."""

    point: Vector
    distance: float


@dataclass(frozen=True)
class Site:
    """What is fixed before the first object is placed: the space for objects (a room's size) and what stays clear."""

    preset: Preset
    space: Vector
    clear: tuple[ClearPoint, ...]


class PlacedObjects(NamedTuple):
    """The objects that found a place, and those that did not."""

    objects: tuple[PlacedObject, ...]
    skipped: tuple[Skipped, ...]


class _Search(NamedTuple):
    """How the search for a free place ended: the pose (None if none was found), what carries it, tries taken."""

    pose: Matrix4 | None
    parent: int | None
    attempts: int


def draw_wishes(preset: Preset, assets: AssetsByClass, rng: Random) -> list[WishedObject]:
    """Draw the objects that are meant to be in a scene, in the order of placing; at least one is for the floor."""
    wishes: list[WishedObject] = []

    def wish(rule: ClassRule, *, on_parent: bool) -> None:
        wishes.append(WishedObject(rule, choose(rng, assets[rule.name]), uniform(rng, *preset.scale), on_parent))

    for rule in preset.rules:
        for _ in range(integer(rng, 0, rule.maximum)):
            fate = rng.random()
            if fate < rule.on_chance + rule.floor_chance:
                wish(rule, on_parent=fate < rule.on_chance)
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


def place_objects(site: Site, wishes: Iterable[WishedObject], rng: Random) -> PlacedObjects:
    """Place the wished objects in their order, each where it is free of those before it."""
    objects: list[PlacedObject] = []
    assets: list[Asset] = []
    taken: list[Box] = []
    skipped: list[Skipped] = []
    for wish in wishes:
        attempts, reason = 0, ""
        found: _Search | None = None
        others = box_array(taken)
        if wish.on_parent:
            carriers = [(o, a) for o, a in zip(objects, assets, strict=True) if a.class_name in wish.rule.on]
            found = _place_on_parent(site, wish, carriers, others, rng)
            attempts += found.attempts
            reason = f"no {'free place on a ' if found.attempts else ''}{' or '.join(wish.rule.on)}"
        if (found is None or found.pose is None) and wish.rule.floor_chance:
            found = _place_on_floor(site, wish, others, rng)
            attempts += found.attempts
            reason = f"{reason}, none on the floor" if reason else "no free place on the floor"
        if found is None or found.pose is None:
            skipped.append(Skipped(wish.rule.name, wish.asset.name, attempts, reason))
            continue
        box = oriented_box(found.pose, wish.asset.size)
        taken.append(_kept_apart(site, box))
        assets.append(wish.asset)
        objects.append(place_asset(len(objects), wish.rule.name, wish.asset, found.pose, found.parent))
    return PlacedObjects(tuple(objects), tuple(skipped))


def _place_on_floor(site: Site, wish: WishedObject, others: BoxArray, rng: Random) -> _Search:
    """Search a free place on the floor."""
    wide, deep, _ = site.space
    for attempt in range(1, site.preset.attempts + 1):
        yaw = uniform(rng, 0.0, 2 * math.pi)
        around = aligned_box(oriented_box(make_pose(0.0, 0.0, 0.0, yaw, wish.scale), wish.asset.size))
        reach_x, reach_y = wide / 2 - around.half_x, deep / 2 - around.half_y
        matrix = make_pose(uniform(rng, -reach_x, reach_x), uniform(rng, -reach_y, reach_y), 0.0, yaw, wish.scale)
        if _is_free(site, oriented_box(matrix, wish.asset.size), others):
            return _Search(matrix, None, attempt)
    return _Search(None, None, site.preset.attempts)


def _place_on_parent(
    site: Site,
    wish: WishedObject,
    carriers: Sequence[tuple[PlacedObject, Asset]],
    others: BoxArray,
    rng: Random,
) -> _Search:
    """Search a free place on top of one of `carriers`; no attempts where none of them has a top that carries.

    The child stands on its parent's top, which is at most support.TOP from the support, so that their boxes touch.
    """
    tops = [(parent, support) for parent, asset in carriers for support in top_supports(asset)]
    if not tops:
        return _Search(None, None, 0)
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
            return _Search(matrix, parent.id, attempt)
    return _Search(None, None, site.preset.attempts)


def _is_free(site: Site, box: Box, others: BoxArray) -> bool:
    return (
        inside_room(box, site.space)
        and all(distance_to_box(box, clear.point) >= clear.distance for clear in site.clear)
        and not boxes_overlap(_kept_apart(site, box), others).any()
    )


def _kept_apart(site: Site, box: Box) -> Box:
    """The box that must not overlap another object's."""
    return aligned_box(box) if site.preset.boxes == "axis_aligned" else box
