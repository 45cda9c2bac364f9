"""Finds the front of a vehicle by its lights and the windows of its cab."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from scenegen.core.asset_library import Material

ENDS = 0.15  # lights lie this near to the ends of a vehicle, as a share of its length
SMALL = 0.02  # lights are at most this share of the surface
CAB = 0.15  # the windows of a truck's cab are at least this share of the length ahead of the middle
WITH_CAB = ("truck", "bus", "van")

_LIGHT = r"light|lamp"
_HEAD = re.compile(rf"(head|front)[\s_.-]*({_LIGHT})|({_LIGHT})[\s_.-]*(head|front)", re.IGNORECASE)
_TAIL = re.compile(
    rf"(tail|rear|back|brake|stop)[\s_.-]*({_LIGHT})|({_LIGHT})[\s_.-]*(tail|rear|back|brake|stop)", re.IGNORECASE
)
_WINDOW = re.compile(r"window|wind(shield|screen)|glass", re.IGNORECASE)


def vehicle_front(
    vertices: NDArray[np.float64],
    faces: NDArray[np.integer[Any]],
    material_index: NDArray[np.integer[Any]],
    materials: Sequence[Material],
    class_name: str,
) -> str | None:
    """The horizontal axis that is the front of an upright vehicle; None when nothing shows it, or signs disagree.

    Signs: materials named as head or tail lights; small red ones at one end alone; for trucks, vans and buses, windows
    toward one end. The front is an end of the longer horizontal side.
    """
    low, size = vertices.min(axis=0), np.ptp(vertices, axis=0)
    along = 0 if size[0] > size[1] else 1
    corners = vertices[faces]
    places = (corners.mean(axis=1)[:, along] - low[along]) / max(float(size[along]), 1e-12) - 0.5  # -0.5 to 0.5
    areas = trimesh.triangles.area(corners)
    votes = []
    for number, material in enumerate(materials):
        chosen = material_index == number
        area = areas[chosen].sum()
        if not area:
            continue
        ends = chosen & (np.abs(places) > 0.5 - ENDS)
        balance = float(np.sum(np.sign(places[ends]) * areas[ends]) / area)  # of the faces at the ends
        if _HEAD.search(material.name) and abs(balance) > 0.5:
            votes.append(np.sign(balance))
        elif (_TAIL.search(material.name) and abs(balance) > 0.5) or (
            _is_red(material) and area < SMALL * areas.sum() and abs(balance) > 0.8
        ):
            votes.append(-np.sign(balance))
        elif class_name in WITH_CAB and _WINDOW.search(material.name):
            middle = float(np.average(places[chosen], weights=areas[chosen]))
            votes += [np.sign(middle)] if abs(middle) > CAB else []
    if not votes or abs(sum(votes)) != len(votes):
        return None
    return ("" if votes[0] > 0 else "-") + "xy"[along]


def _is_red(material: Material) -> bool:
    for red, green, blue in (material.base_color, material.emission):
        if red > 0.3 and green < 0.4 * red and blue < 0.4 * red:
            return "base_color" not in material.textures
    return False
