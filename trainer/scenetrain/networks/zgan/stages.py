"""One stage of two turns: the generator's step with the judge frozen, then the judge's.

The authors' judge steps first. Both then see the same frusta of one forward pass, so only the first step differs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from scenetrain.blocks.adversarial import adam, constant_then_linear
from scenetrain.blocks.coarse_cells import label_shares
from scenetrain.networks.contract import Losses, Stage, Step, Turn
from scenetrain.networks.zgan.losses import judged, l1_loss
from scenetrain.networks.zgan.settings import ZganConfig, ZganLosses


def stages(config: ZganConfig) -> tuple[Stage, ...]:
    """The one stage."""
    settings, losses = config.zgan, config.losses

    def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        return adam(parameters, settings.learning_rate)

    def schedule(optimizer: Optimizer) -> LRScheduler:
        return constant_then_linear(optimizer, config.training.epochs, settings.decay_epochs)

    return (
        Stage(
            name="zgan",
            title="Z-GAN",
            section="zgan",
            views=1,
            batch_size=settings.batch_size,
            epochs=config.training.epochs,
            turns=(
                Turn(
                    "generator", lambda net: (net.generator,), lambda s: generator_loss(s, losses), optimizer, schedule
                ),
                Turn("judge", lambda net: (net.judge,), judge_loss, optimizer, schedule),
            ),
            wanted=("labels",),
            scored="labels",
            compared="l1",
        ),
    )


def generator_loss(step: Step, settings: ZganLosses) -> Losses:
    """Distance from the true frustum, and "taken for real"."""
    found = step.answers["labels"].coarse
    real = judged(step.network.judge(_images(step), found), real=True)
    return Losses(
        {"l1": settings.l1_weight * l1_loss(found, _shares(step)), "real": settings.adversarial_weight * real}
    )


def judge_loss(step: Step) -> Losses:
    """True frusta are real, the generator's are fake; half of both, as published."""
    judge, images = step.network.judge, _images(step)
    of_true, of_fake = judge(images, _shares(step)), judge(images, step.answers["labels"].coarse.detach())
    right = torch.cat([(of_true > 0).flatten(), (of_fake <= 0).flatten()]).float().mean()
    parts = {"true": judged(of_true, real=True) / 2, "fake": judged(of_fake, real=False) / 2}
    return Losses(parts, {"accuracy": right})


def _shares(step: Step) -> Tensor:
    """The true frustum as the generator's outputs should be."""
    answer = step.answers["labels"]
    return label_shares(step.labels, answer.coarse.shape[1] - 1, answer.detail)


def _images(step: Step) -> Tensor:
    assert step.inputs.images is not None
    return step.inputs.images[:, 0]
