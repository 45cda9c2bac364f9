"""Models that a user dropped from a library, and why: LIBRARY/dropped.jsonl, one JSON object per line.

A model with the same class and source checksum is not added again; delete its line to allow it again.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from scenegen.assets.prepare.library_lock import library_lock
from scenegen.core.asset_library import Asset, Provenance
from scenegen.core.errors import ScenegenError
from scenegen.core.json_values import from_json, parse_object

FILE = "dropped.jsonl"


@dataclass(frozen=True)
class _Note:
    name: str = ""
    class_name: str = ""
    source: str = ""
    checksum: str = ""
    why: str = ""


def drop(library: Path, asset: Asset, why: str) -> None:
    """Record the reason, then delete the asset's folder."""
    origin = asset.provenance
    note = {
        "name": asset.name,
        "class": asset.class_name,
        "source": origin.source,
        "checksum": origin.checksum,
        "why": why,
    }
    with library_lock(library):
        with (library / FILE).open("a", encoding="utf-8") as log:
            log.write(json.dumps(note) + "\n")
        shutil.rmtree(asset.folder)


def read_dropped(library: Path) -> list[dict[str, str]]:
    """All records, oldest first; ScenegenError when a line is broken."""
    file = library / FILE
    if not file.is_file():
        return []
    notes = []
    for number, line in enumerate(file.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        try:
            note = from_json(_Note, parse_object(line))
            notes.append({"class" if key == "class_name" else key: value for key, value in vars(note).items()})
        except ValueError as error:
            raise ScenegenError(
                f"{file}: line {number} is not a record of a dropped model ({error}); fix that line"
            ) from error
    return notes


def why_dropped(notes: list[dict[str, str]], class_name: str, origin: Provenance) -> str | None:
    """The reason why a model must not be added again, or None."""
    return next((n["why"] for n in notes if n["class"] == class_name and n["checksum"] == origin.checksum), None)
