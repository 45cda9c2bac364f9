"""What every network with classes is scored by beside the IoU of each scene: over the whole set, and by rays."""

from __future__ import annotations

from collections.abc import Sequence

from scenegen.core.scene.scene import GridSpec
from scenegen.metrics.box_rays import BoxRays
from scenegen.metrics.set_scores import SetCounts, set_table
from scenegen.metrics.tables import ScoreTable, mean

from scenetrain.data.labels import class_masks
from scenetrain.data.scenes import SceneList, SceneTensors
from scenetrain.evaluation.counts import Counted, count_voxels
from scenetrain.metrics.constant import constant_labels
from scenetrain.training.run_folder import TrainedModel


class MoreScores:
    """Counts the main output of a network; rays of box grids alone, as a family's scorers have those of frusta."""

    def __init__(self, trained: TrainedModel) -> None:
        self.main = trained.family.main
        self.classes = trained.classes
        self.over_set, self.constant_set = (SetCounts(len(self.classes)) for _ in range(2))
        self.constant = constant_labels(trained.frequency)
        has_rays = self.main.kind == "masks" and isinstance(trained.grid, GridSpec)
        self.rays = BoxRays(self.classes, self.constant.numpy()) if has_rays else None
        self.ious: list[float | None] = []

    def count(self, scenes: SceneList, batch: Sequence[SceneTensors], counted: Counted) -> None:
        """Count a batch."""
        self.over_set.add(counted.occupied, counted.voxels)
        for hit, predicted, true in counted.occupied.tolist():
            union = predicted + true - hit
            self.ious.append(hit / union if union else None)
        constant = class_masks(self.constant.unsqueeze(0), len(self.classes), "frustum")
        for item in batch:
            truth = class_masks(item.labels.unsqueeze(0), len(self.classes), self.main.grid)
            occupied = count_voxels(constant.any(1, keepdim=True), truth.any(1, keepdim=True))[..., 0]
            self.constant_set.add(occupied, count_voxels(constant, truth))
        if self.rays is not None:
            for item, predicted in zip(batch, counted.labels.cpu().numpy(), strict=True):
                stored = scenes.scene(item.position)
                assert stored.grid is not None
                self.rays.count(stored.cameras, stored.grid, item.labels.numpy(), predicted)

    def any_class(self) -> float | None:
        """Mean over items of the IoU where any class counts."""
        return mean(self.ious)

    def tables(self) -> tuple[ScoreTable, ...]:
        """The tables "set" and, of box grids, "rays"."""
        scores = set_table(self.classes, self.over_set.score(), self.constant_set.score())
        return (scores,) if self.rays is None else (scores, self.rays.table())
