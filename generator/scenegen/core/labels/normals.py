"""Normals as they are stored: three 16-bit integers per pixel, which numpy alone reads.

A component is rounded to the nearest multiple of 1 / 32767, so it is wrong by at most half of that and the direction by
at most sqrt(3) / 2 / 32767 radians: 0.0016 degrees.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ONE = 32767
"""What a component of 1 is stored as."""


def normals_to_steps(normals: NDArray[np.float64]) -> NDArray[np.int16]:
    """Unit normals (H, W, 3), 0 where nothing was hit, as stored."""
    steps: NDArray[np.int16] = np.rint(normals * ONE).astype(np.int16)
    return steps


def normals_from_steps(steps: NDArray[np.int16]) -> NDArray[np.float32]:
    """Unit normals float32 (H, W, 3) of stored ones; 0 stays 0."""
    values = steps.astype(np.float64)
    length = np.sqrt((values * values).sum(axis=-1, keepdims=True))
    return np.divide(values, length, out=np.zeros_like(values), where=length > 0).astype(np.float32)
