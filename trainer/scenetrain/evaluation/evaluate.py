"""Score a trained network on a split of a data set, at the thresholds that were chosen on validation.

Everything is computed in float32. Shapes: B items, V views, C classes, X Y Z the grid's axes (w, h, d of a frustum).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.core.labels.visibility import visibility_of_any
from scenegen.core.scene.scene import GridSpec
from scenegen.metrics.set_scores import SetScores
from scenegen.metrics.tables import ScoreTable
from scenegen.progress import OnProgress
from torch import Tensor

from scenetrain.data.reads import NO_EXTRAS, Extras, stack_extras
from scenetrain.data.scenes import SceneList, SceneTensors, open_split
from scenetrain.evaluation.counts import Counted, OutputCounts, OutputScore
from scenetrain.evaluation.more_scores import MoreScores
from scenetrain.metrics.constant import constant_labels
from scenetrain.metrics.iou import Scores
from scenetrain.metrics.scorers import ScoredBatch, ScorerSetup
from scenetrain.metrics.seen import NOTHING, SEEN, UNSEEN, SeenCounts, SeenScore, count_seen
from scenetrain.networks.contract import Inputs, Output, Scorer
from scenetrain.training.run_folder import TrainedModel

BATCH = 4


@dataclass(frozen=True)
class SceneScore:
    """IoU of one item: by output, and of every class in the main output; None where truth and prediction have none.

    `index` is its scene's, `camera` the one that it shows, None where it shows several.
    """

    position: int
    index: int
    camera: int | None
    ious: Mapping[str, float | None]
    classes: tuple[float | None, ...]

    @property
    def name(self) -> str:
        """ "scene 12", "scene 12, camera 3"."""
        return f"scene {self.index}" + ("" if self.camera is None else f", camera {self.camera}")


@dataclass(frozen=True)
class Evaluation:
    """How a network did, output by output.

    `confusion` (C + 1, C + 1) counts voxels of the main output, truth down and prediction across, air first; None where
    that is occupancy. `seen` and `unseen` are None where there are no box masks.
    """

    classes: tuple[str, ...]
    outputs: Mapping[str, OutputScore]
    scenes: tuple[SceneScore, ...]
    confusion: NDArray[np.int64] | None
    seen: SeenScore | None
    unseen: SeenScore | None
    tables: tuple[ScoreTable, ...] = ()
    """Scores of the main output beyond IoU by scene: over the set, by rays, and what the family adds."""
    any_class: float | None = None
    """Mean over items of the main output's IoU where any class counts; None where no item holds a voxel."""
    over_set: SetScores | None = None
    """The main output's scores over the whole set; None where it is occupancy, which has one class."""

    @property
    def main(self) -> OutputScore:
        """The main output's scores."""
        return tuple(self.outputs.values())[-1]


def open_scenes(trained: TrainedModel, data: Path, split: str) -> SceneList:
    """The scenes of a split that fit a network; ScenegenError when grid, classes or number of views do not."""
    scenes = open_split(data, split, trained.family.reads, trained.config.training.views)
    if scenes.classes != trained.classes:
        raise ScenegenError(
            f"{data}: its classes are {', '.join(scenes.classes)}, the network's {', '.join(trained.classes)}; "
            f"give a data set with the network's classes in its order"
        )
    if scenes.shape != trained.shape:
        raise ScenegenError(
            f"{data}: its grid is {scenes.shape}, the network's {trained.shape}; label it again: `scenegen voxelize`"
        )
    if scenes.grid != trained.grid:
        raise ScenegenError(
            f"{data}: its grid is {_describe(scenes.grid)}, the network's {_describe(trained.grid)}; give data of the "
            f"network's grid"
        )
    return scenes


def _describe(grid: Any) -> str:
    if isinstance(grid, GridSpec):
        return f"from {grid.origin} on, {grid.voxel_size} m per voxel"
    return f"from {grid.near} to {grid.far} m, {grid.hfov_deg} degrees wide"


def predict_probabilities(trained: TrainedModel, images: Tensor, extras: Extras = NO_EXTRAS) -> dict[str, Tensor]:
    """Probabilities by output, (B, channels, X, Y, Z), of images uint8 (B, V, 3, H, W), all on the network's device."""
    with torch.inference_mode():
        answers = compute_answers(trained, images, extras)
        return {output.name: output.probabilities(answers[output.name]) for output in trained.family.outputs}


def compute_answers(trained: TrainedModel, images: Tensor, extras: Extras) -> Mapping[str, Any]:
    """What the network's forward gives by output, of the same."""
    with torch.inference_mode():
        inputs = Inputs(images=images.float() / 255.0, extras=extras)
        answers: Mapping[str, Any] = trained.model(inputs, tuple(output.name for output in trained.family.outputs))
        return answers


def evaluate(
    trained: TrainedModel,
    scenes: SceneList,
    device: torch.device,
    on_progress: OnProgress | None = None,
    keep: Callable[[Sequence[SceneTensors], Any], None] | None = None,
) -> Evaluation:
    """Score `trained`, which is on `device`, on every item of `scenes`.

    `keep` is told each batch and what the network's forward gave for the main output.
    """
    main = trained.family.main
    has_objects = main.kind == "masks" and main.grid == "box"
    more = MoreScores(trained) if main.kind != "occupancy" else None
    counts = {output.name: OutputCounts(output, trained, device) for output in trained.family.outputs}
    scores: list[SceneScore] = []
    seen = NOTHING
    scorers = _scorers(trained)
    for batch in _read_ahead(scenes):
        images = torch.stack([scene.images for scene in batch]).to(device)
        labels = torch.stack([scene.labels for scene in batch]).to(device)
        extras = stack_extras([scene.extras for scene in batch]).to(device)
        answers = compute_answers(trained, images, extras)
        with torch.inference_mode():
            if keep:
                keep(batch, answers[main.name])
            counted = {name: one.count(answers[name], labels) for name, one in counts.items()}
        scores += _score_scenes(scenes, batch, {name: one.voxels for name, one in counted.items()}, main)
        if more is not None:
            more.count(scenes, batch, counted[main.name])
        if has_objects:
            for scene, mine, theirs in zip(batch, counted[main.name].predicted, counted[main.name].truth, strict=True):
                seen += _count_seen(scenes, scene.position, mine, theirs)
        if scorers:
            scored = _scored_batch(scenes, batch, (images, extras), counted[main.name], answers[main.name])
            for scorer in scorers:
                scorer.count(scored)
        if on_progress:
            on_progress(len(scores), len(scenes))
    return Evaluation(
        classes=trained.classes,
        outputs={name: one.score() for name, one in counts.items()},
        scenes=tuple(scores),
        confusion=counts[main.name].confusion,
        seen=seen.score(SEEN) if has_objects else None,
        unseen=seen.score(UNSEEN) if has_objects else None,
        tables=(
            *(more.tables() if more else ()),
            *(table for scorer in scorers for table in scorer.tables()),
        ),
        any_class=more.any_class() if more else None,
        over_set=more.over_set.score() if more else None,
    )


def _scorers(trained: TrainedModel) -> Sequence[Scorer]:
    """New ones of the network's family."""
    main = trained.family.main
    if main.kind != "labels" or main.grid != "frustum":
        return ()
    constant = constant_labels(trained.frequency).cpu().numpy()
    return trained.family.scorers(ScorerSetup(trained.model, trained.classes, constant))


def _scored_batch(
    scenes: SceneList,
    batch: Sequence[SceneTensors],
    shown: tuple[Tensor, Extras],
    counted: Counted,
    answer: Any,
) -> ScoredBatch:
    """What scorers read of single views; `shown` are their images uint8 (B, 1, 3, H, W) and extras."""
    numbers = [scenes.camera(item.position) for item in batch]
    return ScoredBatch(
        images=shown[0][:, 0].float() / 255.0,
        extras=shown[1],
        labels=counted.truth,
        answer=answer,
        predicted=counted.predicted,
        scenes=[scenes.scene(item.position) for item in batch],
        numbers=[number for number in numbers if number is not None],
        has_maps=scenes.dataset.maps,
    )


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """What `evaluate --json` prints: scores by output's title; what has no value is null."""
    names, outputs = evaluation.classes, evaluation.outputs.values()
    body: dict[str, Any] = {
        **{one.output.title: _scores_json(one.output, one.scores, names) for one in outputs},
        "constant": {one.output.title: _scores_json(one.output, one.constant, names) for one in outputs},
        "scenes": len(evaluation.scenes),
    }
    if evaluation.seen is not None and evaluation.unseen is not None:
        body |= {"seen": asdict(evaluation.seen), "unseen": asdict(evaluation.unseen)}
    if evaluation.confusion is not None:
        body["confusion"] = {"labels": ["air", *names], "voxels": evaluation.confusion.tolist()}
    if evaluation.tables:
        body["tables"] = {table.name: table.as_json() for table in evaluation.tables}
    body["scene_scores"] = [
        {
            "index": score.index,
            **({} if score.camera is None else {"camera": score.camera}),
            **{one.output.title: score.ious[one.output.name] for one in outputs},
            **({"classes": dict(zip(names, score.classes, strict=True))} if score.classes else {}),
        }
        for score in evaluation.scenes
    ]
    return body


def _scores_json(output: Output, scores: Scores, names: Sequence[str]) -> dict[str, Any]:
    body: dict[str, Any] = {"overall": _known(scores.overall)}
    if output.has_threshold:
        body["threshold"] = scores.threshold
    if output.kind != "occupancy":
        body |= {
            "macro": _known(scores.macro),
            "classes": dict(zip(names, scores.classes, strict=True)),
            "scenes_with_class": dict(zip(names, scores.scenes_with_class, strict=True)),
        }
    return body | {"precision": scores.precision, "recall": scores.recall}


def _read_ahead(scenes: SceneList) -> Iterator[list[SceneTensors]]:
    """Items in their order, BATCH at a time; threads read the next ones while these are scored."""
    chunks = [range(at, min(at + BATCH, len(scenes))) for at in range(0, len(scenes), BATCH)]
    with ThreadPoolExecutor(BATCH) as pool:
        ahead = [pool.submit(scenes.__getitem__, position) for position in chunks[0]]
        for n in range(len(chunks)):
            batch = [future.result() for future in ahead]
            ahead = [pool.submit(scenes.__getitem__, position) for chunk in chunks[n + 1 : n + 2] for position in chunk]
            yield batch


def _score_scenes(
    scenes: SceneList, batch: list[SceneTensors], counts: Mapping[str, NDArray[np.int64]], main: Output
) -> list[SceneScore]:
    """The batch's scores from hit, predicted and true voxels (B, 3, C), by output."""
    return [
        SceneScore(
            scene.position,
            scenes.scene_index(scene.position),
            scenes.camera(scene.position),
            {name: _iou(count[n].sum(axis=1)) for name, count in counts.items()},
            () if main.kind == "occupancy" else tuple(_iou(column) for column in counts[main.name][n].T),
        )
        for n, scene in enumerate(batch)
    ]


def _iou(counts: NDArray[np.int64]) -> float | None:
    hit, predicted, truth = counts.tolist()
    union = predicted + truth - hit
    return hit / union if union else None


def _count_seen(scenes: SceneList, position: int, predicted: Tensor, truth: Tensor) -> SeenCounts:
    stored = scenes.scene(position)
    assert stored.grid is not None
    mine, theirs = (voxels.movedim(0, -1).cpu().numpy() for voxels in (predicted, truth))
    visibility = _visibility(stored, scenes.views)
    return count_seen(stored.objects, stored.classes, stored.grid, scenes.views, (mine, theirs), visibility)


def _visibility(stored: StoredScene, views: int) -> NDArray[np.uint8] | None:
    """What the first `views` cameras see of the box grid; None where the scene is older than that."""
    if not stored.scene.voxel_spec.visibility:
        return None
    if views >= len(stored.cameras):
        return stored.visibility
    return visibility_of_any([stored.visibility_from(k) for k in range(views)])


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
