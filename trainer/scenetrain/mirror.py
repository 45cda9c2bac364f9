"""Mirrored rooms: more of them than were rendered, for one view at a time.

Where the mirror image of a camera's place is a camera's place too, the camera's picture, turned left to right, shows
the mirrored room from that other place. Half a turn of the room is two mirrors: it leaves the picture as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scenegen.scene import Camera, GridSpec
from torch import Tensor

AXES: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))
"""How a room may be mirrored: by number, the grid's axes that are turned round."""

APART = 0.3


def view_mirrors(cameras: Sequence[Camera], grid: GridSpec) -> tuple[tuple[int, ...], ...]:
    """Of every camera the numbers in AXES that bring it to a camera's place, 0 always among them.

    A place is the same within APART metres, and so is the point one metre ahead: both vary from room to room.
    """
    to_world = [np.linalg.inv(np.array(camera.world_to_camera)) for camera in cameras]
    eyes = np.array([matrix[:3, 3] for matrix in to_world])
    ahead = eyes + np.array([matrix[:3, 2] for matrix in to_world])
    centre = np.array(grid.origin) + grid.voxel_size * np.array(grid.shape) / 2
    mirrors = []
    for eye, aim in zip(eyes, ahead, strict=True):
        fitting = [0]
        for number, axes in enumerate(AXES[1:], start=1):
            turned = []
            for point in (eye, aim):
                there = point.copy()
                there[list(axes)] = 2 * centre[list(axes)] - there[list(axes)]
                turned.append(there)
            distances = [
                np.linalg.norm(places - there, axis=1) for places, there in zip((eyes, ahead), turned, strict=True)
            ]
            if (np.maximum(*distances) < APART).any():
                fitting.append(number)
        mirrors.append(tuple(fitting))
    return tuple(mirrors)


def draw_mirrors(allowed: Sequence[Sequence[int]], views: Tensor, generator: torch.Generator) -> Tensor:
    """For scenes that each show one of `views` (N,), one of the numbers that `allowed` has for that view, (N,)."""
    chance = torch.rand(len(views), generator=generator).tolist()
    return torch.tensor([allowed[v][int(c * len(allowed[v]))] for v, c in zip(views.tolist(), chance, strict=True)])


def is_turned(mirrors: Tensor) -> Tensor:
    """Whether pictures are turned left to right, bool (N,)."""
    return (mirrors == 1) | (mirrors == 2)


def mirror_labels(labels: Tensor, mirrors: Tensor) -> Tensor:
    """Labels (N, X, Y, Z), each mirrored by its number."""
    if not mirrors.any():
        return labels
    return torch.stack([scene.flip(AXES[number]) for scene, number in zip(labels, mirrors.tolist(), strict=True)])
