"""Progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

SECONDS_BETWEEN_LINES = 10.0


class OnProgress(Protocol):
    """Called by a step after each scene."""

    def __call__(self, done: int, total: int, failed: int = 0) -> None:
        """`done` of `total` are finished, and `failed` more were given up."""


@contextmanager
def progress(title: str, unit: str = "scenes") -> Iterator[OnProgress]:
    """Show how much of a step is done, its speed, the time left, and failures; call what it gives after each scene."""
    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(title, unit, console) as on_progress:
            yield on_progress
    else:
        yield _lines(title, unit, console)


@contextmanager
def _bar(title: str, unit: str, console: Console) -> Iterator[OnProgress]:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=None, note="")
        pace = _Pace(unit)

        def on_progress(done: int, total: int, failed: int = 0) -> None:
            bar.update(task, total=total, completed=done, note=pace.note(done, total, failed))

        yield on_progress


def _lines(title: str, unit: str, console: Console) -> OnProgress:
    pace = _Pace(unit)
    last_line = pace.started - SECONDS_BETWEEN_LINES

    def on_progress(done: int, total: int, failed: int = 0) -> None:
        nonlocal last_line
        note, now = pace.note(done, total, failed), time.monotonic()
        if now - last_line >= SECONDS_BETWEEN_LINES or done + failed == total:
            last_line = now
            console.print(f"{title} {done}/{total} {note}".rstrip(), highlight=False, soft_wrap=True)

    return on_progress


class _Pace:
    """How fast a step goes. Its first result waits for Blender or a compiler, so nothing is said of speed and time left
    until as long again has passed."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.started = time.monotonic()
        self._first: float | None = None

    def note(self, done: int, total: int, failed: int) -> str:
        """Such as "7.1 scenes/min, 26 min left, 2 failed"."""
        seconds = time.monotonic() - self.started
        if done and self._first is None:
            self._first = seconds
        parts = []
        ended = done + failed == total
        if seconds and self._first is not None and (ended or seconds >= 2 * self._first):
            rate = 60 * done / seconds
            parts.append(f"{rate:.1f} {self.unit}/min")
            if not ended:
                parts.append(f"{_duration((total - done - failed) / rate)} left")
        if failed:
            parts.append(f"{failed} failed")
        return ", ".join(parts)


def _duration(minutes: float) -> str:
    if minutes < 2:
        return f"{minutes * 60:.0f} s"
    return f"{minutes:.0f} min" if minutes < 120 else f"{minutes / 60:.1f} h"
