"""Where a room's floor, walls and ceiling are, for data sets that have them as classes.

Apart from the code that makes the labels (core/labels), so that a mistake there is not repeated here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.scene import ROOM_SURFACES, GridSpec, Scene
from scenegen.steps.verify.pixels import Boxes
from scenegen.steps.verify.projection import CLOSE, to_box_index


def object_classes(scene: Scene) -> list[int]:
    """The indices of the classes that objects have: all but those of the room's surfaces."""
    return [c for c, name in enumerate(scene.classes) if not (scene.has_room_surfaces and name in ROOM_SURFACES)]


def with_surfaces(boxes: Boxes, scene: Scene) -> Boxes:
    """The boxes of a scene's objects and, with their corners and classes alone, flat ones of the room's surfaces."""
    corners, classes = [boxes.corners], [boxes.classes]
    for name in ROOM_SURFACES if scene.has_room_surfaces else ():
        for ends in _bounds(scene, name):
            corners.append(np.array([[ends[n >> a & 1][a] for a in range(3)] for n in range(8)])[None])
            classes.append(np.array([scene.classes.index(name)]))
    return boxes._replace(corners=np.concatenate(corners), classes=np.concatenate(classes))


def surface_cells(scene: Scene, name: str, grid: GridSpec) -> NDArray[np.bool_]:
    """The cells of a box grid, bool (X, Y, Z), that a surface of the room meets or touches."""
    cells = np.zeros(grid.shape, np.bool_)
    for ends in _bounds(scene, name):
        low, high = to_box_index(ends, grid)
        first = np.ceil(low - 1 - CLOSE).astype(int).clip(0)
        last = (np.floor(high + CLOSE).astype(int) + 1).clip(0)
        cells[tuple(slice(a, b) for a, b in zip(first, last, strict=True))] = True
    return cells


def _bounds(scene: Scene, name: str) -> list[NDArray[np.float64]]:
    """The least and the greatest corner (2, 3), world metres, of each flat part of a surface."""
    assert scene.room is not None
    size = np.array(scene.room)
    low, high = size * (-0.5, -0.5, 0.0), size * (0.5, 0.5, 1.0)
    axis, sides = {"floor": ((2,), (0,)), "ceiling": ((2,), (1,)), "wall": ((0, 1), (0, 1))}[name]
    parts = []
    for a in axis:
        for side in sides:
            ends = np.stack([low, high])
            ends[:, a] = (low, high)[side][a]
            parts.append(ends)
    return parts
