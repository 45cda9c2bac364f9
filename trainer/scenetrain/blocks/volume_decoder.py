"""From image features to a volume: the first small volume, and the levels that double it.

Shapes: N images (batch and views folded), C channels, X Y Z the grid's axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.layers import Pointwise3d, upsample3d_block


class LearnedLatent(nn.Module):
    """Brings what the image shows to its place: a cell of the latent is a learned sum over all positions, by channel.

    A plain reshape leaves it to the convolutions before it to bring every position to its cell, which takes many
    thousand steps to learn.
    """

    def __init__(self, channels: int, latent: tuple[int, int, int, int], size: int) -> None:
        super().__init__()
        self.latent = latent
        self.mix = nn.Conv2d(channels, latent[0], kernel_size=1)
        self.place = nn.Parameter(torch.randn(latent[0], math.prod(latent[1:]), size * size) / size)
        self.norm = nn.BatchNorm3d(latent[0])

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, size, size) to (N, *latent)."""
        placed = torch.einsum("ncp,cvp->ncv", self.mix(x).flatten(2), self.place)
        return functional.relu(self.norm(placed.reshape(-1, *self.latent)))


class VolumeDecoder(nn.Module):
    """Doubling levels of `widths` channels from the latent to the full grid, then a logit per channel of the answer.

    `priors` are the probabilities that the untrained decoder answers with, about; None gives `answers` channels whose
    last layer has no bias, as Pix2Vox has it. With `skips` every level but the first, and the last layer, read another
    decoder's level beside.
    """

    def __init__(
        self,
        latent: int,
        widths: Sequence[int],
        *,
        priors: Sequence[float] | None,
        answers: int = 1,
        dropout: float = 0.0,
        skips: bool = False,
    ) -> None:
        super().__init__()
        times = 2 if skips else 1
        inputs = (latent, *(times * channels for channels in widths[:-1]))
        dropouts = (*[dropout] * (len(widths) - 1), 0.0)
        self.levels = nn.ModuleList(map(upsample3d_block, inputs, widths, dropouts))
        answers = answers if priors is None else len(priors)
        self.head = Pointwise3d(times * widths[-1], answers, bias=priors is not None)
        if priors is not None:
            set_priors(self.head, priors)

    def forward(self, latent: Tensor, skips: Sequence[Tensor] = ()) -> tuple[tuple[Tensor, ...], Tensor]:
        """Decode (N, latent, x, y, z); `skips` are the other decoder's levels. Returns all levels and the logits."""
        levels: list[Tensor] = []
        x = latent
        for number, level in enumerate(self.levels):
            x = level(torch.cat([x, skips[number - 1]], dim=1) if skips and number else x)
            levels.append(x)
        return tuple(levels), self.head(torch.cat([x, skips[-1]], dim=1) if skips else x)


def set_priors(layer: nn.Conv3d | nn.ConvTranspose3d, priors: Sequence[float]) -> None:
    """Set the biases of a layer of logits so that each channel's sigmoid starts near its prior."""
    assert layer.bias is not None
    with torch.no_grad():
        for channel, prior in enumerate(priors):
            nn.init.constant_(layer.bias[channel], math.log(prior / (1 - prior)))
