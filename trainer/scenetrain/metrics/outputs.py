"""What a network answers with, as scores and files read it.

Legend of shapes: B items, C classes, X Y Z the grid's axes (w, h, d of a frustum).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from scenetrain.data.labels import class_masks
from scenetrain.data.reads import Grid
from scenetrain.metrics.iou import BINS

Kind = Literal["occupancy", "masks", "labels"]
"""occupancy: one channel for any object; masks: a channel per class, which may overlap; labels: one class per cell."""

ONE_HOT = 0.5
"""The threshold of an output that has none: between the 0 and 1 of its likeliest label."""


@dataclass(frozen=True)
class Output:
    """One named answer of a network.

    `name` is that of its tensor and file, `title` what scores and tables call it. `probabilities` makes what the
    network's forward gives into float32 probabilities: occupancy (B, 1, X, Y, Z), masks (B, C, X, Y, Z), labels
    (B, 1 + C, X, Y, Z) with air first. `likeliest` makes of it the likeliest label of every cell, uint8 (B, X, Y, Z),
    where that is less work than to compare the probabilities.
    """

    name: str
    title: str
    kind: Kind
    grid: Grid
    probabilities: Callable[[Any], Tensor]
    likeliest: Callable[[Any], Tensor] | None = None

    @property
    def has_threshold(self) -> bool:
        """Whether a cell counts as predicted from a threshold on; of labels the likeliest counts."""
        return self.kind != "labels"

    def channels(self, classes: int) -> int:
        """How many channels are scored."""
        return 1 if self.kind == "occupancy" else classes

    def truth(self, labels: Tensor, classes: int) -> Tensor:
        """Labels uint8 (B, X, Y, Z), see data.labels, to what the output should be: bool (B, channels, X, Y, Z)."""
        if self.kind == "occupancy":
            return (labels != 0).unsqueeze(1)
        return class_masks(labels, classes, self.grid)

    def scored(self, probabilities: Tensor) -> Tensor:
        """What thresholds apply to, (B, channels, X, Y, Z): probabilities, or 1 where a label is the likeliest."""
        if self.has_threshold:
            return probabilities
        likeliest = probabilities.argmax(dim=1, keepdim=True)
        classes = torch.arange(1, probabilities.shape[1], device=probabilities.device).view(1, -1, 1, 1, 1)
        return (likeliest == classes).to(probabilities.dtype)

    def likeliest_labels(self, answer: Any) -> Tensor:
        """Of an output that is labels, the likeliest one of every cell: uint8 (B, X, Y, Z), 0 is air."""
        if self.likeliest is not None:
            return self.likeliest(answer)
        return self.probabilities(answer).argmax(1).to(torch.uint8)

    def predicted(self, probabilities: Tensor, threshold: float | None) -> Tensor:
        """Which cells are predicted, bool (B, channels, X, Y, Z)."""
        return is_above(self.scored(probabilities), ONE_HOT if threshold is None else threshold)


def is_above(probabilities: Tensor, threshold: float) -> Tensor:
    """Which cells reach a threshold, by the bins of .01 that IoUCurve counts in."""
    return (probabilities.float() * BINS).long() >= round(threshold * BINS)
