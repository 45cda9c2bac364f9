"""The best answer that does not look at the images, every voxel's frequency in training: what a network must beat."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from scenetrain.data.scenes import unpack_masks
from scenetrain.metrics.iou import IoUCurve, Scores


def label_frequency(labels: Iterable[Tensor], classes: int) -> Tensor:
    """In which share of scenes a voxel is occupied (row 0) and is of each class: float16 (1 + C, X, Y, Z), on the host.

    `labels` are uint8 (X, Y, Z) a scene, bit c set where class c is.
    """
    total, count = torch.zeros(()), 0
    for scene in labels:
        found = torch.cat([(scene != 0).unsqueeze(0), unpack_masks(scene.unsqueeze(0), classes)[0]])
        total, count = total.to(scene.device) + found, count + 1
    return (total / count).half().cpu()


class ConstantCurves:
    """Scores of the frequencies as if a network had answered with them for every scene."""

    def __init__(self, frequency: Tensor, device: torch.device) -> None:
        self.frequency = frequency.to(device)
        self.occupancy = IoUCurve(1).to(device)
        self.masks = IoUCurve(len(frequency) - 1).to(device)

    def update(self, occupancy: Tensor, masks: Tensor) -> None:
        """Count a batch's truth: bool (B, 1, X, Y, Z) and (B, C, X, Y, Z)."""
        for curve, frequency, truth in (
            (self.occupancy, self.frequency[:1], occupancy),
            (self.masks, self.frequency[1:], masks),
        ):
            curve.update(frequency.unsqueeze(0).expand_as(truth), truth)

    def best(self) -> tuple[Scores, Scores]:
        """Occupancy's scores and the masks', each at the threshold that is best on the scenes counted.

        That is more than a network gets, whose threshold comes from validation. Threshold 0 predicts every voxel.
        """
        return self.occupancy.best(), self.masks.best()
