"""The labels of the box grids beside that of the masks: one class, one object and the visibility of each cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.grid_files import GridLabels
from scenegen.core.labels.grids import affine, box_grid
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.labels.room_surfaces import cell_classes
from scenegen.core.labels.visibility import visibility_of_any
from scenegen.core.labels.visible_voxels import box_visibility
from scenegen.core.labels.voxelize import voxelize_part
from scenegen.core.scene.camera import seen_from
from scenegen.core.scene.ego import ego_cameras, world_to_ego
from scenegen.core.scene.scene import GridSpec, Matrix4, NamedGrid, Scene


def grid_labels(
    scene: Scene,
    placed: Sequence[PlacedMesh],
    depths: Sequence[NDArray[np.uint16]],
    named: NamedGrid,
    n: int | None,
) -> GridLabels:
    """The labels of one grid of a scene, at pose n where it follows the vehicle; `depths` are those of all cameras."""
    frame = world_to_ego(scene, n) if named.ego and n is not None else None
    instances = grid_instances(placed, named.grid, frame)
    labels = cell_classes(scene, instances, box_grid(named.grid), frame)
    return GridLabels(labels, instances, grid_visibility(scene, depths, named, n))


def grid_instances(placed: Sequence[PlacedMesh], grid: GridSpec, frame: Matrix4 | None) -> NDArray[np.uint16]:
    """The object of every cell, uint16 (X, Y, Z), of a grid in world axes, or in those that `frame` maps these to."""
    instances = np.zeros(grid.shape, dtype=np.uint16)
    low = np.array(grid.origin)
    high = low + grid.voxel_size * np.array(grid.shape)
    for mesh in placed:
        corners = mesh.corners if frame is None else affine(frame, mesh.corners)
        if (corners.max(axis=0) < low - grid.voxel_size).any() or (corners.min(axis=0) > high + grid.voxel_size).any():
            continue
        vertices = mesh.vertices if frame is None else affine(frame, mesh.vertices)
        first, part = voxelize_part(vertices, mesh.faces, box_grid(grid), mesh.cut_out, solid=mesh.solid)
        i, j, k = (slice(start, start + n) for start, n in zip(first, part.shape, strict=True))
        instances[i, j, k][part] = mesh.id + 1
    return instances


def grid_visibility(
    scene: Scene, depths: Sequence[NDArray[np.uint16]], named: NamedGrid, n: int | None
) -> NDArray[np.uint8]:
    """What the cameras at the grid's pose, or all cameras together, see of its cells."""
    unit, grid = scene.map_spec.depth_unit, box_grid(named.grid)
    if named.ego and n is not None:
        frame = world_to_ego(scene, n)
        pairs = [(seen_from(scene.cameras[k], frame), depths[k]) for k in ego_cameras(scene, n)]
    else:
        pairs = list(zip(scene.cameras, depths, strict=True))
    measured = scene.measured_depth
    return visibility_of_any([box_visibility(grid, camera, depth, unit, measured=measured) for camera, depth in pairs])
