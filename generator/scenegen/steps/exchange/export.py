"""Export a data set: scene after scene into a hidden folder beside OUT, which becomes OUT when it is whole.

A format is one row of FORMATS: a line of help, whether it needs depth and instance maps, and `start`, which makes the
object that writes the scenes (docs/develop/add_an_export.md).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from scenegen import __version__
from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import LOCK, read_lock, run_lock
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.decoding import read_file
from scenegen.core.errors import DamageError, ScenegenError, SeveralErrors, UsageError
from scenegen.core.files import cannot_write, check_apart, write_text
from scenegen.core.toml_table import read_toml
from scenegen.progress import OnProgress
from scenegen.steps.exchange.survey import ExportJob, SceneSurvey, merged_credits, survey_scene, write_credits
from scenegen.steps.scene_pool import Tried


class FormatWriter(Protocol):
    """Writes the scenes of one export, each on its own and in any order; worker processes get a pickled copy."""

    def path_of(self, index: int) -> Path:
        """The file or folder that exists once scene `index` is written."""

    def write_scene(self, stored: StoredScene) -> None:
        """Write one scene, whole or not at all."""

    def finish(self, dataset: Dataset, credits: Sequence[Credit], workers: int) -> dict[str, int]:
        """Write what sums up all scenes; return counts to show, such as {"images": 12}."""


@dataclass(frozen=True)
class Format:
    """One format: a few words of help; whether it needs depth and instance maps, which packed data sets may lack.

    `start` prepares the job's folder and returns the writer. `class_map`: whether it has classes of its own. `notes`
    are lines on what the export of a data set leaves out, and what adds it.
    """

    help: str
    needs_maps: bool
    start: Callable[[ExportJob], FormatWriter]
    class_map: bool = False
    notes: Callable[[Dataset], Sequence[str]] = lambda _dataset: ()


# A format's libraries take up to a second to import, so only the chosen one is imported.
def _bop(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.bop import start_bop

    return start_bop(job)


def _coco(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.coco import start_coco

    return start_coco(job)


def _glb(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.glb import start_glb

    return start_glb(job)


def _nerf(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.nerf import start_nerf

    return start_nerf(job)


def _hdf5(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.hdf5 import start_hdf5

    return start_hdf5(job)


def _nuscenes(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.nuscenes.writer import start_nuscenes

    return start_nuscenes(job)


def _occ3d(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.occ3d import start_occ3d

    return start_occ3d(job)


def _surroundocc(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.surroundocc import start_surroundocc

    return start_surroundocc(job)


def _semantickitti(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.semantickitti import start_semantickitti

    return start_semantickitti(job)


def _monoscene_nyu(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.monoscene_nyu import start_monoscene_nyu

    return start_monoscene_nyu(job)


def _occscannet(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.occscannet import start_occscannet

    return start_occscannet(job)


def _uniocc(job: ExportJob) -> FormatWriter:
    from scenegen.steps.exchange.uniocc import start_uniocc

    return start_uniocc(job)


def _kitti_notes(dataset: Dataset) -> Sequence[str]:
    from scenegen.steps.exchange.semantickitti import kitti_notes

    return kitti_notes(dataset)


def _nyu_notes(dataset: Dataset) -> Sequence[str]:
    from scenegen.steps.exchange.monoscene_nyu import nyu_notes

    return nyu_notes(dataset)


FORMATS: dict[str, Format] = {
    "bop": Format("poses, masks and object models", needs_maps=True, start=_bop),
    "coco": Format("instance masks and bounding boxes", needs_maps=True, start=_coco),
    "glb": Format("one glTF file per scene with its meshes", needs_maps=False, start=_glb),
    "hdf5": Format("one file per camera, as BlenderProc writes it", needs_maps=True, start=_hdf5),
    "monoscene-nyu": Format(
        "voxels of rooms, as MonoScene reads NYUv2",
        needs_maps=False,
        start=_monoscene_nyu,
        class_map=True,
        notes=_nyu_notes,
    ),
    "nerf": Format("transforms.json per scene for instant-ngp and nerfstudio", needs_maps=False, start=_nerf),
    "nuscenes": Format(
        "tables, images, points, boxes and maps for nuscenes-devkit", needs_maps=False, start=_nuscenes, class_map=True
    ),
    "occ3d": Format("voxels around the vehicle, as Occ3D-nuScenes", needs_maps=False, start=_occ3d, class_map=True),
    "occscannet": Format("voxels of rooms, as Occ-ScanNet", needs_maps=False, start=_occscannet, class_map=True),
    "semantickitti": Format(
        "voxels ahead of a camera, as SemanticKITTI",
        needs_maps=False,
        start=_semantickitti,
        class_map=True,
        notes=_kitti_notes,
    ),
    "surroundocc": Format("occupied cells, as SurroundOcc", needs_maps=False, start=_surroundocc, class_map=True),
    "uniocc": Format("voxels with flow and boxes, as UniOcc", needs_maps=False, start=_uniocc, class_map=True),
}
MARK = ".export.json"
NOT_WRITTEN = "not written; the same command continues once these files are whole"


@dataclass(frozen=True)
class ExportResult:
    """What an export wrote: `counts` maps what there is ("images", "annotations", "models" ...) to how many."""

    path: str
    format: str
    scenes: int
    counts: dict[str, int]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Asked:
    """What `export` was asked for, beside the data set and the folder."""

    form: Format
    assets: Path | None
    class_map: Path | None
    workers: int
    on_progress: OnProgress | None
    on_size: Callable[[int], None] | None


def export(  # noqa: PLR0913
    source: Path,
    out: Path,
    form: str,
    *,
    assets: Path | None = None,
    class_map: Path | None = None,
    workers: int = 1,
    on_progress: OnProgress | None = None,
    on_size: Callable[[int], None] | None = None,
) -> ExportResult:
    """Export the scenes of `source`, in folders or packed, as `form` of FORMATS to `out`, which appears whole.

    After a kill the same call continues where it stopped. `assets` is the library that the data set was made from
    (default: the one that dataset.json names); formats with meshes or with grids of their own read it. `class_map`: a
    TOML file of class_maps.py. `on_size` is told how many bytes all scenes will take, once the first is written.

    UsageError: the format needs depth and instance maps that are not there, a class has no line in the class map, or
    `out` exists. ScenegenError: no scenes, an asset is missing or is not the one that was rendered, the disk is full or
    has no room for what is left to write. SeveralErrors names all files that are damaged.
    """
    asked = _Asked(FORMATS[form], assets, class_map, workers, on_progress, on_size)
    _check(Dataset(source), out, asked)
    folder = out.absolute().with_name(f".{out.absolute().name}.{form}")
    try:
        with read_lock(source, "export"), run_lock(folder, doing="another export is writing it"):
            dataset = Dataset(source)
            _check(dataset, out, asked)
            counts = _write(dataset, folder, asked)
            folder.rename(out)
            (out / LOCK).unlink()
    except OSError as error:
        raise ScenegenError(cannot_write(error.filename or out, error)) from error
    notes = tuple(asked.form.notes(dataset))
    return ExportResult(str(out), form, len(dataset), counts, notes)


def _write(dataset: Dataset, folder: Path, asked: _Asked) -> dict[str, int]:
    """Write all files of an export into the hidden folder; what there is of each kind."""
    is_new = _open(dataset, folder, asked)
    surveys = _survey(dataset, asked.workers, maps=asked.form.needs_maps)
    try:
        writer = asked.form.start(ExportJob(dataset, folder, surveys, asked.assets, asked.class_map))
    except ScenegenError:
        if is_new:
            shutil.rmtree(folder)
        raise
    numbered = zip(dataset.indices, dataset, strict=True)
    missing = [stored for index, stored in numbered if not writer.path_of(index).exists()]
    if len(missing) > 1:
        _tell_size(folder, writer, missing, asked)
    left = [stored for stored in missing if not writer.path_of(stored.index).exists()]
    tried = Tried(writer.write_scene, asked.workers, _after(len(missing) - len(left), asked.on_progress))
    for _ in tried.results(left):
        pass
    if tried.damage:
        raise SeveralErrors(*tried.damage, f"{dataset.path}: {NOT_WRITTEN}")
    credits = merged_credits(surveys)
    counts = writer.finish(dataset, credits, asked.workers)
    write_credits(folder, credits)
    (folder / MARK).unlink()
    return counts


def _tell_size(folder: Path, writer: FormatWriter, missing: Sequence[StoredScene], asked: _Asked) -> None:
    """Write the first scene that is missing, tell how much all will take, and refuse it where there is no room."""
    before = _size(folder)
    with suppress(DamageError):  # found again, with all others, when every scene is written
        writer.write_scene(missing[0])
        after = _size(folder)
        needed, free = (after - before) * (len(missing) - 1), shutil.disk_usage(folder).free
        if asked.on_size:
            asked.on_size(after + needed)
        if needed > free:
            raise ScenegenError(
                f"{folder.parent}: {len(missing) - 1} more scenes need about {needed / 1e6:.0f} MB, "
                f"{free / 1e6:.0f} MB are free; make room on the disk and run the same command again"
            )


def _after(written: int, on_progress: OnProgress | None) -> OnProgress | None:
    """The progress of the scenes that are left, with the first one, which was written before them."""
    if on_progress is None:
        return None
    return lambda done, total, failed=0: on_progress(written + done, written + total, failed)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _survey(dataset: Dataset, workers: int, *, maps: bool) -> list[SceneSurvey]:
    """Every scene's survey; SeveralErrors names all damaged files when one scene has none."""
    tried = Tried(survey_scene, workers)
    surveys = list(tried.results(list(dataset)))
    if tried.damage:  # a format starts from all surveys, so that nothing is written: find what else is damaged
        reading = Tried(partial(_read_pictures, maps=maps), workers)
        for _ in reading.results(list(dataset)):
            pass
        raise SeveralErrors(*dict.fromkeys(tried.damage + reading.damage), f"{dataset.path}: {NOT_WRITTEN}")
    return surveys


def _read_pictures(stored: StoredScene, *, maps: bool) -> None:
    for k in range(len(stored.cameras)):
        stored.image(k)
        if maps:
            stored.depth_steps(k)
            stored.instance(k)
            if stored.map_spec.normals:
                stored.normal_steps(k)


def _check(dataset: Dataset, out: Path, asked: _Asked) -> None:
    if not dataset.indices:
        raise ScenegenError(f"{dataset.path}: has no scenes yet; run `scenegen generate`")
    if asked.form.needs_maps and not dataset.maps:
        raise UsageError(
            f"{dataset.path}: was packed without depth and instance maps; export the folders it was packed from, "
            f"or pack them with --maps"
        )
    if asked.class_map is not None and not asked.form.class_map:
        raise UsageError("--class-map: this format has the data set's own classes; leave it out")
    if asked.class_map is not None:
        read_toml(asked.class_map, "class map")  # before anything is written
    check_apart(dataset.path, out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: exists already; name another OUT")


def _open(dataset: Dataset, folder: Path, asked: _Asked) -> bool:
    """Empty the hidden folder, or keep the one that an unfinished export of the same scenes left; whether it is new."""
    classes = "" if asked.class_map is None else read_file(asked.class_map).decode(errors="replace")
    source = [str(dataset.path.absolute()), repr(dataset.info), dataset.indices, str(asked.assets)]
    request = [__version__, *source, *([classes] if classes else [])]
    wanted = json.dumps({"of": hashlib.sha256(json.dumps(request).encode()).hexdigest()})
    mark = folder / MARK
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        _remove_unfinished(folder)
        return False
    for path in folder.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    write_text(mark, wanted)
    return True


def _remove_unfinished(folder: Path) -> None:
    """Remove the hidden files and folders in which a killed export was writing."""
    for path in [path for path in folder.rglob(".*") if path.name not in (MARK, LOCK)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
