"""How a data set is packed. Standard library only: the options of a run are known without numpy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Packing:
    """How a data set was packed; `quality` is JPEG's, `maps` is whether it has depth and instance maps."""

    image: str
    quality: int
    maps: bool
    shard_mb: float
