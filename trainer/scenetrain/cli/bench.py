"""scenetrain bench: how fast inference and every training stage are here."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from scenetrain.training.bench import Bench, StageSpeed


@click.command()
@click.option("--run", type=click.Path(path_type=Path), help="Measure a run's network and configuration.")
@click.option(
    "--config", "name", default="first", show_default=True, help="Without --run: first, final, tiny or a file."
)
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting of --config.")
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--steps", type=click.IntRange(1), help="Steps an epoch; 50 on a GPU, 2 without, unless told.")
@click.option("--json", "as_text", is_flag=True, help="Print JSON.")
def bench(run: Path | None, name: str, changes: tuple[str, ...], device: str, steps: int | None, as_text: bool) -> None:
    """Measure latency and memory of inference, and seconds an epoch of 22,500 scenes for each stage of training.

    \b
    Example: scenetrain bench --config final --json
    """
    from scenetrain.config import load_config
    from scenetrain.evaluation.evaluate import open_device
    from scenetrain.training import bench as step
    from scenetrain.training.run_folder import load_model

    if run is not None and (changes or name != "first"):
        raise click.UsageError("--run brings its own configuration; leave out --config and --set")
    place = open_device(device)
    trained = load_model(run, place) if run is not None else None
    config = trained.config if trained else load_config(name, changes)
    wanted = steps or (50 if place.type == "cuda" else 2)
    result = step.bench(config, place.type, wanted, trained.model if trained else None)
    if as_text:
        click.echo(json.dumps(asdict(result), indent=1))
        return
    _show(result, Console())


def _show(result: Bench, console: Console) -> None:
    console.print(f"{result.device}, {result.views} views")
    for inference in result.inference:
        console.print(
            f"inference of one scene in {inference.precision}: {1e3 * inference.seconds:.1f} ms, "
            f"{inference.peak_bytes / 1e9:.2f} GB"
        )
    table = Table(title=f"Training at {result.precision}, an epoch of 22,500 scenes", title_justify="left")
    table.add_column("stage")
    for head in ("batch", "s/epoch", "floor s", "share of floor", "GB"):
        table.add_column(head, justify="right")
    for stage in result.stages:
        epoch = f"{stage.epoch_seconds:.1f}"
        table.add_row(stage.stage, str(stage.batch_size), epoch, *_floor(stage), f"{stage.peak_bytes / 1e9:.2f}")
    console.print(table)
    if all(stage.floor is None for stage in result.stages):
        console.print("No floor is known here: it is estimated for the paper's network on an H200.")


def _floor(stage: StageSpeed) -> tuple[str, str]:
    if stage.floor is None:
        return "-", "-"
    return f"{stage.floor:.1f}", f"{stage.floor / stage.epoch_seconds:.0%}"
