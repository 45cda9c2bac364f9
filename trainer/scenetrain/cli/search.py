"""scenetrain search: the paper's search for learning rate, dropout and batch size."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="A data set of `scenegen generate`.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The search's folder; again resumes it.")
@click.option("--config", "name", default="first", show_default=True, help="Where to start: a name or a .toml file.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting of all trials.")
@click.option("--test", type=click.Path(path_type=Path), help="Score what is chosen on 250 scenes of this data set.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="Trials side by side, one a GPU.")
@click.option("--workers", type=click.IntRange(0), default=2, show_default=True, help="Reader processes a trial.")
def search(
    data: Path,
    out: Path,
    name: str,
    changes: tuple[str, ...],
    test: Path | None,
    device: str,
    devices: int,
    workers: int,
) -> None:
    """Change one setting at a time, keep what helps validation; the same command again goes on where it was cut off.

    Trials use 4500 scenes, 500 of validation, and a patience of 5 epochs; --set changes these too. OUT/chosen.toml is
    then a configuration for `scenetrain fit --config`.

    \b
    Example: scenetrain search --data data/studio --out runs/search --devices 8
    """
    from scenetrain.config import load_config
    from scenetrain.search import search as step
    from scenetrain.search.report import HEADS, cells
    from scenetrain.training.fit import Hardware

    hardware = Hardware(device, devices, workers=workers)
    base = load_config(name, changes)
    limited = load_config(name, (*step.LIMITS, *changes))
    result = step.search(limited, data, out, hardware, say=lambda line: click.echo(line, err=True))
    chosen = step.write_results(result, base, out)
    table = Table(*HEADS, title="Trials", title_justify="left")
    for row in result.rows:
        table.add_row(*cells(row), style="bold green" if row.kept else None)
    console = Console()
    console.print(table)
    if test is not None:
        scores = step.score_chosen(result, data, test, hardware)
        console.print(
            f"On {len(scores.scenes)} test scenes: reconstructor IoU {scores.reconstructor.overall:.3f}, segmenter "
            f"{scores.segmenter.overall:.3f} overall, {scores.segmenter.macro:.3f} macro"
        )
    click.echo(f"{chosen}: next, scenetrain fit --data {data} --out DIR --config {chosen}")
