"""Areas and normals of triangles, as trimesh computes them, whose import takes as long as preparing a small model; and
which vertices they use."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def crosses(corners: NDArray[np.floating[Any]]) -> Floats:
    """Normals (F, 3) of triangles with `corners` (F, 3, 3), as long as twice their area."""
    sides = corners[:, 1:] - corners[:, :2]
    return np.asarray(np.cross(sides[:, 0], sides[:, 1]))


def face_areas(corners: NDArray[np.floating[Any]]) -> Floats:
    """Areas (F,) of triangles with `corners` (F, 3, 3)."""
    return np.asarray(np.sqrt((crosses(np.asarray(corners, dtype=np.float64)) ** 2).sum(axis=1)) / 2.0)


def used_vertices(faces: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The vertices (N,) that faces (F, 3) use, in their order: np.unique without sorting."""
    used = np.zeros(int(faces.max()) + 1 if faces.size else 0, dtype=bool)
    used[faces] = True
    return np.flatnonzero(used)


def renumbered(faces: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Faces (F, 3) that index the vertices which they use alone, in their order."""
    used = used_vertices(faces)
    number = np.zeros(int(used[-1]) + 1 if len(used) else 0, dtype=np.int64)
    number[used] = np.arange(len(used))
    return np.asarray(number[faces])
