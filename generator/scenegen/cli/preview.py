"""`scenegen preview`: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path

import click

from scenegen.cli.options import folder_argument, json_option


@click.command()
@folder_argument
@click.option(
    "--out", metavar="DIR", type=click.Path(path_type=Path), help="Where to write the page (default: DIR/preview)."
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N scenes.")
@json_option
def preview(folder: Path, out: Path | None, limit: int | None, as_json: bool) -> int:
    """Draw images, instances, depth and voxels of every scene, and a page that opens offline.

    \b
    Example: scenegen preview data/studio --limit 20
    """
    from scenegen.progress import progress
    from scenegen.steps.preview.sheets import write_preview

    with progress("preview") as on_progress:
        page = write_preview(folder, out, limit=limit, on_progress=on_progress)
    click.echo(json.dumps({"page": str(page)}) if as_json else f"{page}: open it in a browser")
    return 0
