"""Finds the front of a vehicle or a bicycle by its shape, where its materials do not show it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.guess import surface_samples
from scenegen.assets.sources.files.up_axis import BICYCLES

Floats = NDArray[np.float64]
SLICES = 40  # along the length
WITH_BONNET = ("car", "suv", "convertible", "van")  # their cabin is nearer the rear; that of a pickup or truck is not
MIRROR = (0.035, 0.25)  # how far a pair of mirrors sticks out beyond the body, as a share of the width
MIRROR_SLICES = 3
HIGH = 0.7  # of the height: what is higher is the cabin
BEHIND = 0.04  # of the length: the cabin's middle from the middle of the car
LOWER = 0.03  # of the height: a bonnet is lower than a boot
BUS_BONNET = 0.2  # of the height: only a school bus has a bonnet
BAR = 1.5  # a handlebar is at least so many times wider than a saddle


def front_by_shape(vertices: Floats, faces: NDArray[np.integer[Any]], class_name: str) -> str | None:
    """The horizontal axis that is the front of an upright vehicle or bicycle; None where its shape does not show it.

    A pair of mirrors is ahead of the middle. A car's cabin is behind it, and its bonnet lower than its boot. Of a
    bicycle, the handlebar is wider than the saddle. The front is an end of the longer horizontal side.
    """
    low, size = vertices.min(axis=0), np.ptp(vertices, axis=0) + 1e-12
    along = 0 if size[0] > size[1] else 1
    places = (surface_samples(vertices, faces).centres - low) / size
    length, across, height = places[:, along] - 0.5, places[:, 1 - along] - 0.5, places[:, 2]
    if class_name in BICYCLES:
        sign = _handlebar(length, across, height)
    else:
        number = np.clip(((length + 0.5) * SLICES).astype(int), 0, SLICES - 1)
        sign = _mirrors(number, across, height) or _bonnet(number, height, class_name)
    return ("" if sign > 0 else "-") + "xy"[along] if sign else None


def _handlebar(length: Floats, across: Floats, height: Floats) -> int:
    top = height > 0.85
    ends = (across[top & (length < 0)], across[top & (length > 0)])
    rear, ahead = (float(np.ptp(end)) if len(end) else 0.0 for end in ends)
    if max(rear, ahead) < 0.3 or max(rear, ahead) < BAR * min(rear, ahead):
        return 0
    return 1 if ahead > rear else -1


def _mirrors(number: NDArray[np.int64], across: Floats, height: Floats) -> int:
    """The end (-1, 1) near which a pair of mirrors sticks out of the sides; 0 where there is none."""
    beside = (height > 0.4) & (height < 0.9)
    reach = np.zeros((2, SLICES))
    for side, sign in enumerate((-1.0, 1.0)):
        np.maximum.at(reach[side], number[beside], sign * across[beside])
    body = np.array([np.median(each[each > 0]) if (each > 0).any() else 0.0 for each in reach])
    out = (reach - body[:, None]).min(axis=0)  # both sides
    where = np.flatnonzero(out > MIRROR[0])
    if not len(where) or np.ptp(where) >= MIRROR_SLICES or out.max() > MIRROR[1]:
        return 0
    middle = float(where.mean()) + 0.5 - SLICES / 2
    return int(np.sign(middle)) if abs(middle) > 1.0 else 0


def _bonnet(number: NDArray[np.int64], height: Floats, class_name: str) -> int:
    """The end (-1, 1) with a bonnet; 0 where it is not clear."""
    lower = LOWER if class_name in WITH_BONNET else BUS_BONNET if class_name == "bus" else np.inf
    top = np.zeros(SLICES)
    np.maximum.at(top, number, height)
    middles = (np.arange(SLICES) + 0.5) / SLICES - 0.5
    cabin = float(np.average(middles, weights=np.clip(top - HIGH, 0.0, None) + 1e-9))
    rise = float(top[-SLICES // 4 :].mean() - top[: SLICES // 4].mean())
    if abs(cabin) < BEHIND or abs(rise) < lower or np.sign(cabin) != np.sign(rise):
        return 0
    return -int(np.sign(cabin))
