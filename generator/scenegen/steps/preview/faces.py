"""Faces of cells, painted from far to near as shaded polygons; what all drawings of voxels have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.classes import Color

BACKGROUND: Color = (20, 22, 28)
WIRE: Color = (58, 63, 76)
OVERSAMPLING = 3
LIGHT = (0.66, 0.84, 1.0)
"""Brightness of faces across x, y and z (up): the top is lit, the two visible sides differ."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Faces:
    """Faces between a cell and air: `corners` (N, 4, 3), `shades` (N,) as brightness, `classes` (N,) as indices."""

    corners: Array
    shades: Array
    classes: NDArray[np.int64]

    def far_to_near(self, eye: Array) -> Faces:
        """The same faces, the one farthest from `eye` (3,) first."""
        order = np.argsort(-np.linalg.norm(self.corners.mean(axis=1) - eye, axis=1), kind="stable")
        return Faces(self.corners[order], self.shades[order], self.classes[order])

    def fills(self, colors: Sequence[Color]) -> Array:
        """The colour (N, 3) of each face, 0 to 255, from `colors` by class."""
        return np.asarray((np.array(colors, float)[self.classes] * self.shades[:, None]).clip(0, 255))
