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
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.classes import object_class


def check_request(request: Request) -> None:
    """Check every option and that the folder can be written, before anything is written. Raises UsageError."""
    check_options(request)
    request.classes_of(load_preset(request.preset, request.views))
    names = [grid.name for grid in (*request.grid, *request.ego)]
    if len(set(names)) < len(names):
        raise UsageError("--grid and --ego: two grids have one name; give each a name of its own")
    folder = request.folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder with --out")
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{folder}: is not a folder that you can write to; name another with --out")


def check_library(library: Path, preset: Preset, split: str, asked: str = "studio") -> tuple[Asset, ...]:
    """Return the assets of one split for the classes of a preset; `asked` is what the user gave as --preset.

    Raises ScenegenError when a class has none, with the commands that bring them.
    """
    assets = tuple(a for a in list_assets(library, split) if a.class_name in preset.asset_classes)
    found = {a.class_name for a in assets}
    missing = sorted(
        {rule.asset_classes[0] for rule in preset.rules if rule.maximum and found.isdisjoint(rule.asset_classes)}
    )
    if missing:
        commands = ways_to_get([(name, split) for name in missing], asked, library)
        raise ScenegenError(
            f"{library}: no {split} asset of class {', '.join(missing)}; run {' and '.join(f'`{c}`' for c in commands)}"
        )
    return assets


def ways_to_get(missing: Sequence[tuple[str, str]], preset: str, library: Path) -> list[str]:
    """Commands that bring models of each missing (class, split) of a preset (its name or file).

    `build` makes those of the classes that have built-in models; of the others, the user adds files.
    """
    of_preset = "" if preset == "studio" else f" --preset {preset}"
    own = dict.fromkeys(name for name, _ in missing if not object_class(name).built_in)
    commands = []
    if len(own) < len({name for name, _ in missing}):
        commands.append(f"scenegen assets build{of_preset} --assets {library}")
    for name in own:
        splits = [split for other, split in missing if other == name]
        only = f" --split {splits[0]}" if len(splits) == 1 else ""
        commands.append(f"scenegen assets add --class {name}{only} --assets {library} PATH...")
    return commands


def dataset_info(request: Request, preset: Preset, assets: Sequence[Asset], blender: str | None = None) -> DatasetInfo:
    """What dataset.json holds for a run.

    `request` is as `for_blender` returns it; `blender` is the version that renders, None when nothing is rendered.
    """
    return DatasetInfo(
        request=from_record(to_record(dataclasses.replace(request, preset=preset.name, views=preset.views))),
        preset_checksum=preset_checksum(dataclasses.replace(preset, views=0)),  # the views have their own key
        library_checksum=library_checksum(assets),
        classes=request.classes_of(preset),
        grid=preset.grid,
        frustum=next(iter(preset.frusta)) if len(preset.frusta) == 1 else None,
        blender=(blender,) if blender else (),
        grids=request.grids(preset.grids),
    )
