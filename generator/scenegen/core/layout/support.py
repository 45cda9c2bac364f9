"""The flat tops that carry other objects: which of an asset's supports may be used, and what stands wholly on one."""

from __future__ import annotations

import math

import numpy as np

from scenegen.core.asset_library import Asset, Support
from scenegen.core.layout.boxes import Box, aligned_box
from scenegen.core.layout.collision import boxes_overlap
from scenegen.core.scene.scene import Matrix4

TOP = 1e-3  # metres between an asset's top and a support that counts as its top
_CELL_TOUCH = 1e-6  # cells


def top_supports(asset: Asset) -> tuple[Support, ...]:
    """The supports at the very top of an asset, where a child's box cannot overlap its parent's."""
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
    dx, dy = box.x - parent[0][3], box.y - parent[1][3]
    x = (dx * p_cos + dy * p_sin) / cell - support.origin[0] / support.cell
    y = (dy * p_cos - dx * p_sin) / cell - support.origin[1] / support.cell
    cos, sin = box.cos * p_cos + box.sin * p_sin, box.sin * p_cos - box.cos * p_sin
    half_x, half_y = box.half_x / cell, box.half_y / cell
    outline = Box(x, y, cos, sin, half_x, half_y, bottom=0.0, top=1.0)  # in cells; heights do not matter here

    around = aligned_box(outline)
    i0, i1 = math.floor(x - around.half_x + _CELL_TOUCH), math.ceil(x + around.half_x - _CELL_TOUCH)
    j0, j1 = math.floor(y - around.half_y + _CELL_TOUCH), math.ceil(y + around.half_y - _CELL_TOUCH)
    if i0 < 0 or j0 < 0 or i1 > support.mask.shape[0] or j1 > support.mask.shape[1]:
        return False
    holes = np.argwhere(~support.mask[i0:i1, j0:j1])
    cells = np.zeros((len(holes), 8))
    cells[:, 0], cells[:, 1] = holes[:, 0] + i0 + 0.5, holes[:, 1] + j0 + 0.5
    cells[:, 2], cells[:, 4:6], cells[:, 7] = 1.0, 0.5 - _CELL_TOUCH, 1.0
    return not boxes_overlap(outline, cells).any()
