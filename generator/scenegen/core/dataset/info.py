"""What a data set was asked to be: OUT/dataset.json.

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenegen import __version__
from scenegen.core.asset_library import Asset
from scenegen.core.dataset.fingerprints import ModelChanges, changed_models
from scenegen.core.dataset.folders import finished_indices
from scenegen.core.dataset.request import Request, from_record, to_record, written_record
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.json_values import check_format, from_json, read_json
from scenegen.core.scene.asked_grid import grid_text
from scenegen.core.scene.scene import FrustumSpec, GridSpec, NamedGrid

FORMAT = "scenegen-dataset/1"
FORMAT_OF_STEPS = "scenegen-dataset/2"
"""Of data sets whose depth has steps of more than a millimetre, so that programs which read millimetres refuse them."""


@dataclass(frozen=True)
class ImportSource:
    """Where photographs come from that were not rendered: `form` is the format they were imported from.

    `measured_depth`: depth is what a sensor measured, not what the labelled surfaces give.
    """

    form: str
    measured_depth: bool


@dataclass(frozen=True)
class DatasetInfo:
    """What a data set was asked to be: dataset.json.

    `request` is what was asked for; its recorded options are keys of dataset.json. `preset_checksum` and
    `library_checksum` stand for everything in the preset and in the assets that may be placed. `blender` lists the
    versions that rendered, `grids` are box grids beside `grid`. The number of scenes, the library's folder, `grids` and
    `blender` may differ between runs, everything else may not. In `request`, `preset` is the preset's name, `views` the
    number of cameras per scene, and `variation` is None in a data set that is older than that option. `imported` is
    None where scenes were generated; an imported set brings its models along, in the folder MODELS.
    """

    request: Request
    preset_checksum: str
    library_checksum: str
    classes: tuple[str, ...]
    grid: GridSpec | None
    frustum: FrustumSpec | None
    blender: tuple[str, ...] = ()
    grids: tuple[NamedGrid, ...] = ()
    imported: ImportSource | None = None
    scenegen: str = __version__
    format: str = FORMAT


MODELS = "models"
"""The folder of an imported data set's models, a prepared library; dataset.json names it from its own folder."""

_MAY_DIFFER = frozenset({"format", "scenes", "library", "blender", "grids"})


def preset_checksum(preset: Any) -> str:
    """sha256 over everything in a preset (any dataclass of plain values).

    Fields that presets did not have at first count where they differ from their default: so data sets made before them
    can be continued.
    """
    return hashlib.sha256(json.dumps(_contents(preset), sort_keys=True).encode()).hexdigest()


def _contents(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_contents(item) for item in value]
    if not dataclasses.is_dataclass(value):
        return value
    pairs = ((field, getattr(value, field.name)) for field in dataclasses.fields(value))
    return {f.name: _contents(v) for f, v in pairs if v != f.default or "added_later" not in f.metadata}


def library_checksum(assets: Iterable[Asset]) -> str:
    """sha256 over what layout and labels take from `assets`: pass those of the data set's split and classes."""
    lines = sorted(
        json.dumps([a.name, a.class_name, a.split, a.size, a.triangles, a.provenance.checksum]) for a in assets
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def read_dataset_json(out: Path) -> DatasetInfo:
    """What the data set at `out` was asked to be; ScenegenError when it is none."""
    path = out / "dataset.json"
    if not path.is_file():
        raise ScenegenError(f"{out}: no data set here (dataset.json is missing); name a folder that `generate` made")
    advice = "copy it again from where it came, or from a data set made with the same options"
    info = read_json(path, _read_body, (FORMAT, FORMAT_OF_STEPS), advice)
    if info.imported is None or info.request.library.is_absolute():
        return info
    library = out.absolute() / info.request.library
    return dataclasses.replace(info, request=dataclasses.replace(info.request, assets=library))


def _read_body(body: dict[str, Any]) -> DatasetInfo:
    info = from_json(DatasetInfo, {**body, "request": from_record(body)})
    check_format(info.format, _format(info))
    return info


def _format(info: DatasetInfo) -> str:
    return FORMAT if info.request.depth_unit == 1 else FORMAT_OF_STEPS


def write_dataset_json(out: Path, info: DatasetInfo) -> None:
    """Write dataset.json whole or not at all."""
    body = _body(info, written_record(info.request))
    if not info.grids:
        del body["grids"]
    if info.imported is None:
        del body["imported"]
    elif info.request.library == out.absolute() / MODELS:
        body["library"] = MODELS
    write_text(out / "dataset.json", json.dumps(body, indent=1) + "\n")


def _body(info: DatasetInfo, record: dict[str, Any]) -> dict[str, Any]:
    """The keys and values of dataset.json; `record` has those of the request."""
    own = dataclasses.asdict(info)
    del own["request"], own["format"]
    return {"format": _format(info), **record, **own}


def check_dataset_json(out: Path, wanted: DatasetInfo, assets: Sequence[Asset] = ()) -> None:
    """Make the data set's folder and dataset.json, or check that the ones there were asked for the same.

    More scenes than before are welcome. ScenegenError: `out` is a file or not writable, holds scenes of unknown
    origin, or was made with other parameters (the first that differs is named; of other models than `assets`, the
    library's now, those that differ).
    """
    if out.exists() and not out.is_dir():
        raise ScenegenError(f"{out}: is a file; name a folder with --out")
    try:
        (out / "scenes").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be made ({error.strerror}); name another folder with --out") from error
    if not (out / "dataset.json").exists():
        if finished_indices(out):
            raise ScenegenError(f"{out}: holds scenes but no dataset.json; move the folder away or name another --out")
        write_dataset_json(out, wanted)
        return
    found = read_dataset_json(out)
    before = _body(found, to_record(found.request))
    for key, now in _body(wanted, to_record(wanted.request)).items():
        was = before[key]
        if key == "library_checksum" and was != now and assets:
            raise ScenegenError(
                f"{out}: made from other models than {wanted.request.library} holds now"
                f"{_since(changed_models(out, assets))}. To go on with this data set, give the library as it was, by "
                "--assets or without these changes; to show the models of now, name another folder with --out"
            )
        if key not in _MAY_DIFFER and was != now:
            raise ScenegenError(
                f"{out / 'dataset.json'}: made with {key} {_show(was)}, now asked for {_show(now)}; "
                f"{_voxelize_back(out, key, was, now) or 'ask for the same'}, or name another folder with --out"
            )
    _check_grids(out, found, wanted)
    merged = dataclasses.replace(
        found,
        request=dataclasses.replace(found.request, scenes=max(found.request.scenes, wanted.request.scenes)),
        blender=tuple(sorted({*found.blender, *wanted.blender})),
    )
    if merged != found:
        write_dataset_json(out, merged)


def _check_grids(out: Path, found: DatasetInfo, wanted: DatasetInfo) -> None:
    """Refuse grids that the data set's scenes lack; those that it has beside the wanted ones, new scenes get too."""
    known = {grid.name: grid for grid in found.grids}
    for grid in wanted.grids:
        if known.get(grid.name) != grid:
            option = f"--{'ego' if grid.ego else 'grid'} {grid_text(grid)}"
            raise ScenegenError(
                f"{out / 'dataset.json'}: made {'with another' if grid.name in known else 'without a'} grid "
                f"{grid.name}; run `scenegen voxelize {out} {option}` first, or name another folder with --out"
            )


def _voxelize_back(out: Path, key: str, was: Any, now: Any) -> str:
    """How to get the preset's own voxels again: with the same preset, only `voxelize` makes other grids and frusta."""
    value = ""
    if key == "grid" and now:
        value = ",".join(map(str, now["shape"]))
        if was and _volume(was) != _volume(now):
            value += f"@{now['voxel_size']!r}@{','.join(map(repr, now['origin']))}"
    elif key == "frustum" and now:
        value = f"{now['near']:g},{now['far']:g},{now['size'][2]},{now['hfov_deg']:g}"
    return f"run `scenegen voxelize {out} --{key} {value}` first" if value else ""


def _volume(grid: dict[str, Any]) -> tuple[float, ...]:
    """The first and the last corner of a grid, to the micrometre."""
    first = [float(x) for x in grid["origin"]]
    last = [x + n * grid["voxel_size"] for x, n in zip(first, grid["shape"], strict=True)]
    return tuple(round(x, 6) for x in (*first, *last))


def _since(changes: ModelChanges | None) -> str:
    """ ": 2 added since (a, b), 1 removed (c)"; nothing where it is not known."""
    if changes is None:
        return ""
    kinds = ((changes.added, "added since"), (changes.removed, "removed"), (changes.reshaped, "of another shape now"))
    said = ", ".join(f"{len(names)} {what} ({_first(names)})" for names, what in kinds if names)
    return f": {said or 'some were prepared again, in another size or from another file'}"


def _first(names: Sequence[str], most: int = 5) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _show(value: Any) -> str:
    return json.dumps(value[:12] if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) else value)
