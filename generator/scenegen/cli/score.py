"""`scenegen score`: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scenegen.cli.options import counted, json_option, worker_count, workers_option


@click.command()
@click.argument("predictions", metavar="PREDICTIONS", type=click.Path(path_type=Path))
@click.argument("data", metavar="DATA", type=click.Path(path_type=Path))
@click.option("--partial", is_flag=True, help="Score the scenes that have a prediction, where some have none.")
@click.option(
    "--csv", "csv_folder", metavar="DIR", type=click.Path(path_type=Path), help="Also write DIR/NAME.csv of each table."
)
@workers_option
@json_option
def score(
    predictions: Path, data: Path, partial: bool, csv_folder: Path | None, workers: int | None, as_json: bool
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
    """
    from scenegen.cli.score_tables import make_folder, print_tables, write_tables
    from scenegen.progress import progress
    from scenegen.steps.score.score import score as run

    if csv_folder:
        make_folder(csv_folder)  # before the work
    with progress("score") as on_progress:
        found = run(predictions, data, partial=partial, workers=worker_count(workers), on_progress=on_progress)
    if csv_folder:
        write_tables(found.tables, csv_folder)
    if as_json:
        click.echo(json.dumps(found.to_json(), indent=1, allow_nan=False))
        return 0
    items = counted(len(found.items), "image" if found.of_frusta else "scene")
    click.echo(f"{predictions} on {data}, {items}")
    print_tables(found.tables)
    return 0
