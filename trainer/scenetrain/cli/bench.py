"""scenetrain bench: the speed of inference and of every training stage on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenetrain.cli.options import DIRECTORY, config_option, device_option, json_option, model_option, set_option

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from scenetrain.training.bench import Bench, StageSpeed
    from scenetrain.training.bench_all import Benched


@click.command()
@model_option
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Measure every network in one table: in its own configuration or that of --config, on the processor and on a "
    "GPU, where there is one.",
)
@click.option("--run", metavar="RUN", type=DIRECTORY, help="Measure the trained network of a run.")
@config_option
@set_option
@device_option
@click.option("--steps", type=click.IntRange(1), help="Steps per epoch (default: 50 on a GPU, 2 on a CPU).")
@json_option
def bench(
    model: str | None,
    every: bool,
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
      scenetrain bench --all --config tiny
      scenetrain bench --run runs/final --device cpu --steps 4 --json
    """
    from scenegen.cli.tables import console

    from scenetrain.networks.settings import load_config
    from scenetrain.training import bench as step
    from scenetrain.training.hardware import open_device
    from scenetrain.training.run_folder import load_model

    if every:
        if run is not None or model is not None or changes:
            raise click.UsageError("--all takes every network as it is; leave out --model, --run and --set")
        _bench_all(config, device, steps, as_json=as_json)
        return
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
    _show(result, console())


def _bench_all(config: str | None, device: str, steps: int | None, *, as_json: bool) -> None:
    import torch
    from scenegen.cli.tables import console
    from scenegen.core.errors import ScenegenError

    from scenetrain.training.bench_all import bench_all
    from scenetrain.training.hardware import open_device

    open_device(device)
    devices = (device,) if device != "auto" else ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
    found = []
    for one in bench_all(config, devices, steps):
        click.echo(f"{one.network} on {one.device}: {one.failure or 'measured'}", err=True)
        found.append(one)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
    else:
        console().print(_all_table(found))
    failed = [one.network for one in found if one.failure]
    if failed:
        raise ScenegenError(f"bench: {', '.join(dict.fromkeys(failed))} could not be measured; see the lines above")


def _all_table(found: Sequence[Benched]) -> Table:
    """A line for every stage; the network's own figures stand in its first."""
    from rich.table import Table

    table = Table(title="Every network; training as `fit` does it, inference of one scene", title_justify="left")
    for head in ("network", "config", "device"):
        table.add_column(head)
    for head in ("views", "parameters", "latency ms", "GB"):
        table.add_column(head, justify="right")
    table.add_column("stage")
    for head in ("batch", "step ms", "GB"):
        table.add_column(head, justify="right")
    for one in found:
        table.add_section()
        if one.bench is None:
            table.add_row(one.network, one.config, one.device, *[""] * 4, one.failure)
            continue
        best = min(one.bench.inference, key=lambda inference: inference.seconds)
        half = " (bf16)" if best.precision == "bfloat16" else ""
        own: tuple[str, ...] = (
            one.network,
            one.config,
            one.bench.device,
            str(one.bench.views),
            f"{one.bench.parameters:,}",
            f"{1e3 * best.seconds:,.1f}{half}",
            f"{best.peak_bytes / 1e9:.2f}",
        )
        for stage in one.bench.stages:
            training = (f"{1e3 * stage.step_seconds:,.1f}", f"{stage.peak_bytes / 1e9:.2f}")
            table.add_row(*own, stage.stage, str(stage.batch_size), *training)
            own = ("",) * len(own)
    return table


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
