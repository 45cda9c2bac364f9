"""scenetrain evaluate: a run's scores on a data set, as a table beside the paper's or as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenetrain.cli.options import DIRECTORY, data_option, device_option, json_option, run_argument, split_option
from scenetrain.cli.reading import reading

if TYPE_CHECKING:
    from scenetrain.evaluation.evaluate import Evaluation
    from scenetrain.networks.contract import Family


@click.command()
@run_argument
@data_option
@split_option
@device_option
@click.option(
    "--csv", "csv_folder", metavar="DIR", type=DIRECTORY, help="Also write DIR/NAME.csv for each table after the first."
)
@click.option(
    "--predictions",
    is_flag=True,
    help="Keep what it predicts for `scenegen view --run` and `scenegen score`, in RUN/predictions.",
)
@json_option
def evaluate(
    run: Path, data: Path, split: str, device: str, csv_folder: Path | None, predictions: bool, as_json: bool
) -> None:
    """Score a trained network on a data set.

    The thresholds are those that the validation split chose. Networks that label frusta have tables of their own:
    fruxels (IoU in fruxels and in cubic metres), depth and rays (what each ray meets first), poses. With --json, the
    answer also holds the scores of every scene.

    \b
    Examples:
      scenetrain evaluate runs/final --data data/studio_test
      scenetrain evaluate runs/final --data data/studio --split validation --json
      scenetrain evaluate runs/ssz --data data/street_test --csv scores
      scenetrain evaluate runs/lift --data data/studio_test --predictions
    """
    from scenegen.cli.score_tables import make_folder, write_tables
    from scenegen.progress import progress

    from scenetrain.evaluation import evaluate as evaluation
    from scenetrain.evaluation.predictions import PredictionFolder
    from scenetrain.training.hardware import open_device
    from scenetrain.training.run_folder import load_model

    place = open_device(device)
    trained = load_model(run, place)
    if csv_folder:
        make_folder(csv_folder)  # before the work, which takes minutes
    with reading("evaluate", data), progress("evaluate") as on_progress:
        scenes = evaluation.open_scenes(trained, data, split)
        folder = PredictionFolder(run, trained, scenes) if predictions else None
        result = evaluation.evaluate(trained, scenes, place, on_progress, folder.keep if folder else None)
    if folder:
        folder.finish(result)
    if csv_folder:
        write_tables(result.tables, csv_folder)
    if as_json:
        click.echo(json.dumps(evaluation.as_json(result), indent=1, allow_nan=False))
        return
    _print_scores(f"{run.name} on {data.name}, split {split}", trained.family, result)


def _print_scores(title: str, family: Family, result: Evaluation) -> None:
    from rich.table import Table
    from scenegen.cli.score_tables import print_tables
    from scenegen.cli.tables import console

    from scenetrain.report.tables import item_name, score_rows, show

    table = Table(title=f"{title}, {len(result.scenes)} {item_name(result)}", title_justify="left")
    table.add_column("")
    for head in ("IoU", "constant", item_name(result), *(f"paper {version.name}" for version in family.paper)):
        table.add_column(head, justify="right")
    for row in score_rows(family, [result]):
        if row.starts_group:
            table.add_section()
        paper = ("" if figure is None else show(figure) for figure in row.paper)
        table.add_row(row.name, show(row.runs[0]), show(row.constant), str(row.items), *paper)
    output = console()
    output.print(table)
    for score in result.outputs.values():
        threshold = f"threshold {score.scores.threshold:.2f}, " if score.output.has_threshold else ""
        figures = f"precision {score.scores.precision:.3f}, recall {score.scores.recall:.3f}"
        output.print(f"{score.output.title}: {threshold}{figures}")
    output.print("constant: the best answer that ignores the images")
    for kind, objects in (("seen by a camera", result.seen), ("that no camera saw", result.unseen)):
        if objects is not None:
            output.print(f"{objects.objects} objects {kind}: recall {show(objects.recall)}, IoU {show(objects.iou)}")
    print_tables(result.tables)
