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
    from scenetrain.training.run_folder import load_model

    place = step.open_device(device)
    trained = load_model(run, place)
    scenes = step.open_scenes(trained, data, split)
    with progress("evaluate") as on_progress:
        result = step.evaluate(trained, scenes, place, on_progress)
    if as_json:
        click.echo(json.dumps(step.as_json(result), indent=1, allow_nan=False))
        return
    from rich.console import Console

    console = Console()
    console.print(_table(f"{run.name} on {data.name}, split {split}, {len(result.scenes)} scenes", result))
    for name, scores in (("reconstructor", result.reconstructor), ("segmenter", result.segmenter)):
        console.print(
            f"{name}: threshold {scores.threshold:.2f}, precision {scores.precision:.3f}, recall {scores.recall:.3f}"
        )
    console.print("constant: the best answer that does not look at the images, every voxel's frequency in training")
    for kind, score in (("seen by a camera", result.seen), ("that no camera saw", result.unseen)):
        if score.objects:
            console.print(f"{score.objects} objects {kind}: recall {_show(score.recall)}, IoU {_show(score.iou)}")
        else:
            console.print(f"No objects {kind}.")


def _table(title: str, result: Evaluation) -> Table:
    from rich.table import Table

    from scenetrain.networks.everted import paper

    table = Table(title=title, title_justify="left")
    table.add_column("")
    for head in ("IoU", "constant", "scenes", "paper first", "paper final"):
        table.add_column(head, justify="right")
    total, segmenter = str(len(result.scenes)), result.segmenter
    constant = result.constant_segmenter
    reconstructor = (result.reconstructor.overall, result.constant_reconstructor.overall)
    table.add_row("reconstructor", *map(_show, reconstructor), total, "", _show(paper.RECONSTRUCTOR_IOU))
    table.add_section()
    rows = zip(result.classes, segmenter.classes, constant.classes, segmenter.scenes_with_class, strict=True)
    for name, iou, blind, held in rows:
        theirs = (_show(paper.CLASSES[version].get(name)) for version in ("first", "final"))
        table.add_row(name, _show(iou), _show(blind), str(held), *theirs)
    table.add_section()
    for name, value, blind, figures in (
        ("overall", segmenter.overall, constant.overall, paper.OVERALL),
        ("macro", segmenter.macro, constant.macro, paper.MACRO),
    ):
        table.add_row(
            f"segmenter {name}", _show(value), _show(blind), total, *(_show(figures[v]) for v in ("first", "final"))
        )
    return table


def _show(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
