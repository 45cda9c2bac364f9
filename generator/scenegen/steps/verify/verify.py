"""Check that a data set is right: every rule of the format, on every scene (see docs/labels/verify.md)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from scenegen.core.dataset.folders import leftovers
from scenegen.core.dataset.info import DatasetInfo
from scenegen.core.dataset.reading import Dataset, StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import Scene
from scenegen.progress import OnProgress
from scenegen.steps.scene_pool import map_scenes
from scenegen.steps.verify.labels import LABEL_CHECKS, LabelledScene
from scenegen.steps.verify.layout import LAYOUT_CHECKS
from scenegen.steps.verify.pair import check_pair

MOST_MISSING_NAMED = 20
VIEWS_KEPT = 8
"""Arrays of one kind that stay in memory."""


@dataclass(frozen=True)
class Fault:
    """A rule that does not hold; `scene` is the index of the scene, None for the data set as a whole."""

    scene: int | None
    check: str
    detail: str


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` checked and found: how many scenes, the names of the checks, and every fault."""

    path: str
    scenes: int
    checks: tuple[str, ...]
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not self.faults

    def to_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {"ok": self.ok, **dataclasses.asdict(self)}


def verify(
    path: Path,
    *,
    workers: int = 1,
    assets: Path | None = None,
    against: Sequence[Path] = (),
    on_progress: OnProgress | None = None,
) -> VerifyReport:
    """Check every scene of the data set at `path`, and that no model there has the shape of one shown in `against`.

    `assets` is the library that it was made from (default: the one that dataset.json names, if it exists); without a
    library, children are checked against the top of their parent's box only. ScenegenError: there is no data set at
    `path` or in `against`, or it was packed without depth and instance maps.
    """
    dataset = Dataset(path)
    library = assets or dataset.info.request.library
    if not dataset.maps:
        raise ScenegenError(
            f"{path}: was packed without depth and instance maps; verify the folders it was packed from, "
            f"or pack them with --maps"
        )
    work = partial(_check_scene, dataset.info, library if library.is_dir() else None)
    faults = list(_check_folder(dataset))
    for found in map_scenes(work, list(zip(dataset.indices, dataset, strict=True)), workers, on_progress):
        faults.extend(found)
    for other in against:
        faults.extend(Fault(None, "shapes", detail) for detail in check_pair(dataset, Dataset(other), assets))
    names = ("folder", "files", "scene.json", *LAYOUT_CHECKS, *LABEL_CHECKS, *(["shapes"] if against else []))
    return VerifyReport(str(path), len(dataset), names, tuple(faults))


def _check_folder(dataset: Dataset) -> Iterable[Fault]:
    asked = range(max([dataset.info.request.scenes, *(i + 1 for i in dataset.indices)]))
    missing = sorted(set(asked) - set(dataset.indices))
    if missing:
        some = ", ".join(map(str, missing[:MOST_MISSING_NAMED])) + (" ..." if len(missing) > MOST_MISSING_NAMED else "")
        yield Fault(
            None, "folder", f"{len(missing)} of {len(asked)} scenes are missing ({some}); run `scenegen generate` again"
        )
    for folder in leftovers(dataset.path):
        yield Fault(
            None,
            "folder",
            f"{folder}: an unfinished scene of a run that was killed or is running; run `scenegen generate` again",
        )
    if not (dataset.path / "CREDITS.txt").is_file():
        yield Fault(None, "folder", f"{dataset.path / 'CREDITS.txt'}: is missing; run `scenegen generate` again")


def _check_scene(info: DatasetInfo, library: Path | None, numbered: tuple[int, StoredScene]) -> list[Fault]:
    index, stored = numbered
    try:
        scene = stored.scene
    except ScenegenError as error:
        return [Fault(index, "scene.json", str(error))]
    try:
        faults = [Fault(index, "scene.json", detail) for detail in _check_form(scene, info, index)]
    except (TypeError, ValueError) as error:
        faults = [Fault(index, "scene.json", f"is not a scene: {error}")]
    if faults:
        return faults
    for name, check in LAYOUT_CHECKS.items():
        faults.extend(Fault(index, name, detail) for detail in check(scene, library))
    found = _read_arrays(stored)
    faults.extend(Fault(index, "files", detail) for detail in found.damage)
    if found.arrays:
        for name, label_check in LABEL_CHECKS.items():
            faults.extend(Fault(index, name, detail) for detail in label_check(found.arrays))
    return faults


def _check_form(scene: Scene, info: DatasetInfo, index: int) -> Iterable[str]:
    """Whether scene.json agrees with dataset.json and with itself; all later checks rely on this."""
    for key, was, now in (
        ("index", index, scene.index),
        ("seed", info.request.seed, scene.seed),
        ("preset", info.request.preset, scene.preset),
        ("split", info.request.split, scene.split),
        ("classes", info.classes, scene.classes),
        ("grid", info.grid, scene.grid),
        *(("frustum", info.frustum, c.frustum) for c in scene.cameras if info.frustum),
    ):
        if was != now:
            yield f"{key} is {now}, but dataset.json asks for {was}"
    if not scene.cameras:
        yield "has no cameras"
    for camera in scene.cameras:
        if not (_is_matrix(camera.K, 3) and _is_matrix(camera.world_to_camera, 4)):
            yield f"{camera.name}: K (3 x 3) or world_to_camera (4 x 4) is not a matrix of finite numbers"
    if [o.id for o in scene.objects] != list(range(len(scene.objects))):
        yield f"object ids are {[o.id for o in scene.objects]}, should be 0, 1, 2 ..."
    for item in scene.objects:
        if item.class_name not in scene.classes:
            yield f"object {item.id}: class {item.class_name} is not in `classes`"
        if item.parent is not None and not 0 <= item.parent < item.id:
            yield f"object {item.id}: parent {item.parent} is not an object before it"
        if not (_is_matrix(item.matrix, 4) and len(item.size) == 3 and min(item.size) > 0):
            yield f"object {item.id}: matrix (4 x 4) must hold finite numbers, and size (3) positive ones"
        if len(item.visible_pixels) != len(scene.cameras):
            yield f"object {item.id}: visible_pixels has {len(item.visible_pixels)} of {len(scene.cameras)} numbers"
    for skipped in scene.skipped:
        if skipped.class_name not in scene.classes or skipped.attempts < 0:
            yield f"skipped {skipped.asset}: class {skipped.class_name} or {skipped.attempts} attempts cannot be"


def _is_matrix(rows: Any, size: int) -> bool:
    return np.shape(rows) == (size, size) and bool(np.isfinite(rows).all())


@dataclass(frozen=True)
class ReadArrays:
    """A scene with its arrays, or what is wrong with its files: missing, damaged, of another shape or type."""

    arrays: LabelledScene | None
    damage: tuple[str, ...]


class ArrayPerCamera(Sequence[Any]):
    """One array per camera, read when it is asked for; the last few stay in memory."""

    def __init__(self, count: int, read: Callable[[int], Any]) -> None:
        self._count = count
        self._read = lru_cache(maxsize=VIEWS_KEPT)(read)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, k: Any) -> Any:
        if k >= self._count:
            raise IndexError(k)
        return self._read(k)


def _read_arrays(stored: StoredScene) -> ReadArrays:
    """Read every file of a scene once. A street has gigabytes of arrays, so only the last few stay in memory."""
    scene, damage = stored.scene, list[str]()
    views = len(scene.cameras)
    read: dict[str, Any] = {
        "images": ArrayPerCamera(views, stored.image),
        "depths": ArrayPerCamera(views, stored.depth_mm),
        "instances": ArrayPerCamera(views, stored.instance),
        "frusta": ArrayPerCamera(views, stored.frustum),
        "occupancy": None,
        "masks": None,
    }

    def load(name: str, get: Any, shape: tuple[int, ...], kind: str) -> Any:
        try:
            array = get()
        except ScenegenError as error:
            damage.append(str(error))
            return None
        if array.shape != shape or array.dtype != kind:
            damage.append(f"{stored.name}/{name}: {array.dtype} {array.shape}, but should be {kind} {shape}")
        return array

    for k, camera in enumerate(scene.cameras):
        size = (camera.height, camera.width)
        load(f"image_{k}.png", partial(read["images"].__getitem__, k), (*size, 3), "uint8")
        load(f"depth_{k}.png", partial(read["depths"].__getitem__, k), size, "uint16")
        load(f"instance_{k}.png", partial(read["instances"].__getitem__, k), size, "uint16")
        load(f"frustum_{k}.npz", partial(read["frusta"].__getitem__, k), camera.frustum.size, "uint8")
    if scene.grid:
        shape = scene.grid.shape
        read["occupancy"] = load("occupancy.npy", lambda: stored.occupancy, shape, "bool")
        read["masks"] = load("masks.npy", lambda: stored.masks, (*shape, len(scene.classes)), "bool")
    return ReadArrays(None if damage else LabelledScene(scene, **read), tuple(damage))
