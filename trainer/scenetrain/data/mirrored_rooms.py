"""Rooms shown as in a mirror: the grid's labels, the images and their cameras together.

A room mirrored in one axis is seen by mirrored cameras: their images are turned left to right. Mirrored in both axes it
is turned by half a turn, and images stay as they are. Numbers are those in mirror.AXES. Shapes as in reads.Extras.
"""

from __future__ import annotations

import torch
from torch import Tensor

from scenetrain.data.batches import Batch
from scenetrain.data.mirror import AXES, is_turned, mirror_labels
from scenetrain.data.reads import Extras


def draw_mirrors(positions: Tensor, seed: int, epoch: int) -> Tensor:
    """How an epoch shows items (B,): numbers int64 in AXES, by (seed, epoch, position) alone."""
    draws = []
    for position in positions.tolist():
        generator = torch.Generator().manual_seed(((seed * 1_000_003 + epoch) * 1_000_003 + position) & (2**63 - 1))
        draws.append(int(torch.randint(len(AXES), (1,), generator=generator)))
    return torch.tensor(draws)


def mirror_rooms(batch: Batch, mirrors: Tensor) -> Batch:
    """The batch with every item mirrored by its number in `mirrors` (B,), which is on the host.

    Of its cameras the batch keeps `voxels_to_image` alone, which needs no place in the world.
    """
    matrices = batch.extras.voxels_to_image
    assert batch.images is not None and matrices is not None
    turned = is_turned(mirrors).to(matrices.device)
    images = torch.where(turned.view(-1, 1, 1, 1, 1), batch.images.flip(-1), batch.images)
    shape = batch.labels.shape[1:]
    rooms = torch.stack([_room_mirror(number, shape) for number in mirrors.tolist()]).to(matrices)
    image_mirror = torch.tensor(((-1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))).to(matrices)
    matrices = matrices @ rooms.unsqueeze(1)
    matrices = torch.where(turned.view(-1, 1, 1, 1), image_mirror @ matrices, matrices)
    depth = batch.extras.depth
    if depth is not None:
        depth = torch.where(turned.view(-1, 1, 1, 1), depth.flip(-1), depth)
    extras = Extras(depth=depth, voxels_to_image=matrices)
    return batch._replace(images=images, labels=mirror_labels(batch.labels, mirrors), extras=extras)


def _room_mirror(number: int, shape: tuple[int, ...]) -> Tensor:
    """(4, 4): places in voxels of the mirrored room to those of the room."""
    matrix = torch.eye(4)
    for axis in AXES[number]:
        matrix[axis, axis], matrix[axis, 3] = -1.0, float(shape[axis])
    return matrix
