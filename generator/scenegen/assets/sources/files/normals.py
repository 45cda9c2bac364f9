"""Whether the corner normals of a file can be used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_ASTRAY = 0.1  # of 35 real models, one has 0.70, the others at most 0.002


def share_astray(
    vertices: NDArray[np.float64], faces: NDArray[np.integer[Any]], corner_normals: NDArray[np.floating[Any]]
) -> float:
    """The share of the surface whose mean corner normal is more than 60 degrees off its face's normal.

    vertices (V, 3), faces (F, 3), corner_normals (F, 3, 3), NaN where unknown. The sign does not count: faces may look
    inward, and are turned later. A rounded edge on a flat face has other corner normals, but not such a mean.
    """
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    area = np.linalg.norm(across, axis=1)
    length = np.linalg.norm(corner_normals, axis=2, keepdims=True)
    mean = (corner_normals / np.where(length > 0, length, 1.0)).mean(axis=1)
    size = np.linalg.norm(mean, axis=1)
    known = np.isfinite(size) & np.isfinite(area) & (area > 0)
    if not known.any():
        return 0.0
    along = np.abs(np.einsum("ij,ij->i", mean[known], across[known]))
    off = along < 0.5 * np.maximum(size[known], 1e-9) * area[known]
    return float(area[known][off].sum() / area[known].sum())
