"""Rooms mirrored so that every camera stands where the first one does: one place to learn instead of one a camera.

Where the mirror image of a camera's place is the first camera's, its image, turned left to right, is what the first
camera would see of the mirrored room. Half a turn of the room is two mirrors: it leaves the image as it is. Without
this a network must find out from an image which camera took it, and of two cameras half a turn apart it cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.errors import UsageError
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec
from torch import Tensor, nn

from scenetrain.blocks.layers import unfold_views

Floats = NDArray[np.float64]

AXES: tuple[tuple[int, ...], ...] = ((), (0,), (1,), (0, 1))
"""How a room may be mirrored: by number, the grid's axes that are turned round."""

APART = 0.3
MAX_VIEWS = 8
"""How many views' numbers a MirroredNetwork keeps."""


def mirrors_to_first(cameras: Sequence[Camera], grid: GridSpec) -> tuple[int, ...]:
    """Of every camera the number in AXES that brings it to the first one's place; 0 for the first.

    A place is the same within APART metres, and so is the point one metre ahead: both vary from room to room.
    UsageError where a camera has no such number.
    """
    to_world = [np.linalg.inv(np.array(camera.world_to_camera)) for camera in cameras]
    points = np.array([(matrix[:3, 3], matrix[:3, 3] + matrix[:3, 2]) for matrix in to_world])
    centre = np.array(grid.origin) + grid.voxel_size * np.array(grid.shape) / 2
    numbers = []
    for camera, eye_and_aim in zip(cameras, points, strict=True):
        fitting = [
            number
            for number, axes in enumerate(AXES)
            if (np.linalg.norm(_mirrored(eye_and_aim, centre, axes) - points[0], axis=1) < APART).all()
        ]
        if not fitting:
            raise UsageError(
                f"model.mirror: the place of {camera.name} is no mirror image of {cameras[0].name}'s; set it to false"
            )
        numbers.append(fitting[0])
    return tuple(numbers)


def _mirrored(points: Floats, centre: Floats, axes: tuple[int, ...]) -> Floats:
    there = points.copy()
    there[:, list(axes)] = 2 * centre[list(axes)] - there[:, axes]
    return there


def is_turned(mirrors: Tensor) -> Tensor:
    """Whether images are turned left to right, bool, of numbers in AXES."""
    return (mirrors == 1) | (mirrors == 2)


def turn_images(images: Tensor, mirrors: Tensor) -> Tensor:
    """Images (B, V, C, H, W) as the first camera would see them; `mirrors` (V,) are the cameras' numbers."""
    return torch.where(is_turned(mirrors).view(-1, 1, 1, 1), images.flip(-1), images)


def mirror_volumes(volumes: Tensor, mirrors: Tensor) -> Tensor:
    """Volumes (B, V, C, X, Y, Z), each view's mirrored by its number in `mirrors` (V,): there and back again."""
    if mirrors.device.type == "cpu" and not torch.compiler.is_compiling():
        # looking at the numbers costs nothing there, and only what turns is copied
        numbers = mirrors.tolist()
        views = zip(volumes.unbind(1), numbers, strict=True)
        turned = (view.flip([axis - 3 for axis in AXES[number]]) if number else view for view, number in views)
        return torch.stack(list(turned), 1) if any(numbers) else volumes
    flags = mirrors.view(-1, 1, 1, 1, 1)
    volumes = torch.where((flags & 1) == 1, volumes.flip(-3), volumes)
    return torch.where(flags >= 2, volumes.flip(-2), volumes)


def mirror_labels(labels: Tensor, mirrors: Tensor) -> Tensor:
    """Labels (N, X, Y, Z), each mirrored by its number in `mirrors` (N,)."""
    if not mirrors.any():
        return labels
    return torch.stack([scene.flip(AXES[number]) for scene, number in zip(labels, mirrors.tolist(), strict=True)])


class MirroredNetwork(nn.Module):
    """A network of box grids that may see every view as the first camera would.

    If `mirrored`, the views' numbers in AXES are a buffer; Family.mirrors of its family is `keep_mirrors`.
    """

    mirrors: Tensor | None

    def __init__(self, *, mirrored: bool) -> None:
        super().__init__()
        self.register_buffer("mirrors", torch.zeros(MAX_VIEWS, dtype=torch.long) if mirrored else None)

    def set_mirrors(self, mirrors: Sequence[int]) -> None:
        """Take the views' numbers in AXES; later views than these count as the first camera's."""
        assert self.mirrors is not None
        self.mirrors[: len(mirrors)] = torch.tensor(mirrors)

    def turned(self, images: Tensor) -> Tensor:
        """Images (B, V, 3, H, W), each as the first camera would see it."""
        return images if self.mirrors is None else turn_images(images, self.mirrors[: images.shape[1]])

    def placed(self, volumes: Tensor, views: int) -> Tensor:
        """Volumes (B * V, C, X, Y, Z) of what the first camera would see, (B, V, C, X, Y, Z) where they belong."""
        volumes = unfold_views(volumes, views)
        return volumes if self.mirrors is None else mirror_volumes(volumes, self.mirrors[:views])


def keep_mirrors(
    network: MirroredNetwork, config: Any, cameras: Sequence[Camera], grid: GridSpec | FrustumSpec
) -> tuple[int, ...]:
    """The views' numbers in AXES, which the network keeps, if the configuration's model.mirror asks for it; else ()."""
    if not config.model.mirror:
        return ()
    assert isinstance(grid, GridSpec)
    numbers = mirrors_to_first(cameras, grid)
    network.set_mirrors(numbers)
    return numbers
