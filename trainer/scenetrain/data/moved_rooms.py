"""Rooms shown as if they stood otherwise, by cameras that look elsewhere: labels, images and cameras together.

A room is turned about the vertical axis in its grid and shifted, so that its cameras stand in other places of the grid;
what leaves the grid is lost, what comes in is air (Murez et al., ECCV 2020, section 3.3, turn their volumes so). A
camera that turns about its own centre, or has another focal length, shows the same points elsewhere in its image,
whatever their depth, so its image can be computed. Shapes as in reads.Extras.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from scenetrain.data.batches import Batch
from scenetrain.data.reads import Extras

SHIFT = 0.08
"""A room's most shift along x and y, as a share of the grid's."""
TURN = math.radians(6.0)
"""The spread of a camera's turns about its own axes."""
ZOOM = 1.3
"""The most that a focal length grows; it does not shrink, because nothing is known beyond an image's edges."""


class Moves(NamedTuple):
    """How one epoch shows items."""

    rooms: Tensor
    """float64 (B, 3): angle, and shifts as shares of the grid's x and y."""
    cameras: Tensor
    """float64 (B, V, 4): angles about the camera's x, y and z, and the factor of its focal length."""


def draw_moves(positions: Tensor, views: int, share: float, seed: int, epoch: int) -> Moves:
    """Moves of `share` of the items (B,), the others stay: by (seed, epoch, position) alone."""
    rooms, cameras = [], []
    for position in positions.tolist():
        generator = torch.Generator().manual_seed(((seed * 1_000_003 + epoch) * 1_000_003 + position) & (2**63 - 1))
        uniform = torch.rand(4 + views, generator=generator, dtype=torch.float64)
        turns = torch.randn(views, 3, generator=generator, dtype=torch.float64) * TURN
        room = torch.stack([uniform[1] * 2 * math.pi, *(uniform[2:4] * 2 - 1) * SHIFT])
        camera = torch.cat([turns, ZOOM ** uniform[4:].unsqueeze(1)], 1)
        moves = float(uniform[0]) < share
        rooms.append(room if moves else torch.zeros(3, dtype=torch.float64))
        cameras.append(camera if moves else torch.tensor([[0.0, 0.0, 0.0, 1.0]], dtype=torch.float64).repeat(views, 1))
    return Moves(torch.stack(rooms), torch.stack(cameras))


def move_rooms(batch: Batch, moves: Moves) -> Batch:
    """The batch with its rooms and cameras moved. Of its cameras it keeps `voxels_to_image` alone."""
    K, matrices = batch.extras.K, batch.extras.voxels_to_image
    assert batch.images is not None and K is not None and matrices is not None
    shape = batch.labels.shape[1:]
    rooms = torch.stack([_room_matrix(room, shape) for room in moves.rooms])
    height, width = batch.images.shape[-2:]
    own = torch.diag(torch.tensor([1 / width, 1 / height, 1.0], dtype=torch.float64)) @ K.double().cpu()
    zoom = moves.cameras[..., 3]
    longer = own * torch.stack([zoom, zoom, torch.ones_like(zoom)], -1).unsqueeze(-1)
    longer[..., :2, 2] = own[..., :2, 2]
    images_to = longer @ _rotations(moves.cameras[..., :3]) @ torch.linalg.inv(own)
    labels = torch.stack([_moved_labels(one, matrix) for one, matrix in zip(batch.labels, rooms, strict=True)])
    seen = images_to @ matrices.double().cpu() @ rooms.unsqueeze(1)
    images = _warped(batch.images, torch.linalg.inv(images_to).to(batch.images.device))
    return batch._replace(images=images, labels=labels, extras=Extras(voxels_to_image=seen.to(matrices)))


def _room_matrix(room: Tensor, shape: torch.Size) -> Tensor:
    """(4, 4): places in voxels of the moved room to those of the room."""
    angle, *shift = room.tolist()
    middle = [shape[0] / 2, shape[1] / 2]
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = torch.eye(4, dtype=torch.float64)
    matrix[:2, :2] = torch.tensor([[cos, -sin], [sin, cos]])
    from_middle = torch.tensor([-middle[0] - shift[0] * shape[0], -middle[1] - shift[1] * shape[1]]).double()
    matrix[:2, 3] = matrix[:2, :2] @ from_middle + torch.tensor(middle).double()
    return matrix


def _moved_labels(labels: Tensor, matrix: Tensor) -> Tensor:
    """Labels (X, Y, Z) of the moved room: each voxel has that of the voxel in which its middle is."""
    x, y = (torch.arange(size, dtype=torch.float64) + 0.5 for size in labels.shape[:2])
    places = torch.cartesian_prod(x, y) @ matrix[:2, :2].T + matrix[:2, 3]
    column = places.floor().long()
    limits = torch.tensor(labels.shape[:2])
    inside = ((column >= 0) & (column < limits)).all(1).to(labels.device)
    column = column.clamp(torch.zeros_like(limits), limits - 1).to(labels.device)
    found = labels[column[:, 0], column[:, 1]] * inside.unsqueeze(1)
    return found.view_as(labels)


def _rotations(angles: Tensor) -> Tensor:
    """(..., 3) about x, then y, then z, to (..., 3, 3)."""
    generators = torch.zeros(3, 3, 3, dtype=angles.dtype)
    for axis, (a, b) in enumerate(((1, 2), (2, 0), (0, 1))):
        generators[axis, b, a], generators[axis, a, b] = 1.0, -1.0
    x, y, z = (torch.linalg.matrix_exp(angles[..., axis, None, None] * generators[axis]) for axis in range(3))
    return z @ y @ x


def _warped(images: Tensor, to_source: Tensor) -> Tensor:
    """Images uint8 (B, V, 3, H, W), at each place what `to_source` (B, V, 3, 3) says; black where that is outside."""
    height, width = images.shape[-2:]
    v, u = torch.meshgrid(
        (torch.arange(height, device=images.device) + 0.5) / height,
        (torch.arange(width, device=images.device) + 0.5) / width,
        indexing="ij",
    )
    places = torch.stack([u, v, torch.ones_like(u)], -1).flatten(0, 1)
    found = to_source.flatten(0, 1).float() @ places.T
    source = (found[:, :2] / found[:, 2:] * 2 - 1).transpose(1, 2).unflatten(1, (height, width))
    shown = functional.grid_sample(images.flatten(0, 1).float(), source, align_corners=False)
    return shown.round().to(torch.uint8).view_as(images)
