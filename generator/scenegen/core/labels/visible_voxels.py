"""What a camera sees of a box grid (visibility.py has the rule).

The rays of a sparse set of pixels are walked from cell to cell, which finds most of the free cells. The surface of
every pixel is marked. Each cell that is left is then tested against the rays of all pixels that it may show in, so the
result does not depend on which rays were walked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.depth_and_instances import ray_frame
from scenegen.core.labels.grids import BoxGrid, Floats, box_grid
from scenegen.core.labels.visibility import FREE, HIDDEN, NOT_IN_VIEW, SURFACE, Cells, PixelRays, join, rays_of
from scenegen.core.scene.scene import Camera, Matrix3, Row4, Scene, Vector

_BLOCK = 8  # pixels along the blocks whose farthest free depth is known


def box_visibilities(scene: Scene, depths: Iterable[NDArray[np.uint16]]) -> Iterator[tuple[str, Cells]]:
    """What a scene's cameras, with these depth maps, see of its box grid, by name.

    First `visibility_K` of each camera, then `visibility` of all. ValueError for a scene without cameras or a grid.
    """
    if scene.grid is None or not scene.cameras:
        raise ValueError("needs a box grid and cameras")
    grid, together = box_grid(scene.grid), None
    for k, (camera, depth) in enumerate(zip(scene.cameras, depths, strict=True)):
        cells = box_visibility(grid, camera, depth, scene.map_spec.depth_unit, measured=scene.measured_depth)
        yield f"visibility_{k}", cells
        if together is None:
            together = cells.copy()
        else:
            join(together, cells)
    assert together is not None
    yield "visibility", together


def box_visibility(
    grid: BoxGrid, camera: Camera, depth: NDArray[np.uint16], depth_unit: int, *, measured: bool = False
) -> Cells:
    """What a camera sees of a box grid: uint8 (X, Y, Z) of the values above.

    `depth` uint16 (H, W) is as stored, in steps of `depth_unit` millimetres, `measured` as in `rays_of`. `camera` is in
    the grid's axes: for a grid that is turned, turn its pose.
    """
    rays = rays_of(depth, depth_unit, measured=measured)
    eye, directions = ray_frame(camera)
    start = (eye - np.array(grid.origin, dtype=np.float64)) / grid.voxel_size
    lens = _Lens(_tuple(start), _rows(directions / grid.voxel_size), _image_of_cells(grid, camera))
    cells = np.zeros(grid.shape, dtype=np.uint8)
    _walk(lens, rays, cells, _stride(grid, camera, rays))
    _mark_surfaces(lens, rays, cells)
    _decide_rest(lens, rays, cells)
    return cells


class _Lens(NamedTuple):
    """A camera among cells: its `eye`; `directions` (3 x 3), the way of one depth through the pixel (u, v, 1);
    `image` (3 x 4), the pixels (u * z, v * z, z) of a place in cells. Tuples: compiled loops keep them in registers.
    """

    eye: Vector
    directions: Matrix3
    image: tuple[Row4, Row4, Row4]


def _image_of_cells(grid: BoxGrid, camera: Camera) -> tuple[Row4, Row4, Row4]:
    """The matrix (3 x 4) from places in cells to the image (u * z, v * z, z)."""
    pose, (x, y, z), rows = camera.world_to_camera, grid.origin, list[Row4]()
    for k in camera.K:
        a, b, c, shift = (k[0] * pose[0][n] + k[1] * pose[1][n] + k[2] * pose[2][n] for n in range(4))
        size = float(grid.voxel_size)
        rows.append((a * size, b * size, c * size, a * x + b * y + c * z + shift))
    return rows[0], rows[1], rows[2]


def _tuple(values: Floats) -> Vector:
    x, y, z = values.tolist()
    return x, y, z


def _rows(matrix: Floats) -> Matrix3:
    return _tuple(matrix[0]), _tuple(matrix[1]), _tuple(matrix[2])


def _stride(grid: BoxGrid, camera: Camera, rays: PixelRays) -> int:
    """Which rays are walked first: those of every so manyth pixel still meet most of the cells that any ray meets."""
    known = rays.free[np.isfinite(rays.free)]
    typical = float(known.mean()) if len(known) else 1e3
    wide = abs(camera.K[0][0]) * grid.voxel_size / max(typical, 1e-3)
    return max(1, min(16, math.ceil(wide)))


@compiled
def _along(lens: _Lens, row: int, column: int) -> Vector:
    """The direction of a pixel's ray."""
    (a, b, c), (d, e, f), (g, h, i) = lens.directions
    u, v = column + 0.5, row + 0.5
    return a * u + b * v + c, d * u + e * v + f, g * u + h * v + i


@compiled
def _span(start: Vector, step: Vector, low: Vector, high: Vector) -> tuple[float, float]:
    """From which depth to which a ray is between two corners, from 0 on; the first is not below the second outside."""
    enter, leave = 0.0, math.inf
    for axis in range(3):
        if step[axis] == 0:
            if not low[axis] <= start[axis] <= high[axis]:
                leave = -math.inf
            continue
        one, other = (low[axis] - start[axis]) / step[axis], (high[axis] - start[axis]) / step[axis]
        enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
    return enter, leave


@compiled
def _march(start: Vector, step: Vector, begin: float, stop: float, cells: Cells, value: int) -> None:
    """Write `value` into the cells that a ray meets from one depth to another (Amanatides and Woo 1987)."""
    flat, (wide, deep, high) = cells.reshape(-1), cells.shape
    x = min(max(math.floor(start[0] + begin * step[0]), 0), wide - 1)
    y = min(max(math.floor(start[1] + begin * step[1]), 0), deep - 1)
    z = min(max(math.floor(start[2] + begin * step[2]), 0), high - 1)
    on_x, on_y, on_z = step[0] > 0, step[1] > 0, step[2] > 0
    # Along each axis: cells until the grid ends, depth from one cell to the next, depth at which this one ends.
    left_x, left_y, left_z = (wide - 1 - x if on_x else x, deep - 1 - y if on_y else y, high - 1 - z if on_z else z)
    across_x, across_y, across_z = abs(1 / step[0]), abs(1 / step[1]), abs(1 / step[2])
    leave_x = (x + on_x - start[0]) / step[0] if step[0] != 0 else math.inf
    leave_y = (y + on_y - start[1]) / step[1] if step[1] != 0 else math.inf
    leave_z = (z + on_z - start[2]) / step[2] if step[2] != 0 else math.inf
    way_x, way_y, way_z = (deep * high if on_x else -deep * high, high if on_y else -high, 1 if on_z else -1)
    at = (x * deep + y) * high + z
    while True:
        flat[np.uint64(at)] = value  # unsigned: no check for a negative index
        if leave_x <= leave_y and leave_x <= leave_z:
            if leave_x >= stop or left_x == 0:
                return
            left_x -= 1
            leave_x += across_x
            at += way_x
        elif leave_y <= leave_z:
            if leave_y >= stop or left_y == 0:
                return
            left_y -= 1
            leave_y += across_y
            at += way_y
        else:
            if leave_z >= stop or left_z == 0:
                return
            left_z -= 1
            leave_z += across_z
            at += way_z


@compiled
def _walk(lens: _Lens, rays: PixelRays, cells: Cells, stride: int) -> None:
    """Cells that the rays of every `stride`th pixel cross before their surface are free."""
    height, width = rays.free.shape
    low, high = (0.0, 0.0, 0.0), (float(cells.shape[0]), float(cells.shape[1]), float(cells.shape[2]))
    for row in range(stride // 2, height, stride):
        for column in range(stride // 2, width, stride):
            step = _along(lens, row, column)
            enter, leave = _span(lens.eye, step, low, high)
            stop = min(leave, rays.free[row, column])
            if enter < stop:
                _march(lens.eye, step, enter, stop, cells, FREE)


@compiled
def _mark_surfaces(lens: _Lens, rays: PixelRays, cells: Cells) -> None:
    """Cells that the surface of some pixel's ray meets are surface."""
    height, width = rays.free.shape
    low, high = (0.0, 0.0, 0.0), (float(cells.shape[0]), float(cells.shape[1]), float(cells.shape[2]))
    for row in range(height):
        for column in range(width):
            begin, stop = rays.free[row, column], rays.end[row, column]
            if stop < 0:
                continue
            step = _along(lens, row, column)
            x, y, z = (
                lens.eye[0] + begin * step[0],
                lens.eye[1] + begin * step[1],
                lens.eye[2] + begin * step[2],
            )
            i, j, k = int(x), int(y), int(z)
            if min(x, y, z) >= 0 and i < cells.shape[0] and j < cells.shape[1] and k < cells.shape[2]:
                x, y, z = (
                    lens.eye[0] + stop * step[0] - i,
                    lens.eye[1] + stop * step[1] - j,
                    lens.eye[2] + stop * step[2] - k,
                )
                if min(x, y, z) >= 0 and max(x, y, z) < 1:  # as most are: both ends lie in one cell
                    cells[i, j, k] = SURFACE
                    continue
            enter, leave = _span(lens.eye, step, low, high)
            enter, leave = max(enter, begin), min(leave, stop)
            if enter <= leave:
                _march(lens.eye, step, enter, leave, cells, SURFACE)


@compiled
def _decide_rest(lens: _Lens, rays: PixelRays, cells: Cells) -> None:
    """Cells that no walked ray met: free if some other ray crosses them, else what their centre is."""
    height, width = rays.free.shape
    peaks = _peaks(rays.free)
    m = lens.image
    # By how much u * z, width * z - u * z, v * z, height * z - v * z and z change from a cell's centre to its corners.
    slack = np.zeros(4)
    reach = 0.0
    for axis in range(3):
        slack[0] += abs(m[0][axis]) / 2
        slack[1] += abs(width * m[2][axis] - m[0][axis]) / 2
        slack[2] += abs(m[1][axis]) / 2
        slack[3] += abs(height * m[2][axis] - m[1][axis]) / 2
        reach += abs(m[2][axis]) / 2
    # Half of the most columns or rows that a cell may show in at depth 1: at an edge of the image.
    wide = max(*_spread(m, 0.0, 0.0, 1.0), *_spread(m, width, height, 1.0))
    around = _around(peaks)
    for x in range(cells.shape[0]):
        for y in range(cells.shape[1]):
            if _is_column_outside(m, slack, reach, (width, height), (x + 0.5, y + 0.5, cells.shape[2] - 0.5)):
                continue
            for z in range(cells.shape[2]):
                if cells[x, y, z] != NOT_IN_VIEW:
                    continue
                a, b, c = x + 0.5, y + 0.5, z + 0.5
                depth = m[2][0] * a + m[2][1] * b + m[2][2] * c + m[2][3]
                if depth <= -reach:
                    continue
                u = m[0][0] * a + m[0][1] * b + m[0][2] * c + m[0][3]
                v = m[1][0] * a + m[1][1] * b + m[1][2] * c + m[1][3]
                if u < -slack[0] or width * depth - u < -slack[1]:
                    continue
                if v < -slack[2] or height * depth - v < -slack[3]:
                    continue
                inside = False
                if depth > 0:
                    u, v = u / depth, v / depth
                    inside = 0 <= u < width and 0 <= v < height
                    if inside and depth < rays.free[int(v), int(u)]:
                        cells[x, y, z] = FREE  # whether or not the pixel's ray crosses it
                        continue
                    # As most hidden cells: all surfaces in the blocks that it may show in are before it.
                    nearest = depth - reach
                    is_small = inside and wide <= _BLOCK * nearest
                    if is_small and around[int(v) // _BLOCK, int(u) // _BLOCK] <= nearest:
                        cells[x, y, z] = HIDDEN
                        continue
                first, last, left, right = 0, height - 1, 0, width - 1
                if depth > 1.0625 * reach:
                    across, down = _spread(m, u, v, depth - reach)
                    left, right = max(left, math.ceil(u - across - 0.5)), min(right, math.floor(u + across - 0.5))
                    first, last = max(first, math.ceil(v - down - 0.5)), min(last, math.floor(v + down - 0.5))
                if _any_crosses(lens, rays, peaks, (first, last, left, right), depth - reach, (x, y, z)):
                    cells[x, y, z] = FREE
                elif inside:
                    cells[x, y, z] = HIDDEN


@compiled
def _is_column_outside(
    m: tuple[Row4, Row4, Row4], slack: Floats, reach: float, size: tuple[int, int], column: Vector
) -> bool:
    """Whether all cells at (x, y), up to one with its centre at z, are beyond one and the same side of the image."""
    x, y, top = column
    behind = left = right = above = below = True
    for z in (0.5, top):
        depth = m[2][0] * x + m[2][1] * y + m[2][2] * z + m[2][3]
        u = m[0][0] * x + m[0][1] * y + m[0][2] * z + m[0][3]
        v = m[1][0] * x + m[1][1] * y + m[1][2] * z + m[1][3]
        behind &= depth <= -reach
        left &= u < -slack[0]
        right &= size[0] * depth - u < -slack[1]
        above &= v < -slack[2]
        below &= size[1] * depth - v < -slack[3]
    return behind or left or right or above or below


@compiled
def _peaks(free: Floats) -> Floats:
    """The farthest free depth in each block of _BLOCK x _BLOCK pixels."""
    height, width = free.shape
    peaks = np.zeros(((height - 1) // _BLOCK + 1, (width - 1) // _BLOCK + 1))
    for row in range(height):
        for column in range(width):
            peaks[row // _BLOCK, column // _BLOCK] = max(peaks[row // _BLOCK, column // _BLOCK], free[row, column])
    return peaks


@compiled
def _around(peaks: Floats) -> Floats:
    """The farthest of each block and its eight neighbours."""
    around = peaks.copy()
    for row in range(peaks.shape[0]):
        for column in range(peaks.shape[1]):
            for down in range(max(row - 1, 0), min(row + 2, peaks.shape[0])):
                for across in range(max(column - 1, 0), min(column + 2, peaks.shape[1])):
                    around[row, column] = max(around[row, column], peaks[down, across])
    return around


@compiled
def _any_crosses(
    lens: _Lens,
    rays: PixelRays,
    peaks: Floats,
    pixels: tuple[int, int, int, int],
    nearest: float,
    cell: tuple[int, int, int],
) -> bool:
    """Whether the ray of a pixel of these rows and columns crosses a cell, which begins at the depth `nearest`."""
    first, last, left, right = pixels
    for down in range(first // _BLOCK, last // _BLOCK + 1):
        for across in range(left // _BLOCK, right // _BLOCK + 1):
            if peaks[down, across] <= nearest:  # all surfaces there are before it
                continue
            for row in range(max(first, down * _BLOCK), min(last, (down + 1) * _BLOCK - 1) + 1):
                for column in range(max(left, across * _BLOCK), min(right, (across + 1) * _BLOCK - 1) + 1):
                    if rays.free[row, column] > nearest and _crosses(lens, rays, row, column, cell):
                        return True
    return False


@compiled
def _spread(m: tuple[Row4, Row4, Row4], u: float, v: float, nearest: float) -> tuple[float, float]:
    """How many columns and rows beside its centre at (u, v) a cell may show whose nearest corner has this depth."""
    across = down = 0.0
    for axis in range(3):
        across += abs(m[0][axis] - u * m[2][axis])
        down += abs(m[1][axis] - v * m[2][axis])
    return across / (2 * nearest), down / (2 * nearest)


@compiled
def _crosses(lens: _Lens, rays: PixelRays, row: int, column: int, cell: tuple[int, int, int]) -> bool:
    """Whether a pixel's ray crosses a cell before its surface."""
    step = _along(lens, row, column)
    enter, leave = 0.0, rays.free[row, column]
    for axis in range(3):
        at = cell[axis] - lens.eye[axis]
        if step[axis] == 0:
            if not at <= 0 <= at + 1:
                return False
            continue
        one, other = at / step[axis], (at + 1) / step[axis]
        enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
    return bool(enter < leave)
