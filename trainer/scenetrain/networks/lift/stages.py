"""One stage: all views at once, occupancy and classes together.

Losses are of cells, of the voxels of the refined cells, and of what pixels show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from scenetrain.networks.contract import Losses, Stage, Step, Turn
from scenetrain.networks.lift.losses import (
    cross_entropy,
    depth_loss,
    dice,
    first_classes,
    shared_cross_entropy,
)
from scenetrain.networks.lift.network import Answer, Lift
from scenetrain.networks.lift.settings import LiftConfig, LiftLosses
from scenetrain.networks.lift.views import views_of
from scenetrain.networks.rooms import one_stage

FIRST_EPOCH = 0.3
"""Share of the learning rate in the first epoch."""


def frustum_stages(config: LiftConfig) -> tuple[Stage, ...]:
    """The one stage of the frusta of single views."""
    return tuple(replace(stage, views=1, wanted=("labels",), scored="labels") for stage in stages(config))


def stages(config: LiftConfig) -> tuple[Stage, ...]:
    """The one stage."""
    settings, epochs = config.lift, config.training.epochs

    def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        return torch.optim.AdamW(parameters, settings.learning_rate, weight_decay=settings.weight_decay)

    def schedule(optimizer: Optimizer) -> LRScheduler:
        def share(epoch: int) -> float:
            return FIRST_EPOCH if epoch == 0 < epochs - 1 else (1 + math.cos(math.pi * epoch / epochs)) / 2

        return LambdaLR(optimizer, share)

    turn = Turn("lift", lambda network: (network,), lambda step: lift_loss(step, config.losses), optimizer, schedule)
    return one_stage(config, turn, "Lift", settings.batch_size)


def lift_loss(step: Step, settings: LiftLosses) -> Losses:
    """Cross-entropy and Dice of cells and voxels, and the pixels' losses."""
    network: Lift = step.network
    answer: Answer = next(iter(step.answers.values()))
    weights, detail = network.weights, answer.detail
    kinds = len(weights)
    labels = step.labels.long() if network.grid == "frustum" else first_classes(step.truth["masks"])
    voxels = by_cells(labels, answer.coarse.shape[2:], detail)
    fine, chosen = answer.fine.flatten(2), voxels.gather(1, answer.chosen.unsqueeze(2).expand(-1, -1, detail**3))
    chosen = chosen.flatten(1)
    coarse = answer.coarse.flatten(2)
    if network.grid == "frustum":
        shares = torch.stack([(voxels == kind).float().mean(2) for kind in range(kinds)], 1)
        cells, missed = shares.argmax(1), None
        cells_loss = shared_cross_entropy(coarse, shares, weights)
    else:
        cells = voxels.amax(2)
        cells_loss = cross_entropy(coarse, cells, weights)
        missed = torch.bincount(labels.flatten(), minlength=kinds) - torch.bincount(chosen.flatten(), minlength=kinds)
        missed = missed.to(fine.dtype)
    parts = {
        "cells": cells_loss + settings.dice * dice(coarse, cells),
        "voxels": cross_entropy(fine, chosen, weights) + settings.dice * dice(fine, chosen, missed),
    }
    if settings.pixels:
        parts["pixels"] = settings.pixels * pixel_loss(step, answer, labels, weights)
    return Losses(parts)


def pixel_loss(step: Step, answer: Answer, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy of classes and depths of what pixels show, from labels int64 (B, X, Y, Z)."""
    views = views_of(step.inputs.extras, step.network.grid, answer.shape)
    height, width = answer.classes.shape[-2:]
    shown = views.shown(labels, (height, width))
    loss = cross_entropy(answer.classes.flatten(0, 1).flatten(2), shown.labels.flatten(0, 1).flatten(1), weights)
    bins = answer.depth.shape[2]
    if not bins:
        return loss
    level = views.depths().level(shown.depth.flatten(2), bins)
    return loss + depth_loss(answer.depth, level.unflatten(2, (height, width)))


def by_cells(labels: Tensor, cells: Sequence[int], detail: int) -> Tensor:
    """Labels (B, X, Y, Z) by cell, (B, x * y * z, detail ** 3), in C order; cells beyond the grid are air."""
    wanted = [size * detail for size in cells]
    missing = [w - have for w, have in zip(wanted, labels.shape[1:], strict=True)]
    labels = functional.pad(labels, (0, missing[2], 0, missing[1], 0, missing[0]))
    for axis in (3, 2, 1):
        labels = labels.unflatten(axis, (-1, detail))
    return labels.permute(0, 1, 3, 5, 2, 4, 6).flatten(4, 6).flatten(1, 3)
