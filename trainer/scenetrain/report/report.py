"""A page about a run: RUN/report.html, which holds its images and opens offline, and the images in RUN/report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import write_text
from scenegen.progress import progress

from scenetrain.evaluation.evaluate import Evaluation, SceneScore, evaluate, open_scenes
from scenetrain.networks.contract import Family, PaperScore, Stage
from scenetrain.report.page import ReportContent, figure_of, page
from scenetrain.report.plots import ThresholdCurve, plot_confusion, plot_parts, plot_stages, plot_thresholds
from scenetrain.report.scenes import Drawn, draw_scene
from scenetrain.report.tables import ScoredRun, show
from scenetrain.report.viewer_links import viewer_links
from scenetrain.training.epoch_tables import Rows, read_epochs
from scenetrain.training.run_folder import load_model

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
        drawn = [
            Drawn(
                run.name,
                f"IoU {show(run.result.scenes[score.position].ious[run.result.main.output.name])}",
                run.trained,
            )
            for run in runs
        ]
        figures[figure_of(kind)] = draw_scene(splits, score.position, drawn, device)
    folder = run / "report"
    try:
        folder.mkdir(exist_ok=True)
        for name, content in figures.items():
            (folder / f"{name}.png").write_bytes(content)
    except OSError as error:
        raise ScenegenError(
            f"{folder}: cannot be written ({error.strerror}); check its permissions and the disk space"
        ) from error
    links = viewer_links(data, (run, *compare))
    text = page(ReportContent(runs, f"{data.resolve().name}, {split}", stages, shown, figures, links))
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
        found[stage.title] = read_epochs(path)
    return found
