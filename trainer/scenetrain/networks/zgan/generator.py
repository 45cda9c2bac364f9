"""The generator of Z-GAN: a U-Net whose encoder sees an image and whose decoder makes a volume.

Shapes: B batch, W H the image's axes, D depth; volumes are (B, C, W, H, D), index 0 of D is nearest. Knyaz, Kniaz and
Remondino, "Image-to-Voxel Model Translation with Conditional Adversarial Networks" (ECCV 2018 Workshops), and the
authors' code.
"""

from __future__ import annotations

from torch import Tensor, nn

from scenetrain.blocks.inverted_residual import LEAK, channels_last, copy_inflate

MOST = 8  # times the first convolution's channels
DROPPED = 4  # dropout follows the doublings from the innermost but one to this level


class ZganGenerator(nn.Module):
    """Image (B, 3, 2 size, 2 size) in [0, 1] to (B, outputs, n, n, n) in -1..1, n = size / detail.

    Convolutions of 4 x 4, stride 2, halve the image until it is 1 x 1; transposed ones of 4 x 4 x 4 double it in width,
    height and depth. Before every doubling but the first, the encoder's map of that size joins, copied along depth.
    With one output, 32 channels and a size of 128 these are the authors' 39,754,113 parameters; every further output
    adds 65.
    """

    def __init__(self, outputs: int, channels: int, size: int, detail: int) -> None:
        super().__init__()
        sizes = [channels * min(2**level, MOST) for level in range(size.bit_length())]
        self.downs = nn.ModuleList([nn.Conv2d(3, sizes[0], 4, 2, 1, bias=False)])
        for level in range(1, len(sizes)):
            innermost = level == len(sizes) - 1
            norm = [] if innermost else [nn.BatchNorm2d(sizes[level])]
            halve = nn.Conv2d(sizes[level - 1], sizes[level], 4, 2, 1, bias=False)
            self.downs.append(nn.Sequential(nn.LeakyReLU(LEAK), halve, *norm))
        self.ups = nn.ModuleList()
        volume = sizes[-1]
        last = detail.bit_length()  # the level whose doubling gives blocks of `detail` cells
        for level in range(len(sizes) - 1, last - 1, -1):
            double = nn.ConvTranspose3d(volume, sizes[level - 1], 4, 2, 1, bias=False)
            dropout = [nn.Dropout(0.5)] if DROPPED <= level < len(sizes) - 1 else []
            self.ups.append(nn.Sequential(nn.ReLU(inplace=True), double, nn.BatchNorm3d(sizes[level - 1]), *dropout))
            volume = 2 * sizes[level - 1]
        self.head = nn.Sequential(nn.ReLU(inplace=True), nn.ConvTranspose3d(volume, outputs, 1), nn.Tanh())

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] -> (B, outputs, w, h, d) in -1..1."""
        x = (2 * images - 1).transpose(-1, -2)
        maps = []
        for down in self.downs:
            x = down(x)
            maps.append(x)
        volume = maps.pop().unsqueeze(-1).clone()
        for up in self.ups:
            volume = channels_last(copy_inflate(up(volume), maps.pop()))
        found: Tensor = self.head(volume)
        return found
