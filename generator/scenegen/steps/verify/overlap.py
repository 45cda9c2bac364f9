"""Whether labelled cells of the box grid and of a frustum grid overlap, cell by cell: compiled.

Cells are compared by their bounding boxes in the other grid's index space, which can only be too lenient. Which ones
are labelled is given as rising flat indices, of fruxels in the order (d, h, w) in memory.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.scene.scene import Camera, GridSpec
from scenegen.steps.verify.cells import Indices
from scenegen.steps.verify.pixels import Boxes
from scenegen.steps.verify.projection import CLOSE, Array, eye_of, frustum_focal, frustum_matrix, to_box_index

Counts = NDArray[np.int64]
Labels = NDArray[np.uint8]
Masks = NDArray[np.bool_]


def fruxels_over_masks(
    labelled: tuple[Labels, Indices], masks: Masks, camera: Camera, grid: GridSpec
) -> tuple[Counts, Counts]:
    """Per class, the labelled fruxels that lie completely in the box grid, and those that overlap a cell of the class.

    `labelled` are labels (w, h, d), none above the number of classes, and which are not 0; `masks` (X, Y, Z, C).
    """
    labels, which = labelled
    counts = np.zeros((2, masks.shape[-1]), np.int64)
    near, far, d = camera.frustum.near, camera.frustum.far, camera.frustum.size[2]
    least, most = _ray_extremes(camera)
    slices = near + (far - near) * np.arange(d + 1) / d
    bounds = least / grid.voxel_size, most / grid.voxel_size, slices, to_box_index(eye_of(camera), grid)
    _count_fruxels(np.ascontiguousarray(labels.T), which, np.ascontiguousarray(masks), bounds, counts)
    return counts[0], counts[1]


def masks_over_fruxels(
    occupied: tuple[Masks, Indices], labels: Labels, camera: Camera, grid: GridSpec
) -> tuple[Counts, Counts]:
    """Per class, the cells of the box grid that lie completely in the frustum, and those over a labelled fruxel.

    `occupied` are masks (X, Y, Z, C), and which cells are of some class.
    """
    masks, which = occupied
    counts = np.zeros((2, masks.shape[-1]), np.int64)
    matrix = frustum_matrix(camera)
    to_index = np.concatenate(
        [matrix[:, :3] * grid.voxel_size, (matrix[:, :3] @ grid.origin + matrix[:, 3])[:, None]], axis=1
    )
    span = np.array([camera.frustum.near, camera.frustum.far])
    _count_cells(np.ascontiguousarray(masks), which, np.ascontiguousarray(labels.T), to_index, span, counts)
    return counts[0], counts[1]


def fruxels_of_no_box(labelled: tuple[Labels, Indices], boxes: Boxes, camera: Camera, classes: int) -> Counts:
    """Per class, the labelled fruxels outside the bounds, in the frustum's columns, rows and slices, of all its boxes.

    `labelled` are labels (w, h, d), none above `classes`, and which are not 0.
    """
    labels, which = labelled
    w, h, d = camera.frustum.size
    matrix = frustum_matrix(camera)
    u, v, z = np.moveaxis(boxes.corners @ matrix[:, :3].T + matrix[:, 3], -1, 0)
    ahead = (z > CLOSE).all(axis=1)[:, None]
    depth = np.where(ahead, z, 1.0)
    k = (z - camera.frustum.near) / (camera.frustum.far - camera.frustum.near) * d
    # A box that reaches behind the camera may be in any column and row.
    ends = [np.where(ahead, u / depth, [[0, w] * 4]), np.where(ahead, v / depth, [[0, h] * 4]), k]
    first = np.stack([np.ceil(e.min(axis=1) - 1 - CLOSE) for e in ends], axis=1).clip(-1, 1 << 20).astype(np.int64)
    last = np.stack([np.floor(e.max(axis=1) + CLOSE) for e in ends], axis=1).clip(-1, 1 << 20).astype(np.int64)
    order = np.argsort(boxes.classes, kind="stable")
    starts = np.searchsorted(boxes.classes[order], np.arange(classes + 1))
    astray = np.zeros(classes, np.int64)
    _count_astray(np.ascontiguousarray(labels.T), which, (first[order], last[order]), starts, astray)
    return astray


def _ray_extremes(camera: Camera) -> tuple[Array, Array]:
    """The least and the most (w, h, 3) of the four rays at depth 1 that bound each column of fruxels, in world axes.

    A fruxel's corners are eye + z * ray, with two values of z and four rays, so only the rays' extremes matter.
    """
    w, h, _ = camera.frustum.size
    fx, fy = frustum_focal(camera)
    x = (np.arange(w + 1) * camera.width / w - camera.K[0][2]) / fx
    y = (np.arange(h + 1) * camera.height / h - camera.K[1][2]) / fy
    flat = np.stack([*np.meshgrid(x, y, indexing="ij"), np.ones((w + 1, h + 1))], axis=-1)
    rays = flat @ np.array(camera.world_to_camera)[:3, :3]
    four = np.stack([rays[:-1, :-1], rays[1:, :-1], rays[:-1, 1:], rays[1:, 1:]])
    return four.min(axis=0), four.max(axis=0)


@compiled
def _count_astray(labels: Labels, which: Indices, ends: tuple[Counts, Counts], starts: Counts, astray: Counts) -> None:
    first, last = ends
    _, h, w = labels.shape
    for place in which:
        k, j, i = place // (h * w), place // w % h, place % w
        c = np.int64(labels[k, j, i]) - 1
        for n in range(starts[c], starts[c + 1]):
            if first[n, 0] <= i <= last[n, 0] and first[n, 1] <= j <= last[n, 1] and first[n, 2] <= k <= last[n, 2]:
                break
        else:
            astray[c] += 1


@compiled
def _count_fruxels(
    labels: Labels, which: Indices, masks: Masks, bounds: tuple[Array, Array, Array, Array], counts: Counts
) -> None:
    least, most, slices, eye = bounds
    _, h, w = labels.shape
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for place in which:
        k, j, i = place // (h * w), place // w % h, place % w
        c = np.int64(labels[k, j, i]) - 1
        within = True
        for axis in range(3):
            low = eye[axis] + min(slices[k] * least[i, j, axis], slices[k + 1] * least[i, j, axis])
            high = eye[axis] + max(slices[k] * most[i, j, axis], slices[k + 1] * most[i, j, axis])
            within &= low > CLOSE and high < masks.shape[axis] - CLOSE
            first[axis] = max(math.ceil(low - 1 - CLOSE), 0)
            last[axis] = min(math.floor(high + CLOSE) + 1, masks.shape[axis])
        if within:
            counts[0, c] += 1
            counts[1, c] += _any_of_class(masks, first, last, c)


@compiled
def _any_of_class(masks: Masks, first: Counts, last: Counts, c: np.int64) -> bool:
    for x in range(first[0], last[0]):
        for y in range(first[1], last[1]):
            for z in range(first[2], last[2]):
                if masks[x, y, z, c]:
                    return True
    return False


@compiled
def _count_cells(masks: Masks, which: Indices, labels: Labels, to_index: Array, span: Array, counts: Counts) -> None:
    d, h, w = labels.shape
    _, ny, nz, classes = masks.shape
    near, far = span
    low, high = np.empty(3), np.empty(3)
    for place in which:
        x, y, z = place // (ny * nz), place // nz % ny, place % nz
        if not _frustum_bounds(x, y, z, to_index, low, high):
            continue
        low[2], high[2] = (low[2] - near) / (far - near) * d, (high[2] - near) / (far - near) * d
        if min(low) <= CLOSE or high[0] >= w - CLOSE or high[1] >= h - CLOSE or high[2] >= d - CLOSE:
            continue
        met = _any_label(labels, low, high)
        for c in range(classes):
            if masks[x, y, z, c]:
                counts[0, c] += 1
                counts[1, c] += met


@compiled
def _frustum_bounds(x: int, y: int, z: int, to_index: Array, low: Array, high: Array) -> bool:
    """Fill in the bounds of a box cell in frustum columns, rows and depth; False when it reaches behind the camera."""
    low[:], high[:] = np.inf, -np.inf
    for n in range(8):
        i, j, k = x + (n & 1), y + (n >> 1 & 1), z + (n >> 2)
        depth = to_index[2, 0] * i + to_index[2, 1] * j + to_index[2, 2] * k + to_index[2, 3]
        if depth <= CLOSE:
            return False
        u = (to_index[0, 0] * i + to_index[0, 1] * j + to_index[0, 2] * k + to_index[0, 3]) / depth
        v = (to_index[1, 0] * i + to_index[1, 1] * j + to_index[1, 2] * k + to_index[1, 3]) / depth
        low[0], high[0] = min(low[0], u), max(high[0], u)
        low[1], high[1] = min(low[1], v), max(high[1], v)
        low[2], high[2] = min(low[2], depth), max(high[2], depth)
    return True


@compiled
def _any_label(labels: Labels, low: Array, high: Array) -> bool:
    for k in range(max(math.ceil(low[2] - 1 - CLOSE), 0), min(math.floor(high[2] + CLOSE) + 1, labels.shape[0])):
        for j in range(max(math.ceil(low[1] - 1 - CLOSE), 0), min(math.floor(high[1] + CLOSE) + 1, labels.shape[1])):
            for i in range(
                max(math.ceil(low[0] - 1 - CLOSE), 0), min(math.floor(high[0] + CLOSE) + 1, labels.shape[2])
            ):
                if labels[k, j, i] > 0:
                    return True
    return False
