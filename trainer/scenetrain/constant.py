"""The best prediction that does not look at the images: what a network must beat."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from scenetrain.data import SceneList, unpack_masks
from scenetrain.metrics import IoUCurve, Scores


@dataclass(frozen=True)
class ConstantScores:
    """Scores of every voxel's training frequency at the threshold that is best on the scenes scored (more than a
    network gets, whose threshold comes from validation), and overall IoU of predicting every voxel."""

    frequency: Scores
    everything: float


def constant_scores(train: SceneList, scored: SceneList, occupancy: bool) -> ConstantScores:
    """Score the constants on `scored`: of occupancy, or of the class masks."""
    classes = 1 if occupancy else len(train.classes)
    scenes = train.for_occupancy() if occupancy else train
    frequency = torch.stack([unpack_masks(scenes[i].labels[None], classes)[0].byte() for i in range(len(scenes))])
    probability = frequency.float().mean(0, keepdim=True)
    curve = IoUCurve(classes)
    scenes = scored.for_occupancy() if occupancy else scored
    for i in range(len(scenes)):
        curve.update(probability, unpack_masks(scenes[i].labels[None], classes))
    return ConstantScores(curve.best(), curve.at(0.0).overall)
