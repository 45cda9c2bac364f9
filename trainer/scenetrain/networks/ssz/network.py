"""SSZ: the generator, and the judge that it trains against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from scenetrain.blocks.adversarial import draw_weights
from scenetrain.blocks.coarse_cells import first_largest, repeat_blocks
from scenetrain.networks.contract import Inputs
from scenetrain.networks.ssz.generator import Generator, draw_by_fan_in
from scenetrain.networks.ssz.judge import Judge
from scenetrain.networks.ssz.losses import class_weights
from scenetrain.networks.ssz.settings import SszConfig


class Logits(NamedTuple):
    """What the generator says of every cell, air first."""

    coarse: Tensor
    """(B, 1 + C, w, h, d); each stands for `detail` cells of the grid along each axis."""
    detail: int

    def probabilities(self) -> Tensor:
        """float32 (B, 1 + C, W, H, D), for every cell of the grid."""
        return repeat_blocks(self.coarse.float().softmax(1), self.detail)

    def likeliest(self) -> Tensor:
        """The likeliest label of every cell, uint8 (B, W, H, D); 0 is air."""
        return repeat_blocks(first_largest(self.coarse), self.detail)


class Ssz(nn.Module):
    """One image to the labels of its frustum; answers are Logits."""

    weights: Tensor

    def __init__(self, config: SszConfig, classes: int) -> None:
        super().__init__()
        model = config.model
        self.generator = Generator(classes, model.width, model.residuals, model.dropout, model.detail)
        self.judge = Judge(classes, model.width, model.condition, model.detail) if has_judge(config) else None
        self.detail = model.detail
        self.balance = config.losses.balance
        self.register_buffer("weights", torch.ones(1 + classes))
        self.apply(draw_weights)
        if model.initial == "fan_in":
            self.generator.apply(draw_by_fan_in)

    def forward(self, inputs: Inputs, wanted: Sequence[str]) -> dict[str, Logits]:
        """Images (B, 1, 3, H, W) to {"labels": logits}."""
        assert inputs.images is not None
        return dict.fromkeys(wanted, Logits(self.generator(inputs.images[:, 0]), self.detail))

    def weigh(self, counts: Tensor) -> None:
        """Weigh the labels by how often each is in the data: counts int64 (256,)."""
        self.weights.copy_(class_weights(counts[: len(self.weights)], self.balance))


def has_judge(config: SszConfig) -> bool:
    """Whether the configuration trains against a judge."""
    return config.losses.adversarial_weight > 0 or config.losses.pose_weight > 0
