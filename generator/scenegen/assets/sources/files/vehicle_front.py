"""Finds the front of a vehicle by the names of its parts and materials, its lights and the windows of its cab."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.triangles import face_areas
from scenegen.core.asset_library import Material

ENDS = 0.15  # lights lie this near to the ends of a vehicle, as a share of its length
SMALL = 0.02  # lights are at most this share of the surface
CAB = 0.15  # the windows of a truck's cab are at least this share of the length ahead of the middle
WITH_CAB = ("truck", "bus", "van")

MIDDLE = 0.1  # of the length: a named part that lies nearer to the middle tells nothing

_LIGHT = r"light|lamp"
_HEAD = re.compile(rf"(head|front)[\s_.-]*({_LIGHT})|({_LIGHT})[\s_.-]*(head|front)", re.IGNORECASE)
_TAIL = re.compile(
    rf"(tail|rear|back|brake|stop)[\s_.-]*({_LIGHT})|({_LIGHT})[\s_.-]*(tail|rear|back|brake|stop)", re.IGNORECASE
)
_WINDOW = re.compile(r"window|wind(shield|screen)|glass", re.IGNORECASE)

_PART = r"light|lamp|bumper|wheel|tyre|tire|axle|plate"
_FRONT_PART = re.compile(
    rf"(head|front)[\s_.-]*({_PART})|({_PART})s?[\s_.-]*front|wheel[\s_.-]*f[lr](?![a-z])|(?<![a-z])f[lr][\s_.-]*wheel"
    r"|(?<![a-z])(hood|bonnet|grille?|wind(shield|screen))(?![a-z])",
    re.IGNORECASE,
)
_REAR_PART = re.compile(
    rf"(tail|rear|back|brake|stop)[\s_.-]*({_PART})|({_PART})s?[\s_.-]*(rear|back)|wheel[\s_.-]*[rb][lr](?![a-z])"
    r"|(?<![a-z])[rb][lr][\s_.-]*wheel|tail[\s_.-]*(gate|pipe)|(?<![a-z])exhaust",
    re.IGNORECASE,
)


def front_by_parts(
    vertices: NDArray[np.float64], faces: NDArray[np.integer[Any]], part: NDArray[np.integer[Any]], names: Sequence[str]
) -> str | None:
    """The horizontal axis that is the front of an upright vehicle by the names of its parts: "wheel_front_left".

    vertices (V, 3), faces (F, 3), part (F,) the number of each face's name. None where no name tells, or some
    disagree.
    """
    low, size = vertices.min(axis=0), np.ptp(vertices, axis=0)
    along = 0 if size[0] > size[1] else 1
    votes = []
    for number, name in enumerate(names):
        front, rear = bool(_FRONT_PART.search(name)), bool(_REAR_PART.search(name))
        points = vertices[faces[part == number]].reshape(-1, 3)[:, along] if front != rear else np.empty(0)
        if not len(points):
            continue
        middle = ((points.min() + points.max()) / 2 - low[along]) / max(float(size[along]), 1e-12) - 0.5
        if abs(middle) > MIDDLE:
            votes.append(np.sign(middle) * (1 if front else -1))
    if not votes or abs(sum(votes)) != len(votes):
        return None
    return ("" if votes[0] > 0 else "-") + "xy"[along]


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
    areas = face_areas(corners)
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
