"""Which cells of the box grid each class and each object occupies; a cell may belong to several classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.grids import box_grid
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.labels.room_surfaces import add_room_masks
from scenegen.core.labels.voxelize import voxelize_part
from scenegen.core.scene.scene import GridSpec, Scene


class BoxLabels(NamedTuple):
    """A scene in a box grid: `masks` bool (X, Y, Z, C); `instances` uint16 (X, Y, Z), object id + 1, 0 = empty.

    Of the objects that share a cell, `instances` has the one that was placed last, as frusta do.
    """

    masks: NDArray[np.bool_]
    instances: NDArray[np.uint16]


def box_labels(placed: Sequence[PlacedMesh], grid: GridSpec, classes: int) -> BoxLabels:
    """The masks and instances of a scene's objects, in the order of placing; `classes` is C."""
    masks = np.zeros((*grid.shape, classes), dtype=np.bool_)
    instances = np.zeros(grid.shape, dtype=np.uint16)
    cells = box_grid(grid)
    for mesh in placed:
        low, part = voxelize_part(mesh.vertices, mesh.faces, cells, mesh.cut_out, solid=mesh.solid)
        i, j, k = (slice(start, start + n) for start, n in zip(low, part.shape, strict=True))
        masks[i, j, k, mesh.label - 1][part] = True
        instances[i, j, k][part] = mesh.id + 1
    return BoxLabels(masks, instances)


def scene_box_labels(scene: Scene, grid: GridSpec, placed: Sequence[PlacedMesh]) -> BoxLabels:
    """The masks and instances of a scene in its box grid; the masks have the room's surfaces where it has them."""
    box = box_labels(placed, grid, len(scene.classes))
    add_room_masks(box.masks, scene)
    return box


def grid_masks(placed: Sequence[PlacedMesh], grid: GridSpec, classes: int) -> NDArray[np.bool_]:
    """Masks of a scene in a box grid: bool (X, Y, Z, C), C = `classes`."""
    return box_labels(placed, grid, classes).masks
