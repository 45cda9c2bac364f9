"""The tables of epochs that a run leaves, RUN/<stage>/metrics.csv."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import DamageError

Rows = Sequence[Mapping[str, float]]
"""A stage's epochs: the columns of metrics.csv."""


def read_epochs(path: Path) -> Rows:
    """The epochs of a stage. DamageError when the file is damaged."""
    try:
        table = csv.DictReader(io.StringIO(read_file(path, MOST_TEXT).decode("utf-8")))
        rows = [{key: float(value) for key, value in row.items() if value != ""} for row in table]
        needed = {"epoch", "train_loss", "val_loss", "seconds"}
        if not rows or not all(needed <= set(row) for row in rows):
            raise ValueError("no epochs, or columns missing")
        if [row["epoch"] for row in rows] != list(range(len(rows))):
            raise ValueError("epochs that do not count up from 0")
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise DamageError(
            f"{path}: damaged ({error}); restore it, or rename it to have the report without this stage's curves"
        ) from error
    return rows
