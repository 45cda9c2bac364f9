"""What happened while a data set was made: OUT/events.jsonl as it happens, OUT/report.json when a run ends.

Neither is needed to continue a run: when they cannot be written, nothing stops.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen import __version__
from scenegen.core.files import append_lines, write_text
from scenegen.core.json_values import parse_object

FORMAT = "scenegen-report/1"
COUNTED = ("failure", "worker_lost", "recycled", "doubled", "set_aside")


class RunLog:
    """Appends the events of one run to OUT/events.jsonl and counts them."""

    def __init__(self, out: Path) -> None:
        self._path = out / "events.jsonl"
        self.run = uuid.uuid4().hex[:8]
        self.counts: Counter[str] = Counter()

    def start(self, **facts: object) -> None:
        """Note that a run starts, on which machine, and with what."""
        self.add("start", host=socket.gethostname(), pid=os.getpid(), scenegen=__version__, **facts)

    def add(self, event: str, **facts: object) -> None:
        """Note that something happened."""
        self.counts[event] += 1
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        append_lines(self._path, json.dumps({"time": now, "run": self.run, "event": event, **facts}) + "\n")


def write_report(out: Path, finished: NDArray[np.bool_]) -> Path:
    """Write OUT/report.json from all events so far and the scenes that exist, bool (scenes,).

    For every run: when it started and ended (null: it was killed), what it made, and how often something went wrong.
    For every scene that was set aside and is still missing: its seed, tries, error, the end of Blender's log, and the
    command that makes it alone. Raises ScenegenError when it cannot be written.
    """
    runs: dict[str, dict[str, Any]] = {}
    aside: dict[int, dict[str, Any]] = {}
    for event in read_events(out):
        run = runs.setdefault(event["run"], {"run": event["run"], "started": event["time"], "ended": None})
        facts = {key: value for key, value in event.items() if key not in ("time", "run", "event")}
        if event["event"] in ("start", "stopped"):
            run |= facts
        elif event["event"] == "end":
            run |= {"ended": event["time"], **facts}
        else:
            count = run.get(event["event"], 0)
            run[event["event"]] = count + 1 if isinstance(count, int) else 1
        if event["event"] == "set_aside":
            aside[event["scene"]] = facts
    body = {
        "format": FORMAT,
        "asked": len(finished),
        "present": int(finished.sum()),
        "missing": ranges(np.flatnonzero(~finished)),
        "set_aside": [aside[i] for i in sorted(aside) if i < len(finished) and not finished[i]],
        "runs": [dict.fromkeys(COUNTED, 0) | run for run in runs.values()],
    }
    write_text(out / "report.json", json.dumps(body, indent=1) + "\n")
    return out / "report.json"


def read_events(out: Path) -> Iterator[dict[str, Any]]:
    """Yield all events of OUT/events.jsonl, oldest first; a line that a power cut left incomplete is skipped."""
    try:
        lines = (out / "events.jsonl").open(encoding="utf-8", errors="replace")
    except OSError:
        return
    with lines:
        for line in lines:
            try:
                event = parse_object(line)
            except ValueError:
                continue
            if _is_event(event):
                yield event


def _is_event(event: Mapping[str, Any]) -> bool:
    """Whether a line of events.jsonl has what the report needs."""
    texts = all(isinstance(event.get(key), str) for key in ("time", "run", "event"))
    return texts and (event["event"] != "set_aside" or type(event.get("scene")) is int)


def ranges(indices: NDArray[np.integer[Any]]) -> list[list[int]]:
    """Return sorted indices as [first, last] pairs."""
    if not len(indices):
        return []
    breaks = np.flatnonzero(np.diff(indices) > 1)
    firsts = indices[np.concatenate([[0], breaks + 1])]
    lasts = indices[np.concatenate([breaks, [len(indices) - 1]])]
    return [[int(a), int(b)] for a, b in zip(firsts, lasts, strict=True)]
