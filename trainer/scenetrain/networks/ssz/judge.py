"""Pose6DoF, the discriminator of SSZ: image and frustum to a certificate per cell, (t, q, r).

Shapes as in generator.py; u v w are the cells of the certificate. SSZ paper, section 3.3; networks specification,
section 2.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.inverted_residual import LEAK, InvertedResidual3d, image_slices, laid_out
from scenetrain.networks.ssz.generator import scaled

Condition = Literal["channels", "slices"]
"""How the judge sees the image: as channels of every slice, or as slices in front of the frustum."""

STEM = 32
LEVELS = (64, 128, 256)
EXPANSION = 3
PARTS = (3, 4, 1)  # offset of the centre in its cell, quaternion, real or fake


class Certificate(NamedTuple):
    """What the judge says of every cell."""

    offset: Tensor
    """(B, 3, u, v, w): the object's centre in its cell, each in [0, 1]."""
    rotation: Tensor
    """(B, 4, u, v, w): a unit quaternion, w first: the object's axes to the camera's."""
    real: Tensor
    """(B, u, v, w): logit that this cell is of a true frustum."""

    def view(self, n: int) -> Certificate:
        """That of one view, without B."""
        return Certificate(self.offset[n], self.rotation[n], self.real[n])


class Judge(nn.Module):
    """Probabilities (B, 1 + classes, w, h, d) and their image to a Certificate of w detail / 16 cells a side."""

    def __init__(self, classes: int, width: float, condition: Condition, detail: int) -> None:
        super().__init__()
        self.condition = condition
        stem = scaled(STEM, width)
        seen = 1 + classes + (3 if condition == "channels" else 0)
        layers: list[nn.Module] = [nn.Conv3d(seen, stem, 4, 2, 1), nn.LeakyReLU(LEAK)]
        channels = stem
        for level in LEVELS[: len(LEVELS) + 1 - detail.bit_length()]:
            layers += _down(channels, scaled(level, width))
            channels = scaled(level, width)
            layers.append(InvertedResidual3d(channels, EXPANSION))
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv3d(channels, sum(PARTS), 3, padding=1)

    def forward(self, images: Tensor, frustum: Tensor) -> Certificate:
        """Images (B, 3, H, W) in [0, 1] and probabilities (B, 1 + C, w, h, d) -> certificate."""
        size = (frustum.shape[3], frustum.shape[2])
        image = functional.adaptive_avg_pool2d(2 * images - 1, size).transpose(-1, -2).unsqueeze(-1)
        if self.condition == "channels":
            shown = torch.cat([frustum, image.expand(*image.shape[:4], frustum.shape[4])], 1)
        else:  # red, green and blue as three slices nearest to the camera
            shown = image_slices(image.squeeze(-1), frustum)
        offset, rotation, real = self.head(self.body(laid_out(shown))).split(PARTS, 1)
        return Certificate(offset.sigmoid(), functional.normalize(rotation.float(), dim=1), real.squeeze(1))


def _down(channels_in: int, channels_out: int) -> list[nn.Module]:
    return [
        nn.Conv3d(channels_in, channels_out, 1, bias=False),
        nn.BatchNorm3d(channels_out),
        nn.LeakyReLU(LEAK),
        nn.Conv3d(channels_out, channels_out, 4, 2, 1, groups=channels_out, bias=False),
        nn.BatchNorm3d(channels_out),
        nn.LeakyReLU(LEAK),
    ]
