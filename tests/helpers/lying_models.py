"""Simple models of every class, upright with their front at -Y, and what a wrong up axis makes of them."""

from __future__ import annotations

import numpy as np
import trimesh
from numpy.typing import NDArray

from helpers.model_files import box, chair, table

# How an upright model arrives: as it is; with up at -Y (Z up in a file that means Y up); at Y (Y up, not turned).
ARRIVES: dict[str, list[list[float]]] = {
    "z": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "-y": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "y": [[1, 0, 0], [0, 0, 1], [0, -1, 0]],
}


def arriving(mesh: trimesh.Trimesh, up: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Vertices and faces of an upright mesh as an importer brings them when `up` is up."""
    return np.asarray(mesh.vertices @ np.array(ARRIVES[up]).T), np.asarray(mesh.faces, dtype=np.int64)


def car() -> trimesh.Trimesh:
    """1.8 x 4.4 x 1.5 m: a body, a shorter cabin toward the rear, four wheels."""
    parts = [box((-0.9, -2.2, 0.3), (0.9, 2.2, 0.9)), box((-0.75, -0.9, 0.9), (0.75, 1.6, 1.5))]
    return _on_wheels(parts, (-1.4, 1.4), 0.9)


def truck() -> trimesh.Trimesh:
    """2.4 x 7.5 x 3.2 m: a cab at the front and a high box."""
    parts = [box((-1.2, -3.75, 0.5), (1.2, -2.2, 2.6)), box((-1.2, -2.1, 0.7), (1.2, 3.75, 3.2))]
    return _on_wheels(parts, (-2.9, 2.6), 1.2)


def _on_wheels(parts: list[trimesh.Trimesh], axles: tuple[float, float], half_width: float) -> trimesh.Trimesh:
    for y in axles:
        for x in (-half_width + 0.1, half_width - 0.1):
            wheel = trimesh.creation.cylinder(radius=0.35, height=0.2, sections=24)
            wheel.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [0, 1, 0]))
            wheel.apply_translation([x, y, 0.35])
            parts.append(wheel)
    return trimesh.util.concatenate(parts)


def person() -> trimesh.Trimesh:
    """0.5 x 0.3 x 1.75 m: legs with feet that point to -Y, a body, arms, a head."""
    parts = [box((-0.2, -0.1, 0.8), (0.2, 0.1, 1.45)), trimesh.creation.icosphere(subdivisions=3, radius=0.12)]
    parts[1].apply_translation([0, 0, 1.63])
    for x in (-0.15, 0.05):
        parts.append(box((x, -0.06, 0.0), (x + 0.1, 0.06, 0.8)))
        parts.append(box((x, -0.2, 0.0), (x + 0.1, 0.06, 0.05)))
    parts += [box((x, -0.05, 0.75), (x + 0.05, 0.05, 1.4)) for x in (-0.25, 0.2)]
    return trimesh.util.concatenate(parts)


def tree() -> trimesh.Trimesh:
    """A trunk of 1.5 m and a round crown."""
    trunk = trimesh.creation.cylinder(radius=0.15, height=1.7)
    trunk.apply_translation([0, 0, 0.85])
    crown = trimesh.creation.icosphere(subdivisions=3, radius=1.6)
    crown.apply_translation([0, 0, 3.0])
    return trimesh.util.concatenate([trunk, crown])


def bicycle() -> trimesh.Trimesh:
    """0.5 x 1.7 x 1.0 m: two wheels, a frame, handlebars."""
    parts = [box((-0.02, -0.5, 0.4), (0.02, 0.5, 0.8)), box((-0.25, -0.5, 0.95), (0.25, -0.45, 1.0))]
    for y in (-0.5, 0.5):
        wheel = trimesh.creation.torus(0.32, 0.025)
        wheel.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, [0, 1, 0]))
        wheel.apply_translation([0, y, 0.345])
        parts.append(wheel)
    return trimesh.util.concatenate(parts)


def nightstand() -> trimesh.Trimesh:
    """0.45 x 0.4 x 0.55 m: four legs, an open shelf, a top."""
    return table(0.45, 0.4, 0.55)


UPRIGHT = {
    "car": car,
    "truck": truck,
    "human": person,
    "person": person,
    "tree": tree,
    "bicycle": bicycle,
    "chair": chair,
    "table": table,
    "nightstand": nightstand,
}
