"""A family of thirty lines: it does not look at the images, and learns how often each voxel is of each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from scenetrain.config import Config
from scenetrain.networks.contract import Family, Inputs, Output, Reads, Stage, Turn
from torch import Tensor, nn
from torch.nn import functional


class Constant(nn.Module):
    """One logit per voxel and class."""

    def __init__(self, channels: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.full((channels, *shape), -2.0))

    def forward(self, inputs: Inputs, wanted: Sequence[str]) -> dict[str, Tensor]:
        assert inputs.images is not None
        return dict.fromkeys(wanted, self.logits.expand(inputs.images.shape[0], *self.logits.shape))


def build(config: Config, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Constant:
    del config, pretrained
    return Constant(classes, shape)


def stages(config: Config) -> tuple[Stage, ...]:
    return (
        stage(
            config,
            "masks",
            lambda s: functional.binary_cross_entropy_with_logits(s.answers["masks"], s.truth["masks"].float()),
        ),
    )


def stage(config: Config, output: str, loss: Any) -> Stage:
    turn = Turn("constant", lambda network: (network,), loss, lambda parameters: torch.optim.Adam(parameters, lr=0.3))
    views, epochs = config.training.views, config.training.epochs
    return Stage("constant", "the constant", "training", views, 4, epochs, (turn,), (output,), output)


FAMILY = Family(
    name="constant",
    title="A constant",
    settings=Config,
    configs=Path(__file__).parent,
    default_config="constant",
    reads=Reads("box"),
    outputs=(Output("masks", "masks", "masks", "box", torch.sigmoid),),
    build=build,
    stages=stages,
)
