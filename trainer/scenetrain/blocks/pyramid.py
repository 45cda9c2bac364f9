"""A frozen image trunk with a learned feature pyramid on it (Lin et al., CVPR 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.backbones import frozen_trunk, trunk_strides


class Pyramid(nn.Module):
    """Images (N, 3, H, W) in [0, 1] to maps of strides 4 and 2: (N, coarse, H / 4, W / 4), (N, fine, H / 2, W / 2).

    The trunk is frozen; the pyramid on it trains. `weights` as in backbones.Backbone.
    """

    def __init__(self, name: str, weights: str | None, coarse: int, fine: int) -> None:
        super().__init__()
        self.trunk, mean, std = frozen_trunk(name, weights, range(len(trunk_strides(name))))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)
        channels = self.trunk.feature_info.channels()
        self.lateral = nn.ModuleList(nn.Conv2d(c, coarse, 1) for c in channels[1:])
        self.smooth = nn.ModuleList(_conv(coarse, coarse) for _ in range(2))
        self.fine_lateral = nn.Conv2d(channels[0] + 3, fine, 1)
        self.fine_from_coarse = nn.Conv2d(coarse, fine, 1)
        self.fine_smooth = _conv(fine, fine)

    def train(self, mode: bool = True) -> Pyramid:  # noqa: FBT001, FBT002 (torch's own signature)
        """The trunk keeps its batch norm statistics."""
        super().train(mode)
        self.trunk.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Both maps."""
        with torch.no_grad():
            levels = self.trunk((images - self.get_buffer("mean")) / self.get_buffer("std"))
        sums = [lateral(level) for lateral, level in zip(self.lateral, levels[1:], strict=True)]
        x = sums.pop()
        while sums:
            below = sums.pop()
            x = functional.interpolate(x, size=below.shape[-2:], mode="bilinear") + below
            if len(sums) < len(self.smooth):
                x = self.smooth[len(sums)](x)
        size = levels[0].shape[-2:]
        near = functional.interpolate(images, size=size, mode="bilinear") - 0.5
        up = functional.interpolate(self.fine_from_coarse(x), size=size, mode="bilinear")
        return x, self.fine_smooth(up + self.fine_lateral(torch.cat([levels[0], near], 1)))


def _conv(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
