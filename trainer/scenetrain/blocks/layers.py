"""Blocks that the networks share. Shapes: B batch, V views, C channels, X Y Z the grid's axes."""

from torch import Tensor, nn


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
        nn.ConvTranspose3d(channels_in, channels_out, kernel_size=4, stride=2, padding=1, bias=False),
        nn.BatchNorm3d(channels_out),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*layers, *([nn.Dropout(dropout)] if dropout else []))


def fold_views(x: Tensor) -> Tensor:
    """(B, V, ...) -> (B * V, ...), so that every per-view layer runs once."""
    return x.flatten(0, 1)


def unfold_views(x: Tensor, views: int) -> Tensor:
    """(B * V, ...) -> (B, V, ...)."""
    return x.unflatten(0, (-1, views))
