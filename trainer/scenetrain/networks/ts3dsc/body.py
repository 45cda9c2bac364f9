"""The 3D network of SSCNet (Song et al., CVPR 2017), which TS3DSC takes over, and a head for the full grid.

Shapes: B batch, X Y Z the grid's axes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class Completed(NamedTuple):
    """What the body makes of a volume."""

    half: Tensor
    """res2_2 (B, 32, X / 2, Y / 2, Z / 2), from before the pooling."""
    context: Tensor
    """conv4_2 (B, 128, X / 4, Y / 4, Z / 4)."""
    logits: Tensor
    """fc12 (B, outputs, X / 4, Y / 4, Z / 4): the published answer."""


class SscNet(nn.Module):
    """A volume (B, Ci, X, Y, Z) to logits at a quarter of its resolution.

    `width` is a factor on all channels (1: published). Sums are rectified before the next block, as the authors' Caffe
    layers do in place.
    """

    def __init__(self, channels: int, outputs: int, width: float = 1.0) -> None:
        super().__init__()
        a, b, c, d = (max(4, round(count * width)) for count in (16, 32, 64, 128))
        self.conv1_1 = nn.Conv3d(channels, a, 7, 2, 3)
        self.conv2 = nn.Sequential(_conv(a, b), nn.ReLU(), _conv(b, b))
        self.reduction2_1 = nn.Conv3d(a, b, 1)
        self.conv3_1 = nn.Sequential(_conv(b, c), nn.ReLU(), _conv(c, c))
        self.reduction3_1 = nn.Conv3d(b, c, 1)
        self.residuals = nn.ModuleList(
            nn.Sequential(_conv(c, c, dilation), nn.ReLU(), _conv(c, c, dilation)) for dilation in (1, 2, 2)
        )
        self.conv4 = nn.Sequential(nn.Conv3d(4 * c, d, 1), nn.ReLU(), nn.Conv3d(d, d, 1), nn.ReLU())
        self.fc12 = nn.Conv3d(d, outputs, 1)
        self.half_channels, self.context_channels = b, d
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight)
                assert module.bias is not None
                nn.init.zeros_(module.bias)

    def forward(self, volume: Tensor) -> Completed:
        """All that the head reads."""
        x = functional.relu(self.conv1_1(volume))
        half = functional.relu(self.reduction2_1(x) + self.conv2(x))
        x = functional.max_pool3d(half, 2)
        levels = [functional.relu(self.reduction3_1(x) + self.conv3_1(x))]
        for residual in self.residuals:
            levels.append(functional.relu(levels[-1] + residual(levels[-1])))
        context = self.conv4(torch.cat(levels, 1))
        return Completed(half, context, self.fc12(context))


def _conv(channels_in: int, channels_out: int, dilation: int = 1) -> nn.Conv3d:
    return nn.Conv3d(channels_in, channels_out, 3, padding=dilation, dilation=dilation)


class FullGridHead(nn.Module):
    """From a quarter of the resolution to all of it, with what the body saw on the way down."""

    def __init__(self, body: SscNet, channels: int, outputs: int, width: float) -> None:
        super().__init__()
        a, b = (max(4, round(count * width)) for count in (32, 16))
        self.to_half = nn.ConvTranspose3d(body.context_channels, a, 2, 2)
        self.at_half = nn.Sequential(_conv(a + body.half_channels, a), nn.ReLU())
        self.to_full = nn.ConvTranspose3d(a, b, 2, 2)
        self.at_full = nn.Sequential(_conv(b + channels, b), nn.ReLU(), nn.Conv3d(b, outputs, 1))

    def forward(self, volume: Tensor, found: Completed) -> Tensor:
        """Logits (B, outputs, X, Y, Z): the body's, enlarged, and what the finer levels change of them."""
        coarse = functional.interpolate(found.logits, size=volume.shape[2:], mode="trilinear")
        x = self.at_half(torch.cat([functional.relu(self.to_half(found.context)), found.half], 1))
        fine: Tensor = self.at_full(torch.cat([functional.relu(self.to_full(x)), volume], 1))
        return coarse + fine
