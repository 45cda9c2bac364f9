"""What a data set was asked to be (dataset.json), where its parts lie, and the files beside its scenes.

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen import __version__
from scenegen.core.asset_library import Asset
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import FrustumSpec, GridSpec

FORMAT = "scenegen-dataset/1"

_SCENE_NAME = re.compile(r"scene_(\d{6,})")
_STAGING_NAME = re.compile(r"\.(?:writing|retired)-(\d+)-(.+)-(\d+)")


@dataclass(frozen=True)
class DatasetInfo:
    """What a data set was asked to be: dataset.json.

    `preset_checksum` and `library_checksum` stand for everything in the preset and in the assets that may be placed.
    `scenes` may grow, `library` is where the assets lay, and `blender` lists the versions that rendered: these three
    may differ between runs, everything else may not. `views` is the number of cameras a scene.
    `variation` is None in a data set that is older than it.
    """

    preset: str
    preset_checksum: str
    seed: int
    split: str
    quality: str
    library_checksum: str
    classes: tuple[str, ...]
    grid: GridSpec | None
    frustum: FrustumSpec | None
    scenes: int
    library: str
    blender: tuple[str, ...] = ()
    views: int | None = None
    variation: tuple[str, ...] | None = None
    scenegen: str = __version__
    format: str = FORMAT


_MAY_DIFFER = frozenset({"scenes", "library", "blender"})


def preset_checksum(preset: Any) -> str:
    """sha256 over everything in a preset (any dataclass of plain values)."""
    return hashlib.sha256(json.dumps(dataclasses.asdict(preset), sort_keys=True).encode()).hexdigest()


def library_checksum(assets: Iterable[Asset]) -> str:
    """sha256 over what layout and labels take from `assets`: pass those of the data set's split and classes."""
    lines = sorted(
        json.dumps([a.name, a.class_name, a.split, a.size, a.triangles, a.provenance.checksum]) for a in assets
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def scene_path(out: Path, index: int) -> Path:
    """The folder of scene `index`."""
    return out / "scenes" / f"scene_{index:06d}"


def is_complete(out: Path, index: int) -> bool:
    """Whether scene `index` is there; a scene appears whole, so its folder is proof."""
    return scene_path(out, index).is_dir()


def finished_indices(out: Path) -> set[int]:
    """Indices of all scenes that are there."""
    return set(_found(out))


def finished_scenes(out: Path, scenes: int) -> NDArray[np.bool_]:
    """Which of the scenes 0 to `scenes` - 1 are there, bool (scenes,): a million take seconds and a megabyte."""
    there = np.zeros(scenes, bool)
    for index in _found(out):
        if index < scenes:
            there[index] = True
    return there


def _found(out: Path) -> Iterator[int]:
    folder = out / "scenes"
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (int(match[1]) for entry in entries if (match := _SCENE_NAME.fullmatch(entry.name)))


def staging_path(out: Path, kind: str, index: int) -> Path:
    """Where this process keeps scene `index` while it is being written ("writing") or replaced ("retired")."""
    return out / "scenes" / f".{kind}-{index:06d}-{_host()}-{os.getpid()}"


def remove_scene(out: Path, index: int) -> None:
    """Remove scene `index`; killed on the way, it leaves what is known to be half a scene."""
    doomed = staging_path(out, "writing", index)
    scene_path(out, index).rename(doomed)
    shutil.rmtree(doomed)


def leftovers(out: Path) -> list[Path]:
    """Folders of scenes that were being written, sorted by name: of running processes and of dead ones."""
    folder = out / "scenes"
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if _STAGING_NAME.fullmatch(entry.name))


def remove_leftovers(out: Path) -> None:
    """Tidy up after runs of this machine that died: put retired scenes back, remove half-written ones."""
    for folder in leftovers(out):
        match = _STAGING_NAME.fullmatch(folder.name)
        if match is None or match[2] != _host() or _runs_elsewhere(int(match[3])):
            continue
        scene = scene_path(out, int(match[1]))
        if folder.name.startswith(".retired") and not scene.exists():
            folder.rename(scene)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _host() -> str:
    return re.sub(r"[^\w.]", "_", socket.gethostname()) or "host"


def _runs_elsewhere(pid: int) -> bool:
    """Whether another process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()


def read_dataset_json(out: Path) -> DatasetInfo:
    """What the data set at `out` was asked to be; ScenegenError when it is none."""
    path = out / "dataset.json"
    if not path.is_file():
        raise ScenegenError(f"{out}: no data set here (dataset.json is missing); name a folder that `generate` made")
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["format"] != FORMAT:
            raise ValueError(f"not in the form {FORMAT}")
        grid, frustum = body["grid"], body["frustum"]
        body["grid"] = GridSpec(**_tuples(grid)) if grid else None
        body["frustum"] = FrustumSpec(**_tuples(frustum)) if frustum else None
        return DatasetInfo(**_tuples(body))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScenegenError(f"{path}: broken ({error}); restore it or make the data set anew") from error


def _tuples(body: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in body.items()}


def write_dataset_json(out: Path, info: DatasetInfo) -> None:
    """Write dataset.json whole or not at all."""
    body = {"format": info.format, **dataclasses.asdict(info)}
    write_text(out / "dataset.json", json.dumps(body, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    aside = path.with_name(f".{path.name}-{_host()}-{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        fsync(aside)
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise ScenegenError(f"{path}: cannot be written ({error.strerror}); free the place or name another") from error


def check_dataset_json(out: Path, wanted: DatasetInfo) -> None:
    """Make the data set's folder and dataset.json, or check that the ones there were asked for the same.

    More scenes than before are welcome. ScenegenError: `out` is a file or not writable, holds scenes of unknown
    origin, or was made with other parameters (the first that differs is named).
    """
    if out.exists() and not out.is_dir():
        raise ScenegenError(f"{out}: is a file; name a folder with --out")
    try:
        (out / "scenes").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be made ({error.strerror}); name another folder with --out") from error
    if not (out / "dataset.json").exists():
        if finished_indices(out):
            raise ScenegenError(f"{out}: holds scenes but no dataset.json; move them away or name another --out")
        write_dataset_json(out, wanted)
        return
    found = read_dataset_json(out)
    for key in (f.name for f in dataclasses.fields(DatasetInfo) if f.name not in _MAY_DIFFER):
        was, now = getattr(found, key), getattr(wanted, key)
        if was != now:
            raise ScenegenError(
                f"{out / 'dataset.json'}: made with {key} {_show(was)}, now asked for {_show(now)}; "
                f"ask for the same, or name another folder with --out"
            )
    merged = dataclasses.replace(
        found,
        scenes=max(found.scenes, wanted.scenes),
        blender=tuple(sorted({*found.blender, *wanted.blender})),
    )
    if merged != found:
        write_dataset_json(out, merged)


def _show(value: Any) -> str:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return json.dumps(dataclasses.asdict(value))
    return json.dumps(value[:12] if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) else value)


def scene_credits(assets: Iterable[Asset]) -> list[dict[str, str]]:
    """What the licences of `assets` ask to be named, one entry an asset, sorted: scene.json's `credits`."""
    entries = {
        a.name: {
            "asset": a.name,
            "title": a.provenance.title,
            "author": a.provenance.author,
            "licence": a.provenance.licence,
            "source": a.provenance.source,
        }
        for a in assets
    }
    return [entries[name] for name in sorted(entries)]


def write_credits(out: Path, assets: Iterable[Asset]) -> None:
    """Write CREDITS.txt: every asset with its title, author, licence and source."""
    lines = [
        f'{c["asset"]}: "{c["title"]}" by {c["author"]}, {c["licence"]}, {c["source"]}' for c in scene_credits(assets)
    ]
    head = "The images of this data set show the following models, under the licences named.\n\n"
    write_text(out / "CREDITS.txt", head + "".join(line + "\n" for line in lines))


def append_timings(out: Path, index: int, seconds: Mapping[str, float]) -> None:
    """Add one scene's seconds a stage to timings.csv (columns index, stage, seconds), if the disk has room."""
    path = out / "timings.csv"
    head = "" if path.exists() else "index,stage,seconds\n"
    append_lines(path, head + "".join(f"{index},{stage},{value:.4f}\n" for stage, value in seconds.items()))


def append_lines(path: Path, text: str) -> bool:
    """Add whole lines to a file or, when the disk refuses, nothing; whether it was done."""
    content = text.encode()
    try:
        with path.open("ab", buffering=0) as file:
            size = file.seek(0, os.SEEK_END)
            if file.write(content) == len(content):
                return True
            file.truncate(size)
    except OSError:
        pass
    return False


def fsync(path: Path) -> None:
    """Have a file or folder reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
