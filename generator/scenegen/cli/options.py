"""Options and messages that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from scenegen.core.one_line import one_line


class PositiveNumber(click.FloatRange):
    """A finite number above 0: click's own range lets nan and inf through."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Fails with click's BadParameter for anything else."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


Command = TypeVar("Command", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
workers_option = click.option(
    "--workers", type=click.IntRange(1), metavar="W", help="Processes at the same time (default: one per core)."
)
source_library_option = click.option(
    "--assets",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The prepared library that the data set was made from (default: the one that dataset.json names).",
)
split_option = click.option("--split", type=click.Choice(["train", "test"]), help="Only this split.")
class_option = click.option("--class", "class_name", metavar="C", help="Only this class.")


def library_option(command: Command) -> Command:
    """The option --assets, given to the command as `library`."""
    return click.option(
        "--assets",
        "library",
        metavar="DIR",
        type=click.Path(path_type=Path),
        callback=lambda _context, _option, value: value or _default_library(),
        help="The prepared library (default: $SCENEGEN_ASSETS or ~/.scenegen/assets).",
    )(command)


own_blender_option = click.option("--blender", metavar="EXE", help="Your own Blender (default: the bpy package).")


def _default_library() -> Path:
    from scenegen.core.asset_library import default_library

    return default_library()


def worker_count(workers: int | None) -> int:
    """The number of processes that --workers asks for; without it, one per core."""
    from scenegen.blender.cores import cores

    return workers or cores()


def counted(number: int, what: str) -> str:
    """ "1 scene", "2 scenes"."""
    return f"{number} {what}" + ("" if number == 1 else "s")


def print_message(message: str) -> None:
    """Print one line of `scenegen` itself on standard error."""
    click.echo(f"scenegen: {one_line(message)}", err=True)
