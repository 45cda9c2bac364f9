"""What is in a data set: counts, class balance, occupied cells, visibility, time and size per scene."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import read_lock
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError, SeveralErrors
from scenegen.core.scene.scene import Camera, GridSpec
from scenegen.progress import OnProgress
from scenegen.steps.scene_pool import Tried

VIEWS_COUNTED = 25
"""Frusta per scene that are counted where there is no box grid, evenly chosen."""


@dataclass(frozen=True)
class ClassStats:
    """One class over the whole data set.

    `scenes` counts those with such an object, `seen` the objects with at least one pixel in any image. `pixel_share`
    is the share of all pixels, `cell_share` that of all occupied cells of the box grid (a cell of two classes counts
    for both); without a box grid, of the frusta of VIEWS_COUNTED views per scene.
    """

    name: str
    objects: int
    scenes: int
    assets: int
    seen: int
    skipped: int
    pixel_share: float
    cell_share: float


@dataclass(frozen=True)
class Stats:
    """A data set in figures.

    `asked` is the number of scenes that dataset.json asks for, `views` the mean number of cameras per scene.
    `objects_per_scene` maps a number of objects to the number of scenes that have so many. `occupied_share` is the
    share of the box grid's cells (without a box grid, of the frusta's; see ClassStats), mean over scenes.
    `room_seen_share` is the share of the room's free cells whose centre is in view of a camera and not behind a
    surface, mean over scenes. `seconds` maps a stage to its mean time per scene; empty without timings.csv. `damage`
    has a line for each scene that could not be read, which is in no figure.
    """

    path: str
    preset: str
    split: str
    scenes: int
    asked: int
    views: float
    objects: int
    objects_per_scene: dict[int, int]
    children: int
    seen_share: float
    skipped: int
    occupied_share: float | None
    room_seen_share: float | None
    classes: tuple[ClassStats, ...]
    megabytes_per_scene: float
    seconds: dict[str, float]
    damage: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The figures as plain values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class _Counts:
    """One scene's counts."""

    objects: Counter[str]
    seen: Counter[str]
    skipped: Counter[str]
    pixels: Counter[str]
    cells: Counter[str]
    assets: frozenset[tuple[str, str]]
    views: int
    children: int
    all_pixels: int
    occupied: float | None
    room_seen: float | None


def stats(path: Path, *, workers: int = 1, on_progress: OnProgress | None = None) -> Stats:
    """Count what is in the data set at `path`. ScenegenError: no data set, or no scene that can be read."""
    with read_lock(path, "stats"):
        return _stats(Dataset(path), workers, on_progress)


def _stats(dataset: Dataset, workers: int, on_progress: OnProgress | None) -> Stats:
    path = dataset.path
    if not dataset.indices:
        raise ScenegenError(f"{path}: has no scenes yet; run `scenegen generate`")
    tried = Tried(partial(_count, maps=dataset.maps), workers, on_progress)
    counts = list(tried.results(list(dataset)))
    if not counts:
        raise SeveralErrors(*tried.damage)
    objects, seen, skipped = (
        _total(c.objects for c in counts),
        _total(c.seen for c in counts),
        _total(c.skipped for c in counts),
    )
    pixels, cells = _total(c.pixels for c in counts), _total(c.cells for c in counts)
    assets = frozenset().union(*(c.assets for c in counts))
    all_pixels, all_cells = sum(c.all_pixels for c in counts), sum(cells.values())
    classes = tuple(
        ClassStats(
            name=name,
            objects=objects[name],
            scenes=sum(c.objects[name] > 0 for c in counts),
            assets=sum(kind == name for kind, _ in assets),
            seen=seen[name],
            skipped=skipped[name],
            pixel_share=pixels[name] / all_pixels,
            cell_share=cells[name] / all_cells if all_cells else 0.0,
        )
        for name in dataset.info.classes
    )
    total = objects.total()
    seconds: dict[str, float] = {}
    try:
        seconds = read_timings(path)
    except DamageError as error:
        tried.damage.append(str(error))
    return Stats(
        path=str(path),
        preset=dataset.info.request.preset,
        split=dataset.info.request.split,
        scenes=len(counts),
        asked=dataset.info.request.scenes,
        views=sum(c.views for c in counts) / len(counts),
        objects=total,
        objects_per_scene=dict(sorted(Counter(c.objects.total() for c in counts).items())),
        children=sum(c.children for c in counts),
        seen_share=seen.total() / total if total else 1.0,
        skipped=skipped.total(),
        occupied_share=_mean([c.occupied for c in counts if c.occupied is not None]),
        room_seen_share=_mean([c.room_seen for c in counts if c.room_seen is not None]),
        classes=classes,
        megabytes_per_scene=dataset.megabytes() / len(dataset),
        seconds=seconds,
        damage=tuple(tried.damage),
    )


def read_timings(path: Path) -> dict[str, float]:
    """Mean seconds per stage over the scenes of timings.csv; of a scene that was made twice, the last line counts.

    DamageError when it cannot be read.
    """
    file = path / "timings.csv"
    if not file.is_file():
        return {}
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            times = {(int(row["index"]), str(row["stage"])): float(row["seconds"]) for row in csv.DictReader(lines)}
        if not np.isfinite(list(times.values())).all():
            raise ValueError("a time that is not a number")
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise DamageError(f"{file}: is damaged ({error}); rename it, and the statistics leave the times out") from error
    stages = dict.fromkeys(stage for _, stage in times)
    return {s: float(np.mean([value for (_, stage), value in times.items() if stage == s])) for s in stages}


def _total(counters: Iterable[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for counter in counters:
        total.update(counter)
    return total


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _count(stored: StoredScene, *, maps: bool) -> _Counts:
    scene = stored.scene
    pixels: Counter[str] = Counter()
    for item in scene.objects:
        pixels[item.class_name] += sum(item.visible_pixels)
    cells: Counter[str] = Counter()
    occupied = room_seen = None
    if scene.grid:
        occupancy = stored.occupancy
        per_class = stored.masks.reshape(-1, len(scene.classes)).sum(axis=0)
        cells.update({name: int(n) for name, n in zip(scene.classes, per_class, strict=True)})
        occupied = float(occupancy.mean())
        if maps:
            depths = [stored.depth(k) for k in range(len(scene.cameras))]
            room_seen = _seen_share(scene.grid, ~occupancy, scene.cameras, depths)
    else:
        per_label = np.zeros(256, int)
        for k in np.unique(np.linspace(0, len(scene.cameras) - 1, VIEWS_COUNTED).astype(int)).tolist():
            per_label += np.bincount(stored.frustum(k).reshape(-1), minlength=256)
        cells.update({name: int(n) for name, n in zip(scene.classes, per_label[1:], strict=False)})
        occupied = float(per_label[1:].sum() / per_label.sum())
    return _Counts(
        objects=Counter(o.class_name for o in scene.objects),
        seen=Counter(o.class_name for o in scene.objects if any(o.visible_pixels)),
        skipped=Counter(s.class_name for s in scene.skipped),
        pixels=pixels,
        cells=cells,
        assets=frozenset((o.class_name, o.asset) for o in scene.objects),
        views=len(scene.cameras),
        children=sum(o.parent is not None for o in scene.objects),
        all_pixels=sum(c.width * c.height for c in scene.cameras),
        occupied=occupied,
        room_seen=room_seen,
    )


def _seen_share(
    grid: GridSpec, free: NDArray[np.bool_], cameras: Sequence[Camera], depths: Sequence[NDArray[np.float32]]
) -> float:
    """Share of the free cells whose centre a camera sees: it is in the image, and not behind the depth there."""
    points = (np.argwhere(free) + 0.5) * grid.voxel_size + grid.origin
    seen = np.zeros(len(points), bool)
    for camera, depth in zip(cameras, depths, strict=True):
        matrix, K = np.array(camera.world_to_camera), np.array(camera.K)
        x, y, z = matrix[:3, :3] @ points.T + matrix[:3, 3:]
        ahead = z > 1e-6
        safe = np.where(ahead, z, 1.0)
        u = np.floor(K[0, 0] * x / safe + K[0, 2]).astype(int)
        v = np.floor(K[1, 1] * y / safe + K[1, 2]).astype(int)
        within = ahead & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        limit = np.where(depth == 0, np.inf, depth)[np.where(within, v, 0), np.where(within, u, 0)]
        seen |= within & (z <= limit)
    return float(seen.mean()) if len(seen) else 1.0
