"""What a run is asked to make and the checks before it starts, the same for one Blender and for many.

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scenegen.core.asset_library import Asset, list_assets
from scenegen.core.dataset.info import DatasetInfo, library_checksum, preset_checksum
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.look.variation import VARIATIONS
from scenegen.core.preset.preset import Preset


@dataclass(frozen=True)
class Parameters:
    """What the scenes 0..scenes-1 of a data set depend on, and where they go. Paths are absolute."""

    preset: Preset
    library: Path
    out: Path
    scenes: int
    seed: int
    split: str
    quality: str
    variation: tuple[str, ...] = VARIATIONS


def check_parameters(scenes: int, split: str, out: Path) -> None:
    """Refuse what makes no sense before anything is written. Raises UsageError."""
    if scenes < 1:
        raise UsageError(f"--scenes {scenes}: ask for at least 1")
    if split not in ("train", "test"):
        raise UsageError(f"--split {split}: no such split; take train or test")
    place = out.absolute()
    if place.exists() and not place.is_dir():
        raise UsageError(f"{place}: is a file; name a folder with --out")
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"{place}: is not a folder one can write in; name another with --out")


def check_library(library: Path, preset: Preset, split: str) -> tuple[Asset, ...]:
    """The assets of one split, for the classes of a preset. ScenegenError when a class has none."""
    assets = tuple(a for a in list_assets(library, split) if a.class_name in preset.asset_classes)
    there = {a.class_name for a in assets}
    lacking = sorted(
        {rule.asset_classes[0] for rule in preset.rules if rule.maximum and there.isdisjoint(rule.asset_classes)}
    )
    if lacking:
        raise ScenegenError(
            f"{library}: no {split} asset of class {', '.join(lacking)}; "
            f"run `scenegen assets build --assets {library}` or "
            f"`scenegen assets add --class {lacking[0]} --split {split} --assets {library} PATH...`"
        )
    return assets


def dataset_info(parameters: Parameters, assets: Sequence[Asset], blender: str | None = None) -> DatasetInfo:
    """What dataset.json says of this run; `blender` is the version that renders, where one does."""
    preset = parameters.preset
    return DatasetInfo(
        preset=preset.name,
        preset_checksum=preset_checksum(dataclasses.replace(preset, views=0)),  # which are named in their own line
        views=preset.views,
        seed=parameters.seed,
        split=parameters.split,
        quality=parameters.quality,
        library_checksum=library_checksum(assets),
        classes=preset.classes,
        grid=preset.grid,
        frustum=preset.frustum,
        scenes=parameters.scenes,
        library=str(parameters.library),
        blender=(blender,) if blender else (),
        variation=parameters.variation,
    )
