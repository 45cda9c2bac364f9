"""Blocks that the networks share. Shapes: B batch, V views, C channels, X Y Z the grid's axes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

FEW = 16
"""Up to so many channels a processor computes a transposed convolution faster with a cell's channels side by side."""


def conv2d_block(channels_in: int, channels_out: int, *, pool: bool) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU and, if `pool`, a 2x2 max pool: (B, Ci, H, W) -> (B, Co, H', W')."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels_in, channels_out, kernel_size=3, padding=1),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []))


def upsample3d_block(channels_in: int, channels_out: int, dropout: float) -> nn.Sequential:
    """Transposed 4x4x4 convolution that doubles the grid, batch norm, ReLU, dropout."""
    layers: list[nn.Module] = [
        Doubling3d(channels_in, channels_out),
        nn.BatchNorm3d(channels_out),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))


class Doubling3d(nn.ConvTranspose3d):
    """A transposed convolution (kernel 4, stride 2, padding 1, no bias): (B, Ci, X, Y, Z) -> (B, Co, 2X, 2Y, 2Z).

    On a processor one of FEW channels reads and writes a cell's channels side by side, and what it gives is laid out in
    torch's own order again, of which batch norms of few channels take half the time.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(channels_in, channels_out, kernel_size=4, stride=2, padding=1, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """As nn.ConvTranspose3d."""
        if x.is_cuda or self.out_channels > FEW or torch.compiler.is_compiling():
            return super().forward(x, output_size)
        beside = torch.channels_last_3d
        weight = self.weight.contiguous(memory_format=beside)
        return functional.conv_transpose3d(x.contiguous(memory_format=beside), weight, stride=2, padding=1).contiguous()


class Pointwise3d(nn.Conv3d):
    """A convolution of kernel 1; on a processor the product of matrices that it is, in a fraction of the time."""

    def __init__(self, channels_in: int, channels_out: int, *, bias: bool = True) -> None:
        super().__init__(channels_in, channels_out, kernel_size=1, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        """(B, Ci, X, Y, Z) -> (B, Co, X, Y, Z)."""
        if input.is_cuda or self.bias is None or torch.compiler.is_compiling():
            return super().forward(input)
        weight = self.weight.flatten(1).expand(len(input), -1, -1)
        return torch.baddbmm(self.bias.view(1, -1, 1), weight, input.flatten(2)).unflatten(2, input.shape[2:])


def fold_views(x: Tensor) -> Tensor:
    """(B, V, ...) -> (B * V, ...), so that every per-view layer runs once."""
    return x.flatten(0, 1)


def unfold_views(x: Tensor, views: int) -> Tensor:
    """(B * V, ...) -> (B, V, ...)."""
    return x.unflatten(0, (-1, views))


def scaled(channels: int, width: float) -> int:
    """So many of `channels` as a network of a `width` has: at least 4."""
    return max(4, round(channels * width))
