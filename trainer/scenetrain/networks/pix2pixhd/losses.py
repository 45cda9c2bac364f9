"""The losses of pix2pixHD: least squares, feature matching, and distance of a frozen network's features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

Judgements = list[list[Tensor]]
"""By judge, by layer; the last layer's is the judgement."""


def least_squares(answers: Judgements, *, real: bool) -> Tensor:
    """Mean squared distance of every patch from 1 (real) or 0, summed over judges (LSGAN)."""
    return torch.stack([((judge[-1].float() - float(real)) ** 2).mean() for judge in answers]).sum()


def feature_matching(painted: Judgements, real: Judgements) -> Tensor:
    """Equation 4: mean absolute distance of the judges' features, mean over judges, 4 over the layers but the last.

    The authors' code weighs each layer by 4 / (layers + 1), which is 1 for three.
    """
    parts = [
        functional.l1_loss(ours.float(), theirs.detach().float())
        for judge, truth in zip(painted, real, strict=True)
        for ours, theirs in zip(judge[:-1], truth[:-1], strict=True)
    ]
    return torch.stack(parts).sum() / len(painted)


class PerceptualDistance(nn.Module):
    """Mean absolute distance of a frozen timm network's maps; the deeper, the heavier: 1/32, 1/16, 1/8, 1/4, 1.

    Each map counts in means of its own absolute values in the photographs: those of networks differ a hundredfold,
    and the authors' weights are of VGG19's, which are near 1.
    """

    def __init__(self, trunk: nn.Module, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.trunk = trunk
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def forward(self, painted: Tensor, photographs: Tensor) -> Tensor:
        """Of images (B, 3, H, W) in -1..1."""
        ours: Sequence[Tensor] = self.trunk(self._normalised(painted))
        with torch.no_grad():
            theirs: Sequence[Tensor] = self.trunk(self._normalised(photographs))
        weights = [1.0 if depth == 0 else 0.5 ** (depth + 1) for depth in reversed(range(len(ours)))]
        distances = [functional.l1_loss(a.float(), b.float()) / _size(b) for a, b in zip(ours, theirs, strict=True)]
        return torch.stack([w * distance for w, distance in zip(weights, distances, strict=True)]).sum()

    def train(self, mode: bool = True) -> PerceptualDistance:  # noqa: FBT001, FBT002 (torch's own signature)
        """The trunk keeps its batch norm statistics."""
        super().train(mode)
        self.trunk.eval()
        return self

    def _normalised(self, images: Tensor) -> Tensor:
        return ((images + 1) / 2 - self.get_buffer("mean")) / self.get_buffer("std")


def _size(features: Tensor) -> Tensor:
    return features.float().abs().mean().clamp(min=1e-6)
