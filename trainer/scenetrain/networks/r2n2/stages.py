"""One stage on all views. The authors show a random number of random views; ours are all of a scene, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR

from scenetrain.networks.contract import Stage, Turn
from scenetrain.networks.r2n2.losses import voxel_cross_entropy
from scenetrain.networks.r2n2.network import R2N2
from scenetrain.networks.r2n2.settings import R2N2Config
from scenetrain.networks.rooms import one_stage


def stages(config: R2N2Config) -> tuple[Stage, ...]:
    """The one stage."""
    settings = config.r2n2

    def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [p for p in parameters if p.ndim == 1]},
        ]
        return torch.optim.Adam(groups, lr=settings.learning_rate)

    def schedule(optimizer: Optimizer) -> LRScheduler:
        return MultiStepLR(optimizer, [settings.tenth_after], 0.1)

    turn = Turn("r2n2", R2N2.trained, voxel_cross_entropy, optimizer, schedule if settings.tenth_after else None)
    return one_stage(config, turn, "3D-R2N2", settings.batch_size)
