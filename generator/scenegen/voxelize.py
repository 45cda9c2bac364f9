"""Voxelize a triangle mesh in a box or a frustum grid: a cell is occupied iff the mesh's surface meets it or its centre
lies inside the solid. docs/voxelizer.md tells how and how well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.compiled import compiled
from scenegen.grids import BoxGrid, FrustumGrid, Grid, depth_bounds, depth_centres, to_grid_space
from scenegen.voxel_inside import add_votes, count_crossings, settle_votes
from scenegen.voxel_surface import mark_surface, slab_bounds

__all__ = ["BoxGrid", "FrustumGrid", "voxelize", "voxelize_part"]

# Triangles are cut this share of the near distance before the camera, where the image plane would be infinite.
CAMERA_MARGIN = 1 / 64


def voxelize(vertices: ArrayLike, faces: ArrayLike, grid: Grid) -> NDArray[np.bool_]:
    """Which cells of a grid a mesh occupies: bool, grid.shape.

    `vertices` (V, 3) in world metres, `faces` (F, 3) indices. The mesh may be anything: overlapping shells (a cell is
    inside where the winding number is not zero), holes, flipped or doubled faces, loose sheets.
    """
    occupied = np.zeros(grid.shape, dtype=np.bool_)
    low, part = voxelize_part(vertices, faces, grid)
    i, j, k = (slice(start, start + n) for start, n in zip(low, part.shape, strict=True))
    occupied[i, j, k] = part
    return occupied


def voxelize_part(vertices: ArrayLike, faces: ArrayLike, grid: Grid) -> tuple[tuple[int, int, int], NDArray[np.bool_]]:
    """The same as (first cell, bool array from there on): only the cells of the mesh's own range."""
    places = to_grid_space(grid, vertices)
    clip = grid.near * CAMERA_MARGIN if isinstance(grid, FrustumGrid) else -np.inf
    triangles = _triangles(places, np.ascontiguousarray(faces, dtype=np.int64), clip)
    below, above = slab_bounds(depth_bounds(grid))
    low, high = _cell_range(triangles, below, above, grid.shape)
    if np.any(high <= low):
        return (0, 0, 0), np.zeros((0, 0, 0), dtype=np.bool_)
    nx, ny, nz = (high - low).tolist()
    near, far = low[2], high[2]
    occupied = np.zeros((nx, ny, nz), dtype=np.bool_)
    mark_surface(triangles, low, below[near:far], above[near:far], occupied)
    along = [np.zeros(s, dtype=np.int16) for s in ((nz, ny, nx + 1), (nz, nx, ny + 1), (ny, nx, nz + 1))]
    count_crossings(triangles, low, depth_centres(grid)[near:far], *along)
    votes = np.zeros((nx, ny, nz), dtype=np.int8)
    leaky = 0
    for lines, voters in zip(
        along, (votes.transpose(2, 1, 0), votes.transpose(2, 0, 1), votes.transpose(1, 0, 2)), strict=True
    ):
        leaky += add_votes(lines, voters)
    if leaky:
        settle_votes(votes, occupied)
    occupied |= votes > 0
    first = low.tolist()
    return (first[0], first[1], first[2]), occupied


@compiled
def _triangles(places: NDArray[np.float64], faces: NDArray[np.int64], clip: float) -> NDArray[np.float64]:
    """The mesh as triangles (T, 3, 3) among axis-aligned cells, cut at depth `clip` where it is finite."""
    triangles = np.empty((2 * len(faces) if clip > -np.inf else len(faces), 3, 3))
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
                # From the nearer end, whichever triangle asks: neighbours must share the point to the last bit.
                near, far = (here, there) if places[here, 2] < clip else (there, here)
                share = (clip - places[near, 2]) / (places[far, 2] - places[near, 2])
                polygon[corners] = places[near] + share * (places[far] - places[near])
                polygon[corners, 2] = clip
                corners += 1
        if clip > -np.inf:
            for corner in range(corners):
                polygon[corner, 0] /= polygon[corner, 2]
                polygon[corner, 1] /= polygon[corner, 2]
                polygon[corner, 2] = -1 / polygon[corner, 2]
        for third in range(2, corners):
            triangles[written, 0] = polygon[0]
            triangles[written, 1] = polygon[third - 1]
            triangles[written, 2] = polygon[third]
            written += 1
    return triangles[:written]


@compiled
def _cell_range(
    triangles: NDArray[np.float64], below: NDArray[np.float64], above: NDArray[np.float64], shape: tuple[int, int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First cell that the mesh's extent meets along each axis, and the one past the last."""
    start = np.full(3, np.inf)
    stop = np.full(3, -np.inf)
    for t in range(len(triangles)):
        for corner in range(3):
            for axis in range(3):
                start[axis] = min(start[axis], triangles[t, corner, axis])
                stop[axis] = max(stop[axis], triangles[t, corner, axis])
    low = np.zeros(3, dtype=np.int64)
    high = np.zeros(3, dtype=np.int64)
    for axis in range(2):
        low[axis] = int(min(max(np.ceil(start[axis] - 1.001), 0), shape[axis]))
        high[axis] = int(min(max(np.floor(stop[axis] + 1.001), 0), shape[axis]))
    low[2] = np.searchsorted(above, start[2])
    high[2] = np.searchsorted(below, stop[2], side="right")
    return low, high
