"""The scores of one answer that a comparison shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figures:
    """Scores of one answer; None where there is none. Each is 0 to 1.

    `classes`, `macro` and `overall` are the main output's means over scenes (metrics.iou), `occupancy` the mean over
    scenes of occupied against empty: of the output that is occupancy where there is one, else of any class. `set_iou`
    and `set_miou` are summed over the set (metrics.set_scores), `ray_iou` is the mean of thresholds and classes.
    """

    classes: Mapping[str, float | None] = field(default_factory=dict)
    macro: float | None = None
    overall: float | None = None
    occupancy: float | None = None
    set_iou: float | None = None
    set_miou: float | None = None
    ray_iou: float | None = None
