"""The object and the class of every fruxel (cell of a camera's frustum); the object that was placed last wins."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.labels.placed_meshes import PlacedMesh, meshes_in_view
from scenegen.core.labels.voxelize import mark_cells
from scenegen.core.scene.scene import Camera, FrustumSpec, PlacedObject


def frustum_instances(
    placed: Sequence[PlacedMesh], camera: Camera, spec: FrustumSpec | None = None
) -> NDArray[np.uint16]:
    """A scene in a camera's fruxel model (or in another `spec` at its pose).

    Returns uint16 (w, h, d): object id + 1, 0 = air. Objects are drawn in the order of placing, so a child replaces its
    parent where they share a cell.
    """
    grid = frustum_grid(camera, spec)
    instances = np.zeros(grid.shape, dtype=np.uint16, order="F")  # as it is stored: depth slowest
    for mesh in meshes_in_view(placed, camera, grid.K, grid.near, grid.far):
        cut, solid = mesh.cut_out, mesh.solid
        mark_cells(instances, mesh.vertices, mesh.faces, grid, cut, value=mesh.id + 1, solid=solid)
    return instances


def frustum_labels(placed: Sequence[PlacedMesh], camera: Camera, spec: FrustumSpec | None = None) -> NDArray[np.uint8]:
    """The same as classes, uint8 (w, h, d): 0 = air, else class index + 1."""
    return labels_of(frustum_instances(placed, camera, spec), {mesh.id: mesh.label for mesh in placed})


def labels_of(instances: NDArray[np.uint16], labels: dict[int, int]) -> NDArray[np.uint8]:
    """The label of each cell, uint8, where `labels` maps an object's id to its class index + 1; others are 0.

    Cells are in memory in the order of `instances`.
    """
    table = np.zeros(2**16, dtype=np.uint8)
    for number, label in labels.items():
        table[number + 1] = label
    if instances.flags.f_contiguous and not instances.flags.c_contiguous:
        return labels_of(instances.T, labels).T
    found = np.empty(instances.shape, dtype=np.uint8)
    _look_up(table, np.ascontiguousarray(instances).reshape(-1), found.reshape(-1))
    return found


@compiled
def _look_up(table: NDArray[np.uint8], numbers: NDArray[np.uint16], found: NDArray[np.uint8]) -> None:
    for n in range(len(numbers)):  # a tenth of numpy's time, which makes 64-bit indices first
        found[n] = table[numbers[n]]


def label_numbers(objects: Sequence[PlacedObject], classes: Sequence[str]) -> dict[int, int]:
    """An object's id to its class index + 1."""
    numbers = {name: n + 1 for n, name in enumerate(classes)}
    return {item.id: numbers[item.class_name] for item in objects}
