"""Context-aware fusion of per-view volumes (Pix2Vox++ section 3.3), kept in log space.

The fused probability is p = sum over views of softmax(score) * sigmoid(logit). Its binary cross-entropy needs log p
and log (1 - p), which are log-sum-exps over the views; a product of rounded probabilities loses them in half precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.layers import fold_views, unfold_views

LANES = 16
"""Tensor cores take channels by the sixteen; the fusion's 9 and 14 cost more than the decoders as they are."""


@dataclass(frozen=True)
class LogProbabilities:
    """log p and log (1 - p), float32 (B, C, X, Y, Z)."""

    occupied: Tensor
    free: Tensor

    def of(self, target: Tensor) -> Tensor:
        """The log of the probability that is given to `target`, bool (B, C, X, Y, Z)."""
        return torch.where(target, self.occupied, self.free)


@dataclass(frozen=True)
class FusedViews:
    """What LogProbabilities holds, computed when it is asked for: a loss needs one of its two halves per voxel.

    `logits` are (B, V, C, X, Y, Z), `log_weights` (B, V, 1, X, Y, Z) say how much every view counts; None: all alike.
    """

    logits: Tensor
    log_weights: Tensor | None = None

    @property
    def occupied(self) -> Tensor:
        """log p, float32 (B, C, X, Y, Z)."""
        return self._log_probability(self.logits)

    @property
    def free(self) -> Tensor:
        """log (1 - p), float32 (B, C, X, Y, Z)."""
        return self._log_probability(-self.logits)

    def of(self, target: Tensor) -> Tensor:
        """The log of the probability that is given to `target`, bool (B, C, X, Y, Z)."""
        return self._log_probability(torch.where(target.unsqueeze(1), self.logits, -self.logits))

    def _log_probability(self, logits: Tensor) -> Tensor:
        of_views = functional.logsigmoid(logits.float())
        if is_one_view(logits):
            return of_views[:, 0]
        if self.log_weights is not None:
            return torch.logsumexp(self.log_weights + of_views, dim=1)
        return torch.logsumexp(of_views, dim=1) - _log_count(of_views)


Answer = FusedViews | LogProbabilities


def probabilities(answer: Answer) -> Tensor:
    """p, float32 (B, C, X, Y, Z)."""
    return answer.occupied.exp()


def fused_bce(answer: Answer, target: Tensor) -> Tensor:
    """Mean of -[t log p + (1 - t) log (1 - p)] over (B, C, X, Y, Z); `target` is bool or in 0..1 of that shape."""
    if target.dtype == torch.bool:
        return -answer.of(target).mean()
    return -torch.lerp(answer.free, answer.occupied, target).mean()


def _log_count(of_views: Tensor) -> Tensor | float:
    """The logarithm of the number of views."""
    if torch.compiler.is_exporting():
        # a number of views that the file leaves open has no math.log
        return torch.logsumexp(torch.zeros_like(of_views[:, :, :1, :1, :1, :1]), dim=1)
    return math.log(of_views.shape[1])


class ScoreBlock(nn.Sequential):
    """3x3x3 convolution, batch norm, LeakyReLU. The input is `parts` volumes joined by channels."""

    def __init__(self, channels_in: int, channels_out: int, parts: int = 1) -> None:
        super().__init__(
            nn.Conv3d(parts * channels_in, channels_out, kernel_size=3, padding=1),
            nn.BatchNorm3d(channels_out),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.parts = parts

    def padded(self, x: Tensor) -> Tensor:
        """The same of volumes whose parts are padded to LANES channels; zeros are what the added channels get."""
        conv, norm, activation = self
        assert isinstance(conv, nn.Conv3d) and isinstance(norm, nn.BatchNorm3d) and conv.bias is not None
        assert norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None
        weight = pad_channels(conv.weight.unflatten(1, (self.parts, -1)), 2).flatten(1, 2)
        x = functional.conv3d(x, pad_channels(weight, 0), pad_channels(conv.bias, 0), padding=1)
        mean, variance = pad_channels(norm.running_mean, 0), pad_channels(norm.running_var, 0)
        scale, shift = pad_channels(norm.weight, 0), pad_channels(norm.bias, 0)
        x = functional.batch_norm(x, mean, variance, scale, shift, norm.training, norm.momentum or 0.0, norm.eps)
        if norm.training:
            norm.running_mean.copy_(mean[: norm.num_features])
            norm.running_var.copy_(variance[: norm.num_features])
            norm.num_batches_tracked.add_(1)
        return activation(x)


def pad_channels(x: Tensor, dim: int) -> Tensor:
    """`x` with zeros after it along `dim`, to the next multiple of LANES."""
    return functional.pad(x, (0, 0) * (x.ndim - dim - 1) + (0, -x.shape[dim] % LANES))


class MeanFusion(nn.Module):
    """Every view weighs the same: a stand-in for ViewFusion where its convolutions cost too much."""

    def forward(self, features: Tensor, logits: Tensor) -> FusedViews:
        """Fuse logits (B, V, C, X, Y, Z); `features` are not used."""
        del features
        return FusedViews(logits)


class ViewFusion(nn.Module):
    """Weighs the views voxel by voxel; one score per voxel and view, shared by all classes.

    On CUDA its volumes are padded to LANES channels, which changes nothing but rounding.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.context = nn.ModuleList(ScoreBlock(channels, channels) for _ in range(4))
        self.merge = ScoreBlock(channels, channels, parts=4)
        self.score = ScoreBlock(channels, 1)

    def forward(self, features: Tensor, logits: Tensor) -> FusedViews:
        """Fuse features (B, V, F, X, Y, Z) and logits (B, V, C, X, Y, Z)."""
        if is_one_view(logits):
            return FusedViews(logits)
        return FusedViews(logits, functional.log_softmax(self.scores(features, logits).float(), dim=1))

    def scores(self, features: Tensor, logits: Tensor) -> Tensor:
        """How much every view of every voxel counts (B, V, 1, X, Y, Z), before the softmax over the views."""
        x = fold_views(torch.cat([features, logits.sigmoid().to(features.dtype)], dim=2))
        score = self.padded_score(pad_channels(x, 1)) if x.is_cuda else self.plain_score(x)
        return unfold_views(score, logits.shape[1])

    def plain_score(self, x: Tensor) -> Tensor:
        """The score (N, 1, X, Y, Z) of volumes (N, C, X, Y, Z)."""
        levels = []
        for block in self.context:
            x = block(x)
            levels.append(x)
        score: Tensor = self.score(self.merge(torch.cat(levels, dim=1)))
        return score

    def padded_score(self, x: Tensor) -> Tensor:
        """The same of volumes padded to LANES channels."""
        levels = []
        for block in self.context:
            assert isinstance(block, ScoreBlock)
            x = block.padded(x)
            levels.append(x)
        return self.score.padded(self.merge.padded(torch.cat(levels, dim=1)))[:, :1]


def fuse(fusion: nn.Module, features: Tensor, logits: Tensor, place: Callable[[Tensor], Tensor]) -> Answer:
    """Features and logits of single views, put where they belong by `place`, to the scenes' probabilities."""
    fused: FusedViews = fusion(features if isinstance(fusion, MeanFusion) else place(features), place(logits))
    # a compiled program computes both halves in one pass, and its loss is not part of it
    return LogProbabilities(fused.occupied, fused.free) if torch.compiler.is_compiling() else fused


def is_one_view(logits: Tensor) -> bool:
    """Whether there is nothing to fuse; an exported program takes any number of views and must not ask."""
    return not torch.compiler.is_exporting() and logits.shape[1] == 1
