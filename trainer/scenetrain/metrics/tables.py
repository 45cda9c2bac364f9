"""Scores beyond an output's IoU: tables that a family adds to what `evaluate` prints and a report shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.scene.scene import Camera
from torch import Tensor

from scenetrain.data.reads import Extras

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


class ScoredBatch(NamedTuple):
    """B views with frustum labels as scorers read them; tensors are on the network's device."""

    images: Tensor
    """float32 (B, 3, H, W), RGB in [0, 1]."""
    extras: Extras
    """What the family reads beside."""
    labels: Tensor
    """uint8 (B, W, H, D): the truth, 0 = air, c + 1 = class c."""
    answer: Any
    """What the network's forward gave for its main output."""
    predicted: Tensor
    """uint8 (B, W, H, D): the likeliest labels."""
    scenes: Sequence[StoredScene]
    numbers: Sequence[int]
    """Which camera of its scene each view is."""
    has_maps: bool
    """Whether the scenes have depth maps."""

    @property
    def cameras(self) -> list[Camera]:
        """Every view's."""
        return [scene.cameras[k] for scene, k in zip(self.scenes, self.numbers, strict=True)]


class ScorerSetup(NamedTuple):
    """What a family's scorers are made for."""

    network: Any
    classes: tuple[str, ...]
    constant: Labels
    """uint8 (W, H, D): the best labels that ignore the image."""


class Scorer(Protocol):
    """Counts views, then gives tables."""

    def count(self, batch: ScoredBatch) -> None:
        """Count a batch."""

    def tables(self) -> tuple[ScoreTable, ...]:
        """The scores of all views that were counted."""


def as_arrays(labels: Tensor) -> list[Labels]:
    """Labels uint8 (B, W, H, D) view by view, on the host and in C order."""
    return list(labels.contiguous().cpu().numpy())


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of the known values; None where there are none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
