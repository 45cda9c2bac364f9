"""The best answer that does not look at the images, every cell's frequency in training: what a network must beat."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from scenetrain.data.labels import class_masks
from scenetrain.data.reads import Grid
from scenetrain.metrics.iou import BINS, IoUCurve, Scores
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


def constant_labels(frequency: Tensor) -> Tensor:
    """The best labels uint8 (X, Y, Z) that ignore the image, of `frequency` (1 + C, X, Y, Z), see label_frequency.

    The likeliest labels of streets are air alone. So a cell has its likeliest class where it is occupied often enough:
    at the share, in steps of .01, with the highest mean IoU over the classes on the items that were counted.
    """
    occupied, classes = frequency[0].float().flatten(), frequency[1:].float().flatten(1)
    hits, likeliest = classes.max(0)
    place = likeliest * BINS + (occupied * BINS).long().clamp(max=BINS - 1)
    by_bin = (torch.zeros(len(classes) * BINS, dtype=torch.double, device=hits.device) for _ in range(2))
    hit, predicted = (
        counts.index_add_(0, place, values.double()).view(-1, BINS).flip(1).cumsum(1).flip(1)
        for counts, values in zip(by_bin, (hits, torch.ones_like(hits)), strict=True)
    )
    truth = classes.double().sum(1, keepdim=True)
    iou = (hit / (truth + predicted - hit))[truth.squeeze(1) > 0, 1:]
    share = 1 + int(iou.mean(0).argmax()) if len(iou) else BINS
    kept = (occupied * BINS).long() >= share
    return torch.where(kept, likeliest + 1, 0).to(torch.uint8).view(frequency.shape[1:])


class ConstantCurve:
    """Scores of the frequencies as if a network had answered with them for every item in one output."""

    def __init__(self, output: Output, frequency: Tensor, device: torch.device) -> None:
        frequency = frequency.to(device).float()
        self.output = output
        if output.kind == "labels":
            self.answer = constant_labels(frequency)
        else:
            self.answer = frequency[:1] if output.kind == "occupancy" else frequency[1:]
        self.curve = IoUCurve(output.channels(len(frequency) - 1)).to(device)

    def update(self, labels: Tensor, classes: int) -> None:
        """Count a batch of labels uint8 (B, X, Y, Z), see data.labels."""
        if self.output.kind == "labels":
            self.curve.update_labels(self.answer.expand_as(labels), labels)
        else:
            truth = self.output.truth(labels, classes)
            self.curve.update(self.answer.expand_as(truth), truth)

    def best(self) -> Scores:
        """The scores at the threshold that is best on the items counted; of labels those of `constant_labels`.

        Such a threshold is more than a network gets, whose own comes from validation. Threshold 0 predicts every cell.
        """
        return self.curve.best() if self.output.has_threshold else self.curve.at(ONE_HOT)
