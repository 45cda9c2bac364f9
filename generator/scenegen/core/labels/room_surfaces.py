"""The floor, the walls and the ceiling of a room as classes of its cells, where a data set has these classes.

They belong to no object: `instances` is 0 in cells that hold nothing else. A cell that an object shares with them is
the object's in grids of one class per cell, and in the masks of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.fruxels import label_numbers, labels_of
from scenegen.core.labels.grids import Floats, Grid, affine, box_grid
from scenegen.core.labels.voxelize import mark_cells
from scenegen.core.scene.scene import ROOM_SURFACES, Matrix4, Scene, Vector

_TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]])


def cell_classes(
    scene: Scene, instances: NDArray[np.uint16], grid: Grid, frame: Matrix4 | None = None
) -> NDArray[np.uint8]:
    """The class of each cell of a grid, uint8 (X, Y, Z) like `instances`, its objects: 0 = empty, else class index + 1.

    `grid` is in world axes, or in those that `frame` maps these to. Where the scene has the classes, cells without an
    object are the floor's, else a wall's, else the ceiling's, if that surface meets them.
    """
    labels = labels_of(instances, label_numbers(scene.objects, scene.classes))
    if scene.has_room_surfaces and scene.room:
        surfaces = np.zeros_like(labels)  # in memory as they are stored
        for name in reversed(ROOM_SURFACES):
            mark_surface(surfaces, scene.room, name, grid, frame, value=scene.classes.index(name) + 1)
        empty = labels == 0
        labels[empty] = surfaces[empty]
    return labels


def add_room_masks(masks: NDArray[np.bool_], scene: Scene) -> None:
    """Fill the masks (X, Y, Z, C) of floor, wall and ceiling, where the scene has these classes."""
    if scene.has_room_surfaces and scene.room and scene.grid:
        for name in ROOM_SURFACES:
            mark_surface(masks[..., scene.classes.index(name)], scene.room, name, box_grid(scene.grid), value=1)


def mark_surface(
    cells: NDArray[Any], room: Vector, surface: str, grid: Grid, frame: Matrix4 | None = None, *, value: int
) -> None:
    """Write `value` into the cells (grid.shape) that one of ROOM_SURFACES meets, touching them included.

    `room` is the size of the room; `grid` is in world axes, or in those that `frame` maps these to.
    """
    for corners in _rectangles(room, surface):
        mark_cells(cells, corners if frame is None else affine(frame, corners), _TRIANGLES, grid, value=value)


def _rectangles(room: Vector, surface: str) -> Iterator[Floats]:
    """The corners (4, 3), world metres, of each rectangle that the surface is made of."""
    x, y, z = room[0] / 2, room[1] / 2, room[2]
    ring = [(-x, -y), (x, -y), (x, y), (-x, y)]
    if surface == "wall":
        for start, end in zip(ring, [*ring[1:], ring[0]], strict=True):
            yield np.array([(*start, 0.0), (*end, 0.0), (*end, z), (*start, z)])
    else:
        yield np.array([(*corner, z if surface == "ceiling" else 0.0) for corner in ring])
