"""IoU at every threshold in one pass, from histograms of probability kept per scene and class.

Two means are reported, because the paper's "Overall" (.384) is not the mean of its classes (.3055):
`overall` is the mean over scenes of the IoU over a scene's whole mask tensor; a class's IoU is the mean over the scenes
that hold it, in truth or in prediction; `macro` is the mean over classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric

BINS = 100


@dataclass(frozen=True)
class Scores:
    """Scores at one threshold; a class that no scene holds, in truth or prediction, is None and left out of `macro`.

    `scenes_with_class` counts the scenes whose truth holds the class. Precision and recall are over all voxels.
    """

    threshold: float
    overall: float
    macro: float
    classes: tuple[float | None, ...]
    scenes_with_class: tuple[int, ...]
    precision: float
    recall: float
    scenes: int


class IoUCurve(Metric):
    """Intersection over union at the thresholds 0, .01, ... .99; a voxel is predicted where p >= threshold."""

    full_state_update = False
    positives: list[Tensor]
    totals: list[Tensor]

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.add_state("positives", default=[], dist_reduce_fx="cat")
        self.add_state("totals", default=[], dist_reduce_fx="cat")

    def update(self, probabilities: Tensor, target: Tensor) -> None:
        """Count a batch: probabilities float and target bool, both (B, C, X, Y, Z)."""
        classes = probabilities.shape[1]
        row = torch.arange(classes, device=probabilities.device).unsqueeze(1)
        # one scene at a time: the indices take eight bytes per voxel and class
        for scene, truth in zip(probabilities, target, strict=True):
            bins = (scene.float() * BINS).long().clamp_(0, BINS - 1).flatten(1)
            index = ((row * BINS + bins) * 2 + truth.flatten(1)).flatten()
            counts = torch.bincount(index, minlength=classes * BINS * 2).view(1, classes, BINS, 2)
            self.positives.append(counts[..., 1])
            self.totals.append(counts.sum(-1))

    def update_labels(self, predicted: Tensor, labels: Tensor) -> None:
        """Count a batch of labels uint8 (B, X, Y, Z), 0 is air: as `update` of their masks, in less time."""
        self.update_pairs(label_pairs(predicted, labels, 1 + self.classes))

    def update_pairs(self, pairs: Tensor) -> None:
        """Count a batch of labels by its `label_pairs`."""
        for counts in pairs:
            hit, true, guessed = counts.diagonal()[1:], counts.sum(1)[1:], counts.sum(0)[1:]
            positives, totals = counts.new_zeros(2, 1, self.classes, BINS)
            positives[0, :, 0], positives[0, :, -1] = true - hit, hit
            totals[0, :, 0], totals[0, :, -1] = counts.sum() - guessed, guessed
            self.positives.append(positives)
            self.totals.append(totals)

    def compute(self) -> Tensor:
        """Overall IoU at every threshold, float64 (100,)."""
        return self._overall()

    def best(self) -> Scores:
        """Scores at the threshold of the best overall IoU (the lowest such), over all processes."""
        with self.sync_context(should_sync=self._to_sync, distributed_available=self.distributed_available_fn):
            curve = torch.nan_to_num(self._overall(), nan=-1.0)
            return self._scores(int(curve.argmax()) / BINS)

    def at(self, threshold: float) -> Scores:
        """Scores at a threshold, rounded to .01, over all processes."""
        with self.sync_context(should_sync=self._to_sync, distributed_available=self.distributed_available_fn):
            return self._scores(threshold)

    def _overall(self) -> Tensor:
        hit, predicted, truth = self._counts()
        return _iou(hit.sum(1), predicted.sum(1), truth.sum(1)).nanmean(0)

    def _scores(self, threshold: float) -> Scores:
        step = round(threshold * BINS)
        hit, predicted, truth = (counts[..., step] for counts in self._counts())
        per_class = _iou(hit, predicted, truth)
        means = [float(column[~column.isnan()].mean()) if (~column.isnan()).any() else None for column in per_class.T]
        known = [mean for mean in means if mean is not None]
        return Scores(
            threshold=step / BINS,
            overall=float(_iou(hit.sum(1), predicted.sum(1), truth.sum(1)).nanmean()),
            macro=sum(known) / len(known) if known else float("nan"),
            classes=tuple(means),
            scenes_with_class=tuple((truth > 0).sum(0).tolist()),
            precision=float(hit.sum() / predicted.sum().clamp(min=1)),
            recall=float(hit.sum() / truth.sum().clamp(min=1)),
            scenes=len(hit),
        )

    def _counts(self) -> tuple[Tensor, Tensor, Tensor]:
        """True positives, predicted and true voxels, float64 (scenes, classes, thresholds)."""
        positives, totals = (
            (torch.cat(state) if isinstance(state, list) else state).double() for state in (self.positives, self.totals)
        )
        hit = positives.flip(-1).cumsum(-1).flip(-1)
        predicted = totals.flip(-1).cumsum(-1).flip(-1)
        truth = positives.sum(-1, keepdim=True).expand_as(hit)
        return hit, predicted, truth


def label_pairs(predicted: Tensor, labels: Tensor, kinds: int) -> Tensor:
    """How often a true label meets a predicted one in each item: int64 (B, kinds, kinds), truth down.

    Both are uint8 (B, X, Y, Z) of numbers less than `kinds`.
    """
    counts = []
    for found, truth in zip(predicted, labels, strict=True):  # the indices take eight bytes per voxel
        pairs = truth.flatten().long().mul_(kinds).add_(found.flatten())
        counts.append(torch.bincount(pairs, minlength=kinds**2).view(kinds, kinds))
    return torch.stack(counts)


def _iou(hit: Tensor, predicted: Tensor, truth: Tensor) -> Tensor:
    """IoU; nan where neither holds a voxel."""
    return hit / (predicted + truth - hit)
