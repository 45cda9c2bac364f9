"""scenetrain fit: train a network, and end with a report on a test data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenetrain.cli.options import (
    DIRECTORY,
    coco_choice,
    coco_options,
    config_option,
    data_option,
    device_option,
    model_option,
    set_option,
    workers_option,
)
from scenetrain.cli.reading import reading

if TYPE_CHECKING:
    from scenetrain.config import PaintConfig
    from scenetrain.data.coco_images import CocoChoice


@click.command()
@model_option
@data_option
@click.option(
    "--out", metavar="RUN", type=DIRECTORY, required=True, help="The run's folder. An existing run continues."
)
@click.option(
    "--test-data", "test", metavar="DIR", type=DIRECTORY, help="A data set of test models; write a report on it."
)
@config_option
@set_option
@device_option
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="GPUs or processes per machine.")
@click.option("--nodes", type=click.IntRange(1), default=1, show_default=True, help="Machines.")
@workers_option
@click.option(
    "--images",
    type=click.Choice(["rendered", "restyled", "both"]),
    help="Which images of a data set to learn from: rendered ones (the default), those of `restyle`, or both.",
)
@coco_options
def fit(
    model: str | None,
    data: Path,
    out: Path,
    test: Path | None,
    config: str | None,
    changes: tuple[str, ...],
    device: str,
    devices: int,
    nodes: int,
    workers: int,
    images: str | None,
    coco: Path | None,
    classes: str | None,
    objects: str | None,
) -> None:
    """Train a network. After an interruption, the same command continues the run.

    \b
    Examples:
      scenetrain fit --data data/studio --out runs/first
      scenetrain fit --data data/studio --test-data data/studio_test \\
          --out runs/final --config final
      scenetrain fit --data data/studio --out runs/mine --set training.views=2
      scenetrain fit --data data/studio_real --out runs/both --images both
      scenetrain fit --model pix2pixhd --data photos --out runs/real
      scenetrain fit --model pix2pixhd --data train2017 --out runs/real \\
          --coco instances_train2017.json --classes car,bus --objects crop
    """
    from scenetrain.networks.settings import load_config, load_paint_config, named_painter
    from scenetrain.training import fit as training
    from scenetrain.training.hardware import Hardware, leave_group

    choice = coco_choice(coco, classes, objects)
    if painter := named_painter(config, changes, model):
        if test is not None or images is not None or devices > 1 or nodes > 1:
            raise click.UsageError(
                f"{painter} trains on photographs, on one device: no --test-data, --images, --devices, --nodes"
            )
        _fit_painter(load_paint_config(painter, config, changes), data, out, device, choice)
        return
    if choice:
        raise click.UsageError("--coco is for a network that paints photographs, such as --model pix2pixhd")
    asked = (f'training.images="{images}"',) if images else ()
    settings = load_config(config, (*changes, *asked), model)
    with reading("fit", data, test):
        if test is not None:
            training.check_test_data(settings, test)  # before hours of training
        hardware = Hardware(device, devices, nodes, workers)
        training.fit(settings, data, out, hardware, lambda line: click.echo(line, err=True))
        if not leave_group():
            return
        if test is not None:
            _write_report(out, test, device)
    click.echo(f"{out / 'model.pt'}: next, run scenetrain evaluate {out} --data {test or 'DIR'} --split test")


def _fit_painter(settings: PaintConfig, data: Path, out: Path, device: str, choice: CocoChoice | None) -> None:
    from scenetrain.training.hardware import open_device
    from scenetrain.training.paint import fit_painter

    with reading("fit", data):
        fit_painter(settings, data, out, open_device(device), lambda line: click.echo(line, err=True), choice)
    click.echo(f"{out / 'model.pt'}: next, look at {out / 'samples.png'}, then scenetrain restyle DATA OUT --run {out}")


def _write_report(run: Path, test: Path, device: str) -> None:
    from scenetrain.report.report import write_report
    from scenetrain.training.hardware import open_device

    page = write_report(run, test, "test", (), open_device(device))
    click.echo(f"{page}: open it in a browser", err=True)
