"""What a network reads of a scene beside its images: which labels, and depth, cameras and poses where it needs them.

Legend of shapes: B scenes, V views, H W pixels, O objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.labels.grids import frustum_grid
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera, GridSpec
from torch import Tensor
from torch.nn import functional

Grid = Literal["box", "frustum"]
"""Labels of the room's box grid, or of the frustum grid of one view."""

NO_OBJECT = -1
"""The class of a row that only fills up a batch of poses."""


@dataclass(frozen=True)
class Reads:
    """What a family reads of a scene.

    `labels`: "box" gives all views of a scene and the labels of its room; "frustum" gives one view at a time and the
    labels of that view's frustum. `shape` is the grid that the network is built for, None where it takes any.
    `views` are the least and the most images that the network takes at once; with frustum labels they are 1 and 1.
    `depth`, `cameras` and `poses` ask for the members of Extras with these names; `extras_for` says who reads them: the
    network, or its losses alone, so that it answers from images alone.
    """

    labels: Grid
    shape: tuple[int, int, int] | None = None
    image_size: int = 224
    views: tuple[int, int] = (1, 8)
    depth: bool = False
    cameras: bool = False
    poses: bool = False
    extras_for: Literal["network", "losses"] = "network"

    @property
    def images_alone(self) -> bool:
        """Whether the network answers from images alone."""
        return self.extras_for == "losses" or not (self.depth or self.cameras or self.poses)

    @property
    def needs_cameras(self) -> bool:
        """Whether the network answers from images and their cameras, but not from images alone."""
        return self.cameras and not (self.images_alone or self.depth or self.poses)


class Extras(NamedTuple):
    """What a family asked for beside images and labels; None for what it did not.

    One scene has the shapes below without B. Metres; cameras follow OpenCV (x right, y down, z forward).
    """

    depth: Tensor | None = None
    """float32 (B, V, H, W): metres along the optical axis; 0 where nothing was hit, inf where too far to be stored."""
    K: Tensor | None = None
    """float32 (B, V, 3, 3): pixels of the stored image; the centre of the top-left pixel is (0.5, 0.5)."""
    world_to_camera: Tensor | None = None
    """float32 (B, V, 4, 4)."""
    frustum: Tensor | None = None
    """float32 (B, V, 6): fx, fy, cx, cy, near, far of the frustum grid. Focal lengths and principal point are in widths
    and heights of the image: (x, y, z) is in column fx x / z + cx, 0 at the left edge and 1 at the right. Metres."""
    voxels_to_image: Tensor | None = None
    """float32 (B, V, 3, 4), with box labels: a place in voxels, (0, 0, 0) at the grid's corner, to (u z, v z, z): u and
    v in widths and heights of the image, 0 at the left and upper edges; z in metres."""
    poses: Tensor | None = None
    """float32 (B, O, 4, 4): an object's asset frame to the world."""
    sizes: Tensor | None = None
    """float32 (B, O, 3): the object's box [-x/2, x/2] x [-y/2, y/2] x [0, z] in its asset frame."""
    object_classes: Tensor | None = None
    """int64 (B, O): class index; NO_OBJECT fills up scenes of fewer objects."""
    is_round: Tensor | None = None
    """bool (B, O): turned about its vertical axis, the object looks much the same (`round` in classes.toml)."""
    visible: Tensor | None = None
    """int64 (B, O, V): how many pixels of each view that was read show the object."""

    def to(self, device: torch.device) -> Extras:
        """The same on a device."""
        return Extras(*(None if tensor is None else tensor.to(device, non_blocking=True) for tensor in self))

    def at(self, positions: Tensor, view: Tensor | None = None) -> Extras:
        """The scenes at `positions` (B,), all their views or the one that `view` (B,) names."""
        chosen = {}
        for name, tensor in self._asdict().items():
            if tensor is not None and view is not None and name == "visible":
                of_view = view.to(tensor.device).view(-1, 1, 1).expand(-1, tensor.shape[1], 1)
                chosen[name] = tensor[positions].gather(2, of_view)
            elif tensor is None or view is None or name not in PER_VIEW:
                chosen[name] = None if tensor is None else tensor[positions]
            else:
                chosen[name] = tensor[positions, view].unsqueeze(1)
        return Extras(**chosen)


PER_VIEW = ("depth", "K", "world_to_camera", "frustum", "voxels_to_image")


NO_EXTRAS = Extras()


def read_extras(scene: StoredScene, views: Sequence[int], reads: Reads) -> Extras:
    """What `reads` asks for of one scene, of the cameras in `views`; shapes as in Extras, without B."""
    extras = Extras()
    if reads.depth:
        extras = extras._replace(depth=torch.from_numpy(np.stack([scene.depth(k) for k in views])))
    if reads.cameras:
        cameras = [scene.cameras[k] for k in views]
        extras = extras._replace(
            K=torch.tensor([camera.K for camera in cameras]),
            world_to_camera=torch.tensor([camera.world_to_camera for camera in cameras]),
            frustum=torch.tensor([frustum_numbers(camera) for camera in cameras]),
        )
        if reads.labels == "box":
            assert scene.grid is not None
            matrices = np.stack([voxels_to_image(camera, scene.grid) for camera in cameras])
            extras = extras._replace(voxels_to_image=torch.from_numpy(matrices))
    if reads.poses:
        objects = scene.objects
        extras = extras._replace(
            poses=torch.tensor([item.matrix for item in objects]).reshape(len(objects), 4, 4),
            sizes=torch.tensor([item.size for item in objects]).reshape(len(objects), 3),
            object_classes=torch.tensor([scene.classes.index(item.class_name) for item in objects], dtype=torch.long),
            is_round=torch.tensor([object_class(item.class_name).round for item in objects], dtype=torch.bool),
            visible=torch.tensor(
                [[item.visible_pixels[k] if item.visible_pixels else 0 for k in views] for item in objects],
                dtype=torch.long,
            ).reshape(len(objects), len(views)),
        )
    return extras


def frustum_numbers(camera: Camera) -> tuple[float, ...]:
    """See Extras.frustum."""
    grid = frustum_grid(camera)
    K, (width, height) = np.asarray(grid.K), grid.image_size
    return (K[0, 0] / width, K[1, 1] / height, K[0, 2] / width, K[1, 2] / height, grid.near, grid.far)


def voxels_to_image(camera: Camera, grid: GridSpec) -> NDArray[np.float32]:
    """The matrix (3, 4) of one camera; see Extras.voxels_to_image."""
    to_world = np.diag([grid.voxel_size] * 3 + [1.0])
    to_world[:3, 3] = grid.origin
    to_pixels = np.array(camera.K) @ np.array(camera.world_to_camera)[:3] @ to_world
    return np.asarray(to_pixels / np.array([[camera.width], [camera.height], [1.0]]), dtype=np.float32)


def stack_extras(scenes: Sequence[Extras]) -> Extras:
    """One scene's extras each to a batch's; objects are filled up to the most of any scene."""
    stacked = {}
    for name in Extras._fields:
        tensors: list[Tensor] = [tensor for scene in scenes if (tensor := getattr(scene, name)) is not None]
        if not tensors:
            continue
        if name not in PER_VIEW:
            most = max(len(tensor) for tensor in tensors)
            fill = NO_OBJECT if name == "object_classes" else 0
            tensors = [_filled(tensor, most, fill) for tensor in tensors]
        stacked[name] = torch.stack(tensors)
    return Extras(**stacked)


def _filled(tensor: Tensor, rows: int, value: int) -> Tensor:
    """(N, ...) to (rows, ...)."""
    return functional.pad(tensor, (0, 0) * (tensor.ndim - 1) + (0, rows - len(tensor)), value=value)
