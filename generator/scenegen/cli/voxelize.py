"""`scenegen voxelize`: parse, call, print."""

from __future__ import annotations

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
from scenegen.core.errors import UsageError


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
    help="A grid for each camera, or each key frame of a rig: x forward, y left, z up from height 0 under it. May be "
    "repeated.",
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
    from scenegen.core.scene.asked_grid import read_grid, read_numbers
    from scenegen.progress import progress
    from scenegen.steps.relabel import FrustumChange, relabel

    boxes = [*(read_grid(text, ego=False) for text in grids), *(read_grid(text, ego=True) for text in egos)]
    change, notes = None, list[str]()
    if frustum is not None:
        numbers = read_numbers(frustum, 4)
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
