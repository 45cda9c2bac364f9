"""What the judge says of objects, on true and on generated frusta, against their true poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.scene.classes import object_class
from scenegen.metrics.tables import Row, ScoreTable

from scenetrain.blocks.coarse_cells import label_shares
from scenetrain.metrics.frustum_scores import frustum_scorers
from scenetrain.metrics.objects import match
from scenetrain.metrics.poses import PoseErrors, pose_errors
from scenetrain.metrics.scorers import ScoredBatch, Scorer, ScorerSetup, as_arrays
from scenetrain.networks.ssz.judge import Certificate
from scenetrain.networks.ssz.network import Logits, Ssz
from scenetrain.networks.ssz.objects import objects_of
from scenetrain.networks.ssz.pose import PoseTargets, box_corners, pose_targets, poses_at, turned_to_fit

NEAR = 0.5
"""Metres between the centres of an object that is listed and the true one that it is."""
CLOSE = 0.1
"""Of its box's diagonal: an object whose ADD is less stands right (Hinterstoisser et al. 2012)."""

Floats = NDArray[np.float64]


def scorers(setup: ScorerSetup) -> tuple[Scorer, ...]:
    """Those of all frusta, and of poses where there is a judge."""
    network: Ssz = setup.network
    poses = () if network.judge is None else (PoseScores(network, setup.classes),)
    return (*frustum_scorers(setup), *poses)


@dataclass
class _Counted:
    """What was counted of one kind of frusta. Rows of `classes` and `errors` are objects."""

    classes: list[int] = field(default_factory=list)
    errors: list[PoseErrors] = field(default_factory=list)
    close: list[bool] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    """The classes of the true objects that were listed."""
    listed: list[int] = field(default_factory=list)
    """The classes of all objects that were listed."""


class PoseScores:
    """The table "poses". An object counts when it shows a pixel and its centre is in the frustum."""

    def __init__(self, network: Ssz, classes: tuple[str, ...]) -> None:
        self.network = network
        self.classes = classes
        self.is_ground = [object_class(name).is_ground for name in classes]
        self.counted = {"true frusta": _Counted(), "generated frusta": _Counted()}

    def count(self, batch: ScoredBatch) -> None:
        """Count a batch."""
        judge, answer = self.network.judge, batch.answer
        assert judge is not None and isinstance(answer, Logits)
        frusta = label_shares(batch.labels, len(self.classes), answer.detail), answer.coarse.float().softmax(1)
        with torch.inference_mode():
            certificates = [judge(batch.images, frustum) for frustum in frusta]
        u, v, w = certificates[0].real.shape[1:]
        targets = visible_targets(batch, (u, v, w))
        for counted, certificate, labels in zip(
            self.counted.values(), certificates, (batch.labels, batch.predicted), strict=True
        ):
            self._count_errors(counted, certificate, targets, batch)
            self._count_listed(counted, certificate, targets, batch, as_arrays(labels))

    def _count_errors(
        self, counted: _Counted, certificate: Certificate, targets: PoseTargets, batch: ScoredBatch
    ) -> None:
        """The poses that the certificate has in the cells of the true centres."""
        if not len(targets.views):
            return
        assert batch.extras.frustum is not None
        found = poses_at(certificate, targets, batch.extras.frustum)
        turns = turned_to_fit(found.rotation, targets.rotation, targets.is_round)
        corners = box_corners(found.centre, turns, targets.size), box_corners(*targets[2:5])
        errors = pose_errors(*(tensor.double().cpu().numpy() for tensor in (*corners, turns, targets.rotation)))
        counted.errors.append(errors)
        counted.classes += targets.classes.tolist()
        diagonals = torch.linalg.vector_norm(targets.size, dim=1).double().cpu().numpy()
        counted.close += (errors.add < CLOSE * diagonals).tolist()

    def _count_listed(
        self,
        counted: _Counted,
        certificate: Certificate,
        targets: PoseTargets,
        batch: ScoredBatch,
        labels: Sequence[NDArray[np.uint8]],
    ) -> None:
        """Which objects predict would list, and which of them are there."""
        names, centres = [self.classes[c] for c in targets.classes.tolist()], targets.centre.cpu().numpy()
        views = targets.views.tolist()
        for n, camera in enumerate(batch.cameras):
            found = objects_of(certificate.view(n), labels[n], camera, self.classes)
            listed = [(item.class_name, item.centre_in_camera) for item in found]
            true = [(names[row], centres[row]) for row in range(len(names)) if views[row] == n]
            counted.listed += [self.classes.index(name) for name, _ in listed]
            counted.found += [self.classes.index(listed[mine][0]) for mine, _ in match(listed, true, NEAR)]

    def tables(self) -> tuple[ScoreTable, ...]:
        """The one table."""
        rows = []
        for kind, counted in self.counted.items():
            classes = np.array(counted.classes, int)
            for c, name in enumerate(self.classes):
                if (classes == c).any() or c in counted.listed:
                    rows.append(self._row(counted, f"{kind}, {name}", [c], name)._replace(starts_group=c == 0))
            objects = [c for c, ground in enumerate(self.is_ground) if not ground]
            rows.append(self._row(counted, f"{kind}, all", objects, None)._replace(starts_group=True))
        table = ScoreTable(
            name="poses",
            title="Poses that the judge reads",
            head="frusta",
            columns=(
                "objects",
                "translation (cm)",
                "rotation (degrees)",
                "ADD (cm)",
                "ADD-S (cm)",
                "ADD < 10 %",
                "found",
                "listed",
                "right",
            ),
            decimals=(0, 1, 1, 1, 1, 3, 3, 0, 3),
            rows=tuple(rows),
            notes=(
                "errors: mean over the objects that show a pixel and have their centre in the frustum, each read in "
                "the cell of its centre; ADD and ADD-S are of its box's corners; ADD < 10 %: of its box's diagonal",
                f"listed: objects that `predict` would list; found: share of the objects with one of their class "
                f"within {NEAR:g} m; right: share of the listed that are one",
                "round objects (trees) may be turned about their vertical axis; `all` is without the ground",
            ),
        )
        return (table,)

    def _row(self, counted: _Counted, name: str, classes: Sequence[int], class_name: str | None) -> Row:
        mine = np.isin(np.array(counted.classes, int), classes)
        objects = int(mine.sum())
        found, listed = (sum(c in classes for c in rows) for rows in (counted.found, counted.listed))
        figures: list[float | None] = [None] * 5
        if objects:
            columns = [np.concatenate(column)[mine] for column in zip(*counted.errors, strict=True)]
            apart, turned, add, add_s = (float(column.mean()) for column in columns)
            figures = [100 * apart, turned, 100 * add, 100 * add_s, float(np.array(counted.close)[mine].mean())]
        has_list = class_name is None or not object_class(class_name).is_ground
        return Row(
            name,
            (
                float(objects),
                *figures,
                found / objects if objects and has_list else None,
                float(listed) if has_list else None,
                found / listed if listed else None,
            ),
            class_name,
        )


def visible_targets(batch: ScoredBatch, shape: tuple[int, int, int]) -> PoseTargets:
    """The objects that show a pixel, each in the cell of its centre."""
    targets = pose_targets(batch.extras, shape)
    assert batch.extras.visible is not None
    seen = batch.extras.visible[targets.views, targets.objects, 0] > 0
    return PoseTargets(*(rows[seen] for rows in targets))
