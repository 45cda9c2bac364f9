"""Scenes of a data set as one HTML file that needs no server: the page, and the answers that it would ask for."""

from __future__ import annotations

import base64
import gzip
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import is_folder, write_text
from scenegen.core.labels.grid_files import files_of
from scenegen.progress import OnProgress
from scenegen.steps.viewer.answers import Answers, Reply
from scenegen.steps.viewer.page_files import page_files
from scenegen.steps.viewer.view import NOTHING_BESIDE, Beside, answers_of, open_source

PAGE = "export.html"
PLACE = '<script type="application/json" id="embedded">null</script>'
"""Where the built page holds its answers."""


def export_page(
    path: Path | str,
    out: Path,
    beside: Beside = NOTHING_BESIDE,
    *,
    limit: int,
    on_progress: OnProgress | None = None,
) -> int:
    """Write the first `limit` scenes of the data set at `path` into the file `out`; how many scenes it shows.

    What is damaged is left out; of models, so are all without `beside.assets`. ScenegenError: no data set, no scene, or
    `out` cannot be written (UsageError: it is a folder or in none).
    """
    _check_place(out)
    source = open_source(path, limit)
    indices = source.refresh()
    if not indices:
        raise ScenegenError(f"{path}: has no scenes yet; run `scenegen generate`")
    answers = answers_of(source, beside)
    if not beside.assets:
        answers.library = None  # models are large: for whoever asks for them
    answers.rows.start()
    answers.rows.wait()
    answers.rows.close()
    held = {}
    for done, index in enumerate(indices, start=1):
        for name in _paths(answers, index):
            with suppress(ScenegenError):
                held[name] = _packed(answers.get(name))
        if on_progress:
            on_progress(done, len(indices))
    for name in ("dataset", "rows/0", *(f"runs/{n}" for n in range(len(answers.runs)))):
        held[name] = _packed(answers.get(name))
    content = json.dumps(held, separators=(",", ":")).replace("<", "\\u003c")
    page = page_files()[PAGE].decode()
    write_text(out, page.replace(PLACE, PLACE.replace("null", content), 1))
    return len(indices)


def _check_place(out: Path) -> None:
    """Before scenes are read for long: whether `out` can be written."""
    if is_folder(out):
        raise UsageError(f"{out}: cannot be written (it is a folder); name a file, such as {out / 'page.html'}")
    if not is_folder(out.parent):
        raise UsageError(f"{out}: cannot be written (there is no folder {out.parent}); make it, or name another")
    if not os.access(out.parent, os.W_OK):
        raise ScenegenError(f"{out}: cannot be written (Permission denied); name a folder that you may write to")


def _paths(answers: Answers, index: int) -> Iterator[str]:
    """All that the page may ask about a scene."""
    scene = f"scenes/{index}"
    yield from (scene, f"{scene}/thumb")
    try:
        stored = answers.source.open(index).scene
    except ScenegenError:
        return
    cameras = range(len(stored.cameras))
    kinds = ["frustum", "image", *(("depth", "instance") if answers.source.has_maps else ())]
    cells = [name for name, there in _cell_labels(answers, index) if there]
    yield from (f"{scene}/{kind}/{k}" for kind in (*kinds, *cells) for k in cameras)
    if answers.library:
        yield f"{scene}/mesh"
    if stored.grid:
        yield from (f"{scene}/{kind}" for kind in ("masks", *cells))
    for n in range(len(files_of(stored))):
        yield from (f"{scene}/{kind}/{n}" for kind in ("grid", "gridobjects", "gridvisibility"))
    for number, run in enumerate(answers.runs):
        if run.said.frustum is None:
            yield f"{scene}/run/{number}"
        else:
            yield from (f"{scene}/run/{number}/{k}" for k in cameras)


def _cell_labels(answers: Answers, index: int) -> tuple[tuple[str, bool], ...]:
    spec = answers.source.open(index).scene.voxel_spec
    return ("objects", spec.instances), ("visibility", spec.visibility)


def _packed(reply: Reply) -> dict[str, str]:
    if reply.kind.startswith("image/"):
        return {"kind": reply.kind, "content": base64.b64encode(reply.content).decode()}
    packed = gzip.compress(reply.content, 9, mtime=0)
    return {"kind": "application/gzip", "content": base64.b64encode(packed).decode()}
