"""A page about a run: RUN/report.html, which holds its images and opens offline, and the images in RUN/report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.dataset.reading import StoredScene
from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.files import write_text
from scenegen.core.scene.scene import GridSpec
from scenegen.progress import progress
from torch import Tensor

from scenetrain.data.reads import stack_extras
from scenetrain.data.scenes import SceneList
from scenetrain.evaluation.evaluate import Evaluation, SceneScore, evaluate, open_scenes, predict_probabilities
from scenetrain.networks.contract import Family, PaperScore, Stage
from scenetrain.report.frustum_sheets import Frustum, comparison_sheet
from scenetrain.report.page import ReportContent, figure_of, page
from scenetrain.report.plots import Rows, ThresholdCurve, plot_confusion, plot_parts, plot_stages, plot_thresholds
from scenetrain.report.poses import SeenPose, found_pose, true_poses
from scenetrain.report.tables import ScoredRun, show
from scenetrain.report.voxels import Volume, scene_sheet, volume_names
from scenetrain.training.run_folder import TrainedModel, load_model

WORST = ("worst", "second worst", "third worst")


def write_report(run: Path, data: Path, split: str, compare: Sequence[Path], device: torch.device) -> Path:
    """Score `run` (and those of `compare` beside it) on a split and write RUN/report.html, the path returned.

    ScenegenError when a run has no model, the data does not fit it, or the folder cannot be written; UsageError when
    the runs cannot be compared.
    """
    models = [(_name(folder), load_model(folder, device)) for folder in (run, *compare)]
    trained = models[0][1]
    for folder, (_, other) in zip(compare, models[1:], strict=True):
        if other.family.reads.labels != trained.family.reads.labels:
            raise UsageError(f"--compare {folder}: its network has another kind of labels; give a run of the same kind")
    splits = [open_scenes(network, data, split) for _, network in models]
    stages = _read_stages(run, trained.family.stages(trained.config))
    runs = []
    for (name, network), scenes in zip(models, splits, strict=True):
        with progress(f"evaluate {name}") as on_progress:
            runs.append(ScoredRun(name, network, evaluate(network, scenes, device, on_progress)))
    result = runs[0].result
    figures: dict[str, bytes] = {"curves": plot_stages(stages)} if stages else {}
    parts = plot_parts(stages)
    if parts:
        figures["parts"] = parts
    curves = _threshold_curves(trained.family, result)
    if curves:
        figures["thresholds"] = plot_thresholds(curves)
    if result.confusion is not None:
        figures["confusion"] = plot_confusion(result.confusion, ("air", *result.classes))
    shown = choose_scenes(result.scenes, result.main.output.name)
    for kind, score in shown.items():
        figures[figure_of(kind)] = _draw_scene(splits, score.position, runs, device)
    folder = run / "report"
    try:
        folder.mkdir(exist_ok=True)
        for name, content in figures.items():
            (folder / f"{name}.png").write_bytes(content)
    except OSError as error:
        raise ScenegenError(
            f"{folder}: cannot be written ({error.strerror}); check its permissions and the disk space"
        ) from error
    text = page(ReportContent(runs, f"{data.resolve().name}, {split}", stages, shown, figures))
    write_text(run / "report.html", text)
    return run / "report.html"


def choose_scenes(scores: Sequence[SceneScore], output: str) -> dict[str, SceneScore]:
    """The best, the median and the three worst scenes by an output's IoU, each once; none without a voxel."""
    known = [score for score in scores if score.ious[output] is not None]
    ranked = sorted(known, key=lambda score: (-(score.ious[output] or 0.0), score.position))
    places = {"best": 0, "median": len(ranked) // 2, **{kind: len(ranked) - 1 - n for n, kind in enumerate(WORST)}}
    chosen: dict[str, SceneScore] = {}
    for kind, place in places.items():
        if 0 <= place < len(ranked) and ranked[place] not in chosen.values():
            chosen[kind] = ranked[place]
    return chosen


def _name(folder: Path) -> str:
    return folder.resolve().name


def _threshold_curves(family: Family, result: Evaluation) -> list[ThresholdCurve]:
    curves = []
    for name, score in result.outputs.items():
        paper = [version.scores.get(name, PaperScore()).threshold for version in family.paper]
        if score.curve is not None:
            theirs = next((threshold for threshold in paper if threshold is not None), None)
            curves.append(ThresholdCurve(score.output.title, score.curve, score.scores.threshold, theirs))
    return curves


def _read_stages(run: Path, stages: Sequence[Stage]) -> dict[str, Rows]:
    """The epochs of every stage that left a table, by the stage's title."""
    found: dict[str, Rows] = {}
    for stage in stages:
        path = run / stage.name / "metrics.csv"
        if not path.is_file():
            continue
        try:
            table = csv.DictReader(io.StringIO(read_file(path, MOST_TEXT).decode("utf-8")))
            rows = [{key: float(value) for key, value in row.items() if value != ""} for row in table]
            needed = {"epoch", "train_loss", "val_loss", "seconds"}
            if not rows or not all(needed <= set(row) for row in rows):
                raise ValueError("no epochs, or columns missing")
            if [row["epoch"] for row in rows] != list(range(len(rows))):
                raise ValueError("epochs that do not count up from 0")
        except (OSError, ValueError, TypeError, csv.Error) as error:
            raise DamageError(
                f"{path}: damaged ({error}); restore it, or rename it to have the report without this stage's curves"
            ) from error
        found[stage.title] = rows
    return found


def _draw_scene(splits: Sequence[SceneList], position: int, runs: Sequence[ScoredRun], device: torch.device) -> bytes:
    """A scene's images, the truth of the main output and what each run predicts."""
    classes, main = splits[0].classes, runs[0].result.main.output
    stored = splits[0][position]
    true = _as_voxels(main.truth(stored.labels[None], len(classes)))
    volumes = [Volume("truth", "", true, volume_names(main, classes))]
    answers = []
    for run, scenes in zip(runs, splits, strict=True):
        output = run.result.main.output
        item = scenes[position]
        extras = stack_extras([item.extras]).to(device)
        probabilities = predict_probabilities(run.trained, item.images[None].to(device), extras)[output.name]
        predicted = output.predicted(probabilities, run.trained.thresholds[output.name])
        note = f"IoU {show(run.result.scenes[position].ious[output.name])}"
        volumes.append(Volume(run.name, note, _as_voxels(predicted), volume_names(output, classes)))
        answers.append(probabilities)
    camera, grid = splits[0].camera(position), splits[0].grid
    if isinstance(grid, GridSpec):
        sheet = scene_sheet(stored.images.permute(0, 2, 3, 1).numpy(), volumes, grid)
    else:
        assert camera is not None
        scene = splits[0].scene(position)
        poses = _poses(runs[0].trained, stored.images.to(device), answers[0], scene, camera)
        frusta = [Frustum(volume.head, volume.note, _as_labels(volume.masks)) for volume in volumes]
        image = stored.images[0].permute(1, 2, 0).numpy()
        sheet = comparison_sheet(image, frusta, scene.cameras[camera], volumes[0].names, poses)
    content = io.BytesIO()
    sheet.save(content, "PNG", optimize=True)
    return content.getvalue()


def _poses(
    trained: TrainedModel, images: Tensor, probabilities: Tensor, scene: StoredScene, camera: int
) -> tuple[list[SeenPose], list[SeenPose]] | None:
    """True poses, and those that a network finds in images uint8 (1, 3, H, W); None where it reads none."""
    if trained.family.find_objects is None:
        return None
    cameras, classes = [scene.cameras[camera]], trained.classes
    [found] = trained.family.find_objects(trained.model, images.float() / 255, probabilities, cameras, classes)
    return true_poses(scene, camera), [found_pose(item) for item in found]


def _as_voxels(masks: Tensor) -> NDArray[np.bool_]:
    """(1, C, X, Y, Z) to (X, Y, Z, C), on the host."""
    return masks[0].movedim(0, -1).cpu().numpy()


def _as_labels(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Masks (w, h, d, C) to labels (w, h, d), the first class where there are several."""
    return np.where(masks.any(axis=-1), masks.argmax(axis=-1) + 1, 0).astype(np.uint8)
