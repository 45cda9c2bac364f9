"""`scenegen voxelize`: parse, call, print."""

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
from scenegen.core.errors import UsageError


@click.command()
@folder_argument
@click.option("--grid", metavar="X,Y,Z", help="Cells of the box grid, such as 80,96,64.")
@click.option("--frustum", metavar="NEAR,FAR,SLICES,HFOV", help="Metres, metres, slices, degrees: 0.5,7,128,70.")
@workers_option
@source_library_option
@json_option
def voxelize(
    folder: Path, grid: str | None, frustum: str | None, workers: int | None, assets: Path | None, as_json: bool
) -> int:
    """Make the voxel labels of a data set again, without rendering: at another grid, or those that older sets lack.

    Images, depth and instances stay as they are. In data sets made before labels showed the holes of cut-outs (leaves,
    fences), depth and instances still show whole cards: `scenegen verify` names these views.

    \b
    Examples: scenegen voxelize data/studio                     add objects and visibility to an older data set
              scenegen voxelize data/studio --grid 40,48,32
    """
    from scenegen.progress import progress
    from scenegen.steps.relabel import FrustumChange, relabel

    shape = None if grid is None else [int(n) for n in _numbers("--grid", grid, 3, whole=slice(None))]
    change = None
    if frustum is not None:
        near, far, slices, hfov = _numbers("--frustum", frustum, 4, whole=slice(2, 3))
        change = FrustumChange(near, far, int(slices), hfov)
    with progress("voxelize") as on_progress:
        changed = relabel(
            folder,
            shape=shape,
            frustum=change,
            workers=worker_count(workers),
            assets=assets,
            on_progress=on_progress,
        )
    body = {"path": str(folder), "changed": changed}
    click.echo(json.dumps(body) if as_json else f"{folder}: {counted(changed, 'scene')} changed")
    return 0


def _numbers(option: str, text: str, count: int, whole: slice) -> list[float]:
    """Read `count` numbers with commas between; those of the slice `whole` must be whole numbers. Raises UsageError."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(n % 1 for n in numbers[whole]):
        raise UsageError(f"{option} {text}: give {count} numbers with commas between (see --help)")
    return numbers
