"""The best answer that does not look at the images, every cell's frequency in training: what a network must beat."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from scenetrain.data.labels import class_masks
from scenetrain.data.reads import Grid
from scenetrain.metrics.iou import IoUCurve, Scores
from scenetrain.metrics.outputs import ONE_HOT, Output


def label_frequency(labels: Iterable[Tensor], classes: int, grid: Grid) -> Tensor:
    """In which share of items a cell is occupied (row 0) and is of each class: float16 (1 + C, X, Y, Z), on the host.

    `labels` are uint8 (X, Y, Z), one tensor per item.
    """
    total, count = torch.zeros(()), 0
    if grid == "frustum":
        return _frequency_of_labels(labels, classes)
    for item in labels:
        found = torch.cat([(item != 0).unsqueeze(0), class_masks(item.unsqueeze(0), classes, grid)[0]])
        total, count = total.to(item.device) + found, count + 1
    return (total / count).half().cpu()


def _frequency_of_labels(labels: Iterable[Tensor], classes: int) -> Tensor:
    """The same where a cell has one label."""
    counts, items = torch.zeros(()), 0
    for item in labels:
        cells = item.long().unsqueeze(0)
        if not items:
            counts = torch.zeros(1 + classes, *item.shape, dtype=torch.int32, device=item.device)
        counts.scatter_add_(0, cells, torch.ones((), dtype=torch.int32, device=item.device).expand_as(cells))
        items += 1
    counts[0] = items - counts[0]
    return (counts / items).half().cpu()


class ConstantCurve:
    """Scores of the frequencies as if a network had answered with them for every item in one output."""

    def __init__(self, output: Output, frequency: Tensor, device: torch.device) -> None:
        frequency = frequency.to(device).float()
        if output.kind == "occupancy":
            answer = frequency[:1]
        elif output.kind == "masks":
            answer = frequency[1:]
        else:
            answer = torch.cat([1 - frequency[:1], frequency[1:]])
        self.output = output
        self.answer = answer.argmax(0).to(torch.uint8) if output.kind == "labels" else answer
        self.curve = IoUCurve(len(answer) - (output.kind == "labels")).to(device)

    def update(self, labels: Tensor, classes: int) -> None:
        """Count a batch of labels uint8 (B, X, Y, Z), see data.labels."""
        if self.output.kind == "labels":
            self.curve.update_labels(self.answer.expand_as(labels), labels)
        else:
            truth = self.output.truth(labels, classes)
            self.curve.update(self.answer.expand_as(truth), truth)

    def best(self) -> Scores:
        """The scores at the threshold that is best on the items counted; of labels those of the likeliest one.

        That is more than a network gets, whose threshold comes from validation. Threshold 0 predicts every cell.
        """
        return self.curve.best() if self.output.has_threshold else self.curve.at(ONE_HOT)
