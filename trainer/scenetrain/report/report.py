"""A page about a run: RUN/report.html, which holds its pictures and opens offline, and the pictures in RUN/report."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.scene.scene import GridSpec
from scenegen.progress import progress

from scenetrain.data.labels import unpack_masks
from scenetrain.data.scenes import SceneList
from scenetrain.evaluation.evaluate import SceneScore, evaluate, open_scenes, predict_probabilities
from scenetrain.networks.contract import Stage
from scenetrain.report.page import Scored, page, show
from scenetrain.report.plots import Rows, plot_confusion, plot_stages, plot_thresholds
from scenetrain.report.voxels import scene_sheet
from scenetrain.training.run_folder import load_model


def write_report(run: Path, data: Path, split: str, compare: Path | None, device: torch.device) -> Path:
    """Score `run` (and `compare` beside it) on a split and write RUN/report.html, the path returned.

    ScenegenError when a run has no model, the data does not fit it, or the folder cannot be written.
    """
    models = [(_name(folder), load_model(folder / "model.pt", device)) for folder in (run, compare) if folder]
    splits = [open_scenes(trained, data, split) for _, trained in models]
    stages = _read_stages(run, models[0][1].family.stages(models[0][1].config))
    runs = []
    for (name, trained), scenes in zip(models, splits, strict=True):
        with progress(f"evaluate {name}") as on_progress:
            runs.append(Scored(name, trained, evaluate(trained, scenes, device, on_progress)))
    result = runs[0].result
    pictures: dict[str, bytes] = {"curves": plot_stages(stages)} if stages else {}
    curves = {one.output.title: (one.curve, one.scores.threshold) for one in result.outputs.values() if one.curve}
    if curves:
        papers = [score.threshold for version in models[0][1].family.paper for score in version.scores.values()]
        pictures["thresholds"] = plot_thresholds(curves, next((t for t in papers if t is not None), None))
    if result.confusion is not None:
        pictures["confusion"] = plot_confusion(result.confusion, ("air", *result.classes))
    shown = (
        choose_scenes(result.scenes) if isinstance(splits[0].grid, GridSpec) and result.confusion is not None else {}
    )
    for kind, score in shown.items():
        pictures[f"scene_{kind}"] = _draw_scene(splits[0], score, runs, device)
    folder = run / "report"
    try:
        folder.mkdir(exist_ok=True)
        for name, content in pictures.items():
            (folder / f"{name}.png").write_bytes(content)
    except OSError as error:
        raise ScenegenError(f"{folder}: cannot be written ({error.strerror}); free the place") from error
    write_text(run / "report.html", page(runs, f"{data.resolve().name}, {split}", stages, pictures, shown))
    return run / "report.html"


def choose_scenes(scores: Sequence[SceneScore]) -> dict[str, SceneScore]:
    """The best, the median and the worst scene by the main output's IoU, each once; scenes without a voxel left out."""
    ranked = sorted((s for s in scores if main_iou(s) is not None), key=lambda s: (-(main_iou(s) or 0.0), s.position))
    places = {"best": 0, "median": len(ranked) // 2, "worst": len(ranked) - 1}
    chosen: dict[str, SceneScore] = {}
    for kind, place in places.items():
        if ranked and ranked[place] not in chosen.values():
            chosen[kind] = ranked[place]
    return chosen


def main_iou(score: SceneScore) -> float | None:
    """A scene's IoU in the main output."""
    return list(score.ious.values())[-1]


def _name(folder: Path) -> str:
    return folder.resolve().name


def _read_stages(run: Path, stages_of_run: Sequence[Stage]) -> dict[str, Rows]:
    """The epochs of every stage that left a table."""
    stages: dict[str, Rows] = {}
    for stage in stages_of_run:
        path = run / stage.name / "metrics.csv"
        if not path.is_file():
            continue
        try:
            table = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
            rows = [{key: float(value) for key, value in row.items()} for row in table]
            needed = {"epoch", "train_loss", "val_loss", "val_iou", "seconds"}
            if not rows or not needed <= set(rows[0]):
                raise ValueError("no epochs, or columns missing")
        except (OSError, ValueError, TypeError) as error:
            raise ScenegenError(
                f"{path}: damaged ({error}); remove it to have the report without its curves"
            ) from error
        stages[stage.title] = rows
    return stages


def _draw_scene(scenes: SceneList, score: SceneScore, runs: Sequence[Scored], device: torch.device) -> bytes:
    """A scene's photographs, truth and what each run made of it."""
    stored = scenes[score.position]
    truth = unpack_masks(stored.labels[None], len(scenes.classes))[0]
    volumes: list[tuple[str, str, NDArray[np.bool_]]] = [("truth", "", truth.movedim(0, -1).numpy())]
    for run in runs:
        main = run.trained.family.main
        masks = predict_probabilities(run.trained, stored.images[None].to(device))[main.name]
        predicted = main.predicted(masks, run.trained.thresholds[main.name])[0].movedim(0, -1).cpu().numpy()
        volumes.append((run.name, f"IoU {show(main_iou(run.result.scenes[score.position]))}", predicted))
    images = stored.images.permute(0, 2, 3, 1).numpy()
    content = io.BytesIO()
    assert isinstance(scenes.grid, GridSpec)
    scene_sheet(images, volumes, scenes.grid, scenes.classes).save(content, "PNG", optimize=True)
    return content.getvalue()
