"""Z-GAN for pictures of 32 pixels and frusta of 16 x 16 x 16 cells: three levels less, at a 512th of the work."""

from __future__ import annotations

from dataclasses import replace

from scenetrain.networks.zgan.family import FAMILY as ZGAN

SHAPE, PIXELS = (16, 16, 16), 32
FAMILY = replace(ZGAN, reads=replace(ZGAN.reads, shape=SHAPE, image_size=PIXELS))
