"""The map of a scene: where one may drive, as an image of 10 pixels per metre."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.layout.street_ground import ground_form
from scenegen.core.scene.scene import Vector
from scenegen.steps.exchange.placed_scene import PlacedScene
from scenegen.steps.exchange.samples import Floats, Sample

PIXELS_PER_METRE = 10
AROUND = 50
"""Metres of map around every place of the vehicle: the devkit cuts 40 out of it."""
DRIVABLE, OTHER = 255, 0
DRIVABLE_FORMS = ("road", "crossing")


@dataclass(frozen=True)
class MapFrame:
    """A square map: the world's origin is in its middle, `reach` metres from every edge.

    nuScenes counts from the map's lower left corner, so a place in the world is moved by (reach, reach, 0).
    """

    reach: int

    @property
    def shift(self) -> Floats:
        """What to add to world metres."""
        return np.array([self.reach, self.reach, 0.0])

    @property
    def pixels(self) -> int:
        """Along each edge."""
        return 2 * self.reach * PIXELS_PER_METRE


def map_frame(samples: Iterable[Sample]) -> MapFrame:
    """The map that holds all places of the vehicle and what is around them."""
    return MapFrame(math.ceil(max(np.abs(one.ego_to_world[:2, 3]).max() for one in samples)) + AROUND)


def drive_map(scene: PlacedScene, frame: MapFrame) -> NDArray[np.uint8]:
    """Roads and crossings of a street, a room's floor: 255 where a pixel's centre is on one; row 0 is north."""
    pixels = np.full((frame.pixels, frame.pixels), OTHER, np.uint8)
    if room := scene.stored.scene.room:
        _fill(pixels, frame, np.eye(4), room)
    for item in scene.stored.objects:
        if ground_form(scene.asset(item).family) in DRIVABLE_FORMS:
            _fill(pixels, frame, np.array(item.matrix), item.size)
    return pixels


def _fill(pixels: NDArray[np.uint8], frame: MapFrame, matrix: Floats, size: Vector) -> None:
    """Mark the pixels under a box that `matrix` takes to the world; rows go from north to south."""
    turn, place = matrix[:2, :2], matrix[:2, 3]
    reach = np.abs(turn) @ (size[0] / 2, size[1] / 2)
    (west, south), (east, north) = (
        np.clip((place + way * reach + frame.reach) * PIXELS_PER_METRE, 0, frame.pixels).round().astype(int).tolist()
        for way in (-1, 1)
    )
    columns, rows = np.arange(west, east), np.arange(frame.pixels - north, frame.pixels - south)
    x = (columns + 0.5) / PIXELS_PER_METRE - frame.reach - place[0]
    y = (frame.pixels - rows - 0.5)[:, None] / PIXELS_PER_METRE - frame.reach - place[1]
    scale = turn[:, 0] @ turn[:, 0]
    across, along = ((turn[0, n] * x + turn[1, n] * y) / scale for n in (0, 1))
    inside = (np.abs(across) <= size[0] / 2) & (np.abs(along) <= size[1] / 2)
    pixels[frame.pixels - north : frame.pixels - south, west:east][inside] = DRIVABLE
