"""`scenegen pack`: parse, call, print."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import click

from scenegen.cli.options import PositiveNumber, counted, folder_argument, json_option, worker_count, workers_option


@click.command()
@folder_argument
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--shard-mb",
    type=PositiveNumber(),
    default=250,
    show_default=True,
    metavar="MB",
    help="Size of a shard at most, in megabytes.",
)
@click.option("--image", type=click.Choice(("jpeg", "png")), default="jpeg", show_default=True, help="Lossy, or exact.")
@click.option("--quality", type=click.IntRange(1, 100), default=95, show_default=True, help="Quality of JPEG images.")
@click.option("--maps", is_flag=True, help="Keep the depth and instance maps, too.")
@click.option("--delete", is_flag=True, help="Remove the scene folders, once all were read back and compared.")
@workers_option
@json_option
def pack(folder: Path, out: Path, delete: bool, workers: int | None, as_json: bool, **options: Any) -> int:
    """Pack a data set into WebDataset tar shards; the same command again packs only what is missing.

    \b
    Example: scenegen pack data/studio data/studio_packed
    """
    from scenegen.core.dataset.packing import Packing
    from scenegen.progress import progress
    from scenegen.steps.pack import pack as run

    with progress("pack") as on_progress:
        done = run(
            folder, out, Packing(**options), delete=delete, workers=worker_count(workers), on_progress=on_progress
        )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
    else:
        deleted = f", {counted(done.deleted, 'folder')} deleted" if done.deleted else ""
        click.echo(
            f"{out}: {counted(done.scenes, 'scene')} ({done.made} packed now) in {counted(done.shards, 'shard')}, "
            f"{done.bytes / max(done.scenes, 1) / 1000:.1f} kB per scene{deleted}"
        )
    return 0
