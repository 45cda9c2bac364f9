"""A scene in a box grid of any frame, as occupancy benchmarks have it: the object in each cell, and what cameras see.

The labels are exact, as those of the data set (docs/labels/voxelizer.md): a cell belongs to an object whose surface
meets it or whose solid holds its centre; of several, to the one that was placed last.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.grids import affine, box_grid
from scenegen.core.labels.visibility import FREE, SURFACE, visibility_of_any
from scenegen.core.labels.visible_voxels import box_visibility
from scenegen.core.labels.voxelize import mark_cells
from scenegen.core.scene.scene import GridSpec, Matrix4
from scenegen.steps.exchange.class_maps import ClassMap
from scenegen.steps.exchange.placed_scene import PlacedScene
from scenegen.steps.exchange.samples import Floats

Labels = NDArray[np.uint16]
Cells = NDArray[np.uint8]
UNKNOWN = 255


def cell_objects(scene: PlacedScene, world_to_frame: Floats, grid: GridSpec) -> Labels:
    """The object of every cell of a grid whose axes are the frame's: uint16 (X, Y, Z), id + 1, 0 = empty."""
    cells = np.zeros(grid.shape, np.uint16)
    low = np.array(grid.origin)
    high = low + grid.voxel_size * np.array(grid.shape)
    for mesh in scene.placed:
        corners = affine(world_to_frame, mesh.corners)
        if (corners.max(axis=0) < low - 1e-6).any() or (corners.min(axis=0) > high + 1e-6).any():
            continue
        vertices = affine(world_to_frame, mesh.vertices)
        mark_cells(cells, vertices, mesh.faces, box_grid(grid), mesh.cut_out, value=mesh.id + 1)
    return cells


def cell_visibility(scene: PlacedScene, world_to_frame: Floats, grid: GridSpec, cameras: Iterable[int]) -> Cells:
    """What at least one of some cameras sees of the cells: uint8 (X, Y, Z), values of core/labels/visibility.py."""
    frame_to_world = np.linalg.inv(world_to_frame)
    views = []
    for k in cameras:
        camera = scene.stored.cameras[k]
        turned = dataclasses.replace(camera, world_to_camera=_matrix(np.array(camera.world_to_camera) @ frame_to_world))
        unit, measured = scene.stored.map_spec.depth_unit, scene.stored.scene.measured_depth
        views.append(box_visibility(box_grid(grid), turned, scene.maps(k)[0], unit, measured=measured))
    return visibility_of_any(views)


def is_seen(visibility: Cells) -> NDArray[np.bool_]:
    """Cells that are seen, free or with a surface."""
    seen: NDArray[np.bool_] = (visibility == FREE) | (visibility == SURFACE)
    return seen


def class_numbers(scene: PlacedScene, classes: ClassMap, empty: int) -> Labels:
    """A format's number of every object id + 1, with `empty` for 0: index it with `cell_objects`."""
    objects = scene.stored.objects
    numbers = np.full(1 + max((item.id + 1 for item in objects), default=0), empty, np.uint16)
    for item in objects:
        numbers[item.id + 1] = classes.of(item.class_name, scene.asset(item))
    return numbers


def downsample(labels: Cells, factor: int) -> Cells:
    """Labels of cells `factor` times as wide, by the rule of MonoScene's preprocessing (NYU/preprocess.py).

    Empty, or unknown if more cells are that, where over 95 % of the cells are 0 or 255; else the commonest of the
    others, the lowest of equally common ones.
    """
    x, y, z = (n // factor for n in labels.shape)
    blocks = labels.reshape(x, factor, y, factor, z, factor).transpose(0, 2, 4, 1, 3, 5).reshape(x * y * z, -1)
    rows = np.arange(len(blocks))[:, None] * 256
    counts = np.bincount((rows + blocks).ravel(), minlength=256 * len(blocks)).reshape(-1, 256)
    empty, unknown = counts[:, 0].copy(), counts[:, UNKNOWN].copy()
    counts[:, [0, UNKNOWN]] = 0
    result = counts.argmax(axis=1)
    nothing = empty + unknown > 0.95 * factor**3
    result[nothing] = np.where(empty > unknown, 0, UNKNOWN)[nothing]
    coarse: Cells = result.reshape(x, y, z).astype(np.uint8)
    return coarse


def _matrix(matrix: Floats) -> Matrix4:
    a, b, c, d = (tuple(float(v) for v in row) for row in matrix)
    return (a, b, c, d)  # type: ignore[return-value]
