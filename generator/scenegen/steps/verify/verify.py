"""Check that a data set is right: every rule of the format, on every scene (see docs/labels/verify.md)."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from scenegen.core.dataset.folders import finished_indices
from scenegen.core.dataset.info import DatasetInfo, ImportSource
from scenegen.core.dataset.reading import Dataset, open_scene
from scenegen.core.dataset.run_lock import read_lock
from scenegen.core.dataset.shards import is_packed
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError
from scenegen.core.files import is_folder
from scenegen.core.labels.grid_files import GridLabels, files_of
from scenegen.core.labels.lidar_points import LidarPoints
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.scene.scene import NamedGrid, Scene
from scenegen.progress import OnProgress
from scenegen.steps.library import NAME_IT, is_there
from scenegen.steps.scene_pool import map_scenes
from scenegen.steps.verify import cut_outs, labels, normals, recast, rig, voxels
from scenegen.steps.verify.folder import check_beside, check_files, check_folder
from scenegen.steps.verify.form import AskedScene, asked_scene, check_form
from scenegen.steps.verify.labels import CameraView, LabelledScene
from scenegen.steps.verify.layout import LAYOUT_CHECKS
from scenegen.steps.verify.pair import check_pair
from scenegen.steps.verify.recast import cast_objects

MOST_MISSING_NAMED = 20
VIEW_CHECKS = {
    **labels.VIEW_CHECKS,
    "objects": voxels.check_fruxel_objects,
    "visibility": voxels.check_view,
    "normals": normals.check_view,
    "recast": recast.check_view,
    "holes": cut_outs.check_view,
}
SCENE_CHECKS = {
    **labels.SCENE_CHECKS,
    "objects": voxels.check_objects,
    "visibility": voxels.check_all_cameras,
    "recast": recast.check_voxels,
}
CHECKS = (
    "folder",
    "files",
    "scene.json",
    *LAYOUT_CHECKS,
    *dict.fromkeys([*VIEW_CHECKS, *SCENE_CHECKS]),
    "grids",
    "lidar",
)
"""The names of all checks of one data set."""
NOT_OF_IMPORTED = ("boxes", "supports", "street", "eyes", "views")
"""Promises of scenes that were laid out: nobody places the objects of photographs, nor chooses what they show."""
NOT_OF_MEASURED = ("surfaces", "depth")
"""Promises of depth that is cast from the labelled surfaces: that of a sensor shows all that was there."""


@dataclass(frozen=True)
class Fault:
    """A rule that does not hold; `scene` is the index of the scene, None for the data set as a whole."""

    scene: int | None
    check: str
    detail: str


@dataclass(frozen=True)
class SceneFaults:
    """What is wrong with a scene, the models that it shows and the library lacks, and a checksum of its layout."""

    faults: tuple[Fault, ...]
    missing: tuple[str, ...] = ()
    layout: str = ""


@dataclass(frozen=True)
class VerifyReport:
    """What `verify` checked and found: how many scenes, the names of the checks, and every fault.

    `notes` say what could not be checked.
    """

    path: str
    scenes: int
    checks: tuple[str, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...] = ()

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
    library, labels are checked against each other and against the boxes of objects, and children against the top of
    their parent's box only. ScenegenError: there is no data set at
    `path` or in `against`, or it was packed without depth and instance maps.
    """
    with ExitStack() as locks:
        for folder in dict.fromkeys((path, *against)):
            locks.enter_context(read_lock(folder, "verify"))
        return _verify(path, workers, assets, against, on_progress)


def _verify(
    path: Path, workers: int, assets: Path | None, against: Sequence[Path], on_progress: OnProgress | None
) -> VerifyReport:
    try:
        dataset = Dataset(path)
    except DamageError as error:
        return _without_info(path, error, workers, on_progress)
    library = assets or dataset.info.request.library
    if not dataset.maps:
        raise ScenegenError(
            f"{path}: was packed without depth and instance maps; verify the folders it was packed from, "
            f"or pack them with --maps"
        )
    promised = _promised(dataset.info)
    asked, known = asked_scene(dataset.info), library if is_folder(library) else None
    work = partial(_check_scene, dataset.path, asked, known)
    faults = [Fault(None, "folder", detail) for detail in check_folder(dataset)]
    missing, layouts = set[str](), dict[str, int]()
    scenes = list(zip(dataset.indices, dataset, strict=True))
    for (index, _), found in zip(scenes, map_scenes(work, scenes, workers, on_progress), strict=True):
        faults.extend(found.faults)
        missing.update(found.missing)
        if dataset.info.imported:
            continue  # scenes of one recording show the same objects
        if found.layout and layouts.setdefault(found.layout, index) != index:
            faults.append(Fault(index, "folder", f"is a copy of scene {layouts[found.layout]}; generate it again"))
    for other in against:
        faults.extend(Fault(None, "shapes", detail) for detail in check_pair(dataset, Dataset(other), assets))
    names = (*promised, *(["shapes"] if against else []))
    found_once = tuple(dict.fromkeys(faults))  # a damaged model is found by every scene that shows it
    notes = (*_notes_on_import(dataset), *_notes(library, missing))
    return VerifyReport(str(path), len(dataset), names, found_once, notes)


def _promised(info: DatasetInfo | None) -> tuple[str, ...]:
    """The checks whose promises a data set makes."""
    not_made: tuple[str, ...] = ()
    if info and info.imported:
        not_made = (*NOT_OF_IMPORTED, *(NOT_OF_MEASURED if info.imported.measured_depth else ()))
    return tuple(name for name in CHECKS if name not in not_made)


def _notes_on_import(dataset: Dataset) -> Iterable[str]:
    """What an imported data set does not promise."""
    imported = dataset.info.imported
    if imported:
        left_out = [name for name in CHECKS if name not in _promised(dataset.info)]
        depth = ", nor is its measured depth compared with its models" if imported.measured_depth else ""
        yield (
            f"{dataset.path}: was imported ({imported.form}), so it does not promise {', '.join(left_out)}, nor that "
            f"edges of images are outlines of labels{depth}"
        )


def _without_info(path: Path, error: DamageError, workers: int, on_progress: OnProgress | None) -> VerifyReport:
    """What is wrong where dataset.json or index.json is damaged: every file of the scenes in folders is read still."""
    faults = [Fault(None, "folder", str(error))]
    scenes = [] if is_packed(path) else [(index, open_scene(path, index)) for index in sorted(finished_indices(path))]
    for found in map_scenes(partial(_check_scene, path, None, None), scenes, workers, on_progress):
        faults.extend(found.faults)
    note = f"{path}: scenes were not compared with what was asked for, nor with the models' own geometry"
    return VerifyReport(str(path), len(scenes), CHECKS, tuple(faults), (note,))


def _notes(library: Path, missing: set[str]) -> Iterable[str]:
    """What could not be compared with the models."""
    what = "labels were not compared with the models' own geometry, nor with the holes of their cut-outs"
    if not is_folder(library):
        yield f"{library}: there is no asset library here, so {what}; {NAME_IT}"
    elif missing:
        some = ", ".join(sorted(missing)[:MOST_MISSING_NAMED]) + (" ..." if len(missing) > MOST_MISSING_NAMED else "")
        yield f"{library}: lacks {len(missing)} of the models shown ({some}); of scenes with them, {what}; {NAME_IT}"


def _check_scene(
    path: Path, asked: AskedScene | None, library: Path | None, numbered: tuple[int, StoredScene]
) -> SceneFaults:
    index, stored = numbered
    try:
        scene = stored.scene
    except DamageError as error:
        return SceneFaults((Fault(index, "scene.json", str(error)),))
    faults = [Fault(index, "scene.json", detail) for detail in check_form(scene, asked, index)]
    if faults:
        return SceneFaults((*faults, *_damaged_files(index, stored)))
    imported = asked.info.imported if asked else None
    promised = _promised(asked.info if asked else None)
    for name, check in LAYOUT_CHECKS.items():
        if name not in promised:
            continue
        try:
            faults.extend(Fault(index, name, detail) for detail in check(scene, library))
        except DamageError as error:
            faults.append(Fault(None, name, str(error)))
    faults.extend(Fault(index, "sources", detail) for detail in check_beside(path, scene))
    faults.extend(Fault(index, "files", detail) for detail in check_files(path, scene))
    missing = tuple(n for n in sorted({o.asset for o in scene.objects}) if library and not is_there(library, n))
    try:
        placed = cast_objects(scene, library) if library and not missing else None
    except ScenegenError as error:
        faults.append(Fault(None, "recast", str(error)))
        placed = None
    labels_wrong = [
        fault for fault in _check_labels(index, stored, placed, library, imported) if fault.check in promised
    ]
    return SceneFaults((*faults, *labels_wrong), missing, _layout_of(scene))


def _layout_of(scene: Scene) -> str:
    """A checksum of what stands where: no two scenes of a data set have the same."""
    places = [(item.asset, item.matrix) for item in scene.objects]
    return hashlib.sha256(repr(places).encode()).hexdigest() if places else ""


def _damaged_files(index: int, stored: StoredScene) -> Iterable[Fault]:
    """What is wrong with the arrays of a scene whose description is wrong: with them alone."""
    files = FileReader(stored)
    for k in range(len(stored.cameras)):
        files.view(k)
    return [Fault(index, "files", detail) for detail in files.damage]


def _check_labels(
    index: int,
    stored: StoredScene,
    placed: tuple[PlacedMesh, ...] | None,
    library: Path | None,
    imported: ImportSource | None,
) -> Iterable[Fault]:
    """Check all arrays, one camera's at a time: a street has gigabytes of them. Damaged ones are left out."""
    scene, files = stored.scene, FileReader(stored)
    occupancy = masks = instances = visibility = None
    if scene.grid:
        if scene.voxel_spec.instances:
            instances = files.read("voxels.npz", lambda: stored.instances, scene.grid.shape, "uint16")
        if scene.voxel_spec.visibility:
            visibility = files.read("voxels.npz", lambda: stored.visibility, scene.grid.shape, "uint8")
        occupancy = files.read("occupancy.npy", lambda: stored.occupancy, scene.grid.shape, "bool")
        masks = files.read("masks.npy", lambda: stored.masks, (*scene.grid.shape, len(scene.classes)), "bool")
    labelled = LabelledScene(
        scene,
        occupancy,
        masks,
        placed,
        library=library,
        instances=instances,
        visibility=visibility,
        imported=imported,
    )
    depths: dict[int, Any] = {}
    for k in range(len(scene.cameras)):
        view = files.view(k)
        if view:
            if scene.grids:
                depths[k] = view.depth
            for name, check in VIEW_CHECKS.items():
                yield from (Fault(index, name, detail) for detail in check(labelled, view))
    for named, number in files_of(scene):
        found = files.grid(named, number)
        if found is not None and len(depths) == len(scene.cameras):
            details = voxels.check_grid(labelled, (named, number, found), [depths[n] for n in range(len(depths))])
            yield from (Fault(index, "grids", detail) for detail in details)
    for n in range(len(scene.rig.poses) if scene.rig and scene.rig.lidar else 0):
        points = files.lidar(n)
        if points is not None:
            yield from (Fault(index, "lidar", detail) for detail in rig.check_lidar(labelled, n, points))
    for name, scene_check in SCENE_CHECKS.items():
        yield from (Fault(index, name, detail) for detail in scene_check(labelled))
    yield from (Fault(index, "files", detail) for detail in files.damage)


class FileReader:
    """Reads the arrays of a scene; `damage` says what is missing, damaged, or of another shape or type."""

    def __init__(self, stored: StoredScene) -> None:
        self.damage: list[str] = []
        self._stored = stored

    def read(self, name: str, get: Callable[[], Any], shape: tuple[int, ...], kind: str) -> Any:
        """An array, or None with a line in `damage`."""
        try:
            array = get()
        except ScenegenError as error:
            self.damage.append(str(error))
            return None
        if array.shape == shape and array.dtype == kind:
            return array
        self.damage.append(f"{self._stored.name}/{name}: {array.dtype} {array.shape}, but should be {kind} {shape}")
        return None

    def grid(self, named: NamedGrid, k: int | None) -> GridLabels | None:
        """The labels of a named grid; None when its file is damaged."""
        try:
            return self._stored.named_grid(named.name, k)
        except ScenegenError as error:
            self.damage.append(str(error))
            return None

    def lidar(self, n: int) -> LidarPoints | None:
        """The lidar's points at key frame n; None when their file is damaged."""
        try:
            return self._stored.lidar(n)
        except ScenegenError as error:
            self.damage.append(str(error))
            return None

    def view(self, k: int) -> CameraView | None:
        """All files of camera k; None when one of them is damaged."""
        stored, camera = self._stored, self._stored.cameras[k]
        size = (camera.height, camera.width)
        scene, cells, file = stored.scene, camera.frustum.size, f"frustum_{k}.npz"
        arrays: dict[str, Any] = {
            "image": self.read(f"image_{k}.png", partial(stored.image, k), (*size, 3), "uint8"),
            "depth": self.read(f"depth_{k}.png", partial(stored.depth_steps, k), size, "uint16"),
            "instance": self.read(f"instance_{k}.png", partial(stored.instance, k), size, "uint16"),
            "frustum": self.read(file, partial(stored.frustum, k), cells, "uint8"),
        }
        if scene.map_spec.normals:
            arrays["normals"] = self.read(f"normals_{k}.npz", partial(stored.normal_steps, k), (*size, 3), "int16")
        if scene.voxel_spec.instances:
            arrays["instances"] = self.read(file, partial(stored.frustum_instances, k), cells, "uint16")
        if scene.voxel_spec.visibility:
            arrays["visibility"] = self.read(file, partial(stored.frustum_visibility, k), cells, "uint8")
            if scene.grid:
                read = partial(stored.visibility_from, k)
                arrays["box_visibility"] = self.read("voxels.npz", read, scene.grid.shape, "uint8")
        return None if any(array is None for array in arrays.values()) else CameraView(k, camera, **arrays)
