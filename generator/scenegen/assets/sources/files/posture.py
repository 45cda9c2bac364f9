"""What the posture of an upright model tells of its height: a person who sits, and the seat of a chair."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.guess import Floats, OwnHeight, surface_samples
from scenegen.assets.sources.files.seat import height_by_seat, seat_doubt, seat_share
from scenegen.core.scene.classes import object_class

SITTING_HEIGHT = 1.32  # metres from the soles to the crown: a seat of 0.43 m and a body of 0.89 m above it
FEET_FORWARD = 0.16  # of the height; 0.26 for one who sits, at most 0.07 for 29 who stand, walk or run
ONE_STOREY = 5.0  # metres, with a roof
LONG_HOUSE = 0.6  # the height of a house of one storey in lengths, at most
SLENDER = 1.8  # heights of a building with many storeys in its widths: one with few is wider
WIDE = 12.0  # metres: such a building
BINS = 40  # of the height
ABOVE = 0.03  # of the height, above a table's top: rims and monitors are nearer, or stand on it
AROUND = 0.5  # of the surface above a table's top: chairs that stand around it
THIGHS = 0.33  # of the height, along the same direction; 0.41 and at most 0.37


def own_height(vertices: Floats, faces: NDArray[np.integer[Any]], class_name: str) -> OwnHeight | None:
    """The height that the shape of an upright model asks for; None where it asks none.

    vertices (V, 3) in any unit, faces (F, 3).
    """
    if sits(vertices, faces, class_name):
        return OwnHeight(SITTING_HEIGHT, "as one who sits", "if it stands")
    extents = np.ptp(vertices, axis=0)
    if class_name == "building" and extents[2] < LONG_HOUSE * extents[:2].max():
        return OwnHeight(ONE_STOREY, "as a house of one storey, long for its height", "if it has several")
    if class_name == "building" and extents[2] > SLENDER * extents[:2].max() > 0:
        height = WIDE * float(extents[2] / extents[:2].max())
        return OwnHeight(height, f"as a slender building {WIDE:g} m wide", "if that is wrong")
    if class_name != "chair" or (share := seat_share(vertices, faces)) is None:
        return None
    x, y, z = np.ptp(vertices, axis=0)
    return OwnHeight(height_by_seat(share, (float(x), float(y), float(z))), "by its seat", certain=True)


def posture_doubt(vertices: Floats, faces: NDArray[np.integer[Any]], class_name: str) -> str | None:
    """A doubt of the size of an upright model, (V, 3) in metres, by what its shape shows; else None."""
    if class_name != "chair" or (share := seat_share(vertices, faces)) is None:
        return None
    return seat_doubt(share, float(np.ptp(vertices[:, 2])))


def set_doubt(vertices: Floats, faces: NDArray[np.integer[Any]], class_name: str) -> str | None:
    """A doubt of an upright table with chairs around it, which are higher than its top; else None.

    vertices (V, 3) in any unit, faces (F, 3).
    """
    height = float(np.ptp(vertices[:, 2]))
    if class_name != "table" or height <= 0:
        return None
    centres, areas, normals = surface_samples(vertices, faces)
    level = (centres[:, 2] - vertices[:, 2].min()) / height
    up = (normals[:, 2] > 0.95) & (level > 0.4)
    if not up.any():
        return None
    boards = np.histogram(level[up], bins=BINS, range=(0.0, 1.0), weights=areas[up])[0]
    top = int(np.flatnonzero(boards > 0.6 * boards.max())[-1])
    board = up & (np.abs(level - (top + 0.5) / BINS) <= 1.0 / BINS)
    above = level > (top + 1) / BINS + ABOVE
    low, high = centres[board, :2].min(axis=0), centres[board, :2].max(axis=0)
    outside = ((centres[:, :2] < low) | (centres[:, :2] > high)).any(axis=1)
    if not above.any() or areas[above & outside].sum() < AROUND * areas[above].sum():
        return None
    if np.prod(high - low) < 0.2 * np.prod(np.ptp(vertices[:, :2], axis=0)):
        return None
    return (
        "what stands around it is higher than its top, as chairs are: if so, export the table alone and add that file"
    )


def sits(vertices: Floats, faces: NDArray[np.integer[Any]], class_name: str) -> bool:
    """Whether an upright person, vertices (V, 3) in any unit, sits: feet before the body, and thighs that reach there.

    False for other classes, and where the seat is part of the model: its legs stand below the body.
    """
    height = float(np.ptp(vertices[:, 2]))
    if not object_class(class_name).person or height <= 0:
        return False
    centres, areas, _ = surface_samples(vertices, faces)
    level = (centres[:, 2] - vertices[:, 2].min()) / height
    body, thighs, feet = ((level > a) & (level < b) for a, b in ((0.6, 0.95), (0.3, 0.45), (0.0, 0.2)))
    if not (body.any() and thighs.any() and feet.any()):
        return False
    middle = [np.average(centres[part, :2], axis=0, weights=areas[part] + 1e-15) for part in (body, feet)]
    forward = (middle[1] - middle[0]) / height
    axis = int(np.abs(forward).argmax())
    return bool(abs(forward[axis]) > FEET_FORWARD and np.ptp(centres[thighs, axis]) > THIGHS * height)
