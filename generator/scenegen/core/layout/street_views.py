"""Cameras drawn anew for every view: in a street at the height of eyes, or around objects that are shown.

A view is drawn again while its eye is too near to an object or nothing that counts is in its frustum's range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from scenegen.core.errors import ScenegenError
from scenegen.core.layout.cameras import camera_matrix, camera_position, in_view, look_at
from scenegen.core.layout.collision import distances_to_boxes, oriented_box
from scenegen.core.layout.street_ground import Area, Ground
from scenegen.core.preset.preset import Preset
from scenegen.core.rng import choose, uniform
from scenegen.core.scene.scene import Camera, PlacedObject, Vector

MOST_DRAWS = 1000
IN_RANGE = 3  # of an object's points: fewer may be air, in the crown of a tree or between wheels
GROUND = "ground"
# Shares of an object's box, of points that are in its solid; of a building, which is large, just behind its front.
INNER = np.array(
    [[x, y, z] for x, y in ((0, 0), (-0.25, 0), (0.25, 0), (0, -0.25), (0, 0.25)) for z in (0.3, 0.5, 0.7)]
)
FRONT = np.array([[x, -0.47, z] for x in (-0.4, -0.2, 0, 0.2, 0.4) for z in (0.05, 0.15, 0.3)])

_AIM = math.radians(8.0)  # how far an aimed view's axis may pass its object
_OPEN = 4.0  # metres ahead of a camera before a wall: a nearer one would be all that is seen
_PLACES = 8  # around an object that are tried
_KERB = 0.3  # metres that a camera keeps from the outer edge of the pavements

Draw = Callable[[Random], tuple[Vector, Vector]]  # an eye and its target
Floats = NDArray[np.float64]


def street_views(preset: Preset, objects: Sequence[PlacedObject], ground: Ground, rng: Random) -> tuple[Camera, ...]:
    """Views of a street from its road and pavements, as people and drivers see it.

    Each has an object other than ground in range, none nearer than the preset's `clear` and no wall close ahead.
    ScenegenError when such views are too rare to be found.
    """
    assert preset.street is not None
    street, walks = preset.street, (ground.road, *ground.pavements[:2])
    things = [o for o in objects if o.class_name != GROUND]
    aims: dict[str, list[PlacedObject]] = {}
    for thing in things:
        aims.setdefault(thing.class_name, []).append(thing)
    few = [found for name, found in aims.items() if name != "building"]

    def draw(rng: Random) -> tuple[Vector, Vector]:
        aimed = bool(few) and rng.random() < street.aimed
        x, y, area = _around(choose(rng, choose(rng, few)), walks, rng) if aimed else _anywhere(walks, rng)
        height = area.height + uniform(rng, *street.eye)
        return (x[0], y[0], height), _target(
            (x[0], y[0], height), x[1] - x[0], y[1] - y[0], uniform(rng, *street.pitch)
        )

    ranged = _inner_points(things)
    walls = np.array([oriented_box(o.matrix, o.size) for o in things if o.class_name == "building"]).reshape(-1, 8)

    def good(camera: Camera) -> bool:
        _, _, (a, b, c, _), _ = camera.world_to_camera
        x, y, z = camera_position(camera)
        ahead = (x + _OPEN * a, y + _OPEN * b, z + _OPEN * c)
        if (distances_to_boxes(walls, ahead) == 0).any():
            return False
        return bool((in_view(camera, ranged).reshape(-1, len(INNER)).sum(axis=1) >= IN_RANGE).any())

    return _draw_views(preset, things, draw, good, rng)


def showcase_views(preset: Preset, objects: Sequence[PlacedObject], rng: Random) -> tuple[Camera, ...]:
    """Views of objects from around: every box wholly between near and far, every object's middle in the image."""
    shown = preset.showcase
    assert shown is not None
    low = np.array([o.bbox.min for o in objects]).min(axis=0)
    high = np.array([o.bbox.max for o in objects]).max(axis=0)
    x, y, z = ((low + high) / 2).tolist()
    corners = np.array([[(o.bbox.min, o.bbox.max)[n >> k & 1][k] for k in range(3)] for o in objects for n in range(8)])
    middles = corners.reshape(-1, 8, 3).mean(axis=1)

    def draw(rng: Random) -> tuple[Vector, Vector]:
        far, around = uniform(rng, *shown.distance), uniform(rng, 0.0, 2 * math.pi)
        up = math.radians(uniform(rng, *shown.elevation))
        level = far * math.cos(up)
        eye = (x + level * math.cos(around), y + level * math.sin(around), z + far * math.sin(up))
        aside, ahead, above = (uniform(rng, -0.05, 0.05) * far for _ in range(3))
        return eye, (x + aside, y + ahead, z + above)

    def good(camera: Camera) -> bool:
        a, b, c, d = camera.world_to_camera[2]
        depth = a * corners[:, 0] + b * corners[:, 1] + c * corners[:, 2] + d
        within = depth.min() >= camera.frustum.near and depth.max() <= camera.frustum.far
        return bool(within and in_view(camera, middles).all())

    return _draw_views(preset, objects, draw, good, rng)


def _draw_views(
    preset: Preset, things: Sequence[PlacedObject], draw: Draw, good: Callable[[Camera], bool], rng: Random
) -> tuple[Camera, ...]:
    width, height = preset.image_size
    intrinsics = camera_matrix(width, height, preset.cameras.hfov)
    boxes = np.array([oriented_box(o.matrix, o.size) for o in things]).reshape(-1, 8)
    cameras: list[Camera] = []
    for number in range(preset.views):
        for _ in range(MOST_DRAWS):
            eye, target = draw(rng)
            if (distances_to_boxes(boxes, eye) < preset.cameras.clear).any():
                continue
            pose = look_at(eye, target)
            camera = Camera(f"view_{number:04d}", width, height, intrinsics, pose, preset.frustum)
            if good(camera):
                cameras.append(camera)
                break
        else:
            raise ScenegenError(
                f"preset {preset.name}: no view of {MOST_DRAWS} drawn has anything in range; raise the classes' "
                f"maxima, or widen the frustum"
            )
    return tuple(cameras)


def _anywhere(walks: Sequence[Area], rng: Random) -> tuple[tuple[float, float], tuple[float, float], Area]:
    """Eye and target as (x, x), (y, y) and what the eye is above: along the street most often, else across it."""
    area = choose(rng, walks)
    x, y = area.at(uniform(rng, -0.5, 0.5) * area.length, uniform(rng, -0.5, 0.5) * (area.width - 2 * _KERB))
    along = rng.random() < 0.65
    yaw = (math.pi / 2 if along else 0.0) + choose(rng, (0.0, math.pi)) + uniform(rng, -0.5, 0.5)
    return (x, x + math.cos(yaw)), (y, y + math.sin(yaw)), area


def _around(
    thing: PlacedObject, walks: Sequence[Area], rng: Random
) -> tuple[tuple[float, float], tuple[float, float], Area]:
    """The same, some metres from an object and facing it; anywhere, where no such place is on the walks."""
    middle_x, middle_y = thing.matrix[0][3], thing.matrix[1][3]
    for _ in range(_PLACES):
        angle, far = uniform(rng, 0.0, 2 * math.pi), max(thing.size[:2]) / 2 + uniform(rng, 2.0, 7.0)
        x, y = middle_x + far * math.cos(angle), middle_y + far * math.sin(angle)
        yaw = angle + math.pi + uniform(rng, -_AIM, _AIM)
        for area in walks:
            cx, cy = area.centre
            along = (x - cx) * area.along[0] + (y - cy) * area.along[1]
            aside = (x - cx) * area.right[0] + (y - cy) * area.right[1]
            if abs(along) <= area.length / 2 and abs(aside) <= area.width / 2 - _KERB:
                return (x, x + math.cos(yaw)), (y, y + math.sin(yaw)), area
    return _anywhere(walks, rng)


def _target(eye: Vector, dx: float, dy: float, pitch: float) -> Vector:
    """A point straight ahead of an eye that looks along (dx, dy), `pitch` degrees above the horizon."""
    return eye[0] + dx, eye[1] + dy, eye[2] + math.tan(math.radians(pitch)) * math.hypot(dx, dy)


def _inner_points(things: Sequence[PlacedObject]) -> Floats:
    """Points of every object that are in its solid, (N * len(INNER), 3)."""
    points = []
    for thing in things:
        x, y, z = ((FRONT if thing.class_name == "building" else INNER) * thing.size).T
        rows = (row[0] * x + row[1] * y + row[2] * z + row[3] for row in thing.matrix[:3])
        points.append(np.stack(list(rows), axis=1))
    return np.concatenate(points) if points else np.zeros((0, 3))
