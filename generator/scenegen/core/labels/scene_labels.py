"""A scene's labels, from its objects' places and meshes alone: voxels of box and frustum grids, depth, instances."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.grids import Floats, Grid, affine, box_grid, frustum_grid, mesh_arrays
from scenegen.core.labels.voxelize import voxelize_part
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec, PlacedObject, Scene, Vector

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Meshes = Mapping[str, tuple[ArrayLike, ArrayLike]]
FARTHEST_MM = 65535
MARGIN = 1e-2
"""Pixels, and metres of depth, that an object must be away from a camera's view before it is left out of it."""


@dataclass(frozen=True)
class ViewLabels:
    """One camera's labels.

    `frustum` uint8 (w, h, d), 0 = air, else class index + 1; `depth` uint16 (H, W), millimetres, 0 = nothing hit,
    65535 = that far or farther; `instance` uint16 (H, W), object id + 1 or 0.
    """

    frustum: Bytes
    depth: Words
    instance: Words


@dataclass(frozen=True)
class Labels:
    """Everything that a scene folder holds beside images and scene.json.

    `occupancy` bool (X, Y, Z) and `masks` bool (X, Y, Z, C) are None without a box grid. One entry a camera: `frusta`,
    `depths` and `instances`, see ViewLabels. `visible_pixels`: per object, one count a camera.
    """

    occupancy: Bools | None
    masks: Bools | None
    frusta: tuple[Bytes, ...]
    depths: tuple[Words, ...]
    instances: tuple[Words, ...]
    visible_pixels: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class PlacedMesh:
    """An object's triangles in the world, their label (class index + 1), the corners (8, 3) of a box around them."""

    id: int
    label: int
    vertices: Floats
    faces: NDArray[np.int64]
    corners: Floats


def place_meshes(scene: Scene, meshes: Meshes) -> tuple[PlacedMesh, ...]:
    """Every object of a scene whose assets' (vertices, faces), in the asset frame, are found in `meshes` by name."""
    placed = []
    for item in scene.objects:
        points, faces = mesh_arrays(world_vertices(item, meshes), meshes[item.asset][1])
        # Column by column: numpy reduces the rows of a (V, 3) array 25 times slower.
        ends = [(points[:, axis].min(), points[:, axis].max()) for axis in range(3)]
        corners = np.array([[ends[axis][n >> axis & 1] for axis in range(3)] for n in range(8)])
        placed.append(PlacedMesh(item.id, scene.classes.index(item.class_name) + 1, points, faces, corners))
    return tuple(placed)


def make_labels(scene: Scene, meshes: Meshes) -> Labels:
    """All labels of a scene at once, in memory; see `place_meshes` and, for one camera after another, `view_labels`."""
    placed = place_meshes(scene, meshes)
    masks = grid_masks(placed, scene.grid, len(scene.classes)) if scene.grid else None
    views = [view_labels(placed, camera, scene.room) for camera in scene.cameras]
    return Labels(
        occupancy=None if masks is None else masks.any(axis=-1),
        masks=masks,
        frusta=tuple(view.frustum for view in views),
        depths=tuple(view.depth for view in views),
        instances=tuple(view.instance for view in views),
        visible_pixels=tuple(
            tuple(int(np.count_nonzero(view.instance == o.id + 1)) for view in views) for o in scene.objects
        ),
    )


def grid_masks(placed: Sequence[PlacedMesh], grid: GridSpec, classes: int) -> Bools:
    """Masks bool (X, Y, Z, C) of a scene in a box grid."""
    masks = np.zeros((*grid.shape, classes), dtype=np.bool_)
    for thing in placed:
        _stamp(masks[..., thing.label - 1], True, thing, box_grid(grid))
    return masks


def view_labels(placed: Sequence[PlacedMesh], camera: Camera, room: Vector | None) -> ViewLabels:
    """What a camera sees of a scene."""
    seen = _in_pyramid(placed, camera, camera.K, 0.0, math.inf)
    depth, instance = rasterize([(t.id, t.vertices, t.faces) for t in seen], camera, room)
    return ViewLabels(frustum_labels(placed, camera), depth_to_millimetres(depth), instance)


def frustum_labels(placed: Sequence[PlacedMesh], camera: Camera, spec: FrustumSpec | None = None) -> Bytes:
    """A scene in a camera's fruxel model (or another `spec` at its pose): uint8 (w, h, d), see ViewLabels."""
    grid = frustum_grid(camera, spec)
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for thing in _in_pyramid(placed, camera, grid.K, grid.near, grid.far):
        _stamp(labels, thing.label, thing, grid)
    return labels


def _in_pyramid(
    placed: Sequence[PlacedMesh], camera: Camera, K: ArrayLike, near: float, far: float
) -> list[PlacedMesh]:
    """Those that may show in a camera's image, under some K, between two depths.

    All others lie wholly beyond one plane of that volume: the box around a mesh does, hence the mesh.
    """
    if not placed:
        return []
    points = affine(K, affine(camera.world_to_camera, np.concatenate([thing.corners for thing in placed])))
    u, v, z = (points[:, axis].reshape(-1, 8) for axis in range(3))
    width, height = camera.width, camera.height
    margin = MARGIN * z
    beyond = [
        u + margin < 0,
        v + margin < 0,
        u - width * z - margin > 0,
        v - height * z - margin > 0,
        z + MARGIN < near,
        z - MARGIN > far,
    ]
    outside = np.any([plane.all(axis=1) for plane in beyond], axis=0)
    return [thing for thing, out in zip(placed, outside, strict=True) if not out]


def world_vertices(placed: PlacedObject, meshes: Meshes) -> Floats:
    """An object's vertices in the world, float64 (V, 3)."""
    return affine(placed.matrix, meshes[placed.asset][0])


def depth_to_millimetres(depth: NDArray[np.float32]) -> Words:
    """Depth in metres as stored: 0 stays 0, a hit is at least 1 and at most 65535."""
    millimetres = np.clip(np.rint(depth.astype(np.float64) * 1000), 1, FARTHEST_MM)
    return np.where(depth > 0, millimetres, 0).astype(np.uint16)


def _stamp(volume: NDArray[np.generic], value: int, thing: PlacedMesh, grid: Grid) -> None:
    """Write `value` into the cells of `volume` that a mesh occupies."""
    low, part = voxelize_part(thing.vertices, thing.faces, grid)
    i, j, k = (slice(start, start + n) for start, n in zip(low, part.shape, strict=True))
    volume[i, j, k][part] = value
