"""scenetrain search: the paper's search for learning rate, dropout and batch size."""

from __future__ import annotations

from pathlib import Path

import click

from scenetrain.cli.options import (
    DIRECTORY,
    config_option,
    data_option,
    device_option,
    model_option,
    set_option,
    workers_option,
)
from scenetrain.cli.reading import reading


@click.command()
@model_option
@data_option
@click.option(
    "--out", metavar="DIR", type=DIRECTORY, required=True, help="The search's folder. An existing search continues."
)
@config_option
@set_option
@click.option(
    "--test",
    metavar="DIR",
    type=DIRECTORY,
    help="Score the chosen settings on 250 scenes of this data set.",
)
@device_option
@click.option(
    "--devices",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Trials at the same time, each on its own GPU.",
)
@workers_option
def search(
    model: str | None,
    data: Path,
    out: Path,
    config: str | None,
    changes: tuple[str, ...],
    test: Path | None,
    device: str,
    devices: int,
    workers: int,
) -> None:
    """Search for better training settings.

    Starts at --config, changes one setting at a time, and keeps a change if validation improves. Trials use 4,500
    training scenes, 500 validation scenes and a patience of 5 epochs; --set changes these too. After an interruption,
    the same command continues the search. The result is OUT/chosen.toml, a configuration for `scenetrain fit --config`.

    \b
    Examples:
      scenetrain search --data data/studio --out runs/search --devices 8
      scenetrain search --data data/studio --out runs/search \\
          --test data/studio_test
      scenetrain search --model ssz --config tiny --data data/street \\
          --out runs/ssz_search
    """
    from rich.table import Table
    from scenegen.cli.tables import console

    from scenetrain.networks.registry import get_family
    from scenetrain.networks.settings import load_config
    from scenetrain.report.tables import score_rows, show
    from scenetrain.search import search as step
    from scenetrain.search.report import cells, heads, setting_keys
    from scenetrain.training.hardware import Hardware

    hardware = Hardware(device, devices, workers=workers)
    base = load_config(config, changes, model)
    limited = load_config(config, (*step.LIMITS, *changes), model)
    with reading("search", data):
        result = step.search(limited, data, out, hardware, lambda line: click.echo(line, err=True))
    chosen = step.write_results(result, base, out)
    keys = setting_keys(result.rows)
    table = Table(*heads(result.rows), title="Trials", title_justify="left")
    for row in result.rows:
        table.add_row(*cells(row, keys), style="bold green" if row.kept else None)
    output = console()
    output.print(table)
    if test is not None:
        scores = step.score_chosen(result, data, test, hardware)
        family = get_family(base.model.name)
        figures = (f"{row.name} {show(row.runs[0])}" for row in score_rows(family, [scores]) if row.class_name is None)
        output.print(f"IoU on {len(scores.scenes)} test scenes: {', '.join(figures)}")
    click.echo(f"{chosen}: next, run scenetrain fit --data {data} --out DIR --config {chosen}")
