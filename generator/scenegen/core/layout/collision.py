"""Where things fit: upright boxes turned about Z, what lies between them, and the flat tops that carry them.

Plain Python and element-wise numpy alone, on poses that are rounded first, so that every host decides alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset, Support
from scenegen.core.scene.scene import Bounds, Matrix4, PlacedObject, Vector

Box = tuple[float, float, float, float, float, float, float, float]
"""Centre x, y; its own x axis as a unit vector x, y; half its length along that and across it; z from, to."""

DECIMALS = 9  # of every number in a pose: equal on every host, and finer than any use
TOUCH = 1e-6  # metres that boxes may share in height: one standing on another differs by rounding
TOP = 1e-3  # metres between an asset's top and a support that counts as its top
_CELL_TOUCH = 1e-6  # cells


def make_pose(x: float, y: float, z: float, yaw: float, scale: float) -> Matrix4:
    """Asset frame to world: scaled, turned by `yaw` radians about Z, moved; rounded to DECIMALS."""
    cos, sin = round(math.cos(yaw) * scale, DECIMALS), round(math.sin(yaw) * scale, DECIMALS)
    x, y, z, scale = (round(value, DECIMALS) for value in (x, y, z, scale))
    return ((cos, -sin, 0.0, x), (sin, cos, 0.0, y), (0.0, 0.0, scale, z), (0.0, 0.0, 0.0, 1.0))


def oriented_box(matrix: Matrix4, size: Vector) -> Box:
    """The box of an asset of `size` under an upright pose."""
    scale, bottom = matrix[2][2], matrix[2][3]
    half_x, half_y = size[0] * scale / 2, size[1] * scale / 2
    cos, sin = matrix[0][0] / scale, matrix[1][0] / scale
    return matrix[0][3], matrix[1][3], cos, sin, half_x, half_y, bottom, bottom + size[2] * scale


def aligned_box(box: Box) -> Box:
    """The smallest box along the world's axes around `box`."""
    x, y, cos, sin, half_x, half_y, bottom, top = box
    wide, deep = abs(cos) * half_x + abs(sin) * half_y, abs(sin) * half_x + abs(cos) * half_y
    return x, y, 1.0, 0.0, wide, deep, bottom, top


def box_bounds(box: Box) -> Bounds:
    """The exact extent of `box` along the world's axes, rounded to DECIMALS."""
    x, y, _, _, wide, deep, bottom, top = aligned_box(box)
    low, high = (x - wide, y - deep, bottom), (x + wide, y + deep, top)
    return Bounds(
        (round(low[0], DECIMALS), round(low[1], DECIMALS), round(low[2], DECIMALS)),
        (round(high[0], DECIMALS), round(high[1], DECIMALS), round(high[2], DECIMALS)),
    )


def inside_room(box: Box, room: Vector) -> bool:
    """Whether a box lies in x ±room[0]/2, y ±room[1]/2, z [0, room[2]]."""
    bounds = box_bounds(box)
    low, high = (-room[0] / 2, -room[1] / 2, 0.0), (room[0] / 2, room[1] / 2, room[2])
    return all(low[k] <= bounds.min[k] and bounds.max[k] <= high[k] for k in range(3))


def boxes_meet(box: Box, others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of `others` (N, 8) share volume with `box`: bool (N,). Touching is not meeting.

    Separating axes: two upright boxes are apart iff their heights are, or their outlines along an edge of either.
    """
    x, y, cos, sin, half_x, half_y, bottom, top = box
    x_n, y_n, cos_n, sin_n, half_x_n, half_y_n, bottom_n, top_n = others.T
    dx, dy = x_n - x, y_n - y
    along, across = np.abs(cos * cos_n + sin * sin_n), np.abs(cos * sin_n - sin * cos_n)
    meet: NDArray[np.bool_] = (np.minimum(top, top_n) - np.maximum(bottom, bottom_n)) > TOUCH
    meet &= np.abs(dx * cos + dy * sin) < half_x + half_x_n * along + half_y_n * across
    meet &= np.abs(dy * cos - dx * sin) < half_y + half_x_n * across + half_y_n * along
    meet &= np.abs(dx * cos_n + dy * sin_n) < half_x_n + half_x * along + half_y * across
    meet &= np.abs(dy * cos_n - dx * sin_n) < half_y_n + half_x * across + half_y * along
    return meet


def boxes_meet_one(box: Box, other: Box) -> bool:
    """Whether two boxes share volume."""
    return bool(boxes_meet(box, np.array([other]))[0])


def put_down(number: int, class_name: str, asset: Asset, matrix: Matrix4, parent: int | None) -> PlacedObject:
    """An asset where it stands, as object `number` of its scene."""
    return PlacedObject(
        id=number,
        class_name=class_name,
        asset=asset.name,
        parent=parent,
        matrix=matrix,
        bbox=box_bounds(oriented_box(matrix, asset.size)),
        size=asset.size,
    )


def distances_to_boxes(boxes: NDArray[np.float64], point: Vector) -> NDArray[np.float64]:
    """Metres from a point to the nearest point of each of `boxes` (N, 8); 0 inside."""
    x, y, cos, sin, half_x, half_y, bottom, top = boxes.T
    dx, dy = point[0] - x, point[1] - y
    aside = np.maximum(np.abs(dx * cos + dy * sin) - half_x, 0.0)
    ahead = np.maximum(np.abs(dy * cos - dx * sin) - half_y, 0.0)
    above = np.maximum(np.maximum(bottom - point[2], point[2] - top), 0.0)
    distances: NDArray[np.float64] = np.sqrt(aside * aside + ahead * ahead + above * above)
    return distances


def distance_to_box(box: Box, point: Vector) -> float:
    """Metres from a point to the nearest point of a box; 0 inside."""
    x, y, cos, sin, half_x, half_y, bottom, top = box
    dx, dy = point[0] - x, point[1] - y
    aside = max(abs(dx * cos + dy * sin) - half_x, 0.0), max(abs(dy * cos - dx * sin) - half_y, 0.0)
    return math.hypot(*aside, max(bottom - point[2], point[2] - top, 0.0))


def top_supports(asset: Asset) -> tuple[Support, ...]:
    """The supports at the very top of an asset, where a child's box cannot meet its parent's."""
    return tuple(s for s in asset.supports if abs(s.height - asset.size[2]) <= TOP and s.mask.any())


def support_point(matrix: Matrix4, support: Support, cell: tuple[float, float]) -> tuple[float, float]:
    """World x, y of a place on a support given in cells (i, j may be fractions)."""
    x, y = (o + support.cell * c for o, c in zip(support.origin, cell, strict=True))
    return (
        matrix[0][0] * x + matrix[0][1] * y + matrix[0][3],
        matrix[1][0] * x + matrix[1][1] * y + matrix[1][3],
    )


def stands_on(box: Box, parent: Matrix4, support: Support) -> bool:
    """Whether the whole outline of `box` lies on a support of an object whose pose is `parent`.

    Exact: every cell that shares area with the outline must be true, and none may lie outside the mask.
    """
    scale = parent[2][2]
    cell = support.cell * scale
    p_cos, p_sin = parent[0][0] / scale, parent[1][0] / scale
    dx, dy = box[0] - parent[0][3], box[1] - parent[1][3]
    x = (dx * p_cos + dy * p_sin) / cell - support.origin[0] / support.cell
    y = (dy * p_cos - dx * p_sin) / cell - support.origin[1] / support.cell
    cos, sin = box[2] * p_cos + box[3] * p_sin, box[3] * p_cos - box[2] * p_sin
    half_x, half_y = box[4] / cell, box[5] / cell
    outline: Box = (x, y, cos, sin, half_x, half_y, 0.0, 1.0)  # in cells; heights say nothing here

    _, _, _, _, wide, deep, _, _ = aligned_box(outline)
    i0, i1 = math.floor(x - wide + _CELL_TOUCH), math.ceil(x + wide - _CELL_TOUCH)
    j0, j1 = math.floor(y - deep + _CELL_TOUCH), math.ceil(y + deep - _CELL_TOUCH)
    if i0 < 0 or j0 < 0 or i1 > support.mask.shape[0] or j1 > support.mask.shape[1]:
        return False
    holes = np.argwhere(~support.mask[i0:i1, j0:j1])
    cells = np.zeros((len(holes), 8))
    cells[:, 0], cells[:, 1] = holes[:, 0] + i0 + 0.5, holes[:, 1] + j0 + 0.5
    cells[:, 2], cells[:, 4:6], cells[:, 7] = 1.0, 0.5 - _CELL_TOUCH, 1.0
    return not boxes_meet(outline, cells).any()
