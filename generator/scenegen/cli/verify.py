"""`scenegen verify`: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scenegen.cli.options import (
    counted,
    folder_argument,
    json_option,
    source_library_option,
    worker_count,
    workers_option,
)
from scenegen.core.one_line import one_line


@click.command()
@folder_argument
@workers_option
@source_library_option
@click.option(
    "--against",
    metavar="OTHER",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Prove also that no model shown in DIR has the shape of one shown in the data set OTHER.",
)
@json_option
def verify(folder: Path, workers: int | None, assets: Path | None, against: tuple[Path, ...], as_json: bool) -> int:
    """Check every promise of the format on every scene; exit status 1 when one is broken.

    \b
    Examples: scenegen verify data/studio
              scenegen verify data/train --against data/test
    """
    from scenegen.progress import progress
    from scenegen.steps.verify.verify import verify as run

    with progress("verify") as on_progress:
        report = run(folder, workers=worker_count(workers), assets=assets, against=against, on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(report.to_json()))
        return 0 if report.ok else 1
    for fault in report.faults:
        where = "data set" if fault.scene is None else f"scene {fault.scene}"
        click.echo(one_line(f"{where}: {fault.check}: {fault.detail}"))
    for note in report.notes:
        click.echo(note)
    verdict = "every promise holds" if report.ok else f"{counted(len(report.faults), 'promise')} broken"
    click.echo(f"{folder}: {counted(report.scenes, 'scene')}, {len(report.checks)} checks each: {verdict}")
    return 0 if report.ok else 1
