"""`scenegen voxelize`: parse, call, print."""

from __future__ import annotations

import json
import math
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
@click.option(
    "--grid",
    metavar="X,Y,Z[@SIZE[@X0,Y0,Z0]]",
    help="Cells of the box grid, such as 80,96,64, over the same volume; or of SIZE metres, with the first corner at "
    "X0,Y0,Z0 (default: the grid stands on the middle of the floor).",
)
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
              scenegen voxelize data/studio --grid 60,60,36@0.08
              scenegen voxelize data/studio --grid 60,60,36@0.08@-2.4,-2.4,0.0
    """
    from scenegen.progress import progress
    from scenegen.steps.relabel import FrustumChange, GridChange, relabel

    box = None
    if grid is not None:
        cells, *rest = grid.split("@")
        shape = [int(n) for n in _numbers("--grid", cells, 3, whole=slice(None))]
        size = _numbers("--grid", rest[0], 1, whole=slice(0))[0] if rest else None
        origin = _numbers("--grid", rest[1], 3, whole=slice(0)) if rest[1:] else None
        if rest[2:]:
            raise UsageError(f"--grid {grid}: give X,Y,Z@SIZE@X0,Y0,Z0 (see --help)")
        box = GridChange(shape, size, origin)
    change = None
    if frustum is not None:
        near, far, slices, hfov = _numbers("--frustum", frustum, 4, whole=slice(2, 3))
        change = FrustumChange(near, far, int(slices), hfov)
    with progress("voxelize") as on_progress:
        changed = relabel(
            folder,
            grid=box,
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
    if len(numbers) != count or not all(map(math.isfinite, numbers)) or any(n % 1 for n in numbers[whole]):
        raise UsageError(f"{option} {text}: give {count} numbers with commas between (see --help)")
    return numbers
