"""Look at a data set in a browser."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scenegen.core.errors import ScenegenError
from scenegen.steps.library import find_library
from scenegen.steps.viewer.answers import Answers
from scenegen.steps.viewer.rows import Rows
from scenegen.steps.viewer.runs import open_run
from scenegen.steps.viewer.server import LOCAL, bind, serve
from scenegen.steps.viewer.source import SceneSource


@dataclass(frozen=True)
class Beside:
    """What is shown beside a data set: what `runs` predicted of it, the `faults` of each scene, and the models of the
    library `assets` that it was made from (None: the one that dataset.json names, if it is there).
    """

    runs: Sequence[Path] = ()
    faults: Mapping[int, Sequence[str]] = field(default_factory=dict)
    assets: Path | None = None


NOTHING_BESIDE = Beside()


def view(
    path: Path | str,
    beside: Beside = NOTHING_BESIDE,
    *,
    host: str = LOCAL,
    port: int = 0,
    on_ready: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve the data set at `path`, a folder or an address that fsspec knows, until interrupted.

    `on_ready` is told the address to open. ScenegenError: there is no data set, or a run has no predictions of it.
    UsageError: `host` and `port` cannot be listened at.
    """
    answers = answers_of(open_source(path), beside)
    bound = bind(host, port)
    rows = answers.rows
    rows.start()
    try:
        on_ready(bound.address)
        serve(answers, bound)
    finally:
        rows.close()
        bound.listener.close()


def answers_of(source: SceneSource, beside: Beside) -> Answers:
    """The answers about a data set, whose rows nobody reads yet.

    ScenegenError: a run has no predictions of it, or the library is none.
    """
    predictions = [open_run(run, source.path, source.info) for run in beside.runs]
    return Answers(source, Rows(source, beside.faults), predictions, _library(source, beside.assets))


def _library(source: SceneSource, assets: Path | None) -> Path | None:
    """The library with the models that scenes show; None when none was named and dataset.json's is not there."""
    try:
        return find_library(source.dataset, assets)
    except ScenegenError:
        if assets:
            raise
        return None


def open_source(path: Path | str, limit: int | None = None) -> SceneSource:
    """The first `limit` scenes (None: all) of the data set at `path`; ScenegenError when there is none."""
    if isinstance(path, Path) and not path.exists():
        raise ScenegenError(f"{path}: there is no such folder; name a data set that `scenegen generate` made")
    return SceneSource(path, limit)
