"""The generator of SSZ: one image to a labelled frustum, by 2D-to-3D skips along the image's own columns and rows.

Shapes: B batch, W H the image's axes, D depth; volumes are (B, C, W, H, D), index 0 of D is nearest. Networks
specification, section 2; SSZ paper, section 3.2.
"""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn

from scenetrain.blocks.inverted_residual import (
    LEAK,
    CopyInflate,
    InvertedResidual2d,
    PlainUpsample,
    VolumetricInvertedResidual,
    depthwise2d,
    laid_out,
    pointwise2d,
)

Residuals = Literal["2d+3d", "3d", "none"]
"""Where inverted residuals stand: in encoder and decoder, in the decoder alone, nowhere (the paper's ablations)."""

Initial = Literal["normal", "fan_in"]
"""How weights are drawn: normal(0, 0.02), or with a variance of 2 / (1 + LEAK^2) / inputs (He et al. 2015)."""

STEM = 32
ENCODER = ((24, 2), (32, 3), (64, 4), (128, 3), (256, 2))  # channels and blocks of each halving, from 1/2 on
DECODER = ((128, 2), (64, 2), (48, 2), (24, 1), (16, 1))  # channels and expansion of each doubling, from 1/64 on
FIRST = 16  # channels at half the image's size
DROPPED = 3  # the inner doublings that dropout follows


class Generator(nn.Module):
    """Image (B, 3, H, W) in [0, 1] to logits (B, 1 + classes, w, h, d), air first; w is W / 2 / detail, h and d too."""

    def __init__(self, classes: int, width: float, residuals: Residuals, dropout: float, detail: int) -> None:
        super().__init__()
        first, stem = scaled(FIRST, width), scaled(STEM, width)
        encoder = [(scaled(channels, width), blocks) for channels, blocks in ENCODER]
        decoder = [(scaled(channels, width), expansion) for channels, expansion in DECODER]
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, 2, 1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU6(),
            depthwise2d(stem),
            pointwise2d(stem, first, active=False),
        )
        make_level = _inverted_level if residuals == "2d+3d" else _plain_level
        sizes = [first, *(channels for channels, _ in encoder)]
        self.downs = nn.ModuleList(
            make_level(before, channels, blocks) for before, (channels, blocks) in zip(sizes, encoder, strict=False)
        )
        deepest = sizes[-1]
        self.inflate = nn.Sequential(
            nn.ConvTranspose3d(deepest, deepest, (1, 1, 4), bias=False), nn.BatchNorm3d(deepest), nn.LeakyReLU(LEAK)
        )
        self.ups = nn.ModuleList()
        volume = deepest
        for number, (skip, (channels, expansion)) in enumerate(zip(sizes[:0:-1], decoder, strict=True)):
            drop = dropout if number < DROPPED else 0.0
            if residuals == "none":
                self.ups.append(PlainUpsample(volume, skip, channels, drop))
            else:
                self.ups.append(VolumetricInvertedResidual(volume, skip, channels, expansion, drop))
            volume = channels
        self.levels = len(self.ups) + 1 - detail.bit_length()
        del self.ups[self.levels :]
        volume = decoder[self.levels - 1][0]
        self.head = CopyInflate(volume, sizes[len(sizes) - 1 - self.levels], 1 + classes, bias=True)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] -> logits (B, 1 + C, w, h, d)."""
        x = self.stem((2 * images - 1).transpose(-1, -2))
        maps = [x]
        for down in self.downs:
            x = down(x)
            maps.append(x)
        volume = laid_out(self.inflate(x.unsqueeze(-1)))
        for number, up in enumerate(self.ups):
            volume = up(volume, maps[-1 - number])
        logits: Tensor = self.head(volume, maps[-1 - self.levels])
        return logits


def draw_by_fan_in(module: nn.Module) -> None:
    """For nn.Module.apply: convolutions keep the variance of what they are given."""
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d):
        taps = math.prod(
            k / s if module.transposed else k for k, s in zip(module.kernel_size, module.stride, strict=True)
        )
        inputs = taps * module.in_channels / module.groups
        nn.init.normal_(module.weight, 0.0, math.sqrt(2 / (1 + LEAK**2) / inputs))


def scaled(channels: int, width: float) -> int:
    """Channels at a width, at least 4 and a multiple of 4."""
    return max(4, 4 * round(channels * width / 4))


def _inverted_level(channels_in: int, channels_out: int, blocks: int) -> nn.Sequential:
    return nn.Sequential(
        pointwise2d(channels_in, channels_out),
        depthwise2d(channels_out, stride=2),
        *(InvertedResidual2d(channels_out) for _ in range(blocks)),
    )


def _plain_level(channels_in: int, channels_out: int, blocks: int) -> nn.Sequential:
    sizes = [channels_in, *[channels_out] * blocks]
    return nn.Sequential(*(_plain(before, channels_out, stride=2 if n == 0 else 1) for n, before in enumerate(sizes)))


def _plain(channels_in: int, channels_out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False), nn.BatchNorm2d(channels_out), nn.LeakyReLU(LEAK)
    )
