"""Which cells the cameras see: from a camera's depth and K alone, for box grids and for its own frustum.

A pixel's ray goes through the pixel's centre. Its surface is where the depth map says, within the half step that the
map rounds to, so it is a short stretch of the ray; where nothing was hit, the ray goes on for ever. Of one camera a
cell is

- SURFACE where the surface of some pixel's ray meets it,
- else FREE where some pixel's ray crosses it before its surface. So a cell that is partly seen is seen,
- else what its centre is: NOT_IN_VIEW outside the image, HIDDEN at or behind the surface of the pixel that it lies in,
  and FREE before it (a cell between the rays, which is smaller than a pixel is there).

Depth that is stored as "that far or farther" is no surface: cells are free up to there, and hidden beyond. Where a
sensor measured nothing, all cells are hidden. Of several
cameras a cell is the first of SURFACE, FREE, HIDDEN and NOT_IN_VIEW that it is of one of them.

Depth is along the optical axis, so a ray's point at depth t is eye + t * direction with directions of depth 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.grids import Floats
from scenegen.core.scene.scene import FARTHEST_STEP

NOT_IN_VIEW, FREE, SURFACE, HIDDEN = range(4)
"""What a cell of a visibility grid, uint8, says."""

ROUNDING = 0.501
"""Steps of the depth map by which a surface may be nearer or farther than stored: half, and room for rounding."""

Cells = NDArray[np.uint8]


def visibility_of_any(views: Sequence[Cells]) -> Cells:
    """What at least one of several cameras sees of the same cells, of which each has one array."""
    together = views[0].copy()
    for cells in views[1:]:
        join(together, np.ascontiguousarray(cells))
    return together


@compiled
def join(together: Cells, cells: Cells) -> None:
    """Where `cells` say more than `together`, take theirs; both (X, Y, Z), the last axis fastest in memory."""
    for x in range(cells.shape[0]):
        one, other = together[x].reshape(-1), cells[x].reshape(-1)
        for n in range(len(one)):
            if _rank(other[n]) > _rank(one[n]):
                one[n] = other[n]


@compiled
def _rank(value: int) -> int:
    return 1 if value == HIDDEN else value + (value > 0)


class PixelRays(NamedTuple):
    """Of each pixel (H, W), in metres: up to where its ray is free, and where its surface ends, -1 without one."""

    free: Floats
    end: Floats


def rays_of(depth: NDArray[np.uint16], unit: int, *, measured: bool = False) -> PixelRays:
    """The rays of a depth map uint16 (H, W) with steps of `unit` millimetres.

    Where a sensor `measured` it, 0 is what it could not measure: nothing is known to be free there.
    """
    steps = np.arange(FARTHEST_STEP + 1, dtype=np.float64)
    free, end = (steps - ROUNDING) * (unit / 1000), (steps + ROUNDING) * (unit / 1000)
    free[0], end[0], end[-1] = 0.0 if measured else np.inf, -1.0, -1.0
    return PixelRays(free[depth], end[depth])
