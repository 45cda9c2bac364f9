"""Which cells of the box grid each class occupies; a cell may belong to several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.grids import box_grid
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.labels.voxelize import mark_cells
from scenegen.core.scene.scene import GridSpec


def grid_masks(placed: Sequence[PlacedMesh], grid: GridSpec, classes: int) -> NDArray[np.bool_]:
    """Masks of a scene in a box grid: bool (X, Y, Z, C), C = `classes`."""
    masks = np.zeros((*grid.shape, classes), dtype=np.bool_)
    for mesh in placed:
        own = masks[..., mesh.label - 1]
        mark_cells(own, mesh.vertices, mesh.faces, box_grid(grid), mesh.cut_out, value=True)
    return masks
