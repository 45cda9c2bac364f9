"""Pools of processes that end with the one that started them, however that one ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from scenegen.core.import_path import protect_children
from scenegen.core.interrupts import deaf


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
