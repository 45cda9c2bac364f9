"""A frustum of a few boxes, voxelized by scenegen, and a certificate that says where they stand."""

from __future__ import annotations

import functools
import math
from dataclasses import replace

import numpy as np
import torch
from scenegen.core.labels.grids import frustum_grid, to_grid_space
from scenegen.core.labels.voxelize import voxelize
from scenegen.core.scene.scene import Bounds, Camera, FrustumSpec, PlacedObject
from scenetrain.networks.ssz.judge import Certificate
from scipy.spatial.transform import Rotation

CLASSES = ("car", "tree", "ground")
CELLS = (8, 8, 8)
# class, centre in the world, degrees about the vertical, size; the second is cut by the frustum's left side
BOXES = (
    ("car", (0.3, 0.5, 0.9), 25.0, (0.9, 1.8, 0.8)),
    ("tree", (-1.9, 0.1, 1.5), 70.0, (1.0, 1.0, 2.0)),
    ("car", (1.0, 3.5, 0.8), 150.0, (0.8, 1.6, 0.7)),
    ("ground", (0.0, 0.0, -0.1), 0.0, (20.0, 20.0, 0.2)),
    ("tree", (0.9, -1.4, 1.8), 0.0, (0.05, 0.05, 0.05)),
)
CORNERS = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
FACES = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4)]
FACES += [(1, 5, 7), (1, 7, 3)]


@functools.cache
def make_camera() -> Camera:
    """Six metres south of the origin and 1.6 m up, looking north and 6 degrees down."""
    focal = 128 / math.tan(math.radians(20))
    turn = Rotation.from_euler("x", -96, degrees=True).as_matrix().T
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, -turn @ (0, -6, 1.6)
    K = ((focal, 0.0, 128.0), (0.0, focal, 128.0), (0.0, 0.0, 1.0))
    pose = tuple(map(tuple, matrix.tolist()))
    return Camera("camera", 256, 256, K, pose, FrustumSpec(2.0, 12.0, (128, 128, 128), 40.0))  # type: ignore[arg-type]


@functools.cache
def make_labels() -> np.ndarray:
    """uint8 (128, 128, 128)."""
    labels = np.zeros((128, 128, 128), np.uint8)
    for name, centre, degrees, size in reversed(BOXES):
        vertices = Rotation.from_euler("z", degrees, degrees=True).apply(CORNERS * size) + centre
        labels[voxelize(vertices, np.array(FACES), frustum_grid(make_camera()))] = CLASSES.index(name) + 1
    return labels


def make_certificate() -> Certificate:
    """Written from BOXES by scenegen's grid and scipy; cells without a box say nonsense."""
    camera = make_camera()
    offset, rotation = torch.full((3, *CELLS), 0.1), torch.full((4, *CELLS), 0.5)
    real = torch.full(CELLS, -9.0)
    grid = replace(frustum_grid(camera), shape=CELLS)
    turned = Rotation.from_matrix(np.array(camera.world_to_camera)[:3, :3])
    for _, centre, degrees, _ in BOXES[:3]:
        uz, vz, z = to_grid_space(grid, np.array([centre]))[0]
        place = np.array([uz / z, vz / z, (z - 2) / 10 * 8])
        cell = tuple(np.floor(place).astype(int).tolist())
        offset[(slice(None), *cell)] = torch.tensor(place - cell, dtype=torch.float)
        turn = turned * Rotation.from_euler("z", degrees, degrees=True)
        rotation[(slice(None), *cell)] = -torch.tensor(turn.as_quat(canonical=True, scalar_first=True)).float()
        real[cell] = 2.0
    return Certificate(offset, rotation, real)


def placed_boxes() -> tuple[PlacedObject, ...]:
    """BOXES as objects of scene.json; the last one shows no pixel."""
    objects = []
    for number, (name, (x, y, z), degrees, size) in enumerate(BOXES):
        matrix = np.eye(4)
        matrix[:3, :3] = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
        matrix[:3, 3] = x, y, z - size[2] / 2
        pose, pixels = tuple(map(tuple, matrix.tolist())), 0 if number == 4 else 100
        box = Bounds((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
        objects.append(PlacedObject(number, name, "box", None, pose, box, size, (pixels,)))  # type: ignore[arg-type]
    return tuple(objects)
