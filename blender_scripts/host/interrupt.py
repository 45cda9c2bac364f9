"""Ctrl-C in any Blender: one line, nothing temporary left, exit status 130.

Blender handles Ctrl-C itself and goes on. Its operators let threads run, so a thread ends it even while it renders.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scenegen.core.interrupts import MESSAGE, STATUS, on_interrupt

IMPORT_LOOKS = 30
SHELL = "/bin/sh"


@contextmanager
def end_on_interrupt(temporary: Callable[[], Iterable[Path]] = tuple) -> Iterator[None]:
    """Inside it, Ctrl-C removes the folders that `temporary` gives, and Blender's own, and ends this process.

    For the main thread. Its own thread ends with it: a thread that is left keeps bpy from being freed when Python ends,
    and then Blender hangs.
    """

    def react(count: int) -> None:
        del count
        print(MESSAGE, file=sys.stderr, flush=True)
        folders = [*map(str, temporary()), *_session_folder()]
        if Path(SHELL).exists():
            # The shell takes this process's place, so no thread is left that could write into what it removes.
            os.execv(SHELL, [SHELL, "-c", f'rm -rf -- "$@"; exit {STATUS}', SHELL, *folders])
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(STATUS)

    leave = on_interrupt(react, lambda *_: None)
    try:
        yield
    finally:
        leave()


def _session_folder() -> list[str]:
    """Blender's own temporary folder, which it removes only when it ends by itself.

    The main thread may be importing bpy just now: then the folder has no name yet.
    """
    pause = threading.Event()
    for _ in range(IMPORT_LOOKS):
        app = getattr(sys.modules.get("bpy"), "app", None)
        if app:
            return [app.tempdir] if app.tempdir else []
        pause.wait(0.1)
    return []
