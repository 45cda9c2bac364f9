"""Voxelize a triangle mesh in a box or a frustum grid: a cell is occupied iff the mesh's surface meets it or its centre
lies inside the solid. docs/labels/voxelizer.md tells how and how well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.cut_outs import CutOut
from scenegen.core.labels.grids import (
    BoxGrid,
    FrustumGrid,
    Grid,
    depth_bounds,
    depth_centres,
    to_grid_space,
)
from scenegen.core.labels.inside_cells import inside_cells
from scenegen.core.labels.opaque_cells import COLUMNS, CutFaces, mark_opaque
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


def mark_cells(  # noqa: PLR0913
    volume: NDArray[Any],
    vertices: ArrayLike,
    faces: ArrayLike,
    grid: Grid,
    cut: CutOut | None = None,
    *,
    value: int,
    solid: bool = True,
) -> None:
    """Write `value` into the cells of `volume` (grid.shape) that a mesh, with its cut-out faces, occupies.

    ValueError for a value that the volume's type cannot hold: an integer type, or bool.
    """
    most = 1 if volume.dtype == np.bool_ else np.iinfo(volume.dtype).max
    if not 0 <= value <= most:
        raise ValueError(f"value {value}: a volume of {volume.dtype} holds 0 to {most}")
    low, part = voxelize_part(vertices, faces, grid, cut, solid=solid)
    i, j, k = (slice(start, start + n) for start, n in zip(low, part.shape, strict=True))
    volume[i, j, k][part] = value


def voxelize_part(
    vertices: ArrayLike, faces: ArrayLike, grid: Grid, cut: CutOut | None = None, *, solid: bool = True
) -> tuple[tuple[int, int, int], NDArray[np.bool_]]:
    """The same as (first cell, bool array from there on): only the cells of the mesh's own range.

    Of a mesh that is not `solid`, only the cells that its surface meets.

    The corners of cut-out faces are among the vertices. Such faces mark the cells that hold some of their opaque area;
    what is inside is decided by the other faces and by those that close a solid in spite of their holes.
    """
    points, triples = mesh_arrays(vertices, faces)
    places, surface, whole = _among_cells(points, triples, grid)
    cut_faces = None if cut is None else _cut_faces(points, cut, grid)
    corners, around, shell = places, places, surface
    if cut_faces is not None:
        corners = np.concatenate([places, cut_faces.corners[..., :3].reshape(-1, 3)])
    if cut is not None and len(cut.closing):
        around, shell, whole = _among_cells(points, np.concatenate([triples, cut.closing]), grid)
    nothing = (0, 0, 0), np.zeros((0, 0, 0), dtype=np.bool_)
    if len(surface) == 0 and cut_faces is None:
        return nothing
    below, above = slab_bounds(depth_bounds(grid))
    low, high = _cell_range(corners, below, above, grid.shape)
    if np.any(high <= low):
        return nothing
    near, far = low[2], high[2]
    occupied = np.zeros((high - low).tolist(), dtype=np.bool_)
    mark_surface(places, surface, low, below[near:far], above[near:far], occupied)
    if cut_faces is not None:
        mark_opaque(cut_faces, low, below[near:far], above[near:far], occupied)
    if solid:
        occupied |= inside_cells(around, shell, low, depth_centres(grid)[near:far], occupied, whole=whole)
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


def _cut_faces(points: Floats, cut: CutOut, grid: Grid) -> CutFaces | None:
    """Cut-out faces among axis-aligned cells, clipped near the camera of a frustum; None if nothing is left."""
    corners = to_grid_space(grid, points[cut.faces.reshape(-1)])
    corners = np.concatenate([corners, cut.places.reshape(-1, 2), np.repeat(cut.maps, 3)[:, None]], axis=1)
    weight = np.ones((len(corners), 1))
    if isinstance(grid, FrustumGrid):
        corners, _ = _cut(corners, np.arange(len(corners)).reshape(-1, 3), grid.near * CAMERA_MARGIN)
        weight = 1 / corners[:, 2:3]
        corners[:, :3] = np.concatenate([corners[:, :2] * weight, -weight], axis=1)
    if len(corners) == 0:
        return None
    maps = np.rint(corners[::3, 5]).astype(np.int64)
    corners = np.concatenate([corners[:, :3], corners[:, 3:5] * weight, weight], axis=1)
    return CutFaces(corners.reshape(-1, 3, COLUMNS), maps, cut.texels)


@compiled
def _cut(places: Floats, faces: Ints, clip: float) -> tuple[Floats, Ints]:
    """Keep the part of a mesh whose depth is at least `clip`: a cut triangle becomes one or two with new vertices.

    `places` (V, 3 or more): what follows the depth is cut along with it.
    """
    columns = places.shape[1]
    triangles = np.empty((6 * len(faces), columns))
    polygon = np.empty((4, columns))
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
