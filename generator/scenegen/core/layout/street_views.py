"""Views of a street, from the height of people's and drivers' eyes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.layout.boxes import box_array, oriented_box
from scenegen.core.layout.collision import distances_to_boxes
from scenegen.core.layout.street_ground import Area, Ground
from scenegen.core.layout.views import Sight, draw_views
from scenegen.core.preset.preset import Preset
from scenegen.core.rng import choose, uniform
from scenegen.core.scene.camera import camera_position, in_view
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera, PlacedObject, Vector

IN_RANGE = 3  # points of an object that must be in range: fewer may be air, in the crown of a tree or between wheels
# Points inside an object, as shares of its box; inside a building, which is large, just behind its front.
INNER = np.array(
    [[x, y, z] for x, y in ((0, 0), (-0.25, 0), (0.25, 0), (0, -0.25), (0, 0.25)) for z in (0.3, 0.5, 0.7)]
)
FRONT = np.array([[x, -0.47, z] for x in (-0.4, -0.2, 0, 0.2, 0.4) for z in (0.05, 0.15, 0.3)])

_AIM = math.radians(8.0)  # how far an aimed view's axis may pass its object
_OPEN = 4.0  # metres ahead of a camera before a wall: a nearer one would be all that is seen
_PLACES = 8  # around an object that are tried
_KERB = 0.3  # metres that a camera keeps from the outer edge of the pavements

Floats = NDArray[np.float64]


class _LevelSight(NamedTuple):
    """Where an eye is, a point it looks at in its own height (world x and y), and the area that it is above."""

    x: float
    y: float
    target_x: float
    target_y: float
    area: Area


def street_views(preset: Preset, objects: Sequence[PlacedObject], ground: Ground, rng: Random) -> tuple[Camera, ...]:
    """Draw views of a street from its road and pavements, as people and drivers see it.

    Each has an object other than ground in range, none nearer than the preset's `clear` and no wall close ahead.
    ScenegenError when such views are too rare to be found.
    """
    assert preset.street is not None
    street, walks = preset.street, (ground.road, *ground.pavements[:2])
    standing = [o for o in objects if not object_class(o.class_name).is_ground]
    aims: dict[str, list[PlacedObject]] = {}
    for item in standing:
        aims.setdefault(item.class_name, []).append(item)
    few = [found for found in aims.values() if _place(found[0]) != "row"]

    def draw(rng: Random) -> Sight:
        aimed = bool(few) and rng.random() < street.aimed
        level = _around(choose(rng, choose(rng, few)), walks, rng) if aimed else _anywhere(walks, rng)
        eye = (level.x, level.y, level.area.height + uniform(rng, *street.eye))
        dx, dy = level.target_x - level.x, level.target_y - level.y
        return Sight(eye, _target(eye, dx, dy, uniform(rng, *street.pitch)))

    ranged = _inner_points(standing)
    walls = box_array(oriented_box(o.matrix, o.size) for o in standing if _place(o) == "row")

    def is_good(camera: Camera) -> bool:
        _, _, (a, b, c, _), _ = camera.world_to_camera
        x, y, z = camera_position(camera)
        ahead = (x + _OPEN * a, y + _OPEN * b, z + _OPEN * c)
        if (distances_to_boxes(walls, ahead) == 0).any():
            return False
        return bool((in_view(camera, ranged).reshape(-1, len(INNER)).sum(axis=1) >= IN_RANGE).any())

    return draw_views(preset, standing, draw, is_good, rng)


def _place(item: PlacedObject) -> str | None:
    """The place in a street of an object's class."""
    return object_class(item.class_name).street


def _anywhere(walks: Sequence[Area], rng: Random) -> _LevelSight:
    """A sight from anywhere on the walks: along the street most often, else across it."""
    area = choose(rng, walks)
    x, y = area.at(uniform(rng, -0.5, 0.5) * area.length, uniform(rng, -0.5, 0.5) * (area.width - 2 * _KERB))
    along = rng.random() < 0.65
    yaw = (math.pi / 2 if along else 0.0) + choose(rng, (0.0, math.pi)) + uniform(rng, -0.5, 0.5)
    return _LevelSight(x, y, x + math.cos(yaw), y + math.sin(yaw), area)


def _around(aim: PlacedObject, walks: Sequence[Area], rng: Random) -> _LevelSight:
    """A sight some metres from an object and facing it; from anywhere if no such place on the walks is found."""
    middle_x, middle_y = aim.matrix[0][3], aim.matrix[1][3]
    for _ in range(_PLACES):
        angle, far = uniform(rng, 0.0, 2 * math.pi), max(aim.size[:2]) / 2 + uniform(rng, 2.0, 7.0)
        x, y = middle_x + far * math.cos(angle), middle_y + far * math.sin(angle)
        yaw = angle + math.pi + uniform(rng, -_AIM, _AIM)
        for area in walks:
            cx, cy = area.centre
            along = (x - cx) * area.along[0] + (y - cy) * area.along[1]
            aside = (x - cx) * area.right[0] + (y - cy) * area.right[1]
            if abs(along) <= area.length / 2 and abs(aside) <= area.width / 2 - _KERB:
                return _LevelSight(x, y, x + math.cos(yaw), y + math.sin(yaw), area)
    return _anywhere(walks, rng)


def _target(eye: Vector, dx: float, dy: float, pitch: float) -> Vector:
    """A point straight ahead of an eye that looks along (dx, dy), `pitch` degrees above the horizon."""
    return eye[0] + dx, eye[1] + dy, eye[2] + math.tan(math.radians(pitch)) * math.hypot(dx, dy)


def _inner_points(objects: Sequence[PlacedObject]) -> Floats:
    """Points of every object that are in its solid, (N * len(INNER), 3)."""
    points = []
    for item in objects:
        x, y, z = ((FRONT if _place(item) == "row" else INNER) * item.size).T
        rows = (row[0] * x + row[1] * y + row[2] * z + row[3] for row in item.matrix[:3])
        points.append(np.stack(list(rows), axis=1))
    return np.concatenate(points) if points else np.zeros((0, 3))
