"""How long each stage of every scene took: OUT/timings.csv. It is apart from scene.json, which is reproducible."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scenegen.core.files import append_lines


def append_timings(out: Path, index: int, seconds: Mapping[str, float]) -> None:
    """Append one scene's seconds per stage to timings.csv (columns index, stage, seconds), if the disk has room."""
    path = out / "timings.csv"
    head = "" if path.exists() else "index,stage,seconds\n"
    append_lines(path, head + "".join(f"{index},{stage},{value:.4f}\n" for stage, value in seconds.items()))
