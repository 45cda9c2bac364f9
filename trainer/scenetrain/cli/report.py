"""scenetrain report: one HTML page about a run, which needs no internet connection."""

from __future__ import annotations

from pathlib import Path

import click

from scenetrain.cli.options import DIRECTORY, data_option, device_option, run_argument, split_option
from scenetrain.cli.reading import reading


@click.command()
@run_argument
@data_option
@split_option
@click.option(
    "--compare",
    metavar="RUN",
    type=DIRECTORY,
    multiple=True,
    help="A run to show beside the first, such as an ablation. May be given several times.",
)
@device_option
def report(run: Path, data: Path, split: str, compare: tuple[Path, ...], device: str) -> None:
    """Write a page about a run, RUN/report.html.

    It shows the training curves, the scores beside the paper's, and images of the best and the worst scenes. Frusta are
    shown from the camera, from behind and from above, in metres.

    \b
    Examples:
      scenetrain report runs/final --data data/studio_test
      scenetrain report runs/final --data data/studio_test --compare runs/first
      scenetrain report runs/ssz --data data/street_test --compare runs/no_6d --compare runs/no_ir2d
    """
    from scenetrain.report.report import write_report
    from scenetrain.training.hardware import open_device

    with reading("report", data):
        page = write_report(run, data, split, compare, open_device(device))
    click.echo(f"{page}: open it in a browser")
