"""A showcase: a few objects of similar sizes without surroundings, seen from around."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from random import Random

import numpy as np

from scenegen.core.layout.arrangement import Arrangement, AssetsByClass, LayoutStreams
from scenegen.core.layout.place_objects import Site, draw_wishes, place_objects
from scenegen.core.layout.views import Sight, draw_views
from scenegen.core.preset.preset import Preset
from scenegen.core.rng import uniform
from scenegen.core.scene.camera import in_view
from scenegen.core.scene.scene import Camera, PlacedObject


def arrange_showcase(preset: Preset, assets: AssetsByClass, streams: LayoutStreams) -> Arrangement:
    """A few objects, each scaled so that its longest side is in the preset's range, and views from around."""
    shown = preset.showcase
    assert shown is not None
    side = math.sqrt(2) * shown.radius
    site = Site(preset, (side, side, side), ())
    wishes = [
        dataclasses.replace(wish, scale=min(uniform(streams.objects, *shown.size), 0.99 * side) / max(wish.asset.size))
        for wish in draw_wishes(preset, assets, streams.objects)
    ]
    placed = place_objects(site, wishes, streams.places)
    return Arrangement(_showcase_views(preset, placed.objects, streams.cameras), placed.objects, placed.skipped)


def _showcase_views(preset: Preset, objects: Sequence[PlacedObject], rng: Random) -> tuple[Camera, ...]:
    """Draw views from around: every box is wholly between near and far, every object's middle in the image."""
    shown = preset.showcase
    assert shown is not None
    low = np.array([o.bbox.min for o in objects]).min(axis=0)
    high = np.array([o.bbox.max for o in objects]).max(axis=0)
    x, y, z = ((low + high) / 2).tolist()
    corners = np.array([[(o.bbox.min, o.bbox.max)[n >> k & 1][k] for k in range(3)] for o in objects for n in range(8)])
    middles = corners.reshape(-1, 8, 3).mean(axis=1)

    def draw(rng: Random) -> Sight:
        far, around = uniform(rng, *shown.distance), uniform(rng, 0.0, 2 * math.pi)
        up = math.radians(uniform(rng, *shown.elevation))
        level = far * math.cos(up)
        eye = (x + level * math.cos(around), y + level * math.sin(around), z + far * math.sin(up))
        aside, ahead, above = (uniform(rng, -0.05, 0.05) * far for _ in range(3))
        return Sight(eye, (x + aside, y + ahead, z + above))

    def is_good(camera: Camera) -> bool:
        a, b, c, d = camera.world_to_camera[2]
        depth = a * corners[:, 0] + b * corners[:, 1] + c * corners[:, 2] + d
        within = depth.min() >= camera.frustum.near and depth.max() <= camera.frustum.far
        return bool(within and in_view(camera, middles).all())

    return draw_views(preset, objects, draw, is_good, rng)
