"""What nuScenes' tables share over all scenes: names, and records that no scene adds to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from scenegen.core.dataset.reading import Dataset
from scenegen.core.scene.classes import class_color
from scenegen.steps.exchange.class_maps import ClassMap

Record = dict[str, Any]

VERSION = "v1.0-scenegen"
"""The folder of the tables, which `NuScenes(version=...)` names."""
SCENE_TABLES = (
    "calibrated_sensor", "ego_pose", "instance", "lidarseg", "log", "map", "sample", "sample_annotation",
    "sample_data", "scene",
)  # fmt: skip
"""Tables to which every scene adds records; each scene has a map, as it has a place, of its own."""

# In the order of nuScenes-lidarseg, where a category's place is its number in the label files.
CATEGORIES = (
    "noise", "animal", "human.pedestrian.adult", "human.pedestrian.child", "human.pedestrian.construction_worker",
    "human.pedestrian.personal_mobility", "human.pedestrian.police_officer", "human.pedestrian.stroller",
    "human.pedestrian.wheelchair", "movable_object.barrier", "movable_object.debris",
    "movable_object.pushable_pullable", "movable_object.trafficcone", "static_object.bicycle_rack", "vehicle.bicycle",
    "vehicle.bus.bendy", "vehicle.bus.rigid", "vehicle.car", "vehicle.construction", "vehicle.emergency.ambulance",
    "vehicle.emergency.police", "vehicle.motorcycle", "vehicle.trailer", "vehicle.truck", "flat.driveable_surface",
    "flat.other", "flat.sidewalk", "flat.terrain", "static.manmade", "static.other", "static.vegetation",
    "vehicle.ego",
)  # fmt: skip
VISIBILITIES = ((0, 40), (40, 60), (60, 80), (80, 100))
"""Percent of an object's pixels that are seen; the level's token is its place, from 1."""
ATTRIBUTES = {"vehicle": "vehicle.stopped", "human": "pedestrian.standing", "cycle": "cycle.without_rider"}
GREY = (128, 128, 128)


def token(*parts: object) -> str:
    """A token of 32 hexadecimal digits, the same for the same parts."""
    return hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


def dataset_origin(dataset: Dataset) -> str:
    """What tells the tokens of a data set from those of another."""
    request = dataset.info.request
    return f"{request.preset}/{request.seed}/{request.split}"


def category_names(classes: ClassMap) -> tuple[str, ...]:
    """nuScenes' categories, and behind them those that only the class map has."""
    return (*CATEGORIES, *sorted(set(classes.values.values()) - set(CATEGORIES)))


def has_box(category: str) -> bool:
    """Whether objects of a category are annotated: of ground, buildings and plants only points have a label."""
    return not category.startswith(("flat.", "static."))


def attribute_of(category: str) -> str | None:
    """The attribute of an object that does not move."""
    if category in ("vehicle.bicycle", "vehicle.motorcycle"):
        return ATTRIBUTES["cycle"]
    return ATTRIBUTES.get(category.partition(".")[0])


def visibility_token(share: float) -> str:
    """The level of a share of visible pixels."""
    return str(1 + sum(100 * share > low for low, _ in VISIBILITIES[1:]))


def fixed_tables(categories: Iterable[str], channels: Iterable[str]) -> dict[str, list[Record]]:
    """The tables that depend on no scene."""
    return {
        "category": [
            {"token": token("category", name), "name": name, "description": "", "index": n}
            for n, name in enumerate(categories)
        ],
        "attribute": [
            {"token": token("attribute", name), "name": name, "description": ""} for name in ATTRIBUTES.values()
        ],
        "visibility": [
            {
                "token": str(n),
                "level": f"v{low}-{high}",
                "description": f"{low} to {high} % of the object's pixels are seen",
            }
            for n, (low, high) in enumerate(VISIBILITIES, start=1)
        ],
        "sensor": [
            {"token": token("sensor", c), "channel": c, "modality": "lidar" if c.startswith("LIDAR") else "camera"}
            for c in channels
        ],
    }


def colormap(classes: ClassMap, categories: Iterable[str]) -> dict[str, tuple[int, int, int]]:
    """A colour per category, for the devkit: `NuScenes(..., colormap=...)`, which knows only its own names."""
    colors = {value: class_color(name.partition("/")[0]) for name, value in reversed(list(classes.values.items()))}
    return {name: colors.get(name, GREY) for name in categories}
