"""Areas and normals of triangles as trimesh computes them: to import that takes as long as preparing a small model."""

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
