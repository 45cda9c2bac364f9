"""The paper's protocol (section 4): reconstructor, then segmenter, each on one random view and then on all views.

Stage S keeps everything frozen that stage R trained. A stage's fusion trains only where there is something to fuse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, StepLR

from scenetrain.blocks.fusion import fused_bce
from scenetrain.networks.contract import Stage, Step, Turn
from scenetrain.networks.everted.network import EvertedUNet
from scenetrain.networks.everted.settings import BranchSettings, EvertedConfig


def stages(config: EvertedConfig) -> tuple[Stage, ...]:
    """R on one view, R on all, S on one view, S on all; with one view in all, one stage per branch."""
    counts = tuple(dict.fromkeys((1, config.training.views)))
    return (
        *(reconstructor_stage(config, views) for views in counts),
        *(segmenter_stage(config, views) for views in counts),
    )


def reconstructor_stage(config: EvertedConfig, views: int) -> Stage:
    """Stage R: neck, latent, reconstructor and its fusion learn the occupancy."""

    def modules(network: EvertedUNet) -> Sequence[nn.Module]:
        own = (network.backbone.to_neck, network.neck, network.to_latent, network.reconstructor)
        return (*own, network.volume_fusion) if views > 1 else own

    return _stage("reconstructor", "occupancy", config.reconstructor, config, views, modules)


def segmenter_stage(config: EvertedConfig, views: int) -> Stage:
    """Stage S: segmenter and its fusion learn the class masks."""

    def modules(network: EvertedUNet) -> Sequence[nn.Module]:
        return (network.segmenter, network.mask_fusion) if views > 1 else (network.segmenter,)

    return _stage("segmenter", "masks", config.segmenter, config, views, modules)


def _stage(
    branch: str,
    output: str,
    settings: BranchSettings,
    config: EvertedConfig,
    views: int,
    modules: Callable[[EvertedUNet], Sequence[nn.Module]],
) -> Stage:
    def loss(step: Step) -> Tensor:
        return fused_bce(step.answers[output], step.truth[output])

    def optimizer(parameters: Sequence[nn.Parameter]) -> Optimizer:
        rate = settings.all_views_learning_rate if views > 1 else 0.0
        return torch.optim.Adam(parameters, lr=rate or settings.learning_rate, fused=parameters[0].is_cuda or None)

    def schedule(optimizer: Optimizer) -> LRScheduler:
        return StepLR(optimizer, settings.step_size, settings.gamma)

    single = settings.single_view_epochs or config.training.single_view_epochs
    return Stage(
        name=f"{branch}_{views}",
        title=f"{branch}, {views} view{'s' if views > 1 else ''}",
        section=branch,
        views=views,
        batch_size=settings.batch_size,
        epochs=single if views == 1 else config.training.epochs,
        turns=(Turn(branch, modules, loss, optimizer, schedule if settings.step_size else None),),
        wanted=(output,),
        scored=output,
    )
