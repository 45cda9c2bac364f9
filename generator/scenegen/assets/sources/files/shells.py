"""Finds what is around an object in its file: a room, a studio's backdrop, a sky dome, specks far away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.triangles import face_areas
from scenegen.assets.sources.files.separate import box_of_pieces

Floats = NDArray[np.float64]
MOST_PARTS = 8  # of a shell: the walls of a room, its floor and its ceiling
FOOTPRINT = 4.0  # times that of what it encloses; a table's cloth or a chest around its drawers is nearer
MARGIN = 0.05  # of the shell's extents, free on four sides and above: a badge or a knob lies on the surface
ON_HULL = 0.02  # of a piece's extent: walls, domes and sweeps are convex; bodies and buildings are not

THIN = 0.05  # of its length: a wall; the arm of a sofa is thicker
SPECK = 0.03  # of the diagonal of the whole
FAR = 0.1  # of the extents of the rest: specks so far outside it
SPECKS_AREA = 0.05  # of the whole area: leaves around a trunk are more
SHRINKS = 0.8  # of an extent: specks that are left out make the model so much smaller
MOST_POINTS = 2000  # of a piece that are looked at


def enclosing_shell(
    vertices: Floats, faces: NDArray[np.integer[Any]], piece: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Which faces (F,) of an upright model are a shell around the rest; None where there is none.

    vertices (V, 3), faces (F, 3), `piece` (F,) of each face, see `pieces`. A shell is one convex piece, or up to
    MOST_PARTS thin ones, that are larger than all others, together around them on four sides and above.
    """
    low, high = box_of_pieces(vertices[faces], piece)
    order = np.argsort(-np.linalg.norm(high - low, axis=1), kind="stable")
    for count in range(1, min(MOST_PARTS, len(order) - 1) + 1):
        shell, rest = order[:count], order[count:]
        if _encloses(low[shell], high[shell], low[rest], high[rest]):
            convex = all(_is_convex(vertices[np.unique(faces[piece == each])]) for each in shell)
            size = (high - low)[shell]
            thin = count == 1 or (size.min(axis=1) <= THIN * size.max(axis=1)).all()
            return np.asarray(np.isin(piece, shell)) if convex and thin else None
    return None


def far_specks(vertices: Floats, faces: NDArray[np.integer[Any]], piece: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Which faces (F,) are specks far from all else, which make a model seem larger than it is; None if there are none.

    vertices (V, 3), faces (F, 3), `piece` (F,) of each face, see `pieces`.
    """
    low, high = box_of_pieces(vertices[faces], piece)
    whole = high.max(axis=0) - low.min(axis=0)
    small = np.linalg.norm(high - low, axis=1) < SPECK * np.linalg.norm(whole)
    if small.all() or not small.any():
        return None
    rest_low, rest_high = low[~small].min(axis=0), high[~small].max(axis=0)
    away = FAR * (rest_high - rest_low).max()
    far = small & ((low > rest_high + away) | (high < rest_low - away)).any(axis=1)
    if not far.any():
        return None
    area = face_areas(vertices[faces])
    if area[far[piece]].sum() > SPECKS_AREA * area.sum():
        return None
    left = high[~far].max(axis=0) - low[~far].min(axis=0)
    return np.asarray(far[piece]) if (left < SHRINKS * whole).any() else None


def _encloses(low: Floats, high: Floats, rest_low: Floats, rest_high: Floats) -> bool:
    outer, inner = (low.min(axis=0), high.max(axis=0)), (rest_low.min(axis=0), rest_high.max(axis=0))
    size, rest_size = outer[1] - outer[0], inner[1] - inner[0]
    margin = MARGIN * size
    beside = (inner[0] >= outer[0] + margin)[:2].all() and (inner[1] <= outer[1] - margin)[:2].all()
    above = inner[1][2] <= outer[1][2] - margin[2] and inner[0][2] >= outer[0][2] - margin[2]
    return bool(beside and above and size[:2].prod() >= FOOTPRINT * rest_size[:2].prod() and size[2] > rest_size[2])


def _is_convex(points: Floats) -> bool:
    """Whether all points (N, 3) lie on their convex hull, or in one plane."""
    from scipy.spatial import ConvexHull, QhullError  # half a second, for the few models that need it

    points = points[:: -(-len(points) // MOST_POINTS)]
    middle = points - points.mean(axis=0)
    extent = float(np.ptp(points, axis=0).max())
    if len(points) < 4 or np.linalg.svd(middle, compute_uv=False)[2] < 1e-3 * extent:
        return True
    try:
        hull = ConvexHull(middle)
    except QhullError:
        return True
    depth = -(middle @ hull.equations[:, :3].T + hull.equations[:, 3]).max(axis=1)
    return bool(depth.max() <= ON_HULL * extent)
