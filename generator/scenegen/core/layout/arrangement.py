"""What every layout takes and gives: assets by class and random streams in, objects and cameras out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from scenegen.core.asset_library import Asset
from scenegen.core.scene.scene import Camera, PlacedObject, Rig, Skipped

AssetsByClass = Mapping[str, Sequence[Asset]]
"""The assets that may be placed, by the preset's class names."""


class LayoutStreams(NamedTuple):
    """The random streams of a scene's layout: cameras, which objects it has, where they stand, a vehicle's drive."""

    cameras: Random
    objects: Random
    places: Random
    drive: Random


@dataclass(frozen=True)
class Arrangement:
    """A scene's layout: its cameras, its objects, those that found no place, extra keys for scene.json, and its rig."""

    cameras: tuple[Camera, ...]
    objects: tuple[PlacedObject, ...]
    skipped: tuple[Skipped, ...]
    extra: dict[str, Any] = field(default_factory=dict)
    rig: Rig | None = None
