"""`scenegen score`: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenegen.cli.options import counted, json_option, worker_count, workers_option

if TYPE_CHECKING:
    from scenegen.metrics.tables import ScoreTable

FORMS = ("monoscene-nyu", "occ3d", "occscannet", "semantickitti", "surroundocc", "uniocc")
"""Those of steps/score/layouts.py, which takes a while to import."""


@click.command()
@click.argument("predictions", metavar="PREDICTIONS", type=click.Path(path_type=Path))
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    metavar="NAME",
    type=click.Choice(FORMS),
    help=f"DATA is an export in this layout, and so is PREDICTIONS: {', '.join(FORMS)}.",
)
@click.option("--partial", is_flag=True, help="Score the scenes that have a prediction, where some have none.")
@click.option(
    "--csv", "csv_folder", metavar="DIR", type=click.Path(path_type=Path), help="Also write DIR/NAME.csv of each table."
)
@workers_option
@json_option
def score(
    predictions: Path,
    data: Path,
    form: str | None,
    partial: bool,
    csv_folder: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Score a folder of predictions, of any network, against the data set that they are of.

    \b
    PREDICTIONS has one .npy or .npz per scene, with the axes of the data set:
      scene_000017.npy           the box grid (X, Y, Z) of scene 17
      scene_000017_camera_3.npy  or the frustum (w, h, d) of its camera 3
    A file holds one array, of any name in an .npz:
      labels     integers (X, Y, Z): 0 = air, c + 1 = class c of dataset.json
      masks      bool (X, Y, Z, C): a channel per class, as masks.npy
      occupancy  bool (X, Y, Z): any class, as occupancy.npy
    Beside labels an .npz may have `instances`, integers (X, Y, Z): object
    numbers, for panoptic quality. What `scenetrain evaluate --predictions`
    writes, RUN/predictions/NAME, is read as it is.

    Prints IoU per class, of all cells and of those that a camera sees, where DATA has visibility; RayIoU at 1, 2
    and 4 m; and PQ.

    \b
    Examples: scenegen score my_predictions data/test
              scenegen score my_predictions data/test --json > scores.json
              scenegen score runs/lift/predictions/test data/test --csv scores
              scenegen score my_occ3d data/occ3d --format occ3d
    """
    from scenegen.cli.score_tables import make_folder, print_tables, write_tables
    from scenegen.progress import progress
    from scenegen.steps.score.layout_scores import score_layout
    from scenegen.steps.score.score import score as score_arrays

    if csv_folder:
        make_folder(csv_folder)  # before the work
    tables: tuple[ScoreTable, ...]
    with progress("score") as on_progress:
        count = worker_count(workers)
        if form:
            of_layout = score_layout(predictions, data, form, partial=partial, workers=count, on_progress=on_progress)
            tables, body = (of_layout.table,), of_layout.to_json()
            items = counted(len(of_layout.files), "file")
        else:
            found = score_arrays(predictions, data, partial=partial, workers=count, on_progress=on_progress)
            tables, body = found.tables, found.to_json()
            items = counted(len(found.items), "image" if found.of_frusta else "scene")
    if csv_folder:
        write_tables(tables, csv_folder)
    if as_json:
        click.echo(json.dumps(body, indent=1, allow_nan=False))
        return 0
    click.echo(f"{predictions} on {data}, {items}")
    print_tables(tables)
    return 0
