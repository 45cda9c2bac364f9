"""Nodes far from the origin, moved near it in 64 bits: at 5,000,000 m, numbers of 32 bits are half a metre apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.text_files import far_middle

FAR_NODES = 1000.0  # times the size of all meshes: 32 bits lose a ten-thousandth of it
FAR_AWAY = "so far from the origin that its 32-bit coordinates lose digits: move it to the origin, and export it again"
Matrix = NDArray[np.float64]


def near_locals(
    parents: Sequence[int], locals_: Sequence[Matrix], corners: Sequence[NDArray[np.float64] | None]
) -> list[Matrix] | None:
    """New matrices (4, 4) of nodes, each relative to its parent, that place all meshes near the origin.

    `parents` gives each node's parent, -1 of a root, before its children; `corners` (N, 3) bound its mesh, None where
    it has none. Nodes without a mesh become the identity. None where nothing is far.
    """
    worlds: list[Matrix] = []
    for parent, local in zip(parents, locals_, strict=True):
        worlds.append(local if parent < 0 else worlds[parent] @ local)
    points = [(c @ w[:3, :3].T + w[:3, 3]) for c, w in zip(corners, worlds, strict=True) if c is not None and len(c)]
    middle = far_middle(np.concatenate(points), FAR_NODES) if points else None
    if middle is None:
        return None
    placed: list[Matrix] = []
    result: list[Matrix] = []
    for parent, world, mesh in zip(parents, worlds, corners, strict=True):
        above = np.eye(4) if parent < 0 else placed[parent]
        own = above
        if mesh is not None:
            own = world.copy()
            own[:3, 3] -= middle
        placed.append(own)
        result.append(np.linalg.pinv(above) @ own)
    return result
