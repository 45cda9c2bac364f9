"""Counts the voxels of one output, batch by batch: IoU, the constant answer's, confusion.

Shapes: B items, C classes, X Y Z the grid's axes (w, h, d of a frustum).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scenetrain.metrics.constant import ConstantCurve
from scenetrain.metrics.iou import IoUCurve, Scores, label_pairs
from scenetrain.metrics.outputs import ONE_HOT, Output
from scenetrain.training.run_folder import TrainedModel


@dataclass(frozen=True)
class OutputScore:
    """How one output did.

    `curve` holds the overall IoU at the thresholds 0, .01, ... .99; None for labels, which have no threshold.
    `constant` are the scores of the best answer that does not look at the images (constant.ConstantCurve).
    """

    output: Output
    scores: Scores
    curve: tuple[float, ...] | None
    constant: Scores


class Counted(NamedTuple):
    """One batch: hit, predicted and true voxels (B, 3, C), those of any class (B, 3), and what they are counts of.

    `predicted` and `truth` are masks bool (B, C, X, Y, Z); of labels they are uint8 (B, X, Y, Z). `labels` uint8
    (B, X, Y, Z) has the likeliest predicted class of every voxel, c + 1, and 0 for air.
    """

    voxels: NDArray[np.int64]
    occupied: NDArray[np.int64]
    predicted: Tensor
    truth: Tensor
    labels: Tensor


class OutputCounts:
    """Counts one output of a network on a device."""

    def __init__(self, output: Output, trained: TrainedModel, device: torch.device) -> None:
        self.output = output
        self.classes = len(trained.classes)
        self.threshold = trained.thresholds[output.name]
        self.curve = IoUCurve(output.channels(self.classes)).to(device)
        self.constant = ConstantCurve(output, trained.frequency, device)
        self.confused = torch.zeros((self.classes + 1) ** 2, dtype=torch.long, device=device)

    def count(self, answer: Any, labels: Tensor) -> Counted:
        """Count what the network's forward gave for a batch of labels uint8 (B, X, Y, Z), see data.labels."""
        self.constant.update(labels, self.classes)
        return self._count_labels(answer, labels) if self.output.kind == "labels" else self._count_masks(answer, labels)

    def _count_labels(self, answer: Any, labels: Tensor) -> Counted:
        """Every figure follows from how often a true label meets a predicted one."""
        predicted = self.output.likeliest_labels(answer)
        pairs = label_pairs(predicted, labels, 1 + self.classes)
        self.curve.update_pairs(pairs)
        self.confused += pairs.sum(0).flatten()
        hit, found, true = pairs.diagonal(dim1=1, dim2=2), pairs.sum(1), pairs.sum(2)
        voxels = torch.stack([hit, found, true], 1)[..., 1:]
        occupied = torch.stack([pairs[:, 1:, 1:].sum((1, 2)), found[:, 1:].sum(1), true[:, 1:].sum(1)], 1)
        return Counted(voxels.cpu().numpy(), occupied.cpu().numpy(), predicted, labels, predicted)

    def _count_masks(self, answer: Any, labels: Tensor) -> Counted:
        probabilities, truth = self.output.probabilities(answer), self.output.truth(labels, self.classes)
        self.curve.update(probabilities, truth)
        predicted = self.output.predicted(probabilities, self.threshold)
        guess = likeliest_predicted(probabilities, predicted)
        if self.output.kind == "masks":
            self.confused += count_confusion(guess, truth)
        voxels = count_voxels(predicted, truth)
        occupied = count_voxels(predicted.any(1, keepdim=True), truth.any(1, keepdim=True))[..., 0]
        return Counted(voxels, occupied, predicted, truth, guess.to(torch.uint8))

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """(C + 1, C + 1), truth down, air first; None of occupancy."""
        if self.output.kind == "occupancy":
            return None
        found: NDArray[np.int64] = self.confused.view(self.classes + 1, self.classes + 1).cpu().numpy()
        return found

    def score(self) -> OutputScore:
        """The scores of all that was counted, at the network's threshold."""
        return OutputScore(
            output=self.output,
            scores=self.curve.at(ONE_HOT if self.threshold is None else self.threshold),
            curve=tuple(self.curve.compute().tolist()) if self.output.has_threshold else None,
            constant=self.constant.best(),
        )


def count_voxels(predicted: Tensor, truth: Tensor) -> NDArray[np.int64]:
    """Hit, predicted and true voxels (B, 3, C) of masks (B, C, X, Y, Z)."""
    counts = [voxels.flatten(2).sum(-1) for voxels in (predicted & truth, predicted, truth)]
    return np.asarray(torch.stack(counts, dim=1).cpu().numpy())


def likeliest_predicted(probabilities: Tensor, predicted: Tensor) -> Tensor:
    """Of masks (B, C, X, Y, Z) the likeliest class that is predicted, c + 1, else 0: int64 (B, X, Y, Z)."""
    likeliest = probabilities.masked_fill(~predicted, -1.0).argmax(1) + 1
    return torch.where(predicted.any(1), likeliest, 0)


def count_confusion(guess: Tensor, truth: Tensor) -> Tensor:
    """Voxels by (true, predicted) class, flat ((C + 1) ** 2,), air first, of masks (B, C, X, Y, Z).

    A voxel counts once: as its likeliest predicted class `guess` (B, X, Y, Z), and as that class in truth where truth
    has it too, else as its first true class.
    """
    count = truth.shape[1]
    order = torch.arange(count, 0, -1, device=truth.device, dtype=torch.uint8).view(1, -1, 1, 1, 1)
    first = torch.where(truth.any(1), (truth * order).argmax(1) + 1, 0)
    agreed = truth.gather(1, (guess - 1).clamp(min=0).unsqueeze(1)).squeeze(1) & (guess > 0)
    pairs = torch.where(agreed, guess, first) * (count + 1) + guess
    return torch.bincount(pairs.flatten(), minlength=(count + 1) ** 2)
