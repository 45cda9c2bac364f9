"""A scene's labels, from its objects' places and meshes alone: voxels of box and frustum grids, depth, instances."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.grids import Floats, Grid, affine, box_grid, frustum_grid
from scenegen.rasterize import rasterize
from scenegen.scene import FrustumSpec, GridSpec, PlacedObject, Scene
from scenegen.voxelize import voxelize_part

Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Words = NDArray[np.uint16]
Meshes = Mapping[str, tuple[ArrayLike, ArrayLike]]
FARTHEST_MM = 65535


@dataclass(frozen=True)
class Labels:
    """Everything that a scene folder holds beside images and scene.json.

    `occupancy` bool (X, Y, Z) and `masks` bool (X, Y, Z, C) are None without a box grid. One entry a camera: `frusta`
    uint8 (w, h, d), 0 = air, else class index + 1; `depths` uint16 (H, W), millimetres, 0 = nothing hit, 65535 = that
    far or farther; `instances` uint16 (H, W), object id + 1 or 0. `visible_pixels`: per object, one count a camera.
    """

    occupancy: Bools | None
    masks: Bools | None
    frusta: tuple[Bytes, ...]
    depths: tuple[Words, ...]
    instances: tuple[Words, ...]
    visible_pixels: tuple[tuple[int, ...], ...]


def make_labels(scene: Scene, meshes: Meshes) -> Labels:
    """Labels of a scene whose assets' (vertices, faces), in the asset frame, are found in `meshes` by asset name."""
    occupancy, masks, frusta = voxel_labels(scene, meshes, scene.grid, [c.frustum for c in scene.cameras])
    placed = [(o.id, world_vertices(o, meshes), meshes[o.asset][1]) for o in scene.objects]
    views = [rasterize(placed, camera, scene.room) for camera in scene.cameras]
    return Labels(
        occupancy=occupancy,
        masks=masks,
        frusta=frusta,
        depths=tuple(depth_to_millimetres(depth) for depth, _ in views),
        instances=tuple(instance for _, instance in views),
        visible_pixels=tuple(
            tuple(int(np.count_nonzero(instance == o.id + 1)) for _, instance in views) for o in scene.objects
        ),
    )


def voxel_labels(
    scene: Scene, meshes: Meshes, grid: GridSpec | None, frusta: Sequence[FrustumSpec]
) -> tuple[Bools | None, Bools | None, tuple[Bytes, ...]]:
    """(occupancy, masks, frusta) of a scene in a box grid and in one fruxel model a camera; see Labels."""
    masks = np.zeros((*grid.shape, len(scene.classes)), dtype=np.bool_) if grid else None
    models = [frustum_grid(camera, spec) for camera, spec in zip(scene.cameras, frusta, strict=True)]
    labels = tuple(np.zeros(model.shape, dtype=np.uint8) for model in models)
    for placed in scene.objects:
        vertices, faces = world_vertices(placed, meshes), meshes[placed.asset][1]
        index = scene.classes.index(placed.class_name)
        if grid and masks is not None:
            _stamp(masks[..., index], True, vertices, faces, box_grid(grid))
        for model, label in zip(models, labels, strict=True):
            _stamp(label, index + 1, vertices, faces, model)
    return None if masks is None else masks.any(axis=-1), masks, labels


def world_vertices(placed: PlacedObject, meshes: Meshes) -> Floats:
    """An object's vertices in the world, float64 (V, 3)."""
    return affine(placed.matrix, meshes[placed.asset][0])


def depth_to_millimetres(depth: NDArray[np.float32]) -> Words:
    """Depth in metres as stored: 0 stays 0, a hit is at least 1 and at most 65535."""
    millimetres = np.clip(np.rint(depth.astype(np.float64) * 1000), 1, FARTHEST_MM)
    return np.where(depth > 0, millimetres, 0).astype(np.uint16)


def _stamp(volume: NDArray[np.generic], value: int, vertices: Floats, faces: ArrayLike, grid: Grid) -> None:
    """Write `value` into the cells of `volume` that a mesh occupies."""
    low, part = voxelize_part(vertices, faces, grid)
    i, j, k = (slice(start, start + n) for start, n in zip(low, part.shape, strict=True))
    volume[i, j, k][part] = value
