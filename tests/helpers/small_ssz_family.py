"""SSZ for pictures of 64 pixels and frusta of 32 x 32 x 128 cells: the same network, at a sixteenth of the work."""

from __future__ import annotations

from dataclasses import replace

from scenetrain.networks.contract import BenchScale
from scenetrain.networks.ssz.family import FAMILY as SSZ

SHAPE, PIXELS = (32, 32, 128), 64
FAMILY = replace(SSZ, reads=replace(SSZ.reads, shape=SHAPE, image_size=PIXELS), bench=BenchScale(100, 3, SHAPE))
