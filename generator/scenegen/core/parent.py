"""How a process ends with the one that started it, however that one ends.

A module of its own with little to import: a Blender starts with it, for each command that reads a model.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading

LOOK_SECONDS = 1.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """In any other child: end within seconds when its parent has ended. A thread looks, so C code that keeps Python's
    lock delays it."""
    over = threading.Event()
    thread = threading.Thread(target=_end_without, args=(os.getppid(), over), daemon=True)
    thread.start()
    # Blender hangs at Python's end while a thread is left.
    atexit.register(thread.join)
    atexit.register(over.set)


def _end_without(parent: int, over: threading.Event) -> None:
    while not over.wait(LOOK_SECONDS):
        if os.getppid() != parent:
            os._exit(1)


def die_with_parent() -> None:
    """In a child on Linux: die with the parent, even while C code hangs; elsewhere as `end_with_parent`.

    The parent's thread that started this process must live as long as it.
    """
    if sys.platform != "linux":
        end_with_parent()
        return
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
