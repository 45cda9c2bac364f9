"""Context-aware fusion of per-view volumes (Pix2Vox++ section 3.3), kept in log space.

The fused probability is p = sum over views of softmax(score) * sigmoid(logit). Its binary cross-entropy needs log p
and log (1 - p), which are log-sum-exps over the views; a product of rounded probabilities loses them in half precision.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.layers import fold_views, unfold_views

LANES = 16
"""Tensor cores take channels by the sixteen; the fusion's 9 and 14 cost more than the decoders as they are."""


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

    def forward(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse logits (B, V, C, X, Y, Z) into log p and log (1 - p), (B, C, X, Y, Z); `features` are not used."""
        del features
        if is_one_view(logits):
            return log_probabilities(logits[:, 0])
        log_p, log_q = log_probabilities(logits)
        log_views: Tensor | float
        if torch.compiler.is_exporting():
            # a number of views that the file leaves open has no math.log
            log_views = torch.logsumexp(torch.zeros_like(log_p[:, :, :1, :1, :1, :1]), dim=1)
        else:
            log_views = math.log(logits.shape[1])
        return torch.logsumexp(log_p, dim=1) - log_views, torch.logsumexp(log_q, dim=1) - log_views


class ViewFusion(nn.Module):
    """Weighs the views voxel by voxel; one score per voxel and view, shared by all classes.

    On CUDA its volumes are padded to LANES channels, which changes nothing but rounding.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.context = nn.ModuleList(ScoreBlock(channels, channels) for _ in range(4))
        self.merge = ScoreBlock(channels, channels, parts=4)
        self.score = ScoreBlock(channels, 1)

    def forward(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse features (B, V, F, X, Y, Z) and logits (B, V, C, X, Y, Z) to log p, log (1 - p), (B, C, X, Y, Z)."""
        if is_one_view(logits):
            return log_probabilities(logits[:, 0])
        scores = self.scores(features, logits)
        log_weights = functional.log_softmax(scores.float(), dim=1)
        log_p, log_q = log_probabilities(logits)
        return torch.logsumexp(log_weights + log_p, dim=1), torch.logsumexp(log_weights + log_q, dim=1)

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


def is_one_view(logits: Tensor) -> bool:
    """Whether there is nothing to fuse; an exported program takes any number of views and must not ask."""
    return not torch.compiler.is_exporting() and logits.shape[1] == 1


def log_probabilities(logits: Tensor) -> tuple[Tensor, Tensor]:
    """log sigmoid(logits) and log (1 - sigmoid(logits)), in float32."""
    logits = logits.float()
    return functional.logsigmoid(logits), functional.logsigmoid(-logits)
