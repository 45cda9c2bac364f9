"""Voxelize a triangle mesh in a box or a frustum grid: a cell is occupied iff the mesh's surface meets it or its centre
lies inside the solid. docs/labels/voxelizer.md tells how and how well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.grids import (
    BoxGrid,
    FrustumGrid,
    Grid,
    depth_bounds,
    depth_centres,
    to_grid_space,
)
from scenegen.core.labels.inside_cells import inside_cells
from scenegen.core.labels.surface_cells import TOLERANCE, mark_surface, slab_bounds
from scenegen.core.labels.triangle_meshes import MeshLike, SceneLike, mesh_arrays, placed_meshes_of

__all__ = ["BoxGrid", "FrustumGrid", "voxelize", "voxelize_part"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Triangles are cut this share of the near distance before the camera, where the image plane would be infinite.
CAMERA_MARGIN = 1 / 64


@overload
def voxelize(vertices: ArrayLike, faces: ArrayLike, grid: Grid) -> NDArray[np.bool_]: ...
@overload
def voxelize(vertices: MeshLike | SceneLike, faces: Grid) -> NDArray[np.bool_]: ...
@overload
def voxelize(vertices: MeshLike | SceneLike, *, grid: Grid) -> NDArray[np.bool_]: ...
def voxelize(vertices: Any, faces: Any = None, grid: Grid | None = None) -> NDArray[np.bool_]:
    """Which cells of a grid a mesh or a scene occupies: bool, grid.shape.

    Call it as `voxelize(vertices, faces, grid)` or `voxelize(mesh, grid)`.

    vertices: (V, 3) float, world metres in the grid's axes. Or a trimesh.Trimesh, or a trimesh.Scene: then all of its
        meshes, each where the graph places it, and the cells of all together.
    faces: (F, 3) integers, indices of vertices.
    grid: a BoxGrid or a FrustumGrid.

    A mesh may be anything: overlapping shells (a cell is inside where the winding number is not zero), holes, flipped
    or doubled faces, loose sheets. Nothing is scaled or turned: files such as glTF have Y up and may have other units.

    ValueError for anything but triangles, for vertices that are not finite and for faces with unknown vertices;
    TypeError when no grid is given.
    """
    if grid is None and isinstance(faces, BoxGrid | FrustumGrid):
        faces, grid = None, faces
    if not isinstance(grid, BoxGrid | FrustumGrid):
        raise TypeError(f"grid: a {type(grid).__name__} given, a BoxGrid or a FrustumGrid is needed")
    occupied = np.zeros(grid.shape, dtype=np.bool_)
    for points, triples in _meshes(vertices, faces):
        mark_cells(occupied, points, triples, grid, value=True)
    return occupied


def _meshes(vertices: Any, faces: Any) -> Iterable[tuple[ArrayLike, ArrayLike]]:
    """What `voxelize` was given, as vertices and faces."""
    if faces is not None:
        return [(vertices, faces)]
    if isinstance(vertices, SceneLike):
        return placed_meshes_of(vertices)
    if isinstance(vertices, MeshLike):
        return [(vertices.vertices, vertices.faces)]
    raise ValueError(f"a {type(vertices).__name__} given, a mesh, a scene, or vertices and faces are needed")


def mark_cells(volume: NDArray[Any], vertices: ArrayLike, faces: ArrayLike, grid: Grid, *, value: int) -> None:
    """Write `value` into the cells of `volume` (grid.shape) that a mesh occupies."""
    low, part = voxelize_part(vertices, faces, grid)
    i, j, k = (slice(start, start + n) for start, n in zip(low, part.shape, strict=True))
    volume[i, j, k][part] = value


def voxelize_part(vertices: ArrayLike, faces: ArrayLike, grid: Grid) -> tuple[tuple[int, int, int], NDArray[np.bool_]]:
    """The same as (first cell, bool array from there on): only the cells of the mesh's own range."""
    places, triples, whole = _among_cells(*mesh_arrays(vertices, faces), grid)
    nothing = (0, 0, 0), np.zeros((0, 0, 0), dtype=np.bool_)
    if len(triples) == 0:
        return nothing
    below, above = slab_bounds(depth_bounds(grid))
    low, high = _cell_range(places, below, above, grid.shape)
    if np.any(high <= low):
        return nothing
    near, far = low[2], high[2]
    occupied = np.zeros((high - low).tolist(), dtype=np.bool_)
    mark_surface(places, triples, low, below[near:far], above[near:far], occupied)
    occupied |= inside_cells(places, triples, low, depth_centres(grid)[near:far], occupied, whole=whole)
    first = low.tolist()
    return (first[0], first[1], first[2]), occupied


def _among_cells(points: Floats, faces: Ints, grid: Grid) -> tuple[Floats, Ints, bool]:
    """A mesh in the space of axis-aligned cells, and whether it is whole: a frustum clips it near the camera."""
    places = to_grid_space(grid, points)
    if isinstance(grid, BoxGrid):
        return places, faces, True
    clip = grid.near * CAMERA_MARGIN
    whole = bool((places[:, 2] >= clip).all())
    if not whole:
        places, faces = _cut(places, faces, clip)
    depth = places[:, 2:]
    return np.concatenate([places[:, :2] / depth, -1 / depth], axis=1), faces, whole


@compiled
def _cut(places: Floats, faces: Ints, clip: float) -> tuple[Floats, Ints]:
    """Keep the part of a mesh whose depth is at least `clip`: a cut triangle becomes one or two with new vertices."""
    triangles = np.empty((6 * len(faces), 3))
    polygon = np.empty((4, 3))
    written = 0
    for f in range(len(faces)):
        corners = 0
        for corner in range(3):
            here = faces[f, corner]
            there = faces[f, corner + 1 if corner < 2 else 0]
            if places[here, 2] >= clip:
                polygon[corners] = places[here]
                corners += 1
            if (places[here, 2] >= clip) != (places[there, 2] >= clip):
                # Computed from the nearer end for every triangle: neighbours must share the point to the last bit.
                near, far = (here, there) if places[here, 2] < clip else (there, here)
                share = (clip - places[near, 2]) / (places[far, 2] - places[near, 2])
                polygon[corners] = places[near] + share * (places[far] - places[near])
                polygon[corners, 2] = clip
                corners += 1
        for third in range(2, corners):
            triangles[written] = polygon[0]
            triangles[written + 1] = polygon[third - 1]
            triangles[written + 2] = polygon[third]
            written += 3
    return triangles[:written].copy(), np.arange(written).reshape(-1, 3)


def _cell_range(places: Floats, below: Floats, above: Floats, shape: tuple[int, int, int]) -> tuple[Ints, Ints]:
    """First cell that the mesh's extent meets along each axis, and the one past the last."""
    # Column by column: numpy reduces the rows of a (V, 3) array 25 times slower.
    start = np.array([places[:, axis].min() for axis in range(3)])
    stop = np.array([places[:, axis].max() for axis in range(3)])
    low = np.clip(np.ceil(start - 1 - TOLERANCE), 0, shape).astype(np.int64)
    high = np.clip(np.floor(stop + TOLERANCE) + 1, 0, shape).astype(np.int64)
    low[2] = np.searchsorted(above, start[2])
    high[2] = np.searchsorted(below, stop[2], side="right")
    return low, high
