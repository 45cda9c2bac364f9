"""Context-aware fusion of per-view volumes (Pix2Vox++ section 3.3), kept in log space.

The fused probability is p = sum over views of softmax(score) * sigmoid(logit). Its binary cross-entropy needs log p
and log (1 - p), which are log-sum-exps over the views; a product of rounded probabilities loses them in half precision.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.layers import fold_views, unfold_views


def _score_block(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, kernel_size=3, padding=1),
        nn.BatchNorm3d(channels_out),
        nn.LeakyReLU(0.2, inplace=True),
    )


class MeanFusion(nn.Module):
    """Every view weighs the same: a stand-in for ViewFusion where its convolutions cost too much."""

    def forward(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse logits (B, V, C, X, Y, Z) into log p and log (1 - p), (B, C, X, Y, Z); `features` are not used."""
        del features
        log_views = math.log(logits.shape[1])
        log_p, log_q = log_probabilities(logits)
        return torch.logsumexp(log_p, dim=1) - log_views, torch.logsumexp(log_q, dim=1) - log_views


class ViewFusion(nn.Module):
    """Weighs the views voxel by voxel; one score a voxel and view, shared by all classes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.context = nn.ModuleList(_score_block(channels, channels) for _ in range(4))
        self.merge = _score_block(4 * channels, channels)
        self.score = _score_block(channels, 1)

    def forward(self, features: Tensor, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Fuse features (B, V, F, X, Y, Z) and logits (B, V, C, X, Y, Z) to log p, log (1 - p), (B, C, X, Y, Z)."""
        views = logits.shape[1]
        if views == 1:
            return log_probabilities(logits[:, 0])
        scores = self.scores(features, logits)
        log_weights = functional.log_softmax(scores.float(), dim=1)
        log_p, log_q = log_probabilities(logits)
        return torch.logsumexp(log_weights + log_p, dim=1), torch.logsumexp(log_weights + log_q, dim=1)

    def scores(self, features: Tensor, logits: Tensor) -> Tensor:
        """How much every view of every voxel counts (B, V, 1, X, Y, Z), before the softmax over the views."""
        x = fold_views(torch.cat([features, logits.sigmoid().to(features.dtype)], dim=2))
        levels = []
        for block in self.context:
            x = block(x)
            levels.append(x)
        return unfold_views(self.score(self.merge(torch.cat(levels, dim=1))), logits.shape[1])


def log_probabilities(logits: Tensor) -> tuple[Tensor, Tensor]:
    """log sigmoid(logits) and log (1 - sigmoid(logits)), in float32."""
    logits = logits.float()
    return functional.logsigmoid(logits), functional.logsigmoid(-logits)
