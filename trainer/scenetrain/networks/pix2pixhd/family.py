"""The record of pix2pixHD."""

from __future__ import annotations

from pathlib import Path

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from scenetrain.blocks.adversarial import adam, constant_then_linear
from scenetrain.networks.painting import Painter
from scenetrain.networks.pix2pixhd.network import Pix2pixhd, build
from scenetrain.networks.pix2pixhd.settings import Pix2pixhdConfig


def _optimizers(network: Pix2pixhd, config: Pix2pixhdConfig) -> tuple[Optimizer, Optimizer]:
    rate = config.losses.learning_rate
    return adam(list(network.generator.parameters()), rate), adam(list(network.judge.parameters()), rate)


def _schedule(optimizer: Optimizer, config: Pix2pixhdConfig) -> LRScheduler:
    return constant_then_linear(optimizer, config.training.epochs, config.losses.decay_epochs)


def _describe(config: Pix2pixhdConfig) -> str:
    model, losses = config.model, config.losses
    compared = "no perceptual loss"
    if losses.perceptual_weight:
        random = " of random weights" if model.weights == "none" else ""
        compared = f"perceptual loss on {model.backbone}{random}"
    return f"{model.channels} channels, {model.halvings} halvings, {model.blocks} blocks; {compared}"


FAMILY = Painter(
    name="pix2pixhd",
    title="pix2pixHD",
    settings=Pix2pixhdConfig,
    configs=Path(__file__).parent,
    default_config="pix2pixhd",
    build=build,
    optimizers=_optimizers,
    schedule=_schedule,
    describe=_describe,
)
