"""Scores of predictions in a benchmark's layout against an export in the same layout: IoU of its own classes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.metrics.tables import ScoreTable
from scenegen.progress import OnProgress
from scenegen.steps.scene_pool import Tried
from scenegen.steps.score.cells import CellCounts, count_cells, iou_table
from scenegen.steps.score.layouts import LAYOUTS, read_cells
from scenegen.steps.score.predictions import sets_of_labels, some_names


class FilePair(NamedTuple):
    """A file of truth and the prediction of it, and the place of both below their folders."""

    place: str
    truth: Path
    predicted: Path


class FileScore(NamedTuple):
    """What was counted of one file: of its scored cells, and of those of them that are seen, where it says so."""

    place: str
    cells: CellCounts
    seen: CellCounts | None


@dataclass(frozen=True)
class LayoutScores:
    """The scores of predictions in a layout."""

    form: str
    classes: tuple[str, ...]
    files: tuple[FileScore, ...]
    table: ScoreTable

    def to_json(self) -> dict[str, Any]:
        """Plain values: the table, and the IoU of every file; what has no value is None."""
        each = []
        for file in self.files:
            *classes, occupied = file.cells.ious()
            each.append({"file": file.place, "iou": occupied, "classes": dict(zip(self.classes, classes, strict=True))})
        return {
            "format": self.form,
            "files": len(self.files),
            "tables": {self.table.name: self.table.as_json()},
            "file_scores": each,
        }


def score_layout(
    predictions: Path,
    truth: Path,
    form: str,
    *,
    partial: bool = False,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> LayoutScores:
    """Score a folder of predictions against an export, both in the layout `form` of LAYOUTS.

    With `partial`, files without a prediction are left out. UsageError when there is no such folder, ScenegenError when
    one has no files of the layout or the predictions are not those of the export, SeveralErrors with a line per file
    that cannot be scored.
    """
    layout = LAYOUTS[form]
    pairs = _pairs(predictions, truth, layout.pattern, form, partial=partial)
    tried = Tried(functools.partial(_score_file, form), workers, on_progress)
    files = tuple(tried.results(pairs))
    tried.refuse(predictions)
    seen = [file.seen for file in files if file.seen]
    table = iou_table(
        layout.classes,
        [file.cells for file in files],
        seen if len(seen) == len(files) else (),
        "file",
        unseen=f"{form} does not say which cells a camera sees",
    )
    return LayoutScores(form, layout.classes, files, table)


def _pairs(predictions: Path, truth: Path, pattern: str, form: str, *, partial: bool) -> list[FilePair]:
    for folder in (predictions, truth):
        if not folder.is_dir():
            raise UsageError(f"{folder}: there is no such folder")
    places = {path.relative_to(truth).as_posix(): path for path in sorted(truth.glob(pattern))}
    if not places:
        raise ScenegenError(
            f"{truth}: has no {pattern}; name a folder that `scenegen export DATA OUT --format {form}` wrote"
        )
    found = {path.relative_to(predictions).as_posix() for path in predictions.glob(pattern)}
    if not found:
        raise ScenegenError(f"{predictions}: has no {pattern}; keep predictions as {form} keeps its labels")
    if extra := sorted(found - places.keys()):
        raise ScenegenError(f"{predictions}: {some_names(extra)} not in {truth}; move them away")
    missing = sorted(places.keys() - found)
    if missing and not partial:
        raise ScenegenError(
            f"{predictions}: no {some_names(missing)}, {len(missing)} of {len(places)}; predict them, or score the "
            "others alone with --partial"
        )
    return [FilePair(place, path, predictions / place) for place, path in places.items() if place in found]


def _score_file(form: str, pair: FilePair) -> FileScore:
    layout = LAYOUTS[form]
    truth, predicted = read_cells(layout, pair.truth), read_cells(layout, pair.predicted)
    if truth.labels.shape != predicted.labels.shape:
        raise DamageError(
            f"{pair.predicted}: is {predicted.labels.shape}, the truth is {truth.labels.shape}; predict its grid"
        )
    count = len(layout.classes)
    scored = np.ones(truth.labels.shape, np.bool_) if truth.scored is None else truth.scored
    theirs, mine = (sets_of_labels(cells.labels, count) for cells in (truth, predicted))
    seen = None if truth.seen is None else scored & truth.seen
    return FileScore(
        pair.place,
        count_cells(theirs[scored], mine[scored], count),
        None if seen is None else count_cells(theirs[seen], mine[seen], count),
    )
