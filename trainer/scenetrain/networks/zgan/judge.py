"""The discriminator of Z-GAN: says of every patch of a frustum, beside its image, whether it is real.

Shapes as in generator.py; the authors' code.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.inverted_residual import LEAK, channels_last, image_slices


class PatchJudge(nn.Module):
    """Image (B, 3, H, W) in [0, 1] and frustum (B, outputs, w, h, d) in -1..1 to logits (B, u, v, s) of "real".

    With one output and 32 channels these are the authors' 666,017 parameters; every further output adds 2,048.
    """

    def __init__(self, outputs: int, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(outputs, channels, 4, 2, 1),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(channels, 2 * channels, 4, 2, 1, bias=False),
            nn.BatchNorm3d(2 * channels),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(2 * channels, 4 * channels, 4, 1, 1, bias=False),
            nn.BatchNorm3d(4 * channels),
            nn.LeakyReLU(LEAK),
            nn.Conv3d(4 * channels, 1, 4, 1, 1),
        )

    def forward(self, images: Tensor, frustum: Tensor) -> Tensor:
        """The image's mean over every column of cells stands as three slices before the nearest."""
        size = (frustum.shape[3], frustum.shape[2])
        image = functional.adaptive_avg_pool2d(2 * images - 1, size).transpose(-1, -2)
        found: Tensor = self.body(channels_last(image_slices(image, frustum)))
        return found.squeeze(1)
