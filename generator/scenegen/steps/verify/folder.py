"""The rules for the files of a data set beside its scenes, and for what lies in its folders."""

from __future__ import annotations

import csv
import math
import re
import struct
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path

from scenegen.core.dataset.credits import credits_of
from scenegen.core.dataset.fingerprints import read_fingerprints
from scenegen.core.dataset.folders import leftovers, scene_path
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.shards import shard_fault
from scenegen.core.dataset.writing import GRID_FILE
from scenegen.core.decoding import read_file
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.fingerprint import Fingerprint
from scenegen.core.json_values import JsonError
from scenegen.core.labels.grid_files import file_of, files_of
from scenegen.core.options import check_options
from scenegen.core.scene.scene import Scene, VoxelSpec

MOST_NAMED = 20
CREDITS = "CREDITS.txt"

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

_NUMBERED = re.compile(r"(?:image|depth|instance)_(\d+)\.png|(?:frustum|normals)_(\d+)\.npz")
_LIDAR = re.compile(r"lidar_(\d+)\.npz")


def check_folder(dataset: Dataset) -> Iterable[str]:
    """All requested scenes are there and no others, nothing unfinished, and the files beside them are right."""
    info = dataset.info
    try:
        check_options(info.request)
    except UsageError as error:
        yield f"{dataset.path / 'dataset.json'}: {error}"
    for key in ("preset_checksum", "library_checksum"):
        if not re.fullmatch(r"[0-9a-f]{64}", getattr(info, key)):
            yield f"{dataset.path / 'dataset.json'}: {key} is no sha256; copy it again from where it came"
    if not info.classes or len(set(info.classes)) < len(info.classes):
        yield f"{dataset.path / 'dataset.json'}: classes {list(info.classes)}: each needs a name of its own"
    yield from _check_scenes(dataset)
    if not (dataset.path / CREDITS).is_file():
        command = f"import {info.imported.form}" if info.imported else "generate"
        yield f"{dataset.path / CREDITS}: is missing; run `scenegen {command}` again"
    try:
        read_fingerprints(dataset.path)
    except ScenegenError as error:
        yield str(error)
    yield from _check_timings(dataset)
    if dataset.packing:
        yield from _check_shards(dataset)


def _check_scenes(dataset: Dataset) -> Iterable[str]:
    there, scenes = set(dataset.indices), dataset.info.request.scenes
    imported = dataset.info.imported
    again = f"run `scenegen {f'import {imported.form}' if imported else 'generate'}` again"
    missing = scenes - sum(index < scenes for index in there)
    if missing:  # dataset.json may ask for 10**12: they are counted, not listed
        first = islice((index for index in range(scenes) if index not in there), MOST_NAMED + 1)
        yield f"{missing} of {scenes} scenes are missing ({_some(list(first))}); {again}"
    more = [index for index in dataset.indices if index >= scenes]
    if more:
        yield f"dataset.json asks for {scenes} scenes, but there are others too ({_some(more)}); move them away"
    for folder in leftovers(dataset.path):
        yield f"{folder}: an unfinished scene of a run that was killed or is running; {again}"


def _some(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:MOST_NAMED])) + (" ..." if len(numbers) > MOST_NAMED else "")


def _check_timings(dataset: Dataset) -> Iterable[str]:
    """Every line of timings.csv, if it is there, is a scene, a stage and its seconds."""
    file, scenes = dataset.path / "timings.csv", dataset.info.request.scenes
    if not file.is_file():
        return
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.reader(lines))
    except (OSError, ValueError, csv.Error) as error:
        yield f"{file}: is damaged ({error}); remove it"
        return
    wrong = [n for n, row in enumerate(rows[1:], start=2) if not _is_timing(row, scenes)]
    if rows[:1] != [["index", "stage", "seconds"]]:
        yield f"{file}: is damaged (does not begin with index,stage,seconds); remove it"
    elif wrong:
        yield f"{file}: is damaged (lines {_some(wrong)} are no index, stage and seconds of a scene); remove them"


def _is_timing(row: list[str], scenes: int) -> bool:
    try:
        index, stage, seconds = row
        return 0 <= int(index) < scenes and stage != "" and 0 <= float(seconds) < math.inf
    except ValueError:
        return False


def _check_shards(dataset: Dataset) -> Iterable[str]:
    """Every shard has the bytes that were packed, and none is missing in the index."""
    yield from (wrong for shard in dataset.shards if (wrong := shard_fault(dataset.path, shard)))
    known = {shard.file for shard in dataset.shards}
    for file in sorted(dataset.path.glob("shard-*.tar")):
        if file.name not in known:
            yield f"{file}: is not in index.json; remove it, or pack the data set again"


def check_beside(path: Path, scene: Scene) -> Iterable[str]:
    """What the data set's own files say of a scene's models: CREDITS.txt credits them, fingerprints.json knows them."""
    lines, fingerprints = _credit_lines(path), _fingerprints(path)
    with suppress(JsonError):  # which the check of layouts tells
        for credit in credits_of(scene):
            if lines is not None and not any(credit.licence in line for line in lines.get(credit.name, ())):
                yield f"asset {credit.name}: has no line in {CREDITS} with its licence {credit.licence}"
    for name in sorted({item.asset for item in scene.objects}):
        if fingerprints is not None and name not in fingerprints:
            yield f"asset {name}: has no fingerprint in fingerprints.json"


def check_files(path: Path, scene: Scene) -> Iterable[str]:
    """PNG files are whole, and none is of a camera or grid that the scene lacks; other files are their owner's."""
    folder = scene_path(path, scene.index)
    grids = {file_of(named, k) for named, k in files_of(scene)}
    turns = len(scene.rig.poses) if scene.rig and scene.rig.lidar else 0
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        match = _NUMBERED.fullmatch(file.name)
        camera = int(match[1] or match[2]) if match else -1
        if match and file.suffix == ".png" and (wrong := _damage(file)):
            yield f"{file}: {wrong}; copy it again from where it came"
        if camera >= len(scene.cameras):
            yield f"{file}: the scene has no camera {camera}; remove it, or copy scene.json again"
        if match and file.name.startswith("normals_") and not scene.map_spec.normals:
            yield f"{file}: the scene has no normals; remove it, or copy scene.json again"
        if (found := _LIDAR.fullmatch(file.name)) and int(found[1]) >= turns:
            yield f"{file}: the scene has no such turn of a lidar; remove it, or copy scene.json again"
        if file.name in ("occupancy.npy", "masks.npy", "voxels.npz") and scene.grid is None:
            yield f"{file}: the scene has no box grid; remove it, or copy scene.json again"
        elif GRID_FILE.fullmatch(file.name) and file.name not in grids:
            yield f"{file}: the scene has no such grid; remove it, or copy scene.json again"
        elif file.name == "voxels.npz" and scene.voxel_spec == VoxelSpec():
            yield f"{file}: the scene has no such labels; remove it, or copy scene.json again"


def _damage(file: Path) -> str:
    try:
        return _png_damage(read_file(file))
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or error})"


def _png_damage(content: bytes) -> str:
    """What is wrong with a PNG file, by its signature and the checksum of each chunk; "" when nothing is.

    Pillow reads any format under any name, and passes over checksums of pixels.
    """
    if not content.startswith(_PNG_SIGNATURE):
        return "is no PNG file"
    place = len(_PNG_SIGNATURE)
    while place < len(content):
        size, kind = struct.unpack(">I4s", content[place : place + 8].ljust(8, b"\0"))
        end = place + 12 + size
        if end > len(content) or zlib.crc32(content[place + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
            return "is damaged: a checksum in it is wrong"
        place = end
        if kind == b"IEND":
            return "" if place == len(content) else "has bytes after its end"
    return "ends too early"


@lru_cache(maxsize=4)
def _credit_lines(path: Path) -> Mapping[str, tuple[str, ...]] | None:
    """The lines of CREDITS.txt by the model that they name; None when the file is missing or no text."""
    try:
        text = read_file(path / CREDITS).decode()
    except (OSError, ValueError):
        return None
    lines: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        name = line.partition(": ")[0]
        lines[name] = (*lines.get(name, ()), line)
    return lines


@lru_cache(maxsize=4)
def _fingerprints(path: Path) -> Mapping[str, Fingerprint] | None:
    try:
        return read_fingerprints(path)
    except ScenegenError:  # which check_folder tells
        return None
