"""Export a data set: scene after scene into a hidden folder beside OUT, which becomes OUT when it is whole."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import write_text
from scenegen.progress import OnProgress
from scenegen.steps.exchange import bop, coco
from scenegen.steps.exchange.pieces import merged_credits, survey, write_credits
from scenegen.steps.scene_pool import map_scenes

FORMATS: dict[str, ModuleType] = {"bop": bop, "coco": coco}
MARK = ".export.json"


@dataclass(frozen=True)
class ExportResult:
    """What an export left: `counts` of images and annotations, and of models where there are any."""

    path: str
    format: str
    scenes: int
    counts: dict[str, int]


def export(
    source: Path,
    out: Path,
    form: str,
    *,
    assets: Path | None = None,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> ExportResult:
    """Export the scenes of `source`, in folders or packed, as `form` of FORMATS to `out`, which appears whole.

    After a kill the same call goes on where it stopped. `assets` is the library the data set was made from (default:
    the one it names); BOP needs its meshes. UsageError: no depth and instance maps, or `out` is taken.
    ScenegenError: no scenes, one is damaged, a mesh is missing or another than the one rendered, the disk is full.
    """
    dataset = Dataset(source)
    _check(dataset, out)
    kind = FORMATS[form]
    folder = out.absolute().with_name(f".{out.absolute().name}.{form}")
    try:
        _open(dataset, folder, assets)
        surveys = list(map_scenes(survey, list(dataset), workers, None))
        plan = kind.plan(dataset, folder, surveys, assets)
        numbered = zip(dataset.indices, dataset, strict=True)
        missing = [stored for index, stored in numbered if not kind.piece(plan, index).exists()]
        for _ in map_scenes(partial(kind.write_scene, plan), missing, workers, on_progress):
            pass
        credits = merged_credits(surveys)
        counts = kind.finish(plan, dataset, credits, workers)
        write_credits(folder, credits)
        (folder / MARK).unlink()
        folder.rename(out)
    except OSError as error:
        raise ScenegenError(
            f"{error.filename or out}: cannot be written ({error.strerror or error}); "
            f"make room and run the same command again"
        ) from error
    return ExportResult(str(out), form, len(dataset), counts)


def _check(dataset: Dataset, out: Path) -> None:
    if not dataset.indices:
        raise ScenegenError(f"{dataset.path}: has no scenes yet; run `scenegen generate`")
    if not dataset.maps:
        raise UsageError(
            f"{dataset.path}: was packed without depth and instance maps; export its folders, or pack --maps"
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out}: is there already; remove it or name another OUT")


def _open(dataset: Dataset, folder: Path, assets: Path | None) -> None:
    """Make the folder, or keep the one that an export of the same scenes left."""
    told = json.dumps([str(dataset.path.absolute()), repr(dataset.info), dataset.indices, str(assets)])
    wanted = json.dumps({"of": hashlib.sha256(told.encode()).hexdigest()})
    mark = folder / MARK
    if not (mark.is_file() and mark.read_text(encoding="utf-8") == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_text(mark, wanted)
