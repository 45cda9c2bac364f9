"""Where the surface points of a camera's pixels are: in their object's box, in cells of its class.

Compiled, since a street has millions of pixels. The depth map rounds to steps, so that a point is tried at every
millimetre of the step along its ray, and a millimetre before and behind it where a step is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.scene.scene import FARTHEST_STEP, Camera, GridSpec, MapSpec, PlacedObject
from scenegen.steps.verify.projection import Array, eye_of, frustum_focal, rays_of

SPACING = 0.001
"""Metres of depth between the places that are tried."""
BOX_TOLERANCE = 0.001
"""Metres that a mesh may stick out of its object's box: a millimetre, to which models are measured."""

Counts = NDArray[np.int64]

_UNIT_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])


class PixelCounts(NamedTuple):
    """Pixels per object, int (objects,).

    `outside`: whose point is outside the object's box. `in_grid`, `in_frustum`: whose point is in the box grid and in
    the frustum; `of_class`, `labelled`: those of them in a cell of the object's class, and in a labelled cell.
    """

    outside: Counts
    in_grid: Counts
    of_class: Counts
    in_frustum: Counts
    labelled: Counts


class Boxes(NamedTuple):
    """The oriented boxes of N objects.

    `inverse` (N, 3, 4) maps the world to the asset's frame, where each is from `low` to `high` (N, 3); `scale` (N,) is
    how many world metres an asset's metre has; `classes` (N,) are indices; `corners` (N, 8, 3) are in world metres.
    """

    inverse: Array
    low: Array
    high: Array
    scale: Array
    classes: NDArray[np.int64]
    corners: Array


def boxes_of(objects: Sequence[PlacedObject], classes: Sequence[str]) -> Boxes:
    """The boxes of a scene's objects, in the order of their ids."""
    matrices = np.array([o.matrix for o in objects], float).reshape(-1, 4, 4)
    size = np.array([o.size for o in objects], float).reshape(-1, 3)
    corners = np.einsum("nij,nkj->nki", matrices[:, :3, :3], _UNIT_CORNERS * size[:, None]) + matrices[:, None, :3, 3]
    return Boxes(
        np.ascontiguousarray(np.linalg.inv(matrices)[:, :3]),
        size * (-0.5, -0.5, 0.0),
        size * (0.5, 0.5, 1.0),
        np.cbrt(np.linalg.det(matrices[:, :3, :3])),
        np.array([classes.index(o.class_name) for o in objects], np.int64),
        corners,
    )


def count_pixels(
    maps: tuple[NDArray[np.uint16], NDArray[np.uint16], MapSpec],
    camera: Camera,
    boxes: Boxes,
    frustum: NDArray[np.uint8],
    box_grid: tuple[GridSpec, NDArray[np.bool_]] | None,
) -> PixelCounts:
    """Count the pixels of one camera: `maps` are depth and instance (H, W), `frustum` (w, h, d), `box_grid` has masks.

    Pixels whose instance is no object are left out.
    """
    spec = camera.frustum
    masks = np.zeros((0, 0, 0, 1), np.bool_) if box_grid is None else box_grid[1]
    origin, voxel = ((0.0, 0.0, 0.0), 1.0) if box_grid is None else (box_grid[0].origin, box_grid[0].voxel_size)
    fx, fy = frustum_focal(camera)
    lens = np.array(
        [fx / camera.K[0][0], fy / camera.K[1][1], camera.K[0][2], camera.K[1][2], camera.width, camera.height]
    )
    reach = (boxes.corners @ camera.world_to_camera[2][:3]).max(axis=1) + camera.world_to_camera[2][3]
    counts = np.zeros((len(PixelCounts._fields), len(boxes.scale)), np.int64)
    _count(
        (np.ascontiguousarray(maps[0]), np.ascontiguousarray(maps[1]), maps[2].depth_unit),
        (rays_of(camera), eye_of(camera)),
        (boxes.inverse, boxes.low, boxes.high, boxes.classes, boxes.scale, reach),
        (np.ascontiguousarray(masks), np.array(origin, float), float(voxel)),
        (np.ascontiguousarray(frustum.T), float(spec.near), float(spec.far), lens),
        counts,
    )
    return PixelCounts(*counts)


@compiled
def _count(
    maps: tuple[NDArray[np.uint16], NDArray[np.uint16], int],
    view: tuple[Array, Array],
    boxes: tuple[Array, Array, Array, Counts, Array, Array],
    grid: tuple[NDArray[np.bool_], Array, float],
    frustum: tuple[NDArray[np.uint8], float, float, Array],
    counts: Counts,
) -> None:
    depth, instance, unit = maps
    around = max(1, (unit + 1) // 2)
    rays, eye = view
    inverse, low, high, classes, scale, reach = boxes
    masks, origin, voxel = grid
    labels, near, far, lens = frustum
    d, h, w = labels.shape
    point, own = np.empty(3), np.empty(3)
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            number = np.int64(instance[row, column]) - 1
            if number < 0 or number >= len(scale):
                continue
            u, v = column + 0.5, row + 0.5
            inside, box_asked, box_found, frustum_asked, frustum_found = False, False, False, False, False
            for off in range(-around, around + 1):
                z = depth[row, column] * unit / 1000.0 + off * SPACING
                for axis in range(3):
                    point[axis] = eye[axis] + z * (rays[axis, 0] * u + rays[axis, 1] * v + rays[axis, 2])
                for axis in range(3):
                    m = inverse[number, axis]
                    own[axis] = m[0] * point[0] + m[1] * point[1] + m[2] * point[2] + m[3]
                slack = BOX_TOLERANCE / scale[number]
                held = True
                for axis in range(3):
                    held &= low[number, axis] - slack <= own[axis] <= high[number, axis] + slack
                inside |= held
                if masks.size:
                    i = math.floor((point[0] - origin[0]) / voxel)
                    j = math.floor((point[1] - origin[1]) / voxel)
                    k = math.floor((point[2] - origin[2]) / voxel)
                    if 0 <= i < masks.shape[0] and 0 <= j < masks.shape[1] and 0 <= k < masks.shape[2]:
                        box_asked = True
                        box_found |= masks[i, j, k, classes[number]]
                i = math.floor(((u - lens[2]) * lens[0] + lens[2]) * w / lens[4])
                j = math.floor(((v - lens[3]) * lens[1] + lens[3]) * h / lens[5])
                k = math.floor((z - near) / (far - near) * d)
                if 0 <= i < w and 0 <= j < h and 0 <= k < d:
                    frustum_asked = True
                    frustum_found |= labels[k, j, i] > 0
            if depth[row, column] == FARTHEST_STEP:  # any place beyond it will do
                inside = reach[number] >= (FARTHEST_STEP - 1) * unit / 1000
            counts[0, number] += not inside
            counts[1, number] += box_asked
            counts[2, number] += box_found
            counts[3, number] += frustum_asked
            counts[4, number] += frustum_found
