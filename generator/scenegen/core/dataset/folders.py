"""The folders of a data set's scenes: finished ones, and those that a running or a killed process was writing.

    OUT/scenes/scene_000017/                      a finished scene
    OUT/scenes/.writing-000017-HOST-PID/          a scene that a process is writing
    OUT/scenes/.retired-000017-HOST-PID/          a scene that a process is replacing

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.files import host_name, remove_folder

_SCENE_NAME = re.compile(r"scene_([0-9]{6,18})")
_STAGING_NAME = re.compile(r"\.(?:writing|retired)-([0-9]{1,18})-(.+)-([0-9]{1,9})")


def scene_path(out: Path, index: int) -> Path:
    """The folder of scene `index`."""
    return out / "scenes" / f"scene_{index:06d}"


def is_complete(out: Path, index: int) -> bool:
    """Whether scene `index` is there; a scene appears whole, so its folder is enough."""
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
            names = (entry.name for entry in entries if _SCENE_NAME.fullmatch(entry.name))
            indices = ((int(name.removeprefix("scene_")), name) for name in names)
            yield from (index for index, name in indices if name == f"scene_{index:06d}")  # not scene_0000017


def staging_path(out: Path, kind: str, index: int) -> Path:
    """Where this process keeps scene `index` while it is being written ("writing") or replaced ("retired")."""
    return out / "scenes" / f".{kind}-{index:06d}-{_this_process()}"


def _this_process() -> str:
    return f"{host_name()}-{os.getpid()}"


def remove_scene(out: Path, index: int) -> None:
    """Remove scene `index`. A kill in between leaves a folder that is known to be incomplete."""
    doomed = staging_path(out, "writing", index)
    scene_path(out, index).rename(doomed)
    remove_folder(doomed)


def leftovers(out: Path) -> list[Path]:
    """Folders of scenes that a process writes or was writing when it died, sorted by name."""
    folder = out / "scenes"
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return sorted(Path(entry.path) for entry in entries if _STAGING_NAME.fullmatch(entry.name))


def unfinished(out: Path) -> list[Path]:
    """Folders of scenes that this process is writing and has not finished."""
    return [
        folder for folder in leftovers(out) if re.fullmatch(rf"\.writing-\d+-{re.escape(_this_process())}", folder.name)
    ]


def remove_leftovers(out: Path) -> None:
    """Clean up after runs of this machine that died: put retired scenes back, remove incomplete ones."""
    for folder in leftovers(out):
        match = _STAGING_NAME.fullmatch(folder.name)
        if match is None or match[2] != host_name() or _runs_elsewhere(int(match[3])):
            continue
        scene = scene_path(out, int(match[1]))
        if folder.name.startswith(".retired") and not scene.exists():
            folder.rename(scene)
        else:
            with suppress(OSError):
                remove_folder(folder)


def _runs_elsewhere(pid: int) -> bool:
    """Whether another process has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
