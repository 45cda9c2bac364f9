"""Which scene is made when and by whom: small leases of scenes, handed out to whoever is idle.

Nothing here knows dask or Blender. Memory grows with the workers and with the scenes that fail; the scenes themselves
are a bitmap and an array.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scenegen.core.errors import ScenegenError

TRIES = 3
MOST_SCENES = 64
LEASE_SECONDS = 10.0
"""About how long a lease should take: so much work is lost with a worker, and so often progress shows."""
LEASES_A_WORKER = 4
"""A lease is at most the share of this many leases for every worker, so that the last leases hold one scene."""
FIRST_TIMEOUT = 1800.0
"""Seconds for a scene while none is finished: a GPU compiles its kernels, a disk is cold."""
LEAST_TIMEOUT = 300.0
TIMES_SLOWEST = 20.0
LEAST_PATIENCE = 10.0
TIMES_EXPECTED = 4.0
"""A lease that takes so many times longer than expected from the others is given to an idle worker as well."""


@dataclass(frozen=True)
class Lease:
    """Scenes for one worker to make, in order. `fresh`: in a new Blender, since an old one failed."""

    scenes: tuple[int, ...]
    timeout: float
    fresh: bool = False


@dataclass(frozen=True)
class SceneReport:
    """The result of one try to make one scene.

    `log` is the end of what Blender printed when it failed, `command` makes the scene alone, `refused` says why no
    Blender of this kind can make any scene, and `output` is true when the place to write to is at fault.
    """

    index: int
    error: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0
    log: tuple[str, ...] = ()
    tries: int = 1
    command: str = ""
    refused: ScenegenError | None = None
    output: bool = False


@dataclass(frozen=True)
class LeaseReport:
    """The result of a lease: its scenes, its wall seconds, and why Blenders were recycled meanwhile."""

    scenes: tuple[SceneReport, ...]
    worker: str
    seconds: float
    recycled: tuple[str, ...] = ()


class Work:
    """The scenes of `todo` (bool, one per scene) that are not made or set aside, and which worker tries them next."""

    def __init__(self, todo: NDArray[np.bool_]) -> None:
        self._open = todo.copy()
        self._order = np.flatnonzero(todo).astype(np.int32)
        self._next = 0
        self._retries: deque[int] = deque()
        self._failed_on: dict[int, list[str]] = {}
        self._doubled: set[int] = set()
        self._made_seconds = 0.0
        self._slowest = 0.0
        self.total = self.left = len(self._order)
        self.made = 0

    def is_open(self, index: int) -> bool:
        """Whether scene `index` must still be made."""
        return bool(self._open[index])

    def tries(self, index: int) -> int:
        """How often scene `index` failed."""
        return len(self._failed_on.get(index, ()))

    def take(self, worker: str, workers: Collection[str]) -> Lease | None:
        """Return the next lease for `worker`, one of `workers`; None when every scene is handed out.

        A scene that failed goes to a worker where it has not failed yet, if there is one.
        """
        again = next((i for i in self._retries if self._may_retry(i, worker, workers)), None)
        if again is None and self._next == len(self._order) and self._retries:
            again = self._retries[0]
        if again is not None:
            self._retries.remove(again)
            return Lease((again,), self._timeout(), fresh=again in self._failed_on)
        scenes = self._order[self._next : self._next + self._size(len(workers))]
        self._next += len(scenes)
        return Lease(tuple(scenes.tolist()), self._timeout()) if len(scenes) else None

    def _may_retry(self, index: int, worker: str, workers: Collection[str]) -> bool:
        failed_on = self._failed_on.get(index, [])
        return worker not in failed_on or all(w in failed_on for w in workers)

    def double(self, lease: Lease, age: float) -> Lease | None:
        """Return one open scene of a lease that is long overdue after `age` seconds, for a worker that would be idle.

        The worker that finishes the scene first has made it.
        """
        if not self.made or age < max(LEAST_PATIENCE, TIMES_EXPECTED * self._mean() * len(lease.scenes)):
            return None
        # The lease's owner goes from the front.
        for index in reversed(lease.scenes):
            if self._open[index] and index not in self._doubled:
                self._doubled.add(index)
                return Lease((index,), self._timeout())
        return None

    def finish(self, index: int, seconds: float) -> bool:
        """Note that scene `index` was made in `seconds` of work; False when that was known."""
        if not self._close(index):
            return False
        self.made += 1
        self._made_seconds += seconds
        self._slowest = max(self._slowest, seconds)
        return True

    def fail(self, index: int, worker: str) -> bool:
        """Note that scene `index` failed on `worker`; False when that was its last try, and it is set aside."""
        if not self._open[index]:
            return True
        failed_on = self._failed_on.setdefault(index, [])
        failed_on.append(worker)
        if len(failed_on) < TRIES:
            self.put_back((index,))
            return True
        self._close(index)
        return False

    def put_back(self, indices: Collection[int]) -> None:
        """Take back scenes whose worker was lost. Each is then tried alone: a failure shows which one it is."""
        self._retries.extend(i for i in indices if self._open[i] and i not in self._retries)

    def _close(self, index: int) -> bool:
        was_open = bool(self._open[index])
        self._open[index] = False
        self.left -= was_open
        if index in self._retries:
            self._retries.remove(index)
        return was_open

    def _mean(self) -> float:
        return self._made_seconds / self.made

    def _size(self, workers: int) -> int:
        if not self.made:
            return 1
        share = (len(self._order) - self._next) // (LEASES_A_WORKER * workers)
        return max(1, min(MOST_SCENES, share, int(LEASE_SECONDS / max(self._mean(), 1e-9))))

    def _timeout(self) -> float:
        return max(LEAST_TIMEOUT, TIMES_SLOWEST * self._slowest) if self.made else FIRST_TIMEOUT
