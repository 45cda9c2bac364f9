"""One stage: the paper's protocol with cameras that are known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import Optimizer

from scenetrain.networks.contract import Losses, Stage, Step, Turn
from scenetrain.networks.disn.losses import class_loss, distance_loss, distances, draw_cells
from scenetrain.networks.disn.network import Disn, cell_places
from scenetrain.networks.disn.settings import DisnConfig
from scenetrain.networks.rooms import one_stage

BETAS = (0.5, 0.999)
"""Of the authors' Adam."""


def stages(config: DisnConfig) -> tuple[Stage, ...]:
    """The one stage, on all views."""
    settings = config.disn

    def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        return torch.optim.Adam(parameters, settings.learning_rate, BETAS, weight_decay=settings.weight_decay)

    turn = Turn("disn", lambda network: network.trained(), lambda step: field_loss(step, config), optimizer)
    return one_stage(config, turn, "DISN", settings.batch_size)


def field_loss(step: Step, config: DisnConfig) -> Losses:
    """Distances and classes at drawn voxel centres; validation draws the same in every epoch."""
    network: Disn = step.network
    distance = distances(step.truth["occupancy"][:, 0])
    generator = None if network.training else torch.Generator(distance.device).manual_seed(0)
    cells = draw_cells(distance, config.points, generator)
    found = step.answers["masks"].at(cell_places(cells, network.shape))
    masks = step.truth["masks"].flatten(2).transpose(1, 2)
    masks = masks.gather(1, cells.unsqueeze(-1).expand(-1, -1, masks.shape[-1]))
    return Losses(
        {
            "distances": distance_loss(found[..., 0], distance.flatten(1).gather(1, cells)),
            "classes": config.disn.class_weight * class_loss(found[..., 1:], masks),
        }
    )
