"""`scenegen export`: parse, call, print."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from scenegen.cli.options import (
    counted,
    folder_argument,
    json_option,
    print_message,
    source_library_option,
    worker_count,
    workers_option,
)
from scenegen.steps.exchange.export import FORMATS
from scenegen.steps.exchange.export import export as run


@click.command()
@folder_argument
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    metavar="NAME",
    type=click.Choice(tuple(FORMATS)),
    required=True,
    help="; ".join(f"{name}: {form.help}" for name, form in FORMATS.items()) + ".",
)
@source_library_option
@click.option(
    "--class-map",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A .toml with what the format calls classes, such as chair = 5, in place of its own map.",
)
@workers_option
@json_option
def export(
    folder: Path,
    out: Path,
    form: str,
    assets: Path | None,
    class_map: Path | None,
    workers: int | None,
    as_json: bool,
) -> int:
    """Write a data set in a format that other programs read; OUT appears whole. Run again to continue.

    \b
    Examples: scenegen export data/studio data/studio_coco --format coco
              scenegen export data/studio data/studio_glb --format glb
              scenegen export data/street data/nuscenes --format nuscenes
              scenegen export data/street occ --format occ3d --class-map my.toml
    """
    from scenegen.progress import progress

    with progress("export") as on_progress:
        done = run(
            folder,
            out,
            form,
            assets=assets,
            class_map=class_map,
            workers=worker_count(workers),
            on_progress=on_progress,
            on_size=lambda size: print_message(f"{out}: about {size / 1e6:.1f} MB in all"),
        )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
        return 0
    counts = ", ".join(f"{count} {what}" for what, count in done.counts.items())
    click.echo(f"{out}: {counted(done.scenes, 'scene')}, {counts}; credits in CREDITS.txt")
    for note in done.notes:
        print_message(f"{out}: {note}")
    return 0
