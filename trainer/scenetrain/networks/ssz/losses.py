"""The losses of SSZ: weighted labels, real or fake, poses. SSZ paper, equations 2 to 4."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from scenetrain.networks.ssz.judge import Certificate
from scenetrain.networks.ssz.pose import Poses, PoseTargets, box_corners, turned_to_fit

PoseLoss = Literal["corners", "eq3"]
EMPTY_WEIGHT = 0.1  # of a cell without an object in the loss of real or fake
LEAST_WEIGHT, MOST_WEIGHT = 0.05, 10.0


def class_weights(counts: Tensor, balance: float = 1.0) -> Tensor:
    """Weights (1 + C,) of the labels from how often each is in the data: median frequency, within limits.

    `balance` is its power; at 0 all labels weigh the same. A label that the data does not hold weighs 1.
    """
    share = counts.double() / counts.sum()
    known = share > 0
    weights = torch.ones_like(share)
    weights[known] = (share[known].median() / share[known]).pow(balance).clamp(LEAST_WEIGHT, MOST_WEIGHT)
    return weights.float()


def label_loss(logits: Tensor, shares: Tensor, weights: Tensor) -> Tensor:
    """Mean over all cells of -k_f log B_f: logits and shares (B, 1 + C, w, h, d), weights (1 + C,).

    The cells of a block have one answer, so their sum is that of the labels' shares. The paper's equation 2 as printed
    divides k_f by itself; its weights are kept here.
    """
    likely = logits.float().log_softmax(1)
    return -(likely * shares * weights.view(-1, 1, 1, 1)).sum(1).mean()


def judged(certificate: Certificate, targets: PoseTargets, *, real: bool) -> Tensor:
    """Binary cross-entropy of `real` over all cells; cells with an object weigh 1, empty ones EMPTY_WEIGHT."""
    logits = certificate.real.float()
    weight = torch.full_like(logits, EMPTY_WEIGHT)
    u, v, w = targets.cells.unbind(-1)
    weight[targets.views, u, v, w] = 1.0
    wanted = torch.full_like(logits, float(real))
    losses = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (losses * weight).sum() / weight.sum()


def pose_loss(found: Poses, targets: PoseTargets, kind: PoseLoss) -> Tensor:
    """How far the poses are from the truth: 0 where no view shows an object.

    "corners": mean distance of the eight corners of the boxes, metres; round objects may be turned about their
    vertical axis. "eq3": the paper's equation 3 as printed, the
    squared distance of R(q) t, square metres.
    """
    if not len(targets.views):
        return found.centre.sum() * 0.0
    if kind == "corners":
        rotation = turned_to_fit(found.rotation, targets.rotation, targets.is_round)
        ours = box_corners(found.centre, rotation, targets.size)
        theirs = box_corners(targets.centre, targets.rotation, targets.size)
        return torch.linalg.vector_norm(ours - theirs, dim=-1).mean()
    ours = (found.rotation @ found.centre.unsqueeze(-1)).squeeze(-1)
    theirs = (targets.rotation @ targets.centre.unsqueeze(-1)).squeeze(-1)
    return (ours - theirs).square().sum(-1).mean()
