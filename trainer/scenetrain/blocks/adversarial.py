"""What SSZ and its ancestor Z-GAN share: how their weights are drawn, and how generator and judge learn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def draw_weights(module: nn.Module) -> None:
    """For nn.Module.apply: weights normal(0, 0.02), those of batch norm normal(1, 0.02), biases 0 (Z-GAN's code)."""
    if isinstance(module, nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def adam(parameters: Sequence[nn.Parameter], learning_rate: float) -> Optimizer:
    """Adam with betas (.5, .999), as both papers' networks learn."""
    return torch.optim.Adam(parameters, learning_rate, (0.5, 0.999), fused=parameters[0].is_cuda or None)


def constant_then_linear(optimizer: Optimizer, epochs: int, decay_epochs: int) -> LRScheduler:
    """The learning rate stays, and falls to almost 0 within the last `decay_epochs` of `epochs` (0: it stays)."""

    def factor(epoch: int) -> float:
        return min(1.0, (epochs - epoch) / (decay_epochs + 1)) if decay_epochs else 1.0

    return LambdaLR(optimizer, factor)
