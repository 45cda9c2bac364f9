"""What the overview knows of each scene: rows of numbers, read in the background while the page is open."""

from __future__ import annotations

import csv
import io
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError
from scenegen.steps.viewer.kept_rows import LEAST_KEPT, KeptRow, load_rows, save_rows
from scenegen.steps.viewer.scene_row import SceneRow
from scenegen.steps.viewer.source import SceneSource

EVERY_SECONDS = 1.0
"""How long to wait between looks for new scenes."""
REMOTE_LOOKS = 30
"""Behind an address, so many times as long: a look lists all scenes."""
LONGEST_PAUSE = 0.2
"""Seconds before each scene, however much is asked: the overview goes on."""


class Rows:
    """The rows of a data set's scenes, in the order in which they were read.

    A thread reads them, and goes on to look for new scenes: a data set that is being generated grows while it is
    watched.
    """

    def __init__(self, source: SceneSource, faults: Mapping[int, Sequence[str]] | None = None) -> None:
        self._source = source
        self._faults = faults or {}
        self._rows: list[SceneRow] = []
        self._names: dict[str, int] = {}
        self._licences: dict[str, int] = {}
        self._caught_up = False
        self._asked = 0
        self._fresh = 0
        self._quiet = threading.Event()
        self._quiet.set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="overview", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._ended.set()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Read no further meanwhile, as long as LONGEST_PAUSE: who looks at a scene waits for nothing else."""
        with self._lock:
            self._asked += 1
            self._quiet.clear()
        try:
            yield
        finally:
            with self._lock:
                self._asked -= 1
                if not self._asked:
                    self._quiet.set()

    def wait(self) -> None:
        """Return when every scene that is there was read."""
        while not self._caught_up and self._thread.is_alive():
            self._ended.wait(0.02)

    def faults_of(self, index: int) -> Sequence[str]:
        """What `scenegen verify` found about a scene."""
        return self._faults.get(index, ())

    def since(self, start: int, most: int) -> dict[str, Any]:
        """Rows from position `start` on, at most `most`, column by column; with the tables that they point into."""
        with self._lock:
            chosen = self._rows[start : start + most]
            classes = len(self._source.classes)
            return {
                "start": start,
                "known": len(self._rows),
                "complete": self._caught_up,
                "index": [row.index for row in chosen],
                "objects": [n for row in chosen for n in (row.objects or (0,) * classes)],
                "models": [[self._names[name] for name in row.models] for row in chosen],
                "licences": [[self._licences[name] for name in row.licences] for row in chosen],
                "seen": [_rounded(row.seen) for row in chosen],
                "occupied": [_rounded(row.occupied) for row in chosen],
                "seconds": [_rounded(row.seconds) for row in chosen],
                "damage": {str(row.index): row.damage for row in chosen if row.damage},
                "faults": {str(row.index): self._faults[row.index] for row in chosen if row.index in self._faults},
                "modelNames": list(self._names),
                "licenceNames": list(self._licences),
            }

    def _read(self) -> None:
        read = set[int]()
        place = self._source.path if isinstance(self._source.path, Path) else None
        kept = load_rows(place, self._source.classes) if place else {}
        while not self._ended.is_set():
            with suppress(ScenegenError):  # it may be changed just now; the next look finds it whole
                new = [index for index in self._source.refresh() if index not in read]
                seconds = _seconds_per_scene(self._source.text("timings.csv")) if new else {}
                for index in new:
                    if self._ended.is_set():
                        return
                    self._quiet.wait(LONGEST_PAUSE)
                    with suppress(ScenegenError):  # not all there yet, or no answer: the next look reads it
                        self._add(self._read_row(index, seconds, kept))
                        read.add(index)
                if place and self._fresh >= LEAST_KEPT:
                    save_rows(place, self._source.classes, [kept[index] for index in sorted(read & kept.keys())])
                    self._fresh = 0
            self._caught_up = True
            self._ended.wait(EVERY_SECONDS * (REMOTE_LOOKS if self._source.is_remote else 1))

    def _read_row(self, index: int, seconds: Mapping[int, float], kept: dict[int, KeptRow]) -> SceneRow:
        """A scene's row: the one that was kept, if the scene is what it was then."""
        stamp = self._source.stamp(index)
        known = kept.get(index)
        if stamp and known and known.stamp == stamp:
            return replace(known.row, seconds=seconds.get(index))
        row = _row(self._source, index, seconds)
        if stamp and not row.damage:
            kept[index] = KeptRow(stamp, row)
            self._fresh += 1
        return row

    def _add(self, row: SceneRow) -> None:
        with self._lock:
            for table, names in ((self._names, row.models), (self._licences, row.licences)):
                for name in names:
                    table.setdefault(name, len(table))
            self._rows.append(row)


def _row(source: SceneSource, index: int, seconds: Mapping[int, float]) -> SceneRow:
    took = seconds.get(index)
    try:
        stored = source.open(index)
        scene = stored.scene
    except DamageError as error:
        return SceneRow(index, seconds=took, damage=str(error))
    counts = Counter(item.class_name for item in scene.objects)
    shown = [any(item.visible_pixels) for item in scene.objects if item.visible_pixels]
    occupied: float | None = None
    damage = ""
    if source.packed or not source.is_remote:  # else scene.json alone: the rest would be all of the data set
        occupied, damage = _occupied(stored)
        damage = damage or _image_damage(stored)
    return SceneRow(
        index=index,
        objects=tuple(counts[name] for name in source.classes),
        models=tuple(sorted({item.asset for item in scene.objects})),
        licences=tuple(sorted({str(credit.get("licence", "")) for credit in _credits(scene.extra)} - {""})),
        seen=sum(shown) / len(shown) if shown else None,
        occupied=occupied,
        seconds=took,
        damage=damage,
    )


def _credits(extra: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    found = extra.get("credits", [])
    return [credit for credit in found if isinstance(credit, dict)] if isinstance(found, list) else []


def _occupied(stored: StoredScene) -> tuple[float | None, str]:
    """The share of cells that are occupied, of the first frustum without a box grid; and what is damaged."""
    try:
        cells = stored.mask_bits if stored.grid else stored.frustum(0)
    except DamageError as error:
        return None, str(error)
    return float(np.count_nonzero(cells)) / max(cells.size, 1), ""


def _image_damage(stored: StoredScene) -> str:
    """What is wrong with the first image that is not whole."""
    try:
        for k in range(len(stored.cameras)):
            stored.whole_image(k)
    except DamageError as error:
        return str(error)
    return ""


def _seconds_per_scene(text: str) -> dict[int, float]:
    """Of timings.csv, how long each scene took; lines that are none are left out."""
    total: dict[int, float] = defaultdict(float)
    for line in csv.DictReader(io.StringIO(text)):
        with suppress(TypeError, ValueError, KeyError):
            total[int(line["index"])] += float(line["seconds"])
    return total


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
