"""The box grids beside that of the masks, and their files.

Standard library and numpy only: what reads a data set needs no compiler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.scene import NamedGrid, Scene


@dataclass(frozen=True)
class GridLabels:
    """The cells (X, Y, Z) of a named grid.

    `labels` uint8: 0 = empty, else class index + 1; `instances` uint16: 0 = empty, else object id + 1; of the objects
    that share a cell, the one that was placed last. `visibility` uint8 as in visibility.py: of the grid's camera where
    it follows one, else of all cameras together.
    """

    labels: NDArray[np.uint8]
    instances: NDArray[np.uint16]
    visibility: NDArray[np.uint8]


def file_of(named: NamedGrid, k: int | None) -> str:
    """The file of a grid, of one that follows a camera that of camera k."""
    return f"grid_{named.name}_{k}.npz" if named.ego else f"grid_{named.name}.npz"


def files_of(scene: Scene) -> list[tuple[NamedGrid, int | None]]:
    """Every named grid of a scene, those that follow a camera once per camera: with the camera's number."""
    return [(named, k) for named in scene.grids for k in (range(len(scene.cameras)) if named.ego else [None])]
