"""Cameras that are not those of a data set: what a network reads of them, and which it cannot use.

Shapes: B items, V views. Cameras follow OpenCV (x right, y down, z forward), metres and pixels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import Camera, GridSpec
from torch import Tensor

from scenetrain.blocks.pulling import project_cells
from scenetrain.data.reads import Extras, frustum_numbers, voxels_to_image

COARSE = 4
"""Cells of so many voxels are looked for first: where a view shows one of them, the others need no look."""


def box_extras(K: Tensor, world_to_camera: Tensor, grid: GridSpec, size: int) -> Extras:
    """What a network with box labels reads of cameras (B, V, 3, 3), (B, V, 4, 4) of images of `size` x `size` pixels.

    The same numbers as data.reads.read_extras but for rounding; `frustum` is None. It can be exported.
    """
    scale = torch.tensor([grid.voxel_size, grid.voxel_size, grid.voxel_size, 1.0], device=K.device)
    to_world = torch.diag(scale)
    to_world[:3, 3] = torch.tensor(grid.origin, device=K.device)
    to_pixels = K @ world_to_camera[..., :3, :] @ to_world
    to_image = to_pixels * torch.tensor([1 / size, 1 / size, 1.0], device=K.device).view(3, 1)
    return Extras(K=K, world_to_camera=world_to_camera, voxels_to_image=to_image)


def frustum_extras(camera: Camera) -> Extras:
    """What a network with frustum labels reads of one camera, as one item of one view."""
    return Extras(
        K=torch.tensor(camera.K)[None, None],
        world_to_camera=torch.tensor(camera.world_to_camera)[None, None],
        frustum=torch.tensor(frustum_numbers(camera))[None, None],
    )


def sees_grid(to_image: Tensor, shape: Sequence[int]) -> Tensor:
    """Which of the views (V, 3, 4) of Extras.voxels_to_image show the centre of a voxel, bool (V,)."""
    matrices = to_image.unsqueeze(0)
    seen = project_cells(matrices, [-(-size // COARSE) for size in shape], COARSE).seen[0].any(1)
    return seen if seen.all() else seen | project_cells(matrices, shape).seen[0].any(1)


def check_sees_grid(name: str, cameras: Sequence[Camera], grid: GridSpec) -> None:
    """ScenegenError for a scene none of whose cameras sees its grid: nothing can be learnt or said of it."""
    matrices = torch.from_numpy(np.stack([voxels_to_image(camera, grid) for camera in cameras]))
    if not sees_grid(matrices, grid.shape).any():
        raise ScenegenError(
            f"{name}: no camera sees anything of its grid, {extent(grid)}; give data whose cameras look into it"
        )


def extent(grid: GridSpec) -> str:
    """Where a grid is, in words."""
    low = [round(value, 3) for value in grid.origin]
    high = [round(o + n * grid.voxel_size, 3) for o, n in zip(grid.origin, grid.shape, strict=True)]
    return f"from {tuple(low)} to {tuple(high)} m"
