"""Processes that end with the one that started them, however that one ends, and pools of such processes.

Standard library only: a Blender that is started for this process runs it, too.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from scenegen.core.import_path import protect_children
from scenegen.core.interrupts import deaf

LOOK_SECONDS = 1.0
PR_SET_PDEATHSIG = 1  # linux/prctl.h


@contextmanager
def worker_pool(workers: int, begin: Callable[[], None] | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of `workers` processes, none of which outlives this one; each calls `begin` before its first work.

    When an interrupt or the end of a generator leaves the `with` statement, they are killed in the middle of their
    work; after another error, what has begun is finished and nothing else is begun.
    """
    protect_children()
    # Forked processes would inherit numba's threads, and hang.
    pool = _Pool(workers, multiprocessing.get_context("spawn"), _begin_worker, (begin,))
    try:
        yield pool
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise
    except BaseException:
        # kill_workers() of Python 3.14
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


class _Pool(ProcessPoolExecutor):
    def submit(self, *work: Any, **options: Any) -> Future[Any]:
        with deaf():  # it may start a process or a thread
            return super().submit(*work, **options)


def _begin_worker(begin: Callable[[], None] | None) -> None:
    """Leave Ctrl-C to the parent, and end when the parent has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where there is no `deaf`
    threading.Thread(target=_join_parent, daemon=True).start()
    if begin:
        begin()


def _join_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()  # on a pipe that the system closes: it is closed already when the parent died before this line
    os._exit(1)


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
