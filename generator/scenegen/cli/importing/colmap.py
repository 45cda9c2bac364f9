"""`scenegen import colmap`: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from scenegen.cli.importing.options import print_result, sample_options
from scenegen.cli.options import PositiveNumber, json_option, worker_count, workers_option
from scenegen.core.errors import UsageError
from scenegen.core.scene.asked_grid import read_numbers

if TYPE_CHECKING:
    from scenegen.steps.importing.samples import SampleOptions


@click.command()
@click.argument("model", metavar="MODEL", type=click.Path(path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--meshes",
    metavar="FILE",
    type=click.Path(path_type=Path),
    required=True,
    help="Labelled meshes in the model's axes: a .glb, .obj or .ply whose objects are named by class, such as "
    "chair.001, or a .toml that lists files, classes and poses.",
)
@click.option(
    "--images",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The photographs (default: the folder images beside the model).",
)
@click.option("--scale", type=PositiveNumber(), metavar="METRES", help="Metres per unit of the model.")
@click.option(
    "--distance",
    nargs=3,
    metavar="POINT_A POINT_B METRES",
    help="The scale from two places of the model, each X,Y,Z, that are so many metres apart.",
)
@click.option("--gps", is_flag=True, help="Scale and up from the places in the photographs' EXIF.")
@click.option("--up", metavar="X,Y,Z", help="Up in the model's axes (default: the cameras' mean).")
@click.option(
    "--class-map",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help='A .toml with the class of each label, such as armchair = "chair"; "" leaves a label out.',
)
@sample_options
@workers_option
@json_option
def colmap(
    model: Path,
    out: Path,
    meshes: Path,
    images: Path | None,
    scale: float | None,
    distance: tuple[str, str, str] | None,
    gps: bool,
    up: str | None,
    class_map: Path | None,
    options: SampleOptions,
    workers: int | None,
    as_json: bool,
) -> int:
    """Make a data set of photographs that COLMAP placed (MODEL, text or binary) and of labelled meshes.

    Photographs are undistorted and upright, depth and instances are cast from the meshes. Run again to continue.

    \b
    Examples: scenegen import colmap sparse/0 --meshes objects.glb data/real
              scenegen import colmap sparse/0 --meshes objects.toml data/real \\
                  --distance 0.1,2,3 1.4,2,3 0.85 --up 0,-1,0
              scenegen import colmap sparse --meshes cars.glb data/real --gps
    """
    from scenegen.progress import progress
    from scenegen.steps.importing.colmap import WorldOptions, import_colmap

    known = None if distance is None else (_place(distance[0]), _place(distance[1]), _metres(distance[2]))
    world = WorldOptions(scale, known, gps, None if up is None else _direction(up))
    with progress("import") as on_progress:
        done = import_colmap(
            model,
            out,
            meshes=meshes,
            options=options,
            images=images,
            world=world,
            class_map=class_map,
            workers=worker_count(workers),
            on_progress=on_progress,
        )
    print_result(done, as_json)
    return 0


def _place(text: str) -> list[float]:
    place = read_numbers(text, 3)
    if place is None:
        raise UsageError(f"--distance {text}: give a place of the model as X,Y,Z, such as 0.1,2,3")
    return place


def _metres(text: str) -> float:
    metres = read_numbers(text, 1)
    if metres is None:
        raise UsageError(f"--distance: {text} is no number; give the metres between the two places, such as 0.85")
    return metres[0]


def _direction(text: str) -> list[float]:
    direction = read_numbers(text, 3)
    if direction is None:
        raise UsageError(f"--up {text}: give a direction of the model as X,Y,Z, such as 0,-1,0")
    return direction
