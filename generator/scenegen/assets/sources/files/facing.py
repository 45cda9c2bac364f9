"""Turns an upright model about Z, so that its length lies along an axis and its front points to -Y."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.askew import angle_askew, turn_about_z
from scenegen.assets.sources.files.guess import FRONTS, guess_front, turn_front
from scenegen.assets.sources.files.seat import BACKED, seat_share
from scenegen.assets.sources.files.up_axis import BICYCLES, is_vehicle
from scenegen.assets.sources.files.vehicle_front import front_by_parts, vehicle_front
from scenegen.assets.sources.files.vehicle_shape import front_by_shape
from scenegen.core.asset_library import Material
from scenegen.core.scene.classes import object_class

SPREAD = 0.7  # of the height: a person who walks or waves is narrower at the shoulders


class Facing(NamedTuple):
    """A rotation about Z (3, 3) that brings the front to -Y, and warnings that name what was guessed."""

    turn: NDArray[np.float64]
    warnings: tuple[str, ...]


def find_facing(
    vertices: NDArray[np.float64],
    faces: NDArray[np.integer[Any]],
    material_index: NDArray[np.integer[Any]],
    materials: Sequence[Material],
    class_name: str,
    parts: tuple[NDArray[np.integer[Any]], Sequence[str]] | None = None,
) -> Facing:
    """How an upright model must turn about Z; not at all where nothing shows its front.

    vertices (V, 3), faces (F, 3), material_index (F,); `parts`: the number of each face's part, and the names of the
    parts.
    """
    vehicle = is_vehicle(object_class(class_name))
    has_length = vehicle or class_name in BICYCLES
    warnings = []
    turn = np.eye(3)
    if has_length and (degrees := angle_askew(vertices, faces)):
        turn = turn_about_z(degrees)
        vertices = vertices @ turn.T
        warnings.append(f"it stood askew: turned by {degrees:.0f} degrees")
    front = guess_front(vertices, faces, class_name)
    if vehicle:
        front = front_by_parts(vertices, faces, *parts) if parts else None
        front = front or vehicle_front(vertices, faces, material_index, materials, class_name)
    if front is None and has_length:
        front = front_by_shape(vertices, faces, class_name)
    across, along, _ = np.ptp(vertices, axis=0)
    if front is None and has_length and across > along:
        warnings.append("front not known: its length was laid along Y; if it drives backwards, give --front -x")
        front = "x"
    elif front is None and (has_length or class_name in FRONTS) and not _is_stool(vertices, faces, class_name):
        other = "y" if has_length else "x, -x or y"
        warnings.append(f"front not known: kept as in the file; if it is wrong, give --front {other}")
    elif front not in (None, "-y"):
        warnings.append(f"front guessed: {front}")
    return Facing(turn_front(front or "-y") @ turn, tuple(warnings))


def _is_stool(vertices: NDArray[np.float64], faces: NDArray[np.integer[Any]], class_name: str) -> bool:
    """Whether a chair has no back, so that no side of it is wrong."""
    return class_name == "chair" and (seat_share(vertices, faces) or 0.0) > BACKED


def arms_stretched_out(vertices: NDArray[np.float64], class_name: str) -> str | None:
    """A warning about a person, upright and facing -Y, whose arms are spread, as in a rig's rest pose; else None."""
    if not object_class(class_name).person:
        return None
    size = np.ptp(vertices, axis=0)
    height = (vertices[:, 2] - vertices[:, 2].min()) / max(float(size[2]), 1e-12)
    shoulders = vertices[(height > 0.6) & (height < 0.95), :2]
    if not len(shoulders) or float(np.ptp(shoulders, axis=0).max()) < SPREAD * size[2]:
        return None
    return "arms stretched out, the rest pose of a rig: pose it in its program and export the posed mesh"
