"""Rotations (3, 3) of bones, and the joint between two bones of given lengths."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def about_x(angle: float) -> Array:
    """Rotation (3, 3) about x, radians; positive takes +Z to -Y, so a spine leans forward."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def about_y(angle: float) -> Array:
    """Rotation (3, 3) about y, radians; positive takes +Z to +X."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def about_z(angle: float) -> Array:
    """Rotation (3, 3) about z, radians; positive takes -Y to +X."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def unit(vector: ArrayLike) -> Array:
    """`vector` at length 1."""
    v = np.asarray(vector, float)
    return np.asarray(v / max(float(np.linalg.norm(v)), 1e-12))


def across(vector: Array, axis: Array) -> Array:
    """The part of `vector` at a right angle to `axis`."""
    n = unit(axis)
    return np.asarray(vector - (vector @ n) * n)


def angle_between(a: Array, b: Array) -> float:
    """The angle between two vectors (3,), degrees."""
    return math.degrees(math.acos(float(np.clip(unit(a) @ unit(b), -1, 1))))


def bone_frame(down: Array, left: Array) -> Array:
    """Rotation whose -Z is `down` and whose X is nearest to `left`."""
    z = -unit(down)
    x = unit(across(left, z))
    return np.stack([x, np.cross(z, x), z], axis=1)


def hinge_frame(start: Array, end: Array, beyond: Array | None, forward: Array) -> Array:
    """Rotation of a bone from `start` to `end` whose -Y faces `forward`, or the side that the next joint bends to."""
    if beyond is not None:
        bulge = across(end - start, beyond - start)
        forward = bulge if np.linalg.norm(bulge) > 1e-3 else forward
    z = -unit(end - start)
    y = -unit(across(forward, z))
    return np.stack([np.cross(y, z), y, z], axis=1)


def bend_between(start: Array, end: Array, first: float, second: float, toward: Array) -> Array:
    """The joint between two bones of lengths `first` and `second` from `start` to `end`, bent `toward` a direction."""
    gap = end - start
    length = min(float(np.linalg.norm(gap)), (first + second) * 0.9999)
    along = (first**2 - second**2 + length**2) / (2 * length)
    height = math.sqrt(max(first**2 - along**2, 0.0))
    return np.asarray(start + unit(gap) * along + unit(across(toward, gap)) * height)
