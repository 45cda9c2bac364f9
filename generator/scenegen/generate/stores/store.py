"""Where finished scenes are kept: the one place that says which there are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import finished_scenes, is_complete, remove_leftovers


class Store(Protocol):
    """What the engine asks of a place for scenes. It travels to the workers, so it must pickle."""

    def open(self) -> None:
        """Before a run: find out what is there. ScenegenError when it is something else, or out of reach."""

    def prepare(self) -> None:
        """In a worker, before its first scene."""

    def finished(self, scenes: int) -> NDArray[np.bool_]:
        """Which of the scenes 0 to `scenes` - 1 are there, bool (scenes,)."""

    def has(self, index: int) -> bool:
        """Whether one scene is there."""

    def commit(self, index: int) -> None:
        """In a worker, when Blender has written scene `index`: have it appear, whole.

        OSError or ScenegenError when that fails.
        """

    def made(self, index: int) -> None:
        """In the process that drives the run: scene `index` came in."""

    def tidy(self) -> None:
        """Remove what dead processes of this machine left half-written."""

    def close(self) -> None:
        """After a run, whatever it made."""


@dataclass(frozen=True)
class FolderStore:
    """Scenes are folders below OUT/scenes, which the Blender that makes them renames into place."""

    out: Path

    def open(self) -> None:
        """The folder tells all."""

    def prepare(self) -> None:
        """The folder is there."""

    def finished(self, scenes: int) -> NDArray[np.bool_]:
        """Which of the scenes 0 to `scenes` - 1 are there: one pass over the folder."""
        return finished_scenes(self.out, scenes)

    def has(self, index: int) -> bool:
        """Whether scene `index` is there."""
        return is_complete(self.out, index)

    def commit(self, index: int) -> None:
        """Check that Blender's word is true: on a shared disk that another machine cannot reach it is not."""
        if not self.has(index):
            raise FileNotFoundError(f"{self.out}: scene {index} was made but cannot be seen here")

    def made(self, index: int) -> None:
        """It is where it belongs."""

    def close(self) -> None:
        """All is where it belongs."""

    def tidy(self) -> None:
        """Remove what dead processes of this machine left half-written."""
        remove_leftovers(self.out)
