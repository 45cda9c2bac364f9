"""Finds the seat of a chair: people sit at one height, however high the back is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.guess import Floats, surface_samples

SEAT = 0.45  # metres: dining, office and armchairs have 0.38 to 0.52
BAR_SEAT = 0.75
SEATS = (0.28, 0.62)  # metres: from a lounge chair to an office chair that is turned up
BAR_SEATS = (0.55, 0.90)
HIGH = 0.62  # of the whole height: the seat of a bar chair, whose back is low
LEVEL = 0.8  # of a normal: cushions are curved, and seats slope
BINS = 25  # of the height
LARGE = 0.25  # of the footprint
BACKED = 0.85  # of the height: what has its seat above that is a stool
WIDEST = 0.95  # metres: an armchair
BENCH = 1.6  # of its width: longer ones seat several
SLENDER = 1.7  # height of a bar stool in widths


def seat_share(vertices: Floats, faces: NDArray[np.integer[Any]]) -> float | None:
    """The height of an upright chair's seat as a share of the whole; None where no surface is clearly the seat.

    vertices (V, 3), faces (F, 3), any unit. The seat is where most of the surface that looks up lies, between a
    fifth of the height and the top.
    """
    samples = surface_samples(vertices, faces)
    low, size = vertices.min(axis=0), np.ptp(vertices, axis=0)
    level = (samples.centres[:, 2] - low[2]) / max(float(size[2]), 1e-12)
    up = (samples.normals[:, 2] > LEVEL) & (level > 0.2)
    if not up.any():
        return None
    area, edges = np.histogram(level[up], bins=BINS, range=(0.0, 1.0), weights=samples.areas[up])
    both = area + np.append(area[1:], 0.0)  # a seat may lie across the edge of two bins
    most = int(both.argmax())
    if both[most] < LARGE * size[0] * size[1]:
        return None
    inside = up & (level >= edges[most]) & (level <= edges[min(most + 2, BINS)])
    return float(np.average(level[inside], weights=samples.areas[inside]))


def height_by_seat(share: float, size: tuple[float, float, float]) -> float:
    """The height in metres that gives a chair of `size`, in any unit, a usual seat."""
    long, wide = max(size[:2]), min(size[:2])
    bar = share > HIGH if share < BACKED else size[2] > SLENDER * long
    height = (BAR_SEAT if bar else SEAT) / share
    for_one = long < BENCH * max(wide, 1e-12)
    return min(height, WIDEST * size[2] / max(long, 1e-12)) if for_one else height


def seat_doubt(share: float, height: float) -> str | None:
    """A doubt of a chair that is `height` metres high and has its seat at a share of that; else None."""
    seat = share * height
    low, high = BAR_SEATS if share > HIGH else SEATS
    if low <= seat <= high or SEATS[0] <= seat <= SEATS[1]:
        return None
    advice = f"if that is wrong, give --height {(BAR_SEAT if share > HIGH else SEAT) / share:.2f}"
    return (
        f"a {'small' if seat < low else 'large'} size for a chair: its seat is {seat:.2f} m above the floor; {advice}"
    )
