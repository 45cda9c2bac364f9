"""What a family may score beyond an output's IoU: tables that it adds to what `evaluate` prints and a report shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.scene.scene import Camera
from scenegen.metrics.tables import Labels, ScoreTable
from torch import Tensor

from scenetrain.data.reads import Extras


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
