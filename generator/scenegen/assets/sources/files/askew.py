"""Turns models that stand askew, so that their length lies along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.guess import surface_samples

LEAST_DEG = 4.0  # less is how a model was drawn
SMALLER = 0.85  # of the rectangle along the axes: a turned one around a round object gains nothing
LONGER = 1.3  # its length is at least so many times its width, or there is no length


def angle_askew(vertices: NDArray[np.float64], faces: NDArray[np.integer[Any]]) -> float:
    """By how many degrees about Z, -45 to 45, an upright model must turn for its length to lie along an axis.

    vertices (V, 3), faces (F, 3). 0 where it lies so already, or has no clear length. The principal axis of its surface
    decides: for whatever is the same on its left and right, this is its length or its width.
    """
    samples = surface_samples(vertices, faces)
    places = samples.centres[:, :2] - np.average(samples.centres[:, :2], axis=0, weights=samples.areas + 1e-15)
    _, axes = np.linalg.eigh((places * samples.areas[:, None]).T @ places)
    length = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
    turn = -((length + 45.0) % 90.0 - 45.0)
    straight = np.ptp(vertices[:, :2], axis=0)
    least, most = sorted(np.ptp(vertices @ turn_about_z(turn).T, axis=0)[:2])
    if abs(turn) < LEAST_DEG or least * most > SMALLER * straight.prod() or most < LONGER * least:
        return 0.0
    return turn


def turn_about_z(degrees: float) -> NDArray[np.float64]:
    """Rotation (3, 3) by an angle about Z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
