"""The surface of predicted voxels by class, as one GLB file for game engines and viewers.

glTF's axes: Y up; x, y, z of a room become x, z, -y, and a camera's x, y, z (right, down, forward) become x, -y, -z.
Metres. A class is one mesh in its colour; faces between two of its own voxels are left out, so its surface is closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import trimesh
from numpy.typing import NDArray
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import FrustumSpec, GridSpec
from scenegen.steps.exchange.glb import FROM_OPENCV, TO_GLTF
from trimesh.visual.material import PBRMaterial


def voxels_to_glb(masks: NDArray[np.bool_], grid: GridSpec | FrustumSpec, classes: Sequence[str]) -> bytes:
    """The content of a .glb file with a mesh per class that has voxels; masks are bool (X, Y, Z, C)."""
    scene = trimesh.Scene()
    for number, name in enumerate(classes):
        corners, faces = voxel_surface(masks[..., number])
        if len(faces):
            material = PBRMaterial(name=name, baseColorFactor=(*linear_color(name), 1.0), metallicFactor=0.0)
            mesh = trimesh.Trimesh(_to_gltf(corners, grid), faces, process=False)
            mesh.visual = trimesh.visual.TextureVisuals(material=material)
            scene.add_geometry(mesh, node_name=name, geom_name=name)
    content: bytes = trimesh.exchange.gltf.export_glb(scene)
    return content


def voxel_surface(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The closed surface of voxels bool (X, Y, Z): corners (N, 3) on the grid's lattice, triangles (F, 3).

    Triangles are counter-clockwise as seen from outside. Voxel (i, j, k) spans the corners (i, j, k) to (i + 1, ...).
    """
    padded = np.pad(mask, 1)
    squares = []
    for axis, side in product(range(3), (0, 1)):
        neighbour = np.roll(padded, -1 if side else 1, axis)
        cells = np.argwhere(padded & ~neighbour) - 1
        # the two other axes in cyclic order: their square is counter-clockwise as seen from the axis's positive end
        u, v = np.eye(3, dtype=np.int64)[[(axis + 1) % 3, (axis + 2) % 3]]
        origin = cells + side * np.eye(3, dtype=np.int64)[axis]
        ring = np.stack([origin, origin + u, origin + u + v, origin + v], axis=1)
        squares.append(ring if side else ring[:, ::-1])
    quads = np.concatenate(squares)
    corners, index = np.unique(quads.reshape(-1, 3), axis=0, return_inverse=True)
    index = index.reshape(-1, 4)
    return corners, np.concatenate([index[:, [0, 1, 2]], index[:, [0, 2, 3]]])


def _to_gltf(corners: NDArray[np.int64], grid: GridSpec | FrustumSpec) -> NDArray[np.float64]:
    """Corners of a grid's lattice to metres in glTF's axes; of a frustum in its camera's frame."""
    if isinstance(grid, GridSpec):
        return np.asarray((np.array(grid.origin) + grid.voxel_size * corners) @ TO_GLTF.T)
    width, height, slices = grid.size
    depth = grid.near + (grid.far - grid.near) * corners[:, 2] / slices
    half = np.tan(np.radians(grid.hfov_deg) / 2)
    # images are square, and so are their pixels
    x, y = (half * (2 * corners[:, axis] / size - 1) * depth for axis, size in ((0, width), (1, height)))
    return np.asarray(np.stack([x, y, depth], axis=1) @ FROM_OPENCV[:3, :3].T)


def linear_color(class_name: str) -> tuple[float, float, float]:
    """A class's colour as glTF's factors hold it: linear, 0 to 1."""
    shares = (channel / 255 for channel in class_color(class_name))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return red, green, blue
