"""Inverted residual blocks (MobileNetV2) in 2D and 3D, and the one that doubles a volume.

Shapes: B batch, C channels, W H the image's axes, D depth. Volumes are (B, C, W, H, D).
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAK = 0.2  # slope of LeakyReLU below zero


def laid_out(volume: Tensor) -> Tensor:
    """The same numbers as the device's convolutions read them.

    That is a cell's channels side by side on a GPU. On a processor it is torch's own order: without AVX-512, depthwise
    convolutions of the other one take several times as long, forward and backward.
    """
    return volume.contiguous(memory_format=torch.channels_last_3d if volume.is_cuda else torch.contiguous_format)


def channels_last(volume: Tensor) -> Tensor:
    """The same numbers with a cell's channels side by side: for dense convolutions the faster layout everywhere."""
    return volume.contiguous(memory_format=torch.channels_last_3d)


class DepthwiseDouble(nn.ConvTranspose3d):
    """A depthwise transposed convolution (kernel 4, stride 2, padding 1): (B, C, W, H, D) -> (B, C, 2W, 2H, 2D).

    On a processor it is computed as one depthwise convolution of 2 x 2 x 2 taps for the eight cells of each doubled
    one, which gives the same numbers in a fraction of the time.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, 2, 1, groups=channels, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """As nn.ConvTranspose3d."""
        if x.is_cuda or torch.compiler.is_exporting():
            return super().forward(x, output_size)
        channels = x.shape[1]
        cells = functional.conv3d(x, self.phases(), padding=1, groups=channels)
        return interleave(cells.unflatten(1, (channels, 2, 2, 2)))

    def phases(self) -> Tensor:
        """The taps of the convolution of 2 x 2 x 2 that does the same: (8 C, 1, 2, 2, 2), channel by channel."""
        taps = self.weight.view(-1, 4, 4, 4)
        # cell 2i is made of x[i - 1] and x[i] by taps 3 and 1, cell 2i + 1 of x[i] and x[i + 1] by 2 and 0
        pairs = torch.tensor(((3, 1), (2, 0)), device=taps.device)
        taps = taps[:, pairs][:, :, :, pairs][:, :, :, :, :, pairs].permute(0, 1, 3, 5, 2, 4, 6)
        return taps.reshape(-1, 1, 2, 2, 2)


def interleave(cells: Tensor) -> Tensor:
    """What the eight cells of each doubled one are: (B, C, 2, 2, 2, W + 1, H + 1, D + 1) -> (B, C, 2W, 2H, 2D)."""
    doubled: Tensor = _Interleave.apply(cells)
    return doubled.flatten(6, 7).flatten(4, 5).flatten(2, 3)


class _Interleave(torch.autograd.Function):
    """(B, C, 2, 2, 2, W + 1, H + 1, D + 1) -> (B, C, W, 2, H, 2, D, 2): of the second of a pair, from cell 1 on.

    Of its own because autograd would add up eight volumes of zeros.
    """

    @staticmethod
    def forward(ctx: Any, cells: Tensor) -> Tensor:
        ctx.shape = cells.shape
        batch, channels, _, _, _, *size = cells.shape
        width, height, depth = (length - 1 for length in size)
        doubled = cells.new_empty(batch, channels, width, 2, height, 2, depth, 2)
        for pair in itertools.product((0, 1), repeat=3):
            _phase(doubled, pair).copy_(_shifted(cells, pair))
        return doubled

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        found = gradients[0].new_zeros(ctx.shape)
        for pair in itertools.product((0, 1), repeat=3):
            _shifted(found, pair).copy_(_phase(gradients[0], pair))
        return found


def _phase(doubled: Tensor, pair: tuple[int, ...]) -> Tensor:
    a, b, c = pair
    return doubled[:, :, :, a, :, b, :, c]


def _shifted(cells: Tensor, pair: tuple[int, ...]) -> Tensor:
    a, b, c = pair
    width, height, depth = (length - 1 for length in cells.shape[-3:])
    return cells[:, :, a, b, c, a : a + width, b : b + height, c : c + depth]


def copy_inflate(volume: Tensor, image: Tensor) -> Tensor:
    """An image map copied along depth, behind the volume's channels: (B, Cv, W, H, D) and (B, Ci, W, H)."""
    copies = image.unsqueeze(-1).expand(*image.shape, volume.shape[-1])
    return torch.cat([volume, copies], 1)


def image_slices(image: Tensor, frustum: Tensor) -> Tensor:
    """An image's red, green and blue as slices nearer than the nearest, the same in every channel.

    (B, 3, w, h) and (B, C, w, h, d) -> (B, C, w, h, 3 + d); so Z-GAN's code shows its judge the image.
    """
    slices = image.movedim(1, -1).unsqueeze(1)
    return torch.cat([slices.expand(-1, frustum.shape[1], -1, -1, -1), frustum], 4)


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
        return laid_out(self.volume(volume)).add_(self.image(image).unsqueeze(-1))


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
            DepthwiseDouble(wide),
            nn.BatchNorm3d(wide),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(wide, channels_out, 1, bias=False),
            nn.BatchNorm3d(channels_out),
            *([nn.Dropout(dropout)] if dropout else []),
        )

    def forward(self, volume: Tensor, image: Tensor) -> Tensor:
        """(B, Cv, W, H, D) and (B, Ci, W, H) -> (B, Co, 2W, 2H, 2D)."""
        if self.training or not _is_plain_inference(volume):
            return self.body(self.expand(volume, image))
        return self._infer(volume, image)

    def _infer(self, volume: Tensor, image: Tensor) -> Tensor:
        """The same numbers on a processor in less time and memory.

        Batch norms are part of the convolutions. Cells are put in their places last: all that follows the doubling
        looks at each alone, and the projection leaves fewer channels to move.
        """
        layers: list[Any] = list(self.body)
        first, _, double, second, _, project, third = layers[:7]
        scale, shift = _scale_and_shift(first)
        wide = functional.conv3d(volume, self.expand.volume.weight * scale.view(-1, 1, 1, 1, 1))
        shown = functional.conv2d(image, self.expand.image.weight * scale.view(-1, 1, 1, 1), shift)
        wide = functional.leaky_relu_(laid_out(wide).add_(shown.unsqueeze(-1)), LEAK)
        scale, shift = (values.repeat_interleave(8) for values in _scale_and_shift(second))
        taps = double.phases() * scale.view(-1, 1, 1, 1, 1)
        cells = functional.conv3d(wide, taps, shift, padding=1, groups=wide.shape[1])
        cells = functional.leaky_relu_(laid_out(cells), LEAK).unflatten(1, (-1, 8))
        scale, shift = _scale_and_shift(third)
        matrix = project.weight.flatten(1) * scale.unsqueeze(1)
        found = torch.matmul(matrix, cells.flatten(2)).add_(shift.unsqueeze(1))
        return interleave(found.unflatten(2, (2, 2, 2, *cells.shape[3:])))


def _is_plain_inference(x: Tensor) -> bool:
    """Whether numbers alone are wanted, in float32 on a processor: no gradients, no program for export."""
    special = x.is_cuda or torch.is_grad_enabled() or torch.compiler.is_compiling() or torch.compiler.is_exporting()
    return not special and not torch.is_autocast_enabled("cpu") and x.dtype == torch.float32


def _scale_and_shift(norm: nn.BatchNorm3d) -> tuple[Tensor, Tensor]:
    """What a batch norm does with what it has seen: x * scale + shift, per channel."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return scale, norm.bias - norm.running_mean * scale


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
        return self.body(laid_out(copy_inflate(volume, image)))
