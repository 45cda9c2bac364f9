"""The global generator of pix2pixHD (Wang et al., 2018, section 3.1 and appendix)."""

from __future__ import annotations

from torch import Tensor, nn

ENDS = 7


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions, added to what they read."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        return features + self.body(features)


class GlobalGenerator(nn.Sequential):
    """Images (B, 1, H, W) of edges to colours (B, 3, H, W) in -1..1; H and W are multiples of 2 ** `halvings`.

    As published, 64 channels, 4 halvings and 9 blocks: 182,436,995 parameters.
    """

    def __init__(self, channels: int, halvings: int, blocks: int) -> None:
        layers: list[nn.Module] = [nn.ReflectionPad2d(ENDS // 2), *_convolved(nn.Conv2d(1, channels, ENDS), channels)]
        for level in range(halvings):
            wide = channels * 2 ** (level + 1)
            layers += _convolved(nn.Conv2d(wide // 2, wide, 3, stride=2, padding=1), wide)
        layers += [ResidualBlock(channels * 2**halvings) for _ in range(blocks)]
        for level in reversed(range(halvings)):
            narrow = channels * 2**level
            up = nn.ConvTranspose2d(2 * narrow, narrow, 3, stride=2, padding=1, output_padding=1)
            layers += _convolved(up, narrow)
        super().__init__(*layers, nn.ReflectionPad2d(ENDS // 2), nn.Conv2d(channels, 3, ENDS), nn.Tanh())


def _convolved(convolution: nn.Module, channels: int) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)]
