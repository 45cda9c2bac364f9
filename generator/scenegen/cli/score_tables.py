"""Tables of scores in the terminal and in CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text

if TYPE_CHECKING:
    from scenegen.metrics.tables import ScoreTable


def print_tables(tables: Sequence[ScoreTable]) -> None:
    """Print each after an empty line, with its notes below."""
    from rich.table import Table

    from scenegen.cli.tables import console

    output = console()
    for scores in tables:
        table = Table(title=scores.title, title_justify="left")
        table.add_column(scores.head)
        for name in scores.columns:
            table.add_column(name, justify="right")
        for row in scores.rows:
            if row.starts_group:
                table.add_section()
            table.add_row(row.name, *(scores.text(value, n) for n, value in enumerate(row.values)))
        output.print()
        output.print(table)
        for note in scores.notes:
            output.print(note)


def make_folder(folder: Path) -> None:
    """Make the folder for `write_tables`. ScenegenError when that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(folder, error) from error


def write_tables(tables: Sequence[ScoreTable], folder: Path) -> None:
    """Write FOLDER/NAME.csv for each table. ScenegenError when it cannot be written."""
    try:
        for table in tables:
            write_text(folder / f"{table.name}.csv", table.as_csv())
    except OSError as error:
        raise _refusal(folder, error) from error


def _refusal(folder: Path, error: OSError) -> ScenegenError:
    return ScenegenError(f"{folder}: cannot be written ({error.strerror or error}); give another folder")
