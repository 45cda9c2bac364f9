"""Scores of anyone's predictions of a data set: IoU, RayIoU and panoptic quality, in NumPy and numba alone.

A voxel of several classes counts for each of them. "Seen" cells are those of whose visibility a camera says free or
surface (core/labels/visibility.py): in no other cell can a score of images be asked for, as in Occ3D's `mask_camera`.
Legend of shapes: C classes, X Y Z the grid's axes (w, h, d of a frustum).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import read_lock
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError, SeveralErrors
from scenegen.core.labels.visibility import FREE, SURFACE
from scenegen.metrics.box_rays import count_box_rays, one_class
from scenegen.metrics.panoptic import PanopticCounts, count_segments, panoptic_table
from scenegen.metrics.rays import RayCounts, first_surface, ray_lengths, ray_table
from scenegen.metrics.set_scores import SetScores, set_scores
from scenegen.metrics.tables import Row, ScoreTable, mean
from scenegen.progress import OnProgress
from scenegen.steps.scene_pool import Tried
from scenegen.steps.score.predictions import (
    Cells,
    PredictedCells,
    PredictionFile,
    find_predictions,
    read_prediction,
    sets_of_labels,
)
from scenegen.steps.viewer.runs import RunPredictions

OCCUPIED = ("occupied",)
"""The one class of predictions that have none."""
_TOLD = 10
"""Files that are refused with a line each."""


class CellCounts(NamedTuple):
    """Hit, predicted and true cells: of any class (3,) and of each (3, C)."""

    occupied: NDArray[np.int64]
    classes: NDArray[np.int64]

    def ious(self) -> list[float | None]:
        """Of each class, then of any; None where neither truth nor prediction has it."""
        hit, predicted, true = np.append(self.classes, self.occupied[:, None], axis=1)
        unions = (predicted + true - hit).tolist()
        return [n / union if union else None for n, union in zip(hit.tolist(), unions, strict=True)]


@dataclass(frozen=True)
class ItemScore:
    """What was counted of one scene or, of frusta, of one of its cameras; None where the data has no such labels."""

    index: int
    camera: int | None
    is_occupancy: bool
    cells: CellCounts
    seen: CellCounts | None
    rays: RayCounts
    panoptic: PanopticCounts | None
    panoptic_seen: PanopticCounts | None


@dataclass(frozen=True)
class PredictionScores:
    """The scores of a folder of predictions. `of_frusta`: of cameras' frusta, not of box grids."""

    of_frusta: bool
    classes: tuple[str, ...]
    items: tuple[ItemScore, ...]
    tables: tuple[ScoreTable, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values: the tables by name, and the IoU of every scene or image; what has no value is None."""
        scenes = []
        for item in self.items:
            *classes, occupied = item.cells.ious()
            place = {"index": item.index} if item.camera is None else {"index": item.index, "camera": item.camera}
            scenes.append({**place, "iou": occupied, "classes": dict(zip(self.classes, classes, strict=True))})
        return {
            "grid": "frustum" if self.of_frusta else "box",
            "scenes": len({item.index for item in self.items}),
            "tables": {table.name: table.as_json() for table in self.tables},
            "scene_scores": scenes,
        }


def score(
    predictions: Path, data: Path, *, partial: bool = False, workers: int = 1, on_progress: OnProgress | None = None
) -> PredictionScores:
    """Score a folder of predictions (predictions.py says what is in it) of the data set at `data`.

    With `partial`, scenes without a prediction are left out. UsageError when there is no such folder, ScenegenError
    when the predictions are not those of the data set, SeveralErrors with a line per file that cannot be scored.
    """
    with read_lock(data, "score"):
        dataset = Dataset(data)
        found = find_predictions(predictions, dataset, partial=partial)
        positions = {index: position for position, index in enumerate(dataset.indices)}
        work = [(dataset[positions[file.index]], file) for file in found.files]
        tried = Tried(functools.partial(score_item, said=found.said), workers, on_progress)
        items = list(tried.results(work))
    if tried.damage:
        rest = len(tried.damage) - _TOLD
        more = [f"{predictions}: and {rest} more files"] if rest > 0 else []
        raise SeveralErrors(*tried.damage[:_TOLD], *more)
    for item, file in zip(items, found.files, strict=True):
        if (item.is_occupancy, item.panoptic is None) != (items[0].is_occupancy, items[0].panoptic is None):
            first = found.files[0].path.name
            raise ScenegenError(f"{file.path}: holds other kinds of arrays than {first}; write the same for all scenes")
    classes = OCCUPIED if items[0].is_occupancy else dataset.info.classes
    return PredictionScores(found.of_frusta, classes, tuple(items), _tables(classes, items, of_frusta=found.of_frusta))


def score_item(work: tuple[StoredScene, PredictionFile], *, said: RunPredictions | None) -> ItemScore:
    """Count one prediction. DamageError when it or the scene cannot be read."""
    stored, file = work
    k, grid = file.camera, stored.scene.grid
    if k is None and grid is None:
        raise DamageError(f"{file.path}: scene {file.index} has no box grid; move the prediction away")
    shape = grid.shape if k is None and grid else stored.cameras[k or 0].frustum.size
    predicted = read_prediction(file.path, shape, stored.classes, said)
    labels = None if k is None else stored.frustum(k)
    truth = stored.mask_bits if labels is None else sets_of_labels(labels, len(stored.classes))
    count = len(stored.classes)
    if predicted.is_occupancy:
        truth, count = (truth != 0).astype(np.uint8), 1
    if k is None:
        assert grid is not None
        rays = count_box_rays(stored.cameras, grid, truth, predicted.surface, count)
    else:
        camera, rays = stored.cameras[k], RayCounts(count)
        near, far = camera.frustum.near, camera.frustum.far
        theirs, mine = (first_surface(one_class(sets), near, far) for sets in (truth, predicted.surface))
        rays.add(theirs, mine, ray_lengths(camera))
    seen = None
    if stored.scene.voxel_spec.visibility:
        visibility = stored.visibility if k is None else stored.frustum_visibility(k)
        seen = (visibility == FREE) | (visibility == SURFACE)
    panoptic, panoptic_seen = _count_panoptic(stored, file, truth, predicted, seen)
    return ItemScore(
        file.index,
        k,
        predicted.is_occupancy,
        count_cells(truth, predicted.sets, count),
        None if seen is None else count_cells(truth[seen], predicted.sets[seen], count),
        rays,
        panoptic,
        panoptic_seen,
    )


def count_cells(truth: Cells, predicted: Cells, classes: int) -> CellCounts:
    """Count cells of true and predicted sets of classes, of one shape."""
    (theirs, a), (mine, b) = map(_kinds, (truth, predicted))
    pairs = np.bincount(a * len(mine) + b, minlength=len(theirs) * len(mine)).reshape(len(theirs), len(mine))
    true, found = (
        ((side[:, None] >> np.arange(classes, dtype=side.dtype)) & 1).astype(np.int64) for side in (theirs, mine)
    )
    hits = np.einsum("ab,ac,bc->c", pairs, true, found)
    there, claimed = (theirs > 0).astype(np.int64), (mine > 0).astype(np.int64)
    of_theirs, of_mine = pairs.sum(axis=1), pairs.sum(axis=0)
    return CellCounts(
        np.array([there @ pairs @ claimed, of_mine @ claimed, of_theirs @ there]),
        np.array([hits, of_mine @ found, of_theirs @ true]),
    )


def _kinds(sets: Cells) -> tuple[Cells, NDArray[np.int64]]:
    """The sets that there are, and which of them each cell is."""
    if sets.itemsize > 1:
        kinds, which = np.unique(sets.ravel(), return_inverse=True)
        return kinds, which.astype(np.int64)
    return np.arange(256, dtype=np.uint8), sets.ravel().astype(np.int64)


def _count_panoptic(
    stored: StoredScene,
    file: PredictionFile,
    truth: Cells,
    predicted: PredictedCells,
    seen: NDArray[np.bool_] | None,
) -> tuple[PanopticCounts | None, PanopticCounts | None]:
    """Of all cells, and of those that are seen."""
    if predicted.instances is None or predicted.labels is None:
        return None, None
    k, count = file.camera, len(stored.classes)
    if not stored.scene.voxel_spec.instances:
        raise DamageError(
            f"{file.path}: has `instances`, the data set has none of voxels; add them to its folders with `scenegen "
            "voxelize`, or leave yours out"
        )
    objects = stored.instances if k is None else stored.frustum_instances(k)
    of_object = np.zeros(int(objects.max()) + 1, np.uint8)
    for item in stored.objects:
        if item.id + 1 < len(of_object):
            of_object[item.id + 1] = stored.classes.index(item.class_name) + 1
    labels = np.where(objects > 0, of_object[objects], one_class(truth))
    sides = (labels, objects), (predicted.labels, predicted.instances)
    everywhere = count_segments(*sides, count)
    if seen is None:
        return everywhere, None
    theirs, mine = ((side[0][seen], side[1][seen]) for side in sides)
    return everywhere, count_segments(theirs, mine, count)


def _tables(classes: Sequence[str], items: Sequence[ItemScore], *, of_frusta: bool) -> tuple[ScoreTable, ...]:
    rays = RayCounts(len(classes))
    for item in items:
        rays.include(item.rays)
    tables = [_iou_table(classes, items, "image" if of_frusta else "scene"), ray_table(classes, rays)]
    counted = [item.panoptic for item in items if item.panoptic]
    if counted:
        seen = [item.panoptic_seen for item in items if item.panoptic_seen]
        of_seen = functools.reduce(PanopticCounts.__add__, seen) if len(seen) == len(counted) else None
        tables.append(panoptic_table(classes, functools.reduce(PanopticCounts.__add__, counted), of_seen))
    return tuple(tables)


def _iou_table(classes: Sequence[str], items: Sequence[ItemScore], per: str) -> ScoreTable:
    """The table "iou": over the set and per scene, of all cells and of those that are seen."""
    seen = [item.seen for item in items if item.seen]
    kinds = [[item.cells for item in items], *([seen] if len(seen) == len(items) else [])]
    over_set = [_over_set(counts) for counts in kinds]
    columns: list[list[float | None]] = []
    for scores, counts in zip(over_set, kinds, strict=True):
        columns.append([*scores.classes, scores.miou, scores.iou])
        each = [mean(column) for column in zip(*(one.ious() for one in counts), strict=True)]
        columns.append([*each[:-1], mean(each[:-1]), each[-1]])
    there = [sum(int(item.cells.classes[2, c] > 0) for item in items) for c in range(len(classes))]
    columns.append([*there, None, sum(int(item.cells.occupied[2] > 0) for item in items)])
    names = [*classes, "mean of classes (mIoU)", "any class"]
    rows = [
        Row(name, tuple(column[n] for column in columns), name if n < len(classes) else None, n == len(classes))
        for n, name in enumerate(names)
    ]
    all_cells = over_set[0]
    notes = [
        f"any class: precision {all_cells.precision:.3f}, recall {all_cells.recall:.3f}",
        "set: cells summed before they are divided; a class that is nowhere counts 0 in the mean",
        f"per {per}: mean over those that have the class, in truth or prediction; {per}s: whose truth has it",
    ]
    if len(kinds) == 1:
        notes.append("not every scene has visibility, so seen cells are not scored; `scenegen voxelize` adds it")
    else:
        notes.append("seen: cells that a camera sees free or sees a surface in")
    heads = ("set", f"per {per}", "set, seen", f"per {per}, seen")[: 2 * len(kinds)]
    return ScoreTable(
        name="iou",
        title="IoU of cells",
        head="class",
        columns=(*heads, f"{per}s"),
        decimals=(*(3 for _ in heads), 0),
        rows=tuple(rows if classes != OCCUPIED else rows[:1]),
        notes=tuple(notes),
    )


def _over_set(counts: Sequence[CellCounts]) -> SetScores:
    return set_scores(sum(one.occupied for one in counts), sum(one.classes for one in counts))
