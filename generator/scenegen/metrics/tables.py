"""Tables of scores, for terminals, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint8]


class Row(NamedTuple):
    """One row of a table; None where there is no figure. `starts_group` marks the first of those that belong together.

    `class_name` is the class that it is of, None for several together.
    """

    name: str
    values: tuple[float | None, ...]
    class_name: str | None = None
    starts_group: bool = False


@dataclass(frozen=True)
class ScoreTable:
    """Figures by row and column. `name` is that of its JSON and CSV, `head` what stands above the rows' names.

    A column's name ends in its unit, in brackets, where it has one. `decimals` are those that people read, by column.
    """

    name: str
    title: str
    head: str
    columns: tuple[str, ...]
    decimals: tuple[int, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def text(self, value: float | None, column: int) -> str:
        """A figure of a column, for people."""
        return "–" if value is None else f"{value:.{self.decimals[column]}f}"

    def as_json(self) -> dict[str, Any]:
        """{"title", "columns", "rows": [{"name", column: figure or null}], "notes"}."""
        rows = [{"name": row.name, **dict(zip(self.columns, row.values, strict=True))} for row in self.rows]
        return {"title": self.title, "columns": list(self.columns), "rows": rows, "notes": list(self.notes)}

    def as_csv(self) -> str:
        """A line per row, with the columns' names in the first; no figure is an empty cell."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([self.head, *self.columns])
        for row in self.rows:
            writer.writerow([row.name, *("" if value is None else repr(value) for value in row.values)])
        return text.getvalue()


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the known values; None where there are none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
