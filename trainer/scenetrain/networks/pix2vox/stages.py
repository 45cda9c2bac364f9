"""The papers' protocol (section 4.2): all but the fusion on one view, then the whole network on all views.

The papers' second stage shows a random number of views in a random order; ours shows all of a scene.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR

from scenetrain.networks.contract import Stage, Turn
from scenetrain.networks.pix2vox.losses import coarse_and_refined
from scenetrain.networks.pix2vox.network import OUTPUTS, Pix2Vox
from scenetrain.networks.pix2vox.settings import Pix2VoxConfig


def stages(config: Pix2VoxConfig) -> tuple[Stage, ...]:
    """One view, then all views; with one view in all, the first alone."""
    return tuple(_stage(config, views) for views in dict.fromkeys((1, config.training.views)))


def _stage(config: Pix2VoxConfig, views: int) -> Stage:
    settings = config.pix2vox
    rate = (settings.all_views_learning_rate if views > 1 else 0.0) or settings.learning_rate

    def modules(network: Pix2Vox) -> Sequence[nn.Module]:
        own = network.single_view_modules()
        return (*own, network.fusion) if views > 1 else own

    def groups(network: Pix2Vox) -> Sequence[Mapping[str, Any]]:
        own = [p for module in network.single_view_modules() for p in module.parameters()]
        fusion = list(network.fusion.parameters())
        both = {"params": own}, {"params": fusion, "lr": settings.fusion_learning_rate}
        return both if views > 1 and fusion else both[:1]

    def optimizer(groups: Sequence[Any]) -> Optimizer:
        return torch.optim.Adam(groups, lr=rate, betas=(0.9, 0.999))

    def schedule(optimizer: Optimizer) -> LRScheduler:
        return MultiStepLR(optimizer, [settings.halved_after], 0.5)

    return Stage(
        name=f"pix2vox_{views}",
        title=f"Pix2Vox, {views} view{'s' if views > 1 else ''}",
        section="pix2vox",
        views=views,
        batch_size=settings.batch_size,
        epochs=config.training.single_view_epochs if views == 1 else config.training.epochs,
        turns=(
            Turn(
                "pix2vox",
                modules,
                coarse_and_refined,
                optimizer,
                schedule if settings.halved_after else None,
                groups=groups,
            ),
        ),
        wanted=OUTPUTS,
        scored="masks",
    )
