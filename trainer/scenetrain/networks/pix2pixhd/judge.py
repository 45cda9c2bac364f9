"""The judges of pix2pixHD: a 70 x 70 PatchGAN at each of two scales (Wang et al., 2018, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FeaturePatchJudge(nn.Module):
    """Edges and colours (B, 4, H, W) to what each layer says; the last gives a number for each 70 x 70 patch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels, 2 * channels, 4 * channels, 8 * channels]
        self.layers = nn.ModuleList([nn.Sequential(nn.Conv2d(4, channels, 4, 2, 2), nn.LeakyReLU(0.2, inplace=True))])
        for i, width in enumerate(widths[1:]):
            stride = 2 if i < 2 else 1
            convolution = nn.Conv2d(widths[i], width, 4, stride, 2)
            self.layers.append(nn.Sequential(convolution, nn.InstanceNorm2d(width), nn.LeakyReLU(0.2, inplace=True)))
        self.layers.append(nn.Conv2d(widths[-1], 1, 4, 1, 2))

    def forward(self, images: Tensor) -> list[Tensor]:
        """The output of every layer, the judgement last."""
        outputs = []
        for layer in self.layers:
            images = layer(images)
            outputs.append(images)
        return outputs


class TwoScaleJudge(nn.Module):
    """Two judges of the same form: of the image, and of the image at half its size, averaged."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.judges = nn.ModuleList([FeaturePatchJudge(channels) for _ in range(2)])
        self.halve = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)

    def forward(self, edges: Tensor, colours: Tensor) -> list[list[Tensor]]:
        """Edges (B, 1, H, W) and colours (B, 3, H, W) to each judge's outputs by layer."""
        images = torch.cat([edges, colours], 1)
        answers = []
        for judge in self.judges:
            answers.append(judge(images))
            images = self.halve(images)
        return answers
