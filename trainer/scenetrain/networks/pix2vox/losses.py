"""The loss of Pix2Vox (section 3.6): binary cross-entropy of the coarse and of the refined volume."""

from __future__ import annotations

import torch

from scenetrain.blocks.coarse_cells import mask_shares
from scenetrain.blocks.fusion import fused_bce
from scenetrain.networks.contract import Losses, Step
from scenetrain.networks.pix2vox.network import Pix2VoxAnswer

FACTOR = 10.0
"""As in the authors' code."""


def coarse_and_refined(step: Step) -> Losses:
    """Ten times the mean over voxels and channels; a network without refiner has the coarse part alone.

    The published volume has one channel, occupancy. Ours has one for each class beside, and all count alike.
    """
    answer: Pix2VoxAnswer = step.answers["masks"]
    target = torch.cat([step.truth["occupancy"], step.truth["masks"]], dim=1)
    target = target if answer.detail == 1 else mask_shares(target, answer.detail)
    parts = {"coarse": FACTOR * fused_bce(answer.coarse, target)}
    if answer.refined is not answer.coarse:
        parts["refined"] = FACTOR * fused_bce(answer.refined, target)
    return Losses(parts)
