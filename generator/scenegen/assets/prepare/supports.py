"""Finds flat tops where other objects can stand, from a conservative top-down height map."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.linked import linked_parts
from scenegen.core.asset_library import Support
from scenegen.core.compiled import compiled

CELL = 0.01  # metres
SAME_LEVEL = 0.003  # metres: a surface that varies less is flat
MIN_AREA = 0.20 * 0.15  # square metres: a small laptop
MIN_EDGE_CELLS = 12  # on a narrower strip nothing can stand
MAX_CELLS = 300 * 300  # furniture at most: no laptops on the roofs of houses


def find_supports(vertices: NDArray[Any], faces: NDArray[Any]) -> tuple[Support, ...]:
    """Flat surfaces with nothing above them, of a mesh in the asset frame, highest first.

    A cell belongs to a support when the surface at nine points of the cell (corners, middles of edges, centre) lies at
    most SAME_LEVEL below the support's height, and no triangle that meets the cell rises above that height.
    """
    vertices = np.ascontiguousarray(vertices, dtype=np.float64)
    faces = np.ascontiguousarray(faces, dtype=np.int64)
    reach = np.abs(vertices[:, :2]).max(axis=0) * 2
    shape = (int(reach[0] / CELL + 1e-6), int(reach[1] / CELL + 1e-6))
    if min(shape) < 1 or shape[0] * shape[1] > MAX_CELLS:
        return ()
    origin = (-shape[0] * CELL / 2, -shape[1] * CELL / 2)
    highest = np.full(shape, -np.inf)
    points = np.full((2 * shape[0] + 1, 2 * shape[1] + 1), -np.inf)
    _height_maps(vertices, faces, origin, CELL, highest, points)
    # the nine points of a cell: its own in the point map (every second one) and the two after, along both axes
    lowest = np.minimum(np.minimum(points[:-2:2], points[1::2]), points[2::2])
    lowest = np.minimum(np.minimum(lowest[:, :-2:2], lowest[:, 1::2]), lowest[:, 2::2])
    covered = np.isfinite(lowest)
    flat = np.zeros(shape, dtype=bool)
    flat[covered] = highest[covered] - lowest[covered] <= SAME_LEVEL
    return _levels(flat, highest, lowest, origin, float(vertices[:, 2].max()))


def _levels(
    flat: NDArray[np.bool_],
    highest: NDArray[np.float64],
    lowest: NDArray[np.float64],
    origin: tuple[float, float],
    top: float,
) -> tuple[Support, ...]:
    supports = []
    free = flat.copy()
    while free.any():
        height = float(highest[free].max())
        level = free & (lowest >= height - SAME_LEVEL)
        if not level.any():  # the remaining cells lie just below a level that was taken: start at their own height
            level = free & (highest >= height)
        free &= ~level
        wide = _wide_parts(level)
        if wide.any():
            height = float(highest[wide].max())
            supports.append(Support(top if top - height < 1e-5 else height, origin, CELL, wide))
    return tuple(sorted(supports, key=lambda support: -support.height))


def _wide_parts(level: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The connected parts of a level that are large and wide enough for an object."""
    if level.sum() * CELL**2 < MIN_AREA:
        return np.zeros_like(level)
    number = np.arange(level.size).reshape(level.shape)
    down, right = level[:-1] & level[1:], level[:, :-1] & level[:, 1:]
    first, second = ((number[:-1][down], number[:, :-1][right]), (number[1:][down], number[:, 1:][right]))
    parts = linked_parts(np.concatenate(first), np.concatenate(second), level.size).reshape(level.shape)
    areas = np.bincount(parts[level], minlength=level.size) * CELL**2
    wide = np.unique(parts[_corners_of_squares(level)])
    return np.asarray(np.isin(parts, wide[areas[wide] >= MIN_AREA]) & level)


def _corners_of_squares(level: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells that are the lowest corner of a square of MIN_EDGE_CELLS cells, all of them in the level."""
    edge = MIN_EDGE_CELLS
    sums = np.zeros((level.shape[0] + 1, level.shape[1] + 1), dtype=np.int64)
    sums[1:, 1:] = level.cumsum(axis=0).cumsum(axis=1)
    corners = np.zeros_like(level)
    if min(level.shape) >= edge:
        inside = sums[edge:, edge:] - sums[:-edge, edge:] - sums[edge:, :-edge] + sums[:-edge, :-edge]
        corners[: inside.shape[0], : inside.shape[1]] = inside == edge * edge
    return corners


@compiled
def _height_maps(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    origin: tuple[float, float],
    cell: float,
    highest: NDArray[np.float64],
    points: NDArray[np.float64],
) -> None:
    """Fill `highest` (nx, ny), an upper bound of z over each closed cell, and `points` (2nx+1, 2ny+1), z at a point."""
    nx, ny = highest.shape
    x, y, z = np.empty(3), np.empty(3), np.empty(3)
    for f in range(len(faces)):
        for k in range(3):
            x[k] = (vertices[faces[f, k], 0] - origin[0]) / cell
            y[k] = (vertices[faces[f, k], 1] - origin[1]) / cell
            z[k] = vertices[faces[f, k], 2]
        top = max(z[0], z[1], z[2])
        area = (x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0])
        steep = abs(area) < 1e-9
        slope_x, slope_y = 0.0, 0.0
        if not steep:
            slope_x = ((z[1] - z[0]) * (y[2] - y[0]) - (z[2] - z[0]) * (y[1] - y[0])) / area
            slope_y = ((x[1] - x[0]) * (z[2] - z[0]) - (x[2] - x[0]) * (z[1] - z[0])) / area
        i_low, i_high = max(0, math.floor(min(x[0], x[1], x[2]))), min(nx - 1, math.floor(max(x[0], x[1], x[2])))
        j_low, j_high = max(0, math.floor(min(y[0], y[1], y[2]))), min(ny - 1, math.floor(max(y[0], y[1], y[2])))
        for i in range(i_low, i_high + 1):
            for j in range(j_low, j_high + 1):
                if not _meets(x, y, i, j):
                    continue
                bound = top
                if not steep:
                    u = i + 1 if slope_x > 0 else i
                    v = j + 1 if slope_y > 0 else j
                    bound = min(top, z[0] + slope_x * (u - x[0]) + slope_y * (v - y[0]))
                highest[i, j] = max(highest[i, j], bound)
        if steep:
            continue
        i_low = max(0, math.ceil(2 * min(x[0], x[1], x[2]) - 1e-6))
        i_high = min(2 * nx, math.floor(2 * max(x[0], x[1], x[2]) + 1e-6))
        j_low = max(0, math.ceil(2 * min(y[0], y[1], y[2]) - 1e-6))
        j_high = min(2 * ny, math.floor(2 * max(y[0], y[1], y[2]) + 1e-6))
        for i in range(i_low, i_high + 1):
            for j in range(j_low, j_high + 1):
                if _contains(x, y, i / 2, j / 2, area):
                    height = min(top, z[0] + slope_x * (i / 2 - x[0]) + slope_y * (j / 2 - y[0]))
                    points[i, j] = max(points[i, j], height)


@compiled
def _meets(x: NDArray[np.float64], y: NDArray[np.float64], i: int, j: int) -> bool:
    """Whether the triangle and the closed unit square (i, j) touch: the square is not outside any edge."""
    for k in range(3):
        a, b, c = k, (k + 1) % 3, (k + 2) % 3
        nx, ny = y[b] - y[a], x[a] - x[b]
        if nx == 0 and ny == 0:
            continue
        side = nx * (x[c] - x[a]) + ny * (y[c] - y[a])
        low = nx * ((i if nx > 0 else i + 1) - x[a]) + ny * ((j if ny > 0 else j + 1) - y[a])
        high = nx * ((i + 1 if nx > 0 else i) - x[a]) + ny * ((j + 1 if ny > 0 else j) - y[a])
        if high < min(side, 0.0) - 1e-9 or low > max(side, 0.0) + 1e-9:
            return False
    return True


@compiled
def _contains(x: NDArray[np.float64], y: NDArray[np.float64], px: float, py: float, area: float) -> bool:
    """Whether the point lies in the triangle or on its border."""
    for k in range(3):
        a, b = k, (k + 1) % 3
        side = (x[b] - x[a]) * (py - y[a]) - (y[b] - y[a]) * (px - x[a])
        length = math.sqrt((x[b] - x[a]) ** 2 + (y[b] - y[a]) ** 2)
        if side * (1.0 if area > 0 else -1.0) < -1e-6 * length:
            return False
    return True
