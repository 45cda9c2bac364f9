"""Meshes with far more triangles than their shape needs."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scenegen.assets.prepare.clean import Triangles


def grid_box(low: tuple[float, float, float], high: tuple[float, float, float], cells: int) -> trimesh.Trimesh:
    """A closed box whose six sides are grids of cells x cells squares: 12 * cells**2 triangles."""
    ticks = np.linspace(0.0, 1.0, cells + 1)
    u, v = (ticks_2d.reshape(-1) for ticks_2d in np.meshgrid(ticks, ticks, indexing="ij"))
    number = np.arange((cells + 1) ** 2).reshape(cells + 1, cells + 1)
    a, b, c, d = (part.reshape(-1) for part in (number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]))
    one_side = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    vertices: list[NDArray[Any]] = []
    faces: list[NDArray[Any]] = []
    for axis in range(3):
        for end in (0, 1):
            places = np.zeros((len(u), 3))
            places[:, axis], places[:, (axis + 1) % 3], places[:, (axis + 2) % 3] = end, u, v
            faces.append((one_side if end else one_side[:, ::-1]) + len(vertices) * len(u))
            vertices.append(places)
    points = np.concatenate(vertices) * np.subtract(high, low) + low
    return trimesh.Trimesh(points, np.concatenate(faces), process=True)


def fine_table(cells: int) -> list[trimesh.Trimesh]:
    """A top of 1.2 x 0.8 x 0.025 m and four legs of 0.05 x 0.05 x 0.7 m: five closed boxes."""
    parts = [grid_box((-0.6, -0.4, 0.725), (0.6, 0.4, 0.75), cells)]
    for x in (-0.6, 0.55):
        parts += [grid_box((x, y, 0.0), (x + 0.05, y + 0.05, 0.7), cells) for y in (-0.4, 0.35)]
    return parts


def as_triangles(mesh: trimesh.Trimesh) -> Triangles:
    """One material, no UVs."""
    faces = np.asarray(mesh.faces, dtype=np.int64)
    return Triangles(np.asarray(mesh.vertices, dtype=float), faces, np.zeros(len(faces), dtype=np.int64), None, None)
