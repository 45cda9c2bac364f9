"""The triangles of a scene's objects in the world, and which of them a camera may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.labels.cut_outs import CutOut
from scenegen.core.labels.grids import Floats, affine
from scenegen.core.labels.label_meshes import LabelMesh
from scenegen.core.labels.triangle_meshes import mesh_arrays
from scenegen.core.scene.scene import MOST_CLASSES, MOST_CLASSES_IN_GRID, Camera, PlacedObject, Scene

Meshes = Mapping[str, tuple[ArrayLike, ArrayLike] | LabelMesh]
"""Asset name to (vertices (V, 3) in metres, asset frame; faces (F, 3)), or to these with cut-out faces."""

MARGIN = 1e-2
"""An object is left out of a view only if it is this far outside: pixels, and metres of depth."""


@dataclass(frozen=True)
class PlacedMesh:
    """An object's triangles in the world, their label (class index + 1), the corners (8, 3) of a box around them, and
    its cut-out faces, if there are any. `solid` is as in LabelMesh.
    """

    id: int
    label: int
    vertices: Floats
    faces: NDArray[np.int64]
    corners: Floats
    cut_out: CutOut | None = None
    solid: bool = True


def place_meshes(scene: Scene, meshes: Meshes) -> tuple[PlacedMesh, ...]:
    """Every object of a scene whose assets' (vertices, faces), in the asset frame, are found in `meshes` by name.

    ValueError for more classes than labels have numbers.
    """
    if len(scene.classes) > (most := MOST_CLASSES_IN_GRID if scene.grid else MOST_CLASSES):
        raise ValueError(f"{len(scene.classes)} classes given, labels hold at most {most}")
    placed = []
    for item in scene.objects:
        mesh = LabelMesh(*meshes[item.asset])
        points, faces = mesh_arrays(world_vertices(item, meshes), mesh.faces)
        # Column by column: numpy reduces the rows of a (V, 3) array 25 times slower.
        ends = [(points[:, axis].min(), points[:, axis].max()) for axis in range(3)]
        corners = np.array([[ends[axis][n >> axis & 1] for axis in range(3)] for n in range(8)])
        label = scene.classes.index(item.class_name) + 1
        placed.append(PlacedMesh(item.id, label, points, faces, corners, mesh.cut_out, mesh.solid))
    return tuple(placed)


def world_vertices(placed: PlacedObject, meshes: Meshes) -> Floats:
    """An object's vertices in the world, float64 (V, 3)."""
    return affine(placed.matrix, meshes[placed.asset][0])


def meshes_in_view(
    placed: Sequence[PlacedMesh], camera: Camera, K: ArrayLike, near: float, far: float
) -> list[PlacedMesh]:
    """The meshes that may be visible in a camera's image, under some K, between two depths.

    Each of the others is wholly beyond one plane of that volume, because the box around it is.
    """
    if not placed:
        return []
    points = affine(K, affine(camera.world_to_camera, np.concatenate([mesh.corners for mesh in placed])))
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
    return [mesh for mesh, out in zip(placed, outside, strict=True) if not out]
