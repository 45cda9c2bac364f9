"""Which boxes overlap: exact tests and distances between upright boxes turned about Z.

Element-wise numpy alone, on poses that are rounded first, so that every host decides alike.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.layout.boxes import Box, BoxArray, box_array, box_bounds
from scenegen.core.scene.scene import Vector

TOUCH = 1e-6  # metres that boxes may share in height: one standing on another differs by rounding


def inside_room(box: Box, room: Vector) -> bool:
    """Whether a box lies in x ±room[0]/2, y ±room[1]/2, z [0, room[2]]."""
    bounds = box_bounds(box)
    low, high = (-room[0] / 2, -room[1] / 2, 0.0), (room[0] / 2, room[1] / 2, room[2])
    return all(low[k] <= bounds.min[k] and bounds.max[k] <= high[k] for k in range(3))


def boxes_overlap(box: Box, others: BoxArray) -> NDArray[np.bool_]:
    """Which of `others` (N, 8) share volume with `box`: bool (N,). Boxes that only touch do not overlap.

    Separating axes: two upright boxes are apart iff their heights are, or their outlines along an edge of either.
    """
    x, y, cos, sin, half_x, half_y, bottom, top = box
    x_n, y_n, cos_n, sin_n, half_x_n, half_y_n, bottom_n, top_n = others.T
    dx, dy = x_n - x, y_n - y
    along, across = np.abs(cos * cos_n + sin * sin_n), np.abs(cos * sin_n - sin * cos_n)
    overlap: NDArray[np.bool_] = (np.minimum(top, top_n) - np.maximum(bottom, bottom_n)) > TOUCH
    overlap &= np.abs(dx * cos + dy * sin) < half_x + half_x_n * along + half_y_n * across
    overlap &= np.abs(dy * cos - dx * sin) < half_y + half_x_n * across + half_y_n * along
    overlap &= np.abs(dx * cos_n + dy * sin_n) < half_x_n + half_x * along + half_y * across
    overlap &= np.abs(dy * cos_n - dx * sin_n) < half_y_n + half_x * across + half_y * along
    return overlap


def two_boxes_overlap(box: Box, other: Box) -> bool:
    """Whether two boxes share volume."""
    return bool(boxes_overlap(box, box_array([other]))[0])


def distances_to_boxes(boxes: BoxArray, point: Vector) -> NDArray[np.float64]:
    """Metres from a point to the nearest point of each of `boxes` (N, 8); 0 inside."""
    x, y, cos, sin, half_x, half_y, bottom, top = boxes.T
    dx, dy = point[0] - x, point[1] - y
    aside = np.maximum(np.abs(dx * cos + dy * sin) - half_x, 0.0)
    ahead = np.maximum(np.abs(dy * cos - dx * sin) - half_y, 0.0)
    above = np.maximum(np.maximum(bottom - point[2], point[2] - top), 0.0)
    distances: NDArray[np.float64] = np.sqrt(aside * aside + ahead * ahead + above * above)
    return distances


def distance_to_box(box: Box, point: Vector) -> float:
    """Metres from a point to the nearest point of a box; 0 inside."""
    x, y, cos, sin, half_x, half_y, bottom, top = box
    dx, dy = point[0] - x, point[1] - y
    aside = max(abs(dx * cos + dy * sin) - half_x, 0.0), max(abs(dy * cos - dx * sin) - half_y, 0.0)
    return math.hypot(*aside, max(bottom - point[2], point[2] - top, 0.0))
