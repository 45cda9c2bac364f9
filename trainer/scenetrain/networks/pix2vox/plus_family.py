"""The record of Pix2Vox++: of Pix2Vox's network the versions ++/A and ++/F."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from scenetrain.networks.pix2vox.family import FAMILY as PIX2VOX

FAMILY = replace(
    PIX2VOX,
    name="pix2vox_plus",
    title="Pix2Vox++",
    configs=Path(__file__).parent / "plus",
    default_config="a",
    paper=(),
)
