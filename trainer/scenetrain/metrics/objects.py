"""Objects that a network finds in a view, and which of them are there.

Metres. Cameras follow OpenCV (x right, y down, z forward). An object's own axes are its asset frame's: z up, its front
toward -y; its centre is the middle of its box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scenegen.core.scene.scene import Vector
from scipy.optimize import linear_sum_assignment

Quaternion = tuple[float, float, float, float]
"""w, x, y, z, of length 1, w not negative: turns an object's own axes to the camera's, or to the world's."""


@dataclass(frozen=True)
class FoundObject:
    """One object that a network finds in one view.

    `size` is that of its box along its own axes, None where the frustum may cut it. `confidence` is from 0 to 1.
    `fruxels` counts the labelled cells that it is read from.
    """

    class_name: str
    centre_in_camera: Vector
    centre_in_world: Vector
    rotation_to_camera: Quaternion
    rotation_to_world: Quaternion
    size: Vector | None
    confidence: float
    fruxels: int


def match(
    found: Sequence[tuple[str, ArrayLike]], true: Sequence[tuple[str, ArrayLike]], most: float
) -> list[tuple[int, int]]:
    """Pairs (row of found, row of true) of one class whose centres (3,) are at most `most` metres apart.

    Each row is in one pair at most. There are as many pairs as can be, and of all such choices the sum of their
    distances is the least.
    """
    if not found or not true:
        return []
    centres: list[NDArray[np.float64]] = [np.array([c for _, c in side], dtype=float) for side in (found, true)]
    apart = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=-1)
    same = np.array([[mine == theirs for theirs, _ in true] for mine, _ in found])
    allowed = same & (apart <= most)
    # one pair more outweighs any distances
    cost = np.where(allowed, apart, (most + 1) * (1 + min(apart.shape)))
    rows, columns = linear_sum_assignment(cost)
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if allowed[a, b]]
