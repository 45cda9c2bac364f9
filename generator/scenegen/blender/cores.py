"""The processor cores of this process, and how several processes share them."""

from __future__ import annotations

import getpass
import os
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout


def own_cores() -> frozenset[int]:
    """Return the numbers of the processor cores that this process may use."""
    return frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(own_cores())


def share(shared: Collection[int], number: int, peers: int) -> tuple[int, ...]:
    """Return the cores of process `number` (modulo `peers`) among those that `peers` processes share: at least one.

    Two Blenders of one thread each take a quarter longer when the system moves them between cores (docs/benchmarks.md).
    """
    ordered, place = sorted(shared), number % peers
    start = place * len(ordered) // peers
    return tuple(ordered[start : max(start + 1, (place + 1) * len(ordered) // peers)])


@cache
def slot(of: str) -> int:
    """This process's number among those of this user on this machine: the lowest that no living process has.

    `of` names what they share, such as "gpu"; each is counted by itself. The lock of a number lasts until the process
    ends, however it ends.
    """
    folder = Path(tempfile.gettempdir()) / f"scenegen-slots-{getpass.getuser()}" / of
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while not _acquire(lock := FileLock(folder / str(number))):
        number += 1
    _held.append(lock)
    return number


def _acquire(lock: BaseFileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


_held: list[BaseFileLock] = []
"""A lock is released when its object is deleted."""
