"""Inverted residual blocks (MobileNetV2) in 2D and 3D, and the one that doubles a volume.

Shapes: B batch, C channels, W H the image's axes, D depth. Volumes are (B, C, W, H, D).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAK = 0.2  # slope of LeakyReLU below zero


def channels_last(volume: Tensor) -> Tensor:
    """The same numbers with a cell's channels side by side.

    On a processor, a depthwise transposed convolution is 6 to 70 times as fast so; torch keeps the layout through
    convolutions, batch norm and pointwise functions, but not through every sum.
    """
    return volume.contiguous(memory_format=torch.channels_last_3d)


def depthwise2d(channels: int, stride: int = 1) -> nn.Sequential:
    """3x3 depthwise convolution, batch norm, ReLU6."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride, 1, groups=channels, bias=False), nn.BatchNorm2d(channels), nn.ReLU6()
    )


def pointwise2d(channels_in: int, channels_out: int, *, active: bool = True) -> nn.Sequential:
    """1x1 convolution, batch norm and, where `active`, ReLU6."""
    layers = [nn.Conv2d(channels_in, channels_out, 1, bias=False), nn.BatchNorm2d(channels_out)]
    return nn.Sequential(*layers, *([nn.ReLU6()] if active else []))


class InvertedResidual2d(nn.Module):
    """x + project(depthwise(expand(x))), the same shape."""

    def __init__(self, channels: int, expansion: int = 6) -> None:
        super().__init__()
        wide = expansion * channels
        self.body = nn.Sequential(
            pointwise2d(channels, wide), depthwise2d(wide), pointwise2d(wide, channels, active=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, W, H) -> (B, C, W, H)."""
        return x + self.body(x)


class InvertedResidual3d(nn.Module):
    """The same for volumes, with LeakyReLU."""

    def __init__(self, channels: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * channels
        self.body = nn.Sequential(
            nn.Conv3d(channels, wide, 1, bias=False),
            nn.BatchNorm3d(wide),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(wide, wide, 3, padding=1, groups=wide, bias=False),
            nn.BatchNorm3d(wide),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(wide, channels, 1, bias=False),
            nn.BatchNorm3d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, W, H, D) -> (B, C, W, H, D)."""
        return x + self.body(x)


class CopyInflate(nn.Module):
    """A 1x1x1 convolution of [volume, image map copied along depth], without making the copies.

    A pointwise convolution of a concatenation is the sum of one of each part, and of equal slices it is one slice: so
    the image's part is computed in 2D and added to every slice. That is the copy-inflate skip of the SSZ paper (section
    3.2) in a fraction of its memory and time.
    """

    def __init__(self, volume: int, image: int, channels_out: int, *, bias: bool = False) -> None:
        super().__init__()
        self.volume = nn.Conv3d(volume, channels_out, 1, bias=bias)
        self.image = nn.Conv2d(image, channels_out, 1, bias=False)

    def forward(self, volume: Tensor, image: Tensor) -> Tensor:
        """(B, Cv, W, H, D) and (B, Ci, W, H) -> (B, Co, W, H, D)."""
        return channels_last(self.volume(volume)).add_(self.image(image).unsqueeze(-1))


class VolumetricInvertedResidual(nn.Module):
    """Doubles a volume beside an image map of its width and height.

    Expand pointwise, transposed convolution channel by channel, project.
    """

    def __init__(self, volume: int, image: int, channels_out: int, expansion: int, dropout: float = 0.0) -> None:
        super().__init__()
        wide = expansion * (volume + image)
        self.expand = CopyInflate(volume, image, wide)
        self.body = nn.Sequential(
            nn.BatchNorm3d(wide),
            nn.LeakyReLU(LEAK),
            nn.ConvTranspose3d(wide, wide, 4, 2, 1, groups=wide, bias=False),
            nn.BatchNorm3d(wide),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(wide, channels_out, 1, bias=False),
            nn.BatchNorm3d(channels_out),
            *([nn.Dropout(dropout)] if dropout else []),
        )

    def forward(self, volume: Tensor, image: Tensor) -> Tensor:
        """(B, Cv, W, H, D) and (B, Ci, W, H) -> (B, Co, 2W, 2H, 2D)."""
        return self.body(self.expand(volume, image))


class PlainUpsample(nn.Module):
    """The same doubling by one dense transposed convolution: the ablation without inverted residuals."""

    def __init__(self, volume: int, image: int, channels_out: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ConvTranspose3d(volume + image, channels_out, 4, 2, 1, bias=False),
            nn.BatchNorm3d(channels_out),
            nn.LeakyReLU(LEAK),
            *([nn.Dropout(dropout)] if dropout else []),
        )

    def forward(self, volume: Tensor, image: Tensor) -> Tensor:
        """(B, Cv, W, H, D) and (B, Ci, W, H) -> (B, Co, 2W, 2H, 2D)."""
        copies = image.unsqueeze(-1).expand(*image.shape, volume.shape[-1])
        return self.body(channels_last(torch.cat([volume, copies], 1)))
