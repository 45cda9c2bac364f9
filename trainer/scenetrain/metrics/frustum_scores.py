"""The scores of every family that labels frusta; see tables.Scorer."""

from __future__ import annotations

from scenetrain.metrics.fruxels import FruxelIoU
from scenetrain.metrics.surfaces import FirstSurfaces
from scenetrain.metrics.tables import Scorer, ScorerSetup


def frustum_scorers(setup: ScorerSetup) -> tuple[Scorer, ...]:
    """IoU in fruxels and in cubic metres; depth and label of what each ray meets first."""
    return FruxelIoU(setup), FirstSurfaces(setup)
