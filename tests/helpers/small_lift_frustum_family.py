"""Lift for pictures of 64 pixels and frusta of 16 x 16 x 16 cells."""

from __future__ import annotations

from dataclasses import replace

from scenetrain.networks.lift.frustum_family import FAMILY as LIFT_FRUSTUM

SHAPE, PIXELS = (16, 16, 16), 64
FAMILY = replace(LIFT_FRUSTUM, reads=replace(LIFT_FRUSTUM.reads, image_size=PIXELS))
