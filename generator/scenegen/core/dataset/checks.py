"""The checks before a run starts, the same for one Blender and for many, and what dataset.json records of it.

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from scenegen.core.asset_library import Asset, list_assets
from scenegen.core.dataset.info import DatasetInfo, library_checksum, preset_checksum
from scenegen.core.dataset.request import Request, from_record, to_record
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.options import check_options
from scenegen.core.preset.preset import Preset


def check_request(request: Request) -> None:
    """Check every option and that the folder can be written, before anything is written. Raises UsageError."""
    check_options(request)
    folder = request.folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder with --out")
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{folder}: is not a folder that you can write to; name another with --out")


def check_library(library: Path, preset: Preset, split: str) -> tuple[Asset, ...]:
    """Return the assets of one split for the classes of a preset. Raises ScenegenError when a class has none."""
    assets = tuple(a for a in list_assets(library, split) if a.class_name in preset.asset_classes)
    found = {a.class_name for a in assets}
    missing = sorted(
        {rule.asset_classes[0] for rule in preset.rules if rule.maximum and found.isdisjoint(rule.asset_classes)}
    )
    if missing:
        raise ScenegenError(
            f"{library}: no {split} asset of class {', '.join(missing)}; "
            f"run `scenegen assets build --assets {library}` or "
            f"`scenegen assets add --class {missing[0]} --split {split} --assets {library} PATH...`"
        )
    return assets


def dataset_info(request: Request, preset: Preset, assets: Sequence[Asset], blender: str | None = None) -> DatasetInfo:
    """What dataset.json holds for a run.

    `request` is as `for_blender` returns it; `blender` is the version that renders, None when nothing is rendered.
    """
    return DatasetInfo(
        request=from_record(to_record(dataclasses.replace(request, preset=preset.name, views=preset.views))),
        preset_checksum=preset_checksum(dataclasses.replace(preset, views=0)),  # the views have their own key
        library_checksum=library_checksum(assets),
        classes=preset.classes,
        grid=preset.grid,
        frustum=preset.frustum,
        blender=(blender,) if blender else (),
    )
