"""Options that the commands of `scenegen import` share, and how they print what was imported."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from scenegen.cli.options import counted, print_message
from scenegen.core.errors import UsageError
from scenegen.core.scene.asked_grid import read_grid, read_numbers

if TYPE_CHECKING:
    from scenegen.steps.importing.samples import ImportResult, SampleOptions

MOST_NAMED = 12
"""Classes that are printed by name."""
MOST_PIXELS = 8192
"""Along a side of an image, as in presets."""
FRUSTUM_SIDES = 128
"""Cells of a frustum along the image's width and height, as generated ones have."""


def sample_options(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command --grid, --frustum, --size, --views and --split; it gets `options`, what samples they ask for."""

    @functools.wraps(command)
    def with_samples(*, grid: str, frustum: str, size: int, views: int, split: str, **others: Any) -> int:
        return command(options=_read(grid, frustum, size, views, split), **others)

    wrapped: Callable[..., int] = with_samples
    for option in reversed(
        (
            click.option(
                "--grid",
                default="60,60,36@0.08",
                show_default=True,
                metavar="X,Y,Z@SIZE[@X0,Y0,Z0]",
                help="Cells of the box, their size in metres, its first corner (without one: the middle of the floor).",
            ),
            click.option(
                "--frustum",
                default="0.5,7,128",
                show_default=True,
                metavar="NEAR,FAR,SLICES",
                help="Depths of every frustum, in metres, and its slices.",
            ),
            click.option(
                "--size",
                type=click.IntRange(0, MOST_PIXELS),
                default=224,
                show_default=True,
                metavar="PIXELS",
                help="Side of the images: the middle square of a photograph, scaled; 0 keeps photographs whole.",
            ),
            click.option(
                "--views",
                type=click.IntRange(1),
                default=1,
                show_default=True,
                metavar="V",
                help="Photographs per scene, one after another.",
            ),
            click.option(
                "--split", type=click.Choice(["train", "test"]), default="train", show_default=True, help="Its split."
            ),
        )
    ):
        wrapped = option(wrapped)
    return wrapped


def _read(grid: str, frustum: str, size: int, views: int, split: str) -> SampleOptions:
    """What the options of `sample_options` ask for. UsageError."""
    from scenegen.steps.importing.photographs import FruxelDepths
    from scenegen.steps.importing.samples import SampleOptions

    box = read_grid(grid, ego=False)
    if box.name or box.voxel_size is None:
        raise UsageError(f"--grid {grid}: give X,Y,Z@SIZE, such as 60,60,36@0.08")
    x, y, z = (int(n) for n in box.shape)
    x0, y0, z0 = box.origin or (-x * box.voxel_size / 2, -y * box.voxel_size / 2, 0.0)
    numbers = read_numbers(frustum, 3)
    if numbers is None or numbers[2] % 1 or numbers[2] < 1 or not 0 < numbers[0] < numbers[1]:
        raise UsageError(f"--frustum {frustum}: give NEAR,FAR,SLICES with 0 < NEAR < FAR, such as 0.5,7,128")
    depths = FruxelDepths(numbers[0], numbers[1], (FRUSTUM_SIDES, FRUSTUM_SIDES, int(numbers[2])))
    return SampleOptions((x0, y0, z0), box.voxel_size, (x, y, z), depths, size, views, split)


def print_result(done: ImportResult, as_json: bool) -> None:
    """Print what was imported, and what was not."""
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done)))
        return
    more = f" and {len(done.classes) - MOST_NAMED} more" if len(done.classes) > MOST_NAMED else ""
    click.echo(
        f"{done.path}: {counted(done.scenes, 'scene')} of {counted(done.images, 'photograph')}, "
        f"{counted(done.objects, 'object')}; classes: {', '.join(done.classes[:MOST_NAMED])}{more}"
    )
    for note in done.notes:
        print_message(f"{done.path}: {note}")
