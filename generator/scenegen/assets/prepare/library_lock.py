"""Lets one process at a time change a library, so that many can add models to it at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from scenegen.core.asset_library import remove_unfinished
from scenegen.core.dataset.run_lock import refuse_readers
from scenegen.core.errors import ScenegenError

LOCK_FILE = ".lock"
PATIENCE = 300.0  # seconds; an asset is written in a fraction of one


@contextmanager
def library_lock(library: Path) -> Iterator[None]:
    """Wait until no other process changes the library, then keep others out. Not reentrant.

    What a process that died here left unfinished is removed. Raises ScenegenError when another process holds the lock
    for PATIENCE seconds, or makes scenes of the library: its later scenes would be of other models.
    """
    library.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(library / LOCK_FILE, timeout=PATIENCE):
            refuse_readers(library)
            remove_unfinished(library)
            yield
    except Timeout as error:
        raise ScenegenError(
            f"{library}: another process has locked it for {PATIENCE / 60:.0f} min; end that process and try again"
        ) from error
