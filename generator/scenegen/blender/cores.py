"""Which processor cores processes have, and who takes which where several share them."""

from __future__ import annotations

import getpass
import os
import sys
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import IO


def own_cores() -> frozenset[int]:
    """The numbers of the processor cores that this process may use."""
    return frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(own_cores())


def share(shared: Collection[int], number: int, peers: int) -> tuple[int, ...]:
    """The cores that process `number`, counted round, has for itself of those that `peers` share: one at least.

    Two Blenders of one thread each take a quarter longer where the system moves them about (docs/benchmarks.md).
    """
    ordered, place = sorted(shared), number % peers
    start = place * len(ordered) // peers
    return tuple(ordered[start : max(start + 1, (place + 1) * len(ordered) // peers)])


@cache
def slot(of: str) -> int:
    """This process's number among those of this user on this machine: the lowest that no living process has.

    `of` is what they share ("gpu"): every such thing counts by itself.
    """
    folder = Path(tempfile.gettempdir()) / f"scenegen-slots-{getpass.getuser()}" / of
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    while not _lock(handle := (folder / str(number)).open("w")):
        handle.close()
        number += 1
    _held.append(handle)
    return number


_held: list[IO[str]] = []
"""Locks last as long as their files are open: until the process ends, however it ends."""


def _lock(handle: IO[str]) -> bool:
    """Whether the file was nobody's and is now this process's."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
