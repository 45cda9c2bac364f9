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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import read_lock
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError
from scenegen.core.labels.visibility import FREE, SURFACE
from scenegen.metrics.box_rays import count_box_rays, one_class
from scenegen.metrics.panoptic import PanopticCounts, count_segments, panoptic_table
from scenegen.metrics.rays import RayCounts, first_surface, ray_lengths, ray_table
from scenegen.metrics.tables import ScoreTable
from scenegen.progress import OnProgress
from scenegen.steps.scene_pool import Tried
from scenegen.steps.score.cells import OCCUPIED, CellCounts, count_cells, iou_table
from scenegen.steps.score.predictions import (
    Cells,
    PredictedCells,
    PredictionFile,
    find_predictions,
    read_prediction,
    sets_of_labels,
)
from scenegen.steps.viewer.runs import RunPredictions


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
    tried.refuse(predictions)
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
    seen = [item.seen for item in items if item.seen]
    cells = [item.cells for item in items]
    per = "image" if of_frusta else "scene"
    unseen = "not every scene has visibility, so seen cells are not scored; `scenegen voxelize` adds it"
    iou = iou_table(classes, cells, seen if len(seen) == len(cells) else (), per, unseen=unseen)
    tables = [iou, ray_table(classes, rays)]
    counted = [item.panoptic for item in items if item.panoptic]
    if counted:
        also_seen = [item.panoptic_seen for item in items if item.panoptic_seen]
        of_seen = functools.reduce(PanopticCounts.__add__, also_seen) if len(also_seen) == len(counted) else None
        tables.append(panoptic_table(classes, functools.reduce(PanopticCounts.__add__, counted), of_seen))
    return tuple(tables)
