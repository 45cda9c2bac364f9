"""Whether an upright person sits: what the file holds is then lower than one who stands."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.guess import Floats, surface_samples
from scenegen.core.scene.classes import object_class

SITTING_HEIGHT = 1.32  # metres from the soles to the crown: a seat of 0.43 m and a body of 0.89 m above it
FEET_FORWARD = 0.16  # of the height; 0.26 for one who sits, at most 0.07 for 29 who stand, walk or run
THIGHS = 0.33  # of the height, along the same direction; 0.41 and at most 0.37


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
