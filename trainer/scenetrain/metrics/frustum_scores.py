"""The scores of every family that labels frusta; see scorers.Scorer."""

from __future__ import annotations

from scenetrain.metrics.fruxels import FruxelIoU
from scenetrain.metrics.scorers import Scorer, ScorerSetup
from scenetrain.metrics.surfaces import FirstSurfaces


def frustum_scorers(setup: ScorerSetup) -> tuple[Scorer, ...]:
    """IoU in fruxels and in cubic metres; depth and label of what each ray meets first."""
    return FruxelIoU(setup), FirstSurfaces(setup)
