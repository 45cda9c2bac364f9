"""The cameras of a scene, and how much of the empty room they see."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import numpy as np

from scenegen.core.preset.preset import CameraPlace, Preset
from scenegen.core.rng import uniform
from scenegen.core.scene.camera import camera_matrix, in_view, look_at
from scenegen.core.scene.scene import Camera, Vector


class Coverage(NamedTuple):
    """Shares of an empty room's volume, 0 to 1, that any camera, every camera and each camera sees."""

    by_any: float
    by_all: float
    by_each: tuple[float, ...]


def make_cameras(preset: Preset, rng: Random | None) -> tuple[Camera, ...]:
    """The preset's cameras, each moved and turned a little; without a stream, exactly where the preset has them."""
    return tuple(_camera(preset, place, rng) for place in preset.cameras.places)


def _camera(preset: Preset, place: CameraPlace, rng: Random | None) -> Camera:
    rig = preset.cameras
    width, height = preset.image_size
    hfov = rig.hfov_at(place)
    position = _jittered(place.position, rig.position_jitter_at(place), rng)
    target = _jittered(place.target, rig.target_jitter_at(place), rng)
    return Camera(
        name=place.name,
        width=width,
        height=height,
        K=camera_matrix(width, height, hfov),
        world_to_camera=look_at(position, target, place.up),
        frustum=dataclasses.replace(preset.frustum, hfov_deg=hfov),
    )


def _jittered(point: Vector, jitter: float, rng: Random | None) -> Vector:
    if rng is None:
        return point
    x, y, z = (value + uniform(rng, -jitter, jitter) for value in point)
    return x, y, z


def room_coverage(cameras: Sequence[Camera], room: Vector, cell: float) -> Coverage:
    """How much of the empty room the cameras see.

    Counted at the centres of cubes with edge `cell` (metres); objects that hide parts of the room do not count.
    """
    axes = [(np.arange(round(room[k] / cell)) + 0.5) * cell - (room[k] / 2 if k < 2 else 0.0) for k in range(3)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    seen = np.stack([in_view(camera, points) for camera in cameras])
    return Coverage(
        float(seen.any(axis=0).mean()),
        float(seen.all(axis=0).mean()),
        tuple(float(share) for share in seen.mean(axis=1)),
    )
