"""Scenes in object storage or any other file system that fsspec knows, such as s3://bucket/studio.

Blender writes a scene into a folder of its machine; from there it is uploaded, scene.json last: a scene exists when
its scene.json does, so nobody ever sees half a scene.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import finished_indices, remove_leftovers, remove_scene, scene_path
from scenegen.steps.remote_files import remote_files, storage_errors

COMPANIONS = ("dataset.json", "CREDITS.txt", "fingerprints.json", "timings.csv", "events.jsonl", "report.json")


@dataclass(frozen=True)
class RemoteStore:
    """Scenes at `url`/scenes; `home` is the local folder they pass through."""

    url: str
    home: Path

    def open(self) -> None:
        """Fetch the files beside the scenes, such as dataset.json. UsageError, ScenegenError without an answer."""
        there, files = self._place()
        self.home.mkdir(parents=True, exist_ok=True)
        with storage_errors(self.url):
            files.invalidate_cache()
            for name in COMPANIONS:
                (self.home / name).unlink(missing_ok=True)
                if files.exists(f"{there}/{name}"):
                    files.get_file(f"{there}/{name}", str(self.home / name))
        if not (self.home / "dataset.json").exists():  # what lies here is of a data set that is gone
            shutil.rmtree(self.home / "scenes", ignore_errors=True)
        for index in sorted(finished_indices(self.home)):  # written by a process that died before it uploaded them
            self.commit(index)

    def prepare(self) -> None:
        """In a worker, before its first scene: make the folder, because its machine may be another one."""
        (self.home / "scenes").mkdir(parents=True, exist_ok=True)

    def finished(self, scenes: int) -> NDArray[np.bool_]:
        """Return which of the scenes 0 to `scenes` - 1 exist, bool (scenes,)."""
        there, files = self._place()
        found = np.zeros(scenes, bool)
        with storage_errors(self.url):
            files.invalidate_cache()
            for path in files.find(f"{there}/scenes"):
                *_, folder, name = path.split("/")
                number = folder.removeprefix("scene_")
                if name == "scene.json" and number.isdigit() and int(number) < scenes:
                    found[int(number)] = True
        return found

    def has(self, index: int) -> bool:
        """Whether scene `index` exists."""
        there, files = self._place()
        with storage_errors(self.url):
            files.invalidate_cache()
            return bool(files.exists(f"{there}/scenes/scene_{index:06d}/scene.json"))

    def commit(self, index: int) -> None:
        """Upload the folder of scene `index`, scene.json last, and remove it."""
        there, files = self._place()
        folder = scene_path(self.home, index)
        target = f"{there}/scenes/{folder.name}"
        with storage_errors(self.url):
            files.makedirs(target, exist_ok=True)
            for path in sorted(folder.iterdir(), key=lambda path: path.name == "scene.json"):
                files.put_file(str(path), f"{target}/{path.name}")
        remove_scene(self.home, index)

    def made(self, index: int) -> None:
        """No-op: `commit` has uploaded the scene."""

    def tidy(self) -> None:
        """Remove half-written scenes of dead processes of this machine."""
        remove_leftovers(self.home)

    def close(self) -> None:
        """Upload the files beside the scenes, such as dataset.json."""
        there, files = self._place()
        with storage_errors(self.url):
            for name in COMPANIONS:
                if (self.home / name).is_file():
                    files.put_file(str(self.home / name), f"{there}/{name}")

    def _place(self) -> tuple[str, Any]:
        """Return the path below its file system, and the file system."""
        return remote_files(self.url, "--out")
