"""The loss of 3D-R2N2 (section 3.4): voxel-wise cross-entropy of the softmax."""

from __future__ import annotations

import torch
from torch import Tensor

from scenetrain.blocks.coarse_cells import mask_shares
from scenetrain.networks.contract import Step


def voxel_cross_entropy(step: Step) -> Tensor:
    """Mean over all voxels. A voxel of several classes, which the published data have none of, is shared among them."""
    masks, answer = step.truth["masks"], step.answers["masks"]
    held = masks.sum(1, keepdim=True)
    shares = torch.cat([held == 0, masks / held.clamp(min=1)], dim=1)
    return -(mask_shares(shares, answer.detail) * answer.logarithms).sum(1).mean()
