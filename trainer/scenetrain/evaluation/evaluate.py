"""Score a trained network on a split of a data set, at the thresholds that were chosen on validation.

Everything is computed in float32. Shapes: B scenes, V views, C classes, X Y Z the grid's axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.errors import ScenegenError
from scenegen.progress import OnProgress
from torch import Tensor

from scenetrain.data.scenes import SceneList, SceneTensors, normalize, open_split, unpack_masks
from scenetrain.metrics.constant import ConstantCurves
from scenetrain.metrics.iou import BINS, IoUCurve, Scores
from scenetrain.metrics.seen import NOTHING, SEEN, UNSEEN, SeenCounts, SeenScore, count_seen
from scenetrain.training.run_folder import TrainedModel

BATCH = 4


@dataclass(frozen=True)
class SceneScore:
    """IoU of one scene: occupancy, all masks together, every class; None where neither truth nor prediction has any."""

    position: int
    index: int
    reconstructor: float | None
    segmenter: float | None
    classes: tuple[float | None, ...]


@dataclass(frozen=True)
class Evaluation:
    """How a network did. The curves hold the overall IoU at the thresholds 0, .01, ... .99; the constants' scores are
    those of the best answer that does not look at the images (constant.ConstantCurves).

    `confusion` (C + 1, C + 1) counts voxels, truth down and prediction across, air first.
    """

    classes: tuple[str, ...]
    reconstructor: Scores
    segmenter: Scores
    reconstructor_curve: tuple[float, ...]
    segmenter_curve: tuple[float, ...]
    scenes: tuple[SceneScore, ...]
    constant_reconstructor: Scores
    constant_segmenter: Scores
    confusion: NDArray[np.int64]
    seen: SeenScore
    unseen: SeenScore


def open_device(name: str) -> torch.device:
    """The device of "auto", "cpu" or "cuda"; ScenegenError when there is no such."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ScenegenError("--device cuda: PyTorch sees no CUDA device; use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def open_scenes(trained: TrainedModel, data: Path, split: str) -> SceneList:
    """The scenes of a split that fit a network; ScenegenError when grid, classes or number of views do not."""
    scenes = open_split(data, split, trained.config.training.views, trained.grid.shape)
    if scenes.classes != trained.classes:
        raise ScenegenError(
            f"{data}: its classes are {', '.join(scenes.classes)}, the network's {', '.join(trained.classes)}; "
            f"give a data set with the network's classes in its order"
        )
    if scenes.grid != trained.grid:
        raise ScenegenError(
            f"{data}: its grid begins at {scenes.grid.origin}, {scenes.grid.voxel_size} m a voxel, the network's at "
            f"{trained.grid.origin}, {trained.grid.voxel_size} m; give data of the network's room"
        )
    return scenes


def predict_probabilities(trained: TrainedModel, images: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities of occupancy (B, 1, X, Y, Z) and masks (B, C, X, Y, Z) of images uint8 (B, V, 3, 224, 224)."""
    backbone = trained.model.backbone
    with torch.inference_mode():
        out = trained.model(normalize(images, backbone.mean, backbone.std))
    return out["occupancy"].unsqueeze(1), out["masks"]


def is_above(probabilities: Tensor, threshold: float) -> Tensor:
    """Which voxels are predicted, by the bins of .01 that the metrics count in."""
    return (probabilities.float() * BINS).long() >= round(threshold * BINS)


def evaluate(
    trained: TrainedModel, scenes: SceneList, device: torch.device, on_progress: OnProgress | None = None
) -> Evaluation:
    """Score `trained`, which is on `device`, on every scene of `scenes`."""
    count = len(trained.classes)
    curves = (IoUCurve(1).to(device), IoUCurve(count).to(device))
    constant = ConstantCurves(trained.frequency, device)
    confusion = torch.zeros((count + 1) ** 2, dtype=torch.long, device=device)
    scores: list[SceneScore] = []
    seen = NOTHING
    for batch in _read_ahead(scenes):
        images = torch.stack([scene.images for scene in batch]).to(device)
        masks = unpack_masks(torch.stack([scene.labels for scene in batch]).to(device), count)
        occupancy = masks.any(1, keepdim=True)
        occupied, labelled = predict_probabilities(trained, images)
        solid = is_above(occupied, trained.reconstructor_threshold)
        predicted = is_above(labelled, trained.segmenter_threshold)
        curves[0].update(occupied, occupancy)
        curves[1].update(labelled, masks)
        constant.update(occupancy, masks)
        confusion += count_confusion(labelled, predicted, masks)
        scores += _score_scenes(scenes, batch, (solid, occupancy), (predicted, masks))
        for scene, mine, truth in zip(batch, predicted, masks, strict=True):
            seen += _count_seen(scenes, scene.position, mine, truth)
        if on_progress:
            on_progress(len(scores), len(scenes))
    constants = constant.best()
    return Evaluation(
        classes=trained.classes,
        reconstructor=curves[0].at(trained.reconstructor_threshold),
        segmenter=curves[1].at(trained.segmenter_threshold),
        reconstructor_curve=tuple(curves[0].compute().tolist()),
        segmenter_curve=tuple(curves[1].compute().tolist()),
        scenes=tuple(scores),
        constant_reconstructor=constants[0],
        constant_segmenter=constants[1],
        confusion=confusion.view(count + 1, count + 1).cpu().numpy(),
        seen=seen.score(SEEN),
        unseen=seen.score(UNSEEN),
    )


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """What `evaluate --json` prints; what has no value is null."""
    names = evaluation.classes
    return {
        **_scores_json(evaluation.reconstructor, evaluation.segmenter, names),
        "constant": _scores_json(evaluation.constant_reconstructor, evaluation.constant_segmenter, names),
        "scenes": len(evaluation.scenes),
        "seen": asdict(evaluation.seen),
        "unseen": asdict(evaluation.unseen),
        "confusion": {"labels": ["air", *names], "voxels": evaluation.confusion.tolist()},
        "scene_scores": [
            {
                "index": score.index,
                "reconstructor": score.reconstructor,
                "segmenter": score.segmenter,
                "classes": dict(zip(names, score.classes, strict=True)),
            }
            for score in evaluation.scenes
        ],
    }


def _scores_json(reconstructor: Scores, segmenter: Scores, names: Sequence[str]) -> dict[str, Any]:
    return {
        "reconstructor": {
            "overall": _known(reconstructor.overall),
            "threshold": reconstructor.threshold,
            "precision": reconstructor.precision,
            "recall": reconstructor.recall,
        },
        "segmenter": {
            "overall": _known(segmenter.overall),
            "macro": _known(segmenter.macro),
            "threshold": segmenter.threshold,
            "classes": dict(zip(names, segmenter.classes, strict=True)),
            "scenes_with_class": dict(zip(names, segmenter.scenes_with_class, strict=True)),
            "precision": segmenter.precision,
            "recall": segmenter.recall,
        },
    }


def count_confusion(probabilities: Tensor, predicted: Tensor, truth: Tensor) -> Tensor:
    """Voxels by (true, predicted) class, flat ((C + 1) ** 2,), air first, of tensors (B, C, X, Y, Z).

    A voxel counts once: as its likeliest predicted class, and as that class in truth where truth has it too, else as
    its first true class.
    """
    count = truth.shape[1]
    likeliest = probabilities.masked_fill(~predicted, -1.0).argmax(1) + 1
    guess = torch.where(predicted.any(1), likeliest, 0)
    order = torch.arange(count, 0, -1, device=truth.device, dtype=torch.uint8).view(1, -1, 1, 1, 1)
    first = torch.where(truth.any(1), (truth * order).argmax(1) + 1, 0)
    agreed = truth.gather(1, (guess - 1).clamp(min=0).unsqueeze(1)).squeeze(1) & (guess > 0)
    pairs = torch.where(agreed, guess, first) * (count + 1) + guess
    return torch.bincount(pairs.flatten(), minlength=(count + 1) ** 2)


def _read_ahead(scenes: SceneList) -> Iterator[list[SceneTensors]]:
    """Scenes in their order, BATCH at a time; threads read the next ones while these are scored."""
    chunks = [range(at, min(at + BATCH, len(scenes))) for at in range(0, len(scenes), BATCH)]
    with ThreadPoolExecutor(BATCH) as pool:
        ahead = [pool.submit(scenes.__getitem__, position) for position in chunks[0]]
        for n in range(len(chunks)):
            batch = [future.result() for future in ahead]
            ahead = [pool.submit(scenes.__getitem__, position) for chunk in chunks[n + 1 : n + 2] for position in chunk]
            yield batch


def _score_scenes(
    scenes: SceneList, batch: list[SceneTensors], occupancy: tuple[Tensor, Tensor], masks: tuple[Tensor, Tensor]
) -> list[SceneScore]:
    solid, labelled = _voxel_counts(*occupancy), _voxel_counts(*masks)
    return [
        SceneScore(
            scene.position,
            scenes.scene_index(scene.position),
            _iou(solid[n, :, 0]),
            _iou(labelled[n].sum(axis=1)),
            tuple(_iou(column) for column in labelled[n].T),
        )
        for n, scene in enumerate(batch)
    ]


def _voxel_counts(predicted: Tensor, truth: Tensor) -> NDArray[np.int64]:
    """Hit, predicted and true voxels (B, 3, C) of masks (B, C, X, Y, Z)."""
    counts = [voxels.flatten(2).sum(-1) for voxels in (predicted & truth, predicted, truth)]
    return torch.stack(counts, dim=1).cpu().numpy()


def _iou(counts: NDArray[np.int64]) -> float | None:
    hit, predicted, truth = counts.tolist()
    union = predicted + truth - hit
    return hit / union if union else None


def _count_seen(scenes: SceneList, position: int, predicted: Tensor, truth: Tensor) -> SeenCounts:
    stored = scenes.dataset[scenes.positions[position]]
    assert stored.grid is not None
    arrays = (voxels.movedim(0, -1).cpu().numpy() for voxels in (predicted, truth))
    return count_seen(stored.objects, stored.classes, stored.grid, scenes.views, *arrays)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
