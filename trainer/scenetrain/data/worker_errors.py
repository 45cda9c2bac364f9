"""Errors of the processes that read ahead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scenegen.core.errors import ScenegenError


@contextmanager
def plain_worker_errors() -> Iterator[None]:
    """Raise the one line of a worker's error: torch's DataLoader puts its traceback around it, as text."""
    try:
        yield
    except ScenegenError as error:
        head, _, traceback = str(error).partition("\n")
        if "in DataLoader worker process" not in head:
            raise
        raise type(error)(traceback.strip().splitlines()[-1].partition(": ")[2]) from error
