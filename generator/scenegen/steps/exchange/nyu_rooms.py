"""Rooms as NYUv2's semantic scene completion has them: 60 x 60 x 36 cells of .08 m, with floor, walls and ceiling."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.scene import Camera, GridSpec, Scene
from scenegen.steps.exchange.class_maps import ClassMap
from scenegen.steps.exchange.framed_voxels import Cells, cell_objects, class_numbers
from scenegen.steps.exchange.placed_scene import PlacedScene
from scenegen.steps.exchange.samples import ego_under

VOXEL, SHAPE = 0.08, (60, 60, 36)
BELOW = VOXEL / 2
"""The floor is in the middle of the lowest cells."""
SURFACES = ("floor", "wall", "ceiling")
CLASSES = range(1, 12)
TOUCH = 1e-6


def room_grid(scene: Scene, camera: Camera) -> GridSpec:
    """The grid of a view, in the world's axes: in the room's middle; ahead of the camera where the room is larger."""
    wide = SHAPE[0] * VOXEL
    middle = np.zeros(2)
    if scene.room is None or max(scene.room[:2]) > wide + TOUCH:
        middle = np.array(camera_position(camera)[:2]) + ego_under(camera)[:2, 0] * wide / 2
    x, y = (middle - wide / 2).tolist()
    return GridSpec((x, y, -BELOW), VOXEL, SHAPE)


def room_labels(scene: PlacedScene, classes: ClassMap, grid: GridSpec) -> Cells:
    """The format's class of every cell, uint8 (60, 60, 36) x, y, z; 0 = empty. Objects stand before floor and walls."""
    objects = class_numbers(scene, classes, 0).astype(np.uint8)[cell_objects(scene, np.eye(4), grid)]
    return np.where(objects > 0, objects, _room_surfaces(scene.stored.scene, classes, grid))


def _room_surfaces(scene: Scene, classes: ClassMap, grid: GridSpec) -> Cells:
    """Cells that the room's floor, walls and ceiling meet, by the rule for objects: touching counts."""
    cells = np.zeros(grid.shape, np.uint8)
    if scene.room is None:
        return cells
    size = scene.room
    ends = [(-size[0] / 2, size[0] / 2), (-size[1] / 2, size[1] / 2), (0.0, size[2])]
    low = [grid.origin[a] + grid.voxel_size * np.arange(grid.shape[a]) for a in range(3)]

    def between(axis: int, start: float, stop: float) -> NDArray[np.bool_]:
        meets = (low[axis] <= stop + TOUCH) & (low[axis] + grid.voxel_size >= start - TOUCH)
        return meets.reshape([-1 if a == axis else 1 for a in range(3)])

    whole = [between(a, *ends[a]) for a in range(3)]
    ceiling, wall, floor = (classes.values[name] for name in ("ceiling", "wall", "floor"))
    cells[whole[0] & whole[1] & between(2, size[2], size[2])] = ceiling
    for a in (0, 1):
        for end in ends[a]:
            cells[between(a, end, end) & whole[1 - a] & whole[2]] = wall
    cells[whole[0] & whole[1] & between(2, 0.0, 0.0)] = floor
    return cells
