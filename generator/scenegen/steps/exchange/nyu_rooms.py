"""Rooms as NYUv2's semantic scene completion has them: 60 x 60 x 36 cells of .08 m, with floor, walls and ceiling."""

from __future__ import annotations

import numpy as np

from scenegen.core.labels.grids import box_grid
from scenegen.core.labels.room_surfaces import mark_surface
from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.scene import ROOM_SURFACES, Camera, GridSpec, Scene
from scenegen.steps.exchange.class_maps import ClassMap
from scenegen.steps.exchange.framed_voxels import Cells, cell_objects, class_numbers
from scenegen.steps.exchange.placed_scene import PlacedScene
from scenegen.steps.exchange.samples import ego_under

VOXEL, SHAPE = 0.08, (60, 60, 36)
BELOW = VOXEL / 2
"""The floor is in the middle of the lowest cells."""
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
    """Cells that the room's floor, walls and ceiling meet, by the rule for objects; the floor before the others."""
    cells = np.zeros(grid.shape, np.uint8)
    if scene.room:
        for name in reversed(ROOM_SURFACES):
            mark_surface(cells, scene.room, name, box_grid(grid), value=classes.values[name])
    return cells
