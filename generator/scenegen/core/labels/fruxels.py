"""The label of every fruxel (cell of a camera's frustum): air or one class; the object that was placed last wins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.grids import frustum_grid
from scenegen.core.labels.placed_meshes import PlacedMesh, meshes_in_view
from scenegen.core.labels.voxelize import mark_cells
from scenegen.core.scene.scene import Camera, FrustumSpec


def frustum_labels(placed: Sequence[PlacedMesh], camera: Camera, spec: FrustumSpec | None = None) -> NDArray[np.uint8]:
    """A scene in a camera's fruxel model (or in another `spec` at its pose).

    Returns uint8 (w, h, d): 0 = air, else class index + 1. Objects are drawn in the order of placing, so a child
    replaces its parent where they share a cell.
    """
    grid = frustum_grid(camera, spec)
    labels = np.zeros(grid.shape, dtype=np.uint8, order="F")  # as it is stored: depth slowest
    for mesh in meshes_in_view(placed, camera, grid.K, grid.near, grid.far):
        mark_cells(labels, mesh.vertices, mesh.faces, grid, mesh.cut_out, value=mesh.label)
    return labels
