"""The box grids beside that of the masks, and their files.

Standard library and numpy only: what reads a data set needs no compiler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.ego import ego_count
from scenegen.core.scene.scene import NamedGrid, Scene


@dataclass(frozen=True)
class GridLabels:
    """The cells (X, Y, Z) of a named grid.

    `labels` uint8: 0 = empty, else class index + 1; `instances` uint16: 0 = empty, else object id + 1; of the objects
    that share a cell, the one that was placed last. `visibility` uint8 as in visibility.py: of the cameras at the
    vehicle's pose where the grid follows it, else of all cameras together.
    """

    labels: NDArray[np.uint8]
    instances: NDArray[np.uint16]
    visibility: NDArray[np.uint8]


def file_of(named: NamedGrid, n: int | None) -> str:
    """The file of a grid, of one that follows the vehicle that at its pose n."""
    return f"grid_{named.name}_{n}.npz" if named.ego else f"grid_{named.name}.npz"


def files_of(scene: Scene) -> list[tuple[NamedGrid, int | None]]:
    """Every named grid of a scene, those that follow the vehicle once per pose: with the pose's number."""
    return [(named, n) for named in scene.grids for n in (range(ego_count(scene)) if named.ego else [None])]
