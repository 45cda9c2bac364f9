"""Look at a data set in a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from scenegen.core.errors import ScenegenError
from scenegen.steps.viewer.answers import Answers
from scenegen.steps.viewer.rows import Rows
from scenegen.steps.viewer.runs import open_run
from scenegen.steps.viewer.server import LOCAL, bind, serve
from scenegen.steps.viewer.source import SceneSource


def view(
    path: Path | str,
    runs: Sequence[Path] = (),
    *,
    faults: Mapping[int, Sequence[str]] | None = None,
    host: str = LOCAL,
    port: int = 0,
    on_ready: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve the data set at `path`, and what `runs` predicted of it, until interrupted.

    `path` is a folder or an address that fsspec knows; `faults` are those of each scene. `on_ready` is told the address
    to open. ScenegenError: there is no data set, or a run has no predictions of it.
    UsageError: `host` and `port` cannot be listened at.
    """
    source = open_source(path)
    predictions = [open_run(run, path, source.info) for run in runs]
    bound = bind(host, port)
    rows = Rows(source, faults)
    rows.start()
    try:
        on_ready(bound.address)
        serve(Answers(source, rows, predictions), bound)
    finally:
        rows.close()
        bound.listener.close()


def open_source(path: Path | str, limit: int | None = None) -> SceneSource:
    """The first `limit` scenes (None: all) of the data set at `path`; ScenegenError when there is none."""
    if isinstance(path, Path) and not path.exists():
        raise ScenegenError(f"{path}: there is no such folder; name a data set that `scenegen generate` made")
    return SceneSource(path, limit)
