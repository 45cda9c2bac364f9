"""Where tables are printed."""

from __future__ import annotations

from rich.console import Console

WIDTH = 200
"""Columns of a file or a pipe, which has no width of its own: 80 would cut every figure."""


def console() -> Console:
    """Standard output for tables: as wide as the terminal, or wide enough where there is none."""
    found = Console()
    return found if found.is_terminal else Console(width=WIDTH)
