"""What pixels show: class and depth of the first surface on a pixel's line of sight.

The network predicts both from features and from where the line of sight goes; the truth is cast from the voxels'
labels, so that any data set has it. Shapes: B items, V views, C classes, D depth bins, h w a feature map.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from scenetrain.blocks.pulling import MIN_DEPTH, cell_centres, project_points, rays

GEOMETRY = 4
"""Channels of `line_of_sight`."""


class Depths(NamedTuple):
    """The range of depths in which a grid lies from each view, metres (B, V): the nearest and the farthest corner."""

    near: Tensor
    far: Tensor

    def level(self, depth: Tensor, bins: int) -> Tensor:
        """Depths (B, V, N) to numbers of bins, of which 0 is the middle of the first."""
        near, far = self.near.unsqueeze(-1), self.far.unsqueeze(-1)
        return (depth - near) / (far - near) * bins - 0.5


def depths_of_grid(voxels_to_image: Tensor, shape: tuple[int, int, int]) -> Depths:
    """The depths of the corners of a grid of this shape."""
    ends = [torch.tensor((0.0, float(size)), device=voxels_to_image.device) for size in shape]
    corners = torch.cartesian_prod(*ends).to(voxels_to_image.dtype)
    depth = project_points(voxels_to_image, corners.unsqueeze(0)).depth
    near = depth.amin(-1)
    return Depths(near, depth.amax(-1).maximum(near + MIN_DEPTH))


def pixel_places(height: int, width: int, device: torch.device) -> Tensor:
    """(u, v) (h * w, 2) of the middles of pixels."""
    v, u = torch.meshgrid(
        (torch.arange(height, device=device) + 0.5) / height,
        (torch.arange(width, device=device) + 0.5) / width,
        indexing="ij",
    )
    return torch.stack([u, v], -1).flatten(0, 1)


def line_of_sight(voxels_to_image: Tensor, shape: tuple[int, int, int], size: tuple[int, int]) -> Tensor:
    """(B, V, GEOMETRY, h, w): the same from any side of a room and in its mirror image.

    The eye's height, how much the line of sight rises, and 1 / (1 + depth) of where it meets the floor and where it
    leaves the grid; metres. It says how near a surface can be, which features alone tell for known cameras only.
    """
    edge = voxels_to_image[..., 2, :3].norm(dim=-1)[..., None]
    eye, direction = rays(voxels_to_image, pixel_places(*size, voxels_to_image.device))
    eye = eye.unsqueeze(2)
    upper = torch.tensor(shape, device=eye.device, dtype=eye.dtype)
    safe = torch.where(direction.abs() < 1e-6, 1e-6, direction)
    floor = -eye[..., 2] / safe[..., 2]
    floor = torch.where(floor > 0, floor, 1e3)
    leaves = torch.maximum(-eye / safe, (upper - eye) / safe).amin(-1).clamp(min=0)
    height = (eye[..., 2] * edge).expand_as(floor)
    found = torch.stack([height, direction[..., 2] * edge, 1 / (1 + floor), 1 / (1 + leaves)], 2)
    return found.unflatten(-1, size)


class PixelHead(nn.Module):
    """Feature maps (B, V, F, h, w) to logits of classes, air first, (B, V, 1 + C, h, w), and of depth bins."""

    def __init__(self, features: int, classes: int, bins: int) -> None:
        super().__init__()
        self.classes = classes
        self.body = nn.Sequential(
            nn.Conv2d(features + GEOMETRY, features, 1, bias=False), nn.BatchNorm2d(features), nn.ReLU(inplace=True)
        )
        self.head = nn.Conv2d(features, 1 + classes + bins, 1)

    def forward(self, maps: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor]:
        """Both logits; `geometry` (B, V, GEOMETRY, h, w) is what is known of pixels without their image."""
        found = self.head(self.body(torch.cat([maps, geometry.to(maps.dtype)], 2).flatten(0, 1))).unflatten(
            0, maps.shape[:2]
        )
        return found[:, :, : 1 + self.classes], found[:, :, 1 + self.classes :]


class Shown(NamedTuple):
    """The truth of pixels: int64 class (B, V, h, w), 0 where no labelled voxel is; depth, metres, inf there."""

    labels: Tensor
    depth: Tensor


def cast_labels(labels: Tensor, voxels_to_image: Tensor, size: tuple[int, int]) -> Shown:
    """The nearest labelled voxel of every pixel, from labels int64 (B, X, Y, Z), 0 = air.

    Eight points of every voxel are drawn into a depth buffer: no holes where a voxel is at most two pixels wide.
    """
    height, width = size
    batch, views = voxels_to_image.shape[:2]
    depth = torch.full((batch * views, height * width), torch.inf, device=labels.device)
    shown = torch.zeros_like(depth, dtype=torch.long)
    inside = cell_centres((2, 2, 2), 0.5, labels.device)
    for item, cells in enumerate(labels):
        voxels = cells.nonzero()
        kinds = cells[voxels.unbind(1)].repeat_interleave(len(inside))
        points = (voxels.unsqueeze(1) + inside).reshape(1, -1, 3)
        found = project_points(voxels_to_image[item : item + 1].float(), points)
        for view in range(views):
            seen = found.seen[0, view]
            (u, v), z = found.places[0, view, seen].unbind(-1), found.depth[0, view, seen]
            pixel, row = (v * height).long() * width + (u * width).long(), item * views + view
            depth[row].scatter_reduce_(0, pixel, z, "amin")
            first = z <= depth[row, pixel]
            shown[row, pixel[first]] = kinds[seen][first]
    return Shown(*(t.view(batch, views, height, width) for t in (shown, depth)))


def first_of_columns(labels: Tensor, depths: Depths, size: tuple[int, int]) -> Shown:
    """The first labelled fruxel at the middle of every pixel, from labels int64 (B, X, Y, Z) of frusta, 0 = air.

    `depths` (B,) are the ends of the frusta; the depth is that of the fruxel's middle.
    """
    height, width = size
    places = pixel_places(height, width, labels.device)
    column, row = ((places[:, axis] * labels.shape[1 + axis]).long() for axis in range(2))
    columns = labels[:, column, row]
    slices = columns.shape[2]
    first = (columns > 0).int().argmax(2)
    kinds = columns.gather(2, first.unsqueeze(2)).squeeze(2)
    near, far = depths.near.unsqueeze(1), depths.far.unsqueeze(1)
    depth = torch.where(kinds > 0, near + (first + 0.5) / slices * (far - near), torch.inf)
    return Shown(*(t.view(-1, 1, height, width) for t in (kinds, depth)))
