"""Errors of object poses: translation, rotation, and the distances ADD and ADD-S between an object's points.

ADD (Hinterstoisser et al. 2012) is the mean distance between a point of the object at the found pose and the same point
at the true one; ADD-S takes, for every true point, the nearest found one, so that objects which look the same turned
are not wrong for it (as in the BOP toolkit). Points here are the eight corners of the object's box. Legend: N objects.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class PoseErrors(NamedTuple):
    """One figure per object, each (N,)."""

    translation: Floats
    """Metres between the centres."""
    rotation: Floats
    """Degrees, from 0 to 180."""
    add: Floats
    """Metres."""
    add_s: Floats
    """Metres; at most `add`."""


def pose_errors(found: Floats, true: Floats, turns: Floats, true_turns: Floats) -> PoseErrors:
    """Of the corners (N, 8, 3) of boxes in one order, and of rotations (N, 3, 3)."""
    apart = np.linalg.norm(true[:, :, None] - found[:, None], axis=-1)
    # of rotations an angle apart, the norm of the difference is sqrt(8) sin(angle / 2)
    sine = np.linalg.norm(turns - true_turns, axis=(1, 2)) / np.sqrt(8)
    return PoseErrors(
        translation=np.linalg.norm(found.mean(axis=1) - true.mean(axis=1), axis=-1),
        rotation=np.degrees(2 * np.arcsin(np.clip(sine, 0, 1))),
        add=np.diagonal(apart, axis1=1, axis2=2).mean(axis=1),
        add_s=apart.min(axis=2).mean(axis=1),
    )
