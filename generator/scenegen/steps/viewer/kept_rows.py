"""Rows of the overview from the last look at a data set, in the user's cache folder: never in the data set itself."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.json_values import from_json
from scenegen.steps.viewer.scene_row import SceneRow

FORMAT = "scenegen-rows/1"
LEAST_KEPT = 500
"""Scenes to keep at a time: fewer are read again in seconds."""


class KeptRow(NamedTuple):
    """A row, and `Dataset.stamp` of its scene when it was read."""

    stamp: str
    row: SceneRow


def cache_file(path: Path) -> Path:
    """Where the rows of the data set at `path` are kept."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "scenegen" / "view" / f"{hashlib.sha256(bytes(path.resolve())).hexdigest()[:24]}.json"


def load_rows(path: Path, classes: Sequence[str]) -> dict[int, KeptRow]:
    """The rows that were kept, by scene; none where there is no file, or one that does not fit."""
    try:
        body = json.loads(read_file(cache_file(path), MOST_TEXT))
        if body["format"] != FORMAT or body["classes"] != list(classes):
            return {}
        return {kept.row.index: kept for kept in from_json(tuple[KeptRow, ...], body["rows"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # all is read again, and kept whole
        return {}


def save_rows(path: Path, classes: Sequence[str], rows: Sequence[KeptRow]) -> None:
    """Keep rows. Where that cannot be done, the next look takes as long as this one, and nothing else is lost."""
    file = cache_file(path)
    listed = [(stamp, dataclasses.asdict(row)) for stamp, row in rows]
    with suppress(OSError, ScenegenError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_text(
            file, json.dumps({"format": FORMAT, "classes": list(classes), "rows": listed}, separators=(",", ":"))
        )
