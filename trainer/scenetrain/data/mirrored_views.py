"""Views shown as in a mirror: image, frustum labels, camera and poses turned left to right together.

The world is mirrored in its x axis and the camera's image left to right, so that the camera stays one that turns and
moves. An object of the mirrored world is the same kind of object, mirrored in its own left and right: its box stays in
its place, its front stays its front, and its pose stays a rotation. Shapes as in reads.Extras.
"""

from __future__ import annotations

import torch
from torch import Tensor

from scenetrain.data.batches import Batch
from scenetrain.data.reads import Extras

LEFT_RIGHT = torch.tensor((-1.0, 1.0, 1.0, 1.0)).diag()  # of homogeneous points, in the world, a camera, an object


def draw_mirrored(positions: Tensor, seed: int, epoch: int) -> Tensor:
    """Which items (B,) an epoch shows mirrored, bool: one in two, by (seed, epoch, position) alone."""
    draws = []
    for position in positions.tolist():
        generator = torch.Generator().manual_seed(((seed * 1_000_003 + epoch) * 1_000_003 + position) & (2**63 - 1))
        draws.append(bool(torch.rand(1, generator=generator) < 0.5))
    return torch.tensor(draws)


def mirror_views(batch: Batch, chosen: Tensor) -> Batch:
    """The batch with its items where `chosen` (B,) as in a mirror; labels (B, W, H, D) are of frusta."""
    assert batch.images is not None
    chosen = chosen.to(batch.labels.device)
    images = torch.where(chosen.view(-1, 1, 1, 1, 1), batch.images.flip(-1), batch.images)
    labels = torch.where(chosen.view(-1, 1, 1, 1), batch.labels.flip(1), batch.labels)
    return batch._replace(images=images, labels=labels, extras=_mirror_extras(batch.extras, chosen, images.shape[-1]))


def _mirror_extras(extras: Extras, chosen: Tensor, width: int) -> Extras:
    mirror = LEFT_RIGHT.to(chosen.device)
    found: dict[str, Tensor] = {}
    if extras.depth is not None:
        found["depth"] = extras.depth.flip(-1)
    if extras.K is not None:
        found["K"] = extras.K.clone()
        found["K"][..., 0, 2] = width - extras.K[..., 0, 2]
    if extras.frustum is not None:
        found["frustum"] = extras.frustum.clone()
        found["frustum"][..., 2] = 1 - extras.frustum[..., 2]
    if extras.world_to_camera is not None:
        found["world_to_camera"] = mirror @ extras.world_to_camera @ mirror
    if extras.poses is not None:
        found["poses"] = mirror @ extras.poses @ mirror
    members = extras._asdict()
    return extras._replace(
        **{
            name: torch.where(chosen.view(-1, *[1] * (value.ndim - 1)), value, members[name])
            for name, value in found.items()
        }
    )
