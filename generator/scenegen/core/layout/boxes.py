"""Upright boxes turned about Z, the poses of the assets in them, and their extents along the world's axes.

Plain Python on poses that are rounded first, so that every host decides alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset
from scenegen.core.scene.scene import Bounds, Matrix4, PlacedObject, Vector

DECIMALS = 9  # of every number in a pose: equal on every host, and finer than any use

BoxArray = NDArray[np.float64]
"""Boxes as rows, float64 (N, 8), in the order of the fields of `Box`."""


class Box(NamedTuple):
    """An upright box, turned about Z; world metres.

    (x, y) is its centre, (cos, sin) the unit vector of its own x axis, `half_x` and `half_y` are half its lengths
    along that axis and across it; it reaches from z = `bottom` to z = `top`.
    """

    x: float
    y: float
    cos: float
    sin: float
    half_x: float
    half_y: float
    bottom: float
    top: float


def box_array(boxes: Iterable[Box]) -> BoxArray:
    """Boxes as rows, float64 (N, 8); N may be 0."""
    return np.array(list(boxes), dtype=np.float64).reshape(-1, len(Box._fields))


def make_pose(x: float, y: float, z: float, yaw: float, scale: float) -> Matrix4:
    """Asset frame to world: scaled, turned by `yaw` radians about Z, moved; rounded to DECIMALS."""
    cos, sin = round(math.cos(yaw) * scale, DECIMALS), round(math.sin(yaw) * scale, DECIMALS)
    x, y, z, scale = (round(value, DECIMALS) for value in (x, y, z, scale))
    return ((cos, -sin, 0.0, x), (sin, cos, 0.0, y), (0.0, 0.0, scale, z), (0.0, 0.0, 0.0, 1.0))


def oriented_box(matrix: Matrix4, size: Vector) -> Box:
    """The box of an asset of `size` (metres, asset frame) under an upright pose."""
    scale, bottom = matrix[2][2], matrix[2][3]
    half_x, half_y = size[0] * scale / 2, size[1] * scale / 2
    cos, sin = matrix[0][0] / scale, matrix[1][0] / scale
    return Box(matrix[0][3], matrix[1][3], cos, sin, half_x, half_y, bottom, bottom + size[2] * scale)


def aligned_box(box: Box) -> Box:
    """The smallest box along the world's axes around `box`."""
    x, y, cos, sin, half_x, half_y, bottom, top = box
    wide, deep = abs(cos) * half_x + abs(sin) * half_y, abs(sin) * half_x + abs(cos) * half_y
    return Box(x, y, 1.0, 0.0, wide, deep, bottom, top)


def box_bounds(box: Box) -> Bounds:
    """The exact extent of `box` along the world's axes, rounded to DECIMALS."""
    x, y, _, _, wide, deep, bottom, top = aligned_box(box)
    low, high = (x - wide, y - deep, bottom), (x + wide, y + deep, top)
    return Bounds(
        (round(low[0], DECIMALS), round(low[1], DECIMALS), round(low[2], DECIMALS)),
        (round(high[0], DECIMALS), round(high[1], DECIMALS), round(high[2], DECIMALS)),
    )


def place_asset(number: int, class_name: str, asset: Asset, matrix: Matrix4, parent: int | None) -> PlacedObject:
    """An asset under a pose, as object `number` of its scene; `parent` is the id of what it stands on."""
    return PlacedObject(
        id=number,
        class_name=class_name,
        asset=asset.name,
        parent=parent,
        matrix=matrix,
        bbox=box_bounds(oriented_box(matrix, asset.size)),
        size=asset.size,
    )
