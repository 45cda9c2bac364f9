"""Keeps data sets from being changed while a command reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def reading(command: str, *folders: Path | None) -> Iterator[None]:
    """Hold the data sets among `folders` for reading: `voxelize` and `pack --delete` then refuse to change them.

    ScenegenError when another command is changing one. A folder that does not exist is left to who reads it.
    """
    from scenegen.core.dataset.run_lock import read_lock

    with ExitStack() as locks:
        for folder in folders:
            if folder is not None and folder.is_dir():
                locks.enter_context(read_lock(folder, f"scenetrain {command}"))
        yield
