"""A scene with its meshes where they stand, and its maps: cast again where the data set was packed without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.labels.placed_meshes import PlacedMesh, place_meshes
from scenegen.core.labels.view_labels import view_maps
from scenegen.core.scene.scene import FARTHEST_STEP, MapSpec, PlacedObject
from scenegen.steps.exchange.survey import ExportJob
from scenegen.steps.library import check_sizes, find_library, load_asset

Words = NDArray[np.uint16]


@dataclass
class PlacedScene:
    """A stored scene and the library that it was made from; `has_maps`: the data set has depth and instance maps.

    ScenegenError when an asset is missing or is another one than was rendered.
    """

    stored: StoredScene
    library: Path
    has_maps: bool
    _last: tuple[int, Words, Words] | None = None

    def __post_init__(self) -> None:
        check_sizes(self.stored, self.library)

    def asset(self, item: PlacedObject) -> Asset:
        """The asset that an object shows."""
        return load_asset(self.library, item.asset).asset

    @cached_property
    def placed(self) -> Sequence[PlacedMesh]:
        """The triangles of every object, in the world."""
        scene = self.stored.scene
        return place_meshes(
            scene, {item.asset: load_asset(self.library, item.asset).label_mesh for item in scene.objects}
        )

    def maps(self, k: int) -> tuple[Words, Words]:
        """Camera k's depth, as stored, and instance map, uint16 (H, W); those of the last camera are kept."""
        if self._last is None or self._last[0] != k:
            self._last = (k, *self._read_maps(k))
        return self._last[1:]

    def _read_maps(self, k: int) -> tuple[Words, Words]:
        if self.has_maps:
            return self.stored.depth_steps(k), self.stored.instance(k)
        scene, spec = self.stored.scene, self.stored.map_spec
        cast = view_maps(self.placed, scene.cameras[k], scene.room, MapSpec(spec.depth_unit))
        return cast.depth, cast.instance


def job_library(job: ExportJob) -> Path:
    """The library of an export, once it is known to hold all assets that are shown."""
    return find_library(job.dataset, job.assets, {asset for one in job.surveys for asset, _ in one.assets})


def known_depth(depth: Words) -> NDArray[np.bool_]:
    """Where a depth map tells how far a surface is."""
    return (depth > 0) & (depth < FARTHEST_STEP)
