"""DISN's image encoder: a global feature of every image, and maps that are sampled where points appear.

Shapes: N images, H W pixels, S the edge of the maps.
"""

from __future__ import annotations

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.backbones import frozen_trunk, trunk_strides, trunk_weights

GLOBAL = 1024
LEVELS = (64, 128, 256, 512, 512)
"""Channels of VGG16 before its five poolings: 1472 in all."""


class Vgg16(nn.Module):
    """VGG16 with fc6, fc7 and a 1024-way fc8, trained whole: the paper's encoder."""

    def __init__(self, weights: str | None) -> None:
        super().__init__()
        self.vgg = timm.create_model("vgg16", num_classes=GLOBAL, pretrained=False)
        if weights is not None:
            own = {key: value for key, value in self.vgg.state_dict().items() if not key.startswith("head.")}
            self.vgg.load_state_dict(trunk_weights("vgg16", weights, own), strict=False)
        statistics = timm.get_pretrained_cfg("vgg16").to_dict()
        for key in ("mean", "std"):
            self.register_buffer(key, torch.tensor(statistics[key]).view(3, 1, 1), persistent=False)
        self.global_channels, self.local_channels = GLOBAL, sum(LEVELS)

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Images (N, 3, 224, 224) in [0, 1] to the global feature (N, 1024) and five levels, fine ones first."""
        x = (images - self.get_buffer("mean")) / self.get_buffer("std")
        levels = []
        for layer in self.vgg.features:
            if isinstance(layer, nn.MaxPool2d):
                levels.append(x)
            x = layer(x)
        return self.vgg.forward_head(x), levels

    def trained(self) -> tuple[nn.Module, ...]:
        """What training changes."""
        return (self.vgg,)


class FrozenTrunk(nn.Module):
    """Another trunk, frozen, with one convolution of each level that trains: for data too small to train a VGG16."""

    def __init__(self, name: str, weights: str | None, width: float) -> None:
        super().__init__()
        self.trunk, mean, std = frozen_trunk(name, weights, range(len(trunk_strides(name))))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        channels = self.trunk.feature_info.channels()
        wanted = [scaled(LEVELS[min(level, len(LEVELS) - 1)], width) for level in range(len(channels))]
        self.neck = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(channels, wanted, strict=True))
        self.global_channels, self.local_channels = scaled(GLOBAL, width), sum(wanted)
        self.summary = nn.Linear(channels[-1], self.global_channels)

    def train(self, mode: bool = True) -> FrozenTrunk:  # noqa: FBT001, FBT002 (torch's own signature)
        """Train the neck only: the trunk keeps its batch norm statistics."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Images (N, 3, H, W) in [0, 1] to the global feature (N, G) and every level, fine ones first."""
        with torch.no_grad():
            found = self.trunk((images - self.get_buffer("mean")) / self.get_buffer("std"))
        levels = [functional.relu(conv(level)) for conv, level in zip(self.neck, found, strict=True)]
        return self.summary(found[-1].mean((-2, -1))), levels

    def trained(self) -> tuple[nn.Module, ...]:
        """What training changes."""
        return (self.neck, self.summary)


def joined(levels: list[Tensor], size: int) -> Tensor:
    """All levels' maps, resized and joined by channels: (N, C, S, S), 1472 channels of VGG16."""
    return torch.cat([functional.interpolate(m, (size, size), mode="bilinear") for m in levels], 1)


def scaled(channels: int, width: float) -> int:
    """Channels times a width, 4 at the least."""
    return max(4, round(channels * width))
