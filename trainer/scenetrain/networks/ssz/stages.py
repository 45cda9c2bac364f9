"""One stage of two turns: the generator's step with the judge frozen, then the judge's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from scenetrain.blocks.adversarial import adam, constant_then_linear
from scenetrain.blocks.coarse_cells import label_shares
from scenetrain.networks.contract import Losses, Stage, Step, Turn
from scenetrain.networks.ssz.judge import Certificate
from scenetrain.networks.ssz.losses import judged, label_loss, pose_loss
from scenetrain.networks.ssz.network import Ssz, has_judge
from scenetrain.networks.ssz.pose import PoseTargets, pose_targets, poses_at
from scenetrain.networks.ssz.settings import SszConfig, SszLosses

Shape = tuple[int, int, int]


def stages(config: SszConfig) -> tuple[Stage, ...]:
    """The one stage; without a judge it has the generator's turn alone."""
    settings, losses = config.ssz, config.losses

    def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        return adam(parameters, settings.learning_rate)

    def schedule(optimizer: Optimizer) -> LRScheduler:
        return constant_then_linear(optimizer, config.training.epochs, settings.decay_epochs)

    def judge_optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        made = optimizer(parameters)
        made.param_groups[0]["lr"] *= settings.judge_rate
        return made

    turns = [
        Turn(
            "generator", lambda network: (network.generator,), lambda s: generator_loss(s, losses), optimizer, schedule
        )
    ]
    if has_judge(config):
        turns.append(
            Turn(
                "judge",
                lambda network: (network.judge,),
                lambda s: judge_loss(s, losses),
                judge_optimizer,
                schedule,
                contested=("true", "fake"),
                remedy=f"lower --set ssz.judge_rate={settings.judge_rate / 4:g}",
            )
        )
    return (
        Stage(
            name="ssz",
            title="SSZ",
            section="ssz",
            views=1,
            batch_size=settings.batch_size,
            epochs=config.training.epochs,
            turns=tuple(turns),
            wanted=("labels",),
            scored="labels",
            compared="labels",
        ),
    )


def generator_loss(step: Step, settings: SszLosses) -> Losses:
    """Labels, "taken for real" and poses; gradients reach the generator through probabilities."""
    network, logits = step.network, step.answers["labels"].coarse
    parts = {"labels": settings.label_weight * label_loss(logits, _shares(step), network.weights)}
    if network.judge is not None:
        certificate = network.judge(_images(step), logits.float().softmax(1))
        targets = pose_targets(step.inputs.extras, _cells(certificate))
        parts |= {
            "real": settings.adversarial_weight * judged(certificate, targets, real=True),
            "pose": settings.pose_weight * _pose(certificate, targets, step, settings),
        }
    return Losses(parts)


def judge_loss(step: Step, settings: SszLosses) -> Losses:
    """True frusta are real, the generator's are fake; poses are learnt on the true ones alone."""
    network: Ssz = step.network
    assert network.judge is not None
    fake = step.answers["labels"].coarse.detach().float().softmax(1)
    of_true, of_fake = network.judge(_images(step), _shares(step)), network.judge(_images(step), fake)
    targets = pose_targets(step.inputs.extras, _cells(of_true))
    right = torch.cat([(of_true.real > 0).flatten(), (of_fake.real <= 0).flatten()]).float().mean()
    parts = {"true": judged(of_true, targets, real=True), "fake": judged(of_fake, targets, real=False)}
    if settings.pose_weight:
        parts["pose"] = _pose(of_true, targets, step, settings)
    return Losses(parts, {"accuracy": right})


def _pose(certificate: Certificate, targets: PoseTargets, step: Step, settings: SszLosses) -> Tensor:
    frusta = step.inputs.extras.frustum
    assert frusta is not None
    return pose_loss(poses_at(certificate, targets, frusta), targets, settings.pose_loss)


def _shares(step: Step) -> Tensor:
    answer = step.answers["labels"]
    return _shares_of(step.labels, answer.coarse.shape[1] - 1, answer.detail)


@lru_cache(maxsize=1)
def _shares_of(labels: Tensor, classes: int, detail: int) -> Tensor:
    """Of one batch, for both turns: tensors are the same where they are the same object."""
    return label_shares(labels, classes, detail)


def _images(step: Step) -> Tensor:
    assert step.inputs.images is not None
    return step.inputs.images[:, 0]


def _cells(certificate: Certificate) -> Shape:
    u, v, w = certificate.real.shape[1:]
    return u, v, w
