"""`scenegen export`: parse, call, print."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(("bop", "coco")), required=True, help="Poses, or instance masks.")
@click.option(
    "--assets", metavar="DIR", type=click.Path(path_type=Path), help="The prepared library it was made from [its own]."
)
@click.option("--workers", type=click.IntRange(1), metavar="W", help="Processes at once [one a core].")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON on standard output.")
def export(folder: Path, out: Path, form: str, assets: Path | None, workers: int | None, as_json: bool) -> int:
    """Write a data set in a format that other programs read; OUT appears whole, a killed export goes on.

    \b
    Example: scenegen export data/studio data/studio_coco --format coco
    """
    from scenegen.blender.cores import cores
    from scenegen.progress import progress
    from scenegen.steps.exchange.export import export as run

    with progress("export") as on_progress:
        done = run(folder, out, form, assets=assets, workers=workers or cores(), on_progress=on_progress)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
        return 0
    counts = ", ".join(f"{count} {what}" for what, count in done.counts.items())
    click.echo(f"{out}: {done.scenes} scenes, {counts}; credits in CREDITS.txt")
    return 0
