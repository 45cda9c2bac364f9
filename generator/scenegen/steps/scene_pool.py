"""Run one function over the scenes of a data set in several processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from scenegen.core.errors import DamageError, ScenegenError, SeveralErrors
from scenegen.core.processes import worker_pool
from scenegen.progress import OnProgress

S = TypeVar("S")
T = TypeVar("T")

_TOLD = 10
"""Files that are refused with a line each."""


def map_scenes(work: Callable[[S], T], items: Sequence[S], workers: int, on_progress: OnProgress | None) -> Iterator[T]:
    """`work(item)` of every item, in order; `work` and items must be picklable. With one worker no process starts."""
    if workers <= 1 or len(items) <= 1:
        yield from _counted(map(work, items), len(items), on_progress)
        return
    with worker_pool(min(workers, len(items))) as pool:
        try:
            yield from _counted(
                pool.map(work, items, chunksize=max(1, min(16, len(items) // (4 * workers)))), len(items), on_progress
            )
        except BrokenProcessPool as error:
            raise ScenegenError(
                "a worker process was killed, perhaps because memory ran out; run again with a smaller --workers"
            ) from error


@dataclass
class Tried(Generic[S, T]):
    """Runs `work` over scenes of which some are damaged: one bad file hides no other.

    `damage` has a line for every file that could not be read, in order, once `results` ended.
    """

    work: Callable[[S], T]
    workers: int = 1
    on_progress: OnProgress | None = None
    damage: list[str] = field(default_factory=list)

    def results(self, items: Sequence[S]) -> Iterator[T]:
        """`work(item)` of every item that can be read, in order."""
        for result in map_scenes(_Try(self.work), items, self.workers, self.on_progress):
            if not isinstance(result, DamageError):
                yield result
            elif str(result) not in self.damage:  # a model of the library may be of many scenes
                self.damage.append(str(result))

    def refuse(self, folder: Path) -> None:
        """Raise SeveralErrors with the first of what is damaged, and how many more files of `folder` are."""
        if self.damage:
            rest = len(self.damage) - _TOLD
            more = [f"{folder}: and {rest} more files"] if rest > 0 else []
            raise SeveralErrors(*self.damage[:_TOLD], *more)


@dataclass(frozen=True)
class _Try(Generic[S, T]):
    work: Callable[[S], T]

    def __call__(self, item: S) -> T | DamageError:
        try:
            return self.work(item)
        except DamageError as error:
            return error


def _counted(results: Iterator[T], total: int, on_progress: OnProgress | None) -> Iterator[T]:
    for done, result in enumerate(results, start=1):
        if on_progress:
            on_progress(done, total)
        yield result
