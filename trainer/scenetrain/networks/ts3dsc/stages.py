"""One stage: the segmentation of images and the completion train together."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import Optimizer

from scenetrain.networks.contract import Losses, Stage, Step, Turn
from scenetrain.networks.rooms import one_stage
from scenetrain.networks.ts3dsc.losses import chosen_voxels, first_classes, pixel_labels, pixel_loss, voxel_loss
from scenetrain.networks.ts3dsc.network import Completion
from scenetrain.networks.ts3dsc.settings import Ts3dscConfig, Ts3dscTraining

MOMENTUM = 0.9


def stages(config: Ts3dscConfig) -> tuple[Stage, ...]:
    """The one stage, on all views."""
    settings = config.ts3dsc

    def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        if settings.optimizer == "adam":
            return torch.optim.Adam(parameters, settings.learning_rate, weight_decay=settings.weight_decay)
        return torch.optim.SGD(parameters, settings.learning_rate, MOMENTUM, weight_decay=settings.weight_decay)

    turn = Turn("ts3dsc", lambda network: network.trained(), lambda step: completion_loss(step, settings), optimizer)
    return one_stage(config, turn, "TS3DSC", settings.batch_size)


def completion_loss(step: Step, settings: Ts3dscTraining) -> Losses:
    """Voxels and pixels; validation counts the same free voxels in every epoch."""
    answer: Completion = step.answers["masks"]
    labels = first_classes(step.truth["masks"])
    generator = None if step.network.training else torch.Generator(labels.device).manual_seed(0)
    chosen = chosen_voxels(labels, settings.free_per_occupied, generator)
    return Losses(
        {
            "voxels": voxel_loss(answer.logits, labels, chosen),
            "pixels": settings.image_weight * pixel_loss(answer.of_pixels, pixel_labels(labels, answer.hits)),
        }
    )
