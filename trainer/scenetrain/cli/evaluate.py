"""scenetrain evaluate: a run's scores on a data set, as a table beside the paper's or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenetrain.cli.options import data_option, device_option, json_option, run_argument, split_option

if TYPE_CHECKING:
    from rich.table import Table

    from scenetrain.evaluation.evaluate import Evaluation
    from scenetrain.networks.contract import Family


@click.command()
@run_argument
@data_option
@split_option
@device_option
@json_option
def evaluate(run: Path, data: Path, split: str, device: str, as_json: bool) -> None:
    """Score a trained network on a data set.

    The thresholds are those that the validation split chose. With --json, the answer also holds the scores of every
    scene.

    \b
    Examples:
      scenetrain evaluate runs/final --data data/studio_test
      scenetrain evaluate runs/final --data data/studio --split validation --json
    """
    from scenegen.progress import progress

    from scenetrain.evaluation import evaluate as step
    from scenetrain.training.hardware import open_device
    from scenetrain.training.run_folder import load_model

    place = open_device(device)
    trained = load_model(run, place)
    scenes = step.open_scenes(trained, data, split)
    with progress("evaluate") as on_progress:
        result = step.evaluate(trained, scenes, place, on_progress)
    if as_json:
        click.echo(json.dumps(step.as_json(result), indent=1, allow_nan=False))
        return
    from rich.console import Console

    console = Console()
    title = f"{run.name} on {data.name}, split {split}, {len(result.scenes)} scenes"
    console.print(_table(title, result, trained.family))
    for one in result.outputs.values():
        threshold = f"threshold {one.scores.threshold:.2f}, " if one.output.has_threshold else ""
        scores = f"precision {one.scores.precision:.3f}, recall {one.scores.recall:.3f}"
        console.print(f"{one.output.title}: {threshold}{scores}")
    console.print("constant: the best answer that does not look at the images, every voxel's frequency in training")
    for kind, score in (("seen by a camera", result.seen), ("that no camera saw", result.unseen)):
        if score is not None and score.objects:
            console.print(f"{score.objects} objects {kind}: recall {_show(score.recall)}, IoU {_show(score.iou)}")
        elif score is not None:
            console.print(f"No objects {kind}.")


def _table(title: str, result: Evaluation, family: Family) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("")
    for head in ("IoU", "constant", "scenes", *(f"paper {version.name}" for version in family.paper)):
        table.add_column(head, justify="right")
    total = str(len(result.scenes))
    for one in result.outputs.values():
        name, scores, constant = one.output.title, one.scores, one.constant
        papers = [version.scores.get(one.output.name) for version in family.paper]
        overall = [_show(paper.overall if paper else None) for paper in papers]
        if one.output.kind == "occupancy":
            table.add_row(name, _show(scores.overall), _show(constant.overall), total, *overall, end_section=True)
            continue
        rows = zip(result.classes, scores.classes, constant.classes, scores.scenes_with_class, strict=True)
        for label, iou, blind, held in rows:
            theirs = [_show(paper.classes.get(label) if paper else None) for paper in papers]
            table.add_row(label, _show(iou), _show(blind), str(held), *theirs)
        table.add_section()
        macro = [_show(paper.macro if paper else None) for paper in papers]
        table.add_row(f"{name} overall", _show(scores.overall), _show(constant.overall), total, *overall)
        table.add_row(f"{name} macro", _show(scores.macro), _show(constant.macro), total, *macro, end_section=True)
    return table


def _show(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
