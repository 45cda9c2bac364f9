"""Where finished scenes are kept, and which of them exist."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import finished_scenes, is_complete, remove_leftovers
from scenegen.core.dataset.shards import refuse_packed


class Store(Protocol):
    """A place for scenes, as the engine uses it. It travels to the workers, so it must pickle."""

    def open(self) -> None:
        """Before a run: read what exists. Raises ScenegenError when it is something else, or cannot be reached."""

    def prepare(self) -> None:
        """In a worker, before its first scene."""

    def finished(self, scenes: int) -> NDArray[np.bool_]:
        """Return which of the scenes 0 to `scenes` - 1 exist, bool (scenes,)."""

    def has(self, index: int) -> bool:
        """Whether scene `index` exists."""

    def commit(self, index: int) -> None:
        """In a worker, when Blender has written scene `index`: make it appear, whole.

        Raises OSError or ScenegenError when that fails.
        """

    def made(self, index: int) -> None:
        """In the process that drives the run: scene `index` is finished."""

    def tidy(self) -> None:
        """Remove half-written scenes of dead processes of this machine."""

    def close(self) -> None:
        """After a run, even one that made nothing."""


@dataclass(frozen=True)
class FolderStore:
    """Scenes are folders below OUT/scenes, which the Blender that makes them renames into place."""

    out: Path

    def open(self) -> None:
        """Check that OUT holds no shards; its scenes are found by listing the folder. ScenegenError."""
        refuse_packed(self.out)

    def prepare(self) -> None:
        """No-op: check_dataset_json has made the folder."""

    def finished(self, scenes: int) -> NDArray[np.bool_]:
        """Return which of the scenes 0 to `scenes` - 1 exist, in one pass over the folder."""
        return finished_scenes(self.out, scenes)

    def has(self, index: int) -> bool:
        """Whether scene `index` exists."""
        return is_complete(self.out, index)

    def commit(self, index: int) -> None:
        """Check that the scene can be seen here: with a disk that is not shared, another machine wrote it elsewhere."""
        if not self.has(index):
            raise FileNotFoundError(f"{self.out}: scene {index} was made but cannot be seen here")

    def made(self, index: int) -> None:
        """No-op: Blender has renamed the scene into place."""

    def close(self) -> None:
        """No-op: there is nothing to finish."""

    def tidy(self) -> None:
        """Remove half-written scenes of dead processes of this machine."""
        remove_leftovers(self.out)
