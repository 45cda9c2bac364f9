"""`scenegen voxelize`: parse, call, print."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

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
from scenegen.core.errors import UsageError

if TYPE_CHECKING:
    from scenegen.steps.relabel import GridChange


@click.command()
@folder_argument
@click.option(
    "--grid",
    "grids",
    multiple=True,
    metavar="[NAME=]X,Y,Z[@SIZE[@X0,Y0,Z0]]",
    help="Cells of the box grid, such as 80,96,64, over the same volume; or of SIZE metres, with the first corner at "
    "X0,Y0,Z0 (default: the grid stands on the middle of the floor). With a name, a grid beside it; may be repeated.",
)
@click.option(
    "--ego",
    "egos",
    multiple=True,
    metavar="NAME=X,Y,Z@SIZE[@X0,Y0,Z0]",
    help="A grid for each camera: x forward, y left, z up from height 0 under it. May be repeated.",
)
@click.option("--frustum", metavar="NEAR,FAR,SLICES,HFOV", help="Metres, metres, slices, degrees: 0.5,7,128,70.")
@click.option(
    "--with-room/--without-room",
    default=None,
    help="Whether cells of the room's floor, walls and ceiling are labelled too, as three more classes (default: as "
    "they are).",
)
@workers_option
@source_library_option
@json_option
def voxelize(
    folder: Path,
    grids: tuple[str, ...],
    egos: tuple[str, ...],
    frustum: str | None,
    with_room: bool | None,
    workers: int | None,
    assets: Path | None,
    as_json: bool,
) -> int:
    """Make the voxel labels of a data set again, without rendering: at another grid, or those that older sets lack.

    Images, depth and instances stay as they are. In data sets made before labels showed the holes of cut-outs (leaves,
    fences), depth and instances still show whole cards: `scenegen verify` names these views.

    \b
    Examples: scenegen voxelize data/studio  (adds objects and visibility)
              scenegen voxelize data/studio --grid 40,48,32
              scenegen voxelize data/studio --grid a=9,9,6@.5 --grid b=6,6,4@.8
              scenegen voxelize data/street --ego front=64,64,32@0.2@0,-6.4,-0.4
              scenegen voxelize data/studio --grid 60,60,36@0.08@-2.4,-2.4,0.0
              scenegen voxelize data/studio --with-room
    """
    from scenegen.progress import progress
    from scenegen.steps.relabel import FrustumChange, relabel

    boxes = [*(parse_grid("--grid", text) for text in grids), *(parse_grid("--ego", text) for text in egos)]
    change, notes = None, list[str]()
    if frustum is not None:
        numbers = parse_numbers(frustum, 4)
        if numbers is None or numbers[2] % 1:
            raise UsageError(f"--frustum {frustum}: give NEAR,FAR,SLICES,HFOV, such as 0.5,7,128,70, with whole SLICES")
        near, far, slices, hfov = numbers
        change = FrustumChange(near, far, int(slices), hfov)
    with progress("voxelize") as on_progress:
        changed = relabel(
            folder,
            grids=boxes,
            frustum=change,
            with_room=with_room,
            workers=worker_count(workers),
            assets=assets,
            on_progress=on_progress,
            on_note=notes.append,
        )
    for note in notes:
        print_message(f"{folder}: {note}")
    body = {"path": str(folder), "changed": changed}
    click.echo(json.dumps(body) if as_json else f"{folder}: {counted(changed, 'scene')} changed")
    return 0


def parse_grid(option: str, text: str) -> GridChange:
    """Read [NAME=]X,Y,Z[@SIZE[@X0,Y0,Z0]]. Raises UsageError."""
    from scenegen.steps.relabel import GridChange

    name, is_named, numbers = text.rpartition("=")
    cells, *rest = numbers.split("@")
    if rest[2:] or bool(is_named) != bool(name) or (option == "--ego" and not name):
        raise UsageError(f"{option} {text}: give NAME=X,Y,Z@SIZE@X0,Y0,Z0 (see --help)")
    asked = f"{option} {text}"
    shape = parse_numbers(cells, 3)
    if shape is None or any(n % 1 or n < 1 for n in shape):
        raise UsageError(f"{asked}: give three whole numbers of cells above 0, such as 80,96,64, not {cells!r}")
    size = parse_numbers(rest[0], 1) if rest else None
    if rest and (size is None or size[0] <= 0):
        raise UsageError(f"{asked}: give the size of a cell in metres, above 0, such as 0.08, not {rest[0]!r}")
    origin = parse_numbers(rest[1], 3) if rest[1:] else None
    if rest[1:] and origin is None:
        raise UsageError(f"{asked}: give the first corner as X0,Y0,Z0 in metres, such as -2.4,-2.4,0, not {rest[1]!r}")
    return GridChange([int(n) for n in shape], size[0] if size else None, origin, name, ego=option == "--ego")


def parse_numbers(text: str, count: int) -> list[float] | None:
    """`count` finite numbers with commas between; None where the text is something else."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None
