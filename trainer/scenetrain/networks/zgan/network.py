"""Z-GAN: the generator, and the judge that it trains against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from scenetrain.blocks.adversarial import draw_weights
from scenetrain.blocks.coarse_cells import first_largest, repeat_blocks
from scenetrain.networks.contract import Inputs
from scenetrain.networks.zgan.generator import ZganGenerator
from scenetrain.networks.zgan.judge import PatchJudge
from scenetrain.networks.zgan.settings import ZganConfig

LEAST = 1e-3  # what a label gets that the generator holds for absent, before the sum is made 1


class ZganVolume(NamedTuple):
    """What the generator says of every cell, air first."""

    coarse: Tensor
    """(B, 1 + C, w, h, d) in -1..1: near 1 where the label is, near 0 or below where not."""
    detail: int

    def probabilities(self) -> Tensor:
        """float32 (B, 1 + C, W, H, D): each label's share of what is above 0; the likeliest is the largest output.

        The authors' volume has one output, occupancy, and no labels: this is our reading of several.
        """
        positive = self.coarse.float().clamp(min=LEAST)
        return repeat_blocks(positive / positive.sum(1, keepdim=True), self.detail)

    def likeliest(self) -> Tensor:
        """The likeliest label of every cell, uint8 (B, W, H, D); 0 is air, also where no output is above LEAST."""
        return repeat_blocks(first_largest(self.coarse.clamp(min=LEAST)), self.detail)


class Zgan(nn.Module):
    """One image to the labels of its frustum; answers are ZganVolumes.

    The published network says of each cell whether it is occupied. Ours has an output for air and one for each class,
    which learn the labels one-hot; all else is as published. Nine classes: 39,754,698 and 684,449 parameters.
    """

    def __init__(self, config: ZganConfig, classes: int, size: int) -> None:
        super().__init__()
        model = config.model
        self.generator = ZganGenerator(1 + classes, model.channels, size, model.detail)
        self.judge = PatchJudge(1 + classes, model.channels)
        self.detail = model.detail
        self.apply(draw_weights)

    def forward(self, inputs: Inputs, wanted: Sequence[str]) -> dict[str, ZganVolume]:
        """Images (B, 1, 3, H, W) to {"labels": volume}."""
        assert inputs.images is not None
        return dict.fromkeys(wanted, ZganVolume(self.generator(inputs.images[:, 0]), self.detail))
