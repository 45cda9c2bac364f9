"""What several command modules share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from scenegen.assets.library import default_library

Command = TypeVar("Command", bound=Callable[..., Any])


def library_option(command: Command) -> Command:
    """The option --assets, given to the command as `library`."""
    return click.option(
        "--assets",
        "library",
        metavar="DIR",
        type=click.Path(path_type=Path),
        callback=lambda _context, _option, value: value or default_library(),
        help="The prepared library [$SCENEGEN_ASSETS or ~/.scenegen/assets].",
    )(command)


def console() -> Console:
    """Standard output for tables: as wide as the terminal, or wide enough where there is none."""
    found = Console()
    return found if found.is_terminal else Console(width=200)
