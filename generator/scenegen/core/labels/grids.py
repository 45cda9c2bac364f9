"""The two kinds of voxel grid and the space in which both have axis-aligned cells and flat triangles.

A box grid's cells are cubes in world axes. A frustum grid's cells are cut by pixel columns, pixel rows and depths: in
(u, v, -1/z), with u and v on the image plane and z the depth, they are axis-aligned boxes too, and a plane in the world
stays a plane. So one voxelizer serves both: see `to_grid_space`. Standard library and numpy only: runs inside Blender.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class BoxGrid:
    """Cubes: cell (i, j, k) is the closed box from origin + voxel_size * (i, j, k), voxel_size metres wide."""

    origin: Sequence[float]
    voxel_size: float
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        """ValueError for a grid without cells, and for numbers that are not finite."""
        _check_shape(self.shape)
        _check_array("origin", self.origin, (3,))
        if not 0 < self.voxel_size < math.inf:
            raise ValueError(f"voxel_size {self.voxel_size}: must be positive and finite")


@dataclass(frozen=True)
class FrustumGrid:
    """Fruxels: cell (i, j, k) covers pixels image_size * [(i, j) / (w, h), (i + 1, j + 1) / (w, h)] and, of the depths
    from near to far (metres along the optical axis), the closed slice k of d equal ones; shape is (w, h, d).

    K is 3x3 in pixels (last row 0, 0, 1); world_to_camera is 4x4 (last row 0, 0, 0, 1; OpenCV: x right, y down,
    z forward).
    """

    K: ArrayLike
    world_to_camera: ArrayLike
    image_size: tuple[int, int]
    near: float
    far: float
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        """ValueError for a grid without cells, for numbers that are not finite and for what is no such matrix."""
        _check_shape(self.shape)
        K = _check_array("K", self.K, (3, 3))
        if K[2].tolist() != [0, 0, 1] or K[0, 0] == 0 or K[1, 1] == 0:
            raise ValueError(f"K {K.tolist()}: needs focal lengths that are not 0 and the last row 0, 0, 1")
        last = _check_array("world_to_camera", self.world_to_camera, (4, 4))[3]
        if not np.allclose(last, (0, 0, 0, 1), rtol=0, atol=1e-9):
            raise ValueError(f"world_to_camera: its last row is {last.tolist()}, not 0, 0, 0, 1; is it transposed?")
        if len(self.image_size) != 2 or not all(0 < n < math.inf for n in self.image_size):
            raise ValueError(f"image_size {self.image_size}: need two positive numbers")
        if not 0 < self.near < self.far < math.inf:
            raise ValueError(f"near {self.near}, far {self.far}: need 0 < near < far, both finite")


Grid = BoxGrid | FrustumGrid


def box_grid(spec: GridSpec) -> BoxGrid:
    """The box grid of a scene."""
    return BoxGrid(spec.origin, spec.voxel_size, spec.shape)


def frustum_grid(camera: Camera, spec: FrustumSpec | None = None) -> FrustumGrid:
    """The fruxel model of a camera (or another `spec` at its pose).

    With the camera's own horizontal field of view, the frustum covers its image. With another one, the pose, the
    principal point and the aspect ratio stay, and the focal length changes.
    """
    spec = spec or camera.frustum
    (fx, skew, cx), (_, fy, cy), last = camera.K
    scale = camera.width / (2 * math.tan(math.radians(spec.hfov_deg) / 2)) / fx
    K = camera.K if abs(scale - 1) < 1e-6 else ((fx * scale, skew * scale, cx), (0.0, fy * scale, cy), last)
    return FrustumGrid(K, camera.world_to_camera, (camera.width, camera.height), spec.near, spec.far, spec.size)


def cell_edges(grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Where cells end along each axis: world metres of a box grid, pixels, pixels and metres of depth of a frustum."""
    steps = [np.arange(n + 1) for n in grid.shape]
    if isinstance(grid, BoxGrid):
        x, y, z = (o + grid.voxel_size * s for o, s in zip(grid.origin, steps, strict=True))
        return x, y, z
    width, height = grid.image_size
    w, h, d = grid.shape
    return steps[0] * width / w, steps[1] * height / h, grid.near + (grid.far - grid.near) * steps[2] / d


def cell_centres(grid: Grid) -> Floats:
    """World positions of the cells' centres, float64 (*grid.shape, 3); a fruxel's, on its pixel ray in mid-depth."""
    a, b, c = np.meshgrid(*((e[:-1] + e[1:]) / 2 for e in cell_edges(grid)), indexing="ij")
    points: Floats = np.stack([a, b, c], axis=-1)
    if isinstance(grid, BoxGrid):
        return points
    (fx, skew, cx), (_, fy, cy), _ = np.asarray(grid.K, dtype=float).tolist()
    y = (b - cy) / fy
    x = (a - cx - skew * y) / fx
    camera_to_world = np.linalg.inv(np.asarray(grid.world_to_camera, dtype=float))
    return affine(camera_to_world, np.stack([x * c, y * c, c], axis=-1).reshape(-1, 3)).reshape(points.shape)


def to_grid_space(grid: Grid, points: ArrayLike) -> Floats:
    """World points (V, 3) in cells: of a box grid (x, y, z), of a frustum grid (u*z, v*z, z) with u, v in cells.

    The frustum's form is homogeneous, so that it also holds points on and behind the camera's plane; where z > 0,
    (u, v, -1/z) is the point's place among axis-aligned cells.
    """
    if isinstance(grid, BoxGrid):
        origin: Floats = np.array(grid.origin, dtype=np.float64)
        places: Floats = (np.asarray(points, dtype=np.float64) - origin) / grid.voxel_size
        return places
    w, h = grid.shape[0] / grid.image_size[0], grid.shape[1] / grid.image_size[1]
    K = np.asarray(grid.K, dtype=np.float64) * np.array([[w], [h], [1.0]])
    return affine(K, affine(grid.world_to_camera, points))


def depth_bounds(grid: Grid) -> Floats:
    """Cell edges along the third axis of the space of axis-aligned cells: 0, 1, 2, ... or -1/z, rising."""
    edges = cell_edges(grid)[2]
    return np.arange(grid.shape[2] + 1.0) if isinstance(grid, BoxGrid) else np.divide(-1, edges)


def depth_centres(grid: Grid) -> Floats:
    """Cell centres along the third axis of the space of axis-aligned cells."""
    _, _, edges = cell_edges(grid)
    return np.arange(grid.shape[2]) + 0.5 if isinstance(grid, BoxGrid) else -2 / (edges[:-1] + edges[1:])


def affine(matrix: ArrayLike, points: ArrayLike) -> Floats:
    """Points (V, 3) through a 3x3, 3x4 or 4x4 matrix, float64.

    Written out because a matrix product's last bits depend on the processor (fused multiply-add), and labels must not.
    """
    m = np.asarray(matrix, dtype=np.float64)
    x, y, z = np.asarray(points, dtype=np.float64).T
    rows = [m[r, 0] * x + m[r, 1] * y + m[r, 2] * z for r in range(3)]
    return np.stack([row + m[r, 3] if m.shape[1] == 4 else row for r, row in enumerate(rows)], axis=1)


def _check_shape(shape: Sequence[int]) -> None:
    try:
        counts = [operator.index(n) for n in shape]
    except TypeError:
        counts = []
    if len(counts) != 3 or min(counts) < 1:
        raise ValueError(f"grid shape {shape}: need three positive whole numbers")


def _check_array(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name}: an array of shape {array.shape} given, {shape} is needed")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: {array.tolist()} is not finite")
    return array
