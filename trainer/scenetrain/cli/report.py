"""scenetrain report: a page about a run that opens offline."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True, help="A data set of `scenegen generate`.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), default="test", show_default=True)
@click.option("--compare", type=click.Path(path_type=Path), help="A second run to stand beside it.")
def report(run: Path, data: Path, split: str, compare: Path | None) -> None:
    """Write RUN/report.html: curves, scores beside the paper's, and pictures of the best and the worst scenes.

    \b
    Example: scenetrain report runs/final --data data/studio_test --compare runs/first
    """
    from scenetrain.evaluation.evaluate import open_device
    from scenetrain.report.report import write_report

    page = write_report(run, data, split, compare, open_device("auto"))
    click.echo(f"{page}: open it in a browser")
