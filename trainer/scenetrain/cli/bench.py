"""scenetrain bench: the speed of inference and of every training stage on this machine."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenetrain.cli.options import DIRECTORY, config_option, device_option, json_option, model_option, set_option

if TYPE_CHECKING:
    from rich.console import Console

    from scenetrain.training.bench import Bench, StageSpeed


@click.command()
@model_option
@click.option("--run", metavar="RUN", type=DIRECTORY, help="Measure the trained network of a run.")
@config_option
@set_option
@device_option
@click.option("--steps", type=click.IntRange(1), help="Steps per epoch (default: 50 on a GPU, 2 on a CPU).")
@json_option
def bench(
    model: str | None,
    run: Path | None,
    config: str | None,
    changes: tuple[str, ...],
    device: str,
    steps: int | None,
    as_json: bool,
) -> None:
    """Measure the speed of inference and training.

    Times each training stage per epoch of as many scenes as the paper has, and measures the memory that inference and
    training take.

    \b
    Examples:
      scenetrain bench --config final
      scenetrain bench --model ssz --config tiny
      scenetrain bench --run runs/final --device cpu --steps 4 --json
    """
    from rich.console import Console

    from scenetrain.networks.settings import load_config
    from scenetrain.training import bench as step
    from scenetrain.training.hardware import open_device
    from scenetrain.training.run_folder import load_model

    if run is not None and (changes or config is not None or model is not None):
        raise click.UsageError("--run has its own configuration; leave out --model, --config and --set")
    place = open_device(device)
    trained = load_model(run, place) if run is not None else None
    settings = trained.config if trained else load_config(config, changes, model)
    wanted = steps or (50 if place.type == "cuda" else 2)
    result = step.bench(settings, place.type, wanted, trained.model if trained else None)
    if as_json:
        click.echo(json.dumps(asdict(result), indent=1))
        return
    _show(result, Console())


def _show(result: Bench, console: Console) -> None:
    from rich.table import Table

    console.print(f"{result.device}, {result.views} views")
    for inference in result.inference:
        console.print(
            f"inference of one scene in {inference.precision}: {1e3 * inference.seconds:.1f} ms, "
            f"{inference.peak_bytes / 1e9:.2f} GB"
        )
    table = Table(title=f"Training in {result.precision}, an epoch of {result.scenes:,} scenes", title_justify="left")
    table.add_column("stage")
    for head in ("batch", "s/epoch", "floor s", "share of floor", "GB"):
        table.add_column(head, justify="right")
    for stage in result.stages:
        epoch = f"{stage.epoch_seconds:.1f}"
        table.add_row(stage.stage, str(stage.batch_size), epoch, *_floor(stage), f"{stage.peak_bytes / 1e9:.2f}")
    console.print(table)
    if all(stage.floor is None for stage in result.stages):
        console.print("The floor, the shortest possible time, is known for one H200 GPU and the paper's network only.")


def _floor(stage: StageSpeed) -> tuple[str, str]:
    if stage.floor is None:
        return "-", "-"
    return f"{stage.floor:.1f}", f"{stage.floor / stage.epoch_seconds:.0%}"
