"""Brings a manifest's models from Sketchfab into the library; a spare replaces a model that cannot be used."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from scenegen.assets.curate.dropped import read_dropped
from scenegen.assets.curate.placing import Placer, make_placer
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import MAX_TRIANGLES, RawModel, Refused
from scenegen.assets.sources.archive import BrokenArchive, unpack
from scenegen.assets.sources.files.files import ImportOptions, to_raw_model
from scenegen.assets.sources.files.gltf import find_gltf
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.assets.sources.sketchfab.api import Sketchfab, SketchfabModel, Stopped, Unavailable
from scenegen.assets.sources.sketchfab.licences import spdx, why_refused
from scenegen.assets.sources.sketchfab.manifest import Manifest, ManifestEntry, entries
from scenegen.core.asset_library import Asset, list_assets
from scenegen.core.errors import ScenegenError

PAGE = "https://sketchfab.com/3d-models/"
FOLDER = ".fetch"  # in the library: current downloads, and parts that another run can continue


@dataclass(frozen=True)
class FetchedEntry:
    """A model that was added to the library; as a spare it replaced the model `instead_of` (a uid)."""

    entry: ManifestEntry
    asset: Asset
    instead_of: str | None


@dataclass(frozen=True)
class RefusedEntry:
    """A model that cannot be used, and why; `place` is the uid that it was fetched for, often its own."""

    entry: ManifestEntry
    why: str
    place: str


@dataclass
class FetchResult:
    """The result of a fetch.

    `missing` counts the models still wanted, by (class, split); `stopped` is the reason when the fetch ended early.
    """

    fetched: list[FetchedEntry] = field(default_factory=list)
    kept: list[ManifestEntry] = field(default_factory=list)
    refused: list[RefusedEntry] = field(default_factory=list)
    missing: dict[tuple[str, str], int] = field(default_factory=dict)
    stopped: str | None = None


@dataclass
class _Quota:
    """The models of one class and split: how many are still wanted, and which are left to try."""

    open: int
    candidates: deque[ManifestEntry]
    owed: deque[str] = field(default_factory=deque)  # uids of refused models that a spare may still replace


@dataclass(frozen=True)
class _Attempt:
    """A model that is being fetched; as a spare it replaces the model `instead_of` (a uid)."""

    entry: ManifestEntry
    instead_of: str | None


@dataclass(frozen=True)
class _Archive:
    """A model downloaded to `part` and unpacked; `file` is the glTF in it, `checksum` the archive's sha256."""

    model: SketchfabModel
    part: Path
    file: Path
    checksum: str


OnProgress = Callable[[int, int], None]


def present(manifest: Manifest, library: Path) -> tuple[ManifestEntry, ...]:
    """The entries that the library already holds."""
    assets = list_assets(library) if library.is_dir() else ()
    there = {(asset.class_name, asset.provenance.source) for asset in assets}
    return tuple(entry for entry in entries(manifest) if (entry.class_name, PAGE + entry.uid) in there)


def fetch(
    manifest: Manifest,
    library: Path,
    api: Sketchfab,
    jobs: int = 4,
    *,
    commercial: bool = False,
    on_progress: OnProgress = lambda _done, _total: None,
) -> FetchResult:
    """Fetch and prepare the models that are wanted and not in the library.

    `on_progress` is called with (models in the library, models wanted). `commercial` refuses licences with NC.
    """
    result = FetchResult(kept=list(present(manifest, library)))
    quotas = _open_quotas(manifest, library, result)
    total = sum(manifest.want.values())
    running: dict[Future[_Archive], _Attempt] = {}

    def report() -> None:
        on_progress(total - sum(quota.open for quota in quotas.values()) - len(running), total)

    placer = make_placer(library, choose_splits=False)
    with _scratch(library) as scratch, _pool(api, jobs) as pool:
        while result.stopped is None:
            for attempt in _next(quotas, 2 * jobs - len(running)):
                bring = functools.partial(_bring, api, attempt.entry, scratch, commercial=commercial)
                running[pool.submit(bring)] = attempt
            report()
            if not running:
                break
            ready: list[tuple[_Attempt, _Archive]] = []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                attempt = running.pop(future)
                try:
                    ready.append((attempt, future.result()))
                except (Stopped, OSError) as stop:
                    result.stopped = _stop_reason(stop, library)
                    running[future] = attempt
                except ScenegenError as error:
                    _refuse(quotas, result, attempt, str(error))
            results = _prepare([(attempt.entry, archive) for attempt, archive in ready], library, placer)
            for (attempt, archive), prepared in zip(ready, results, strict=True):
                if isinstance(prepared, OSError):
                    result.stopped = _stop_reason(prepared, library)
                    running[Future()] = attempt
                    continue
                _discard(archive.part)
                if isinstance(prepared, Asset):
                    result.fetched.append(FetchedEntry(attempt.entry, prepared, attempt.instead_of))
                else:
                    _refuse(quotas, result, attempt, prepared)
                report()
    for attempt in running.values():
        quotas[attempt.entry.class_name, attempt.entry.split].open += 1
    result.missing = {key: quota.open for key, quota in quotas.items() if quota.open}
    return result


def is_complete(manifest: Manifest, library: Path) -> bool:
    """Whether the library holds all wanted models, so that no request is needed."""
    kept = Counter((entry.class_name, entry.split) for entry in present(manifest, library))
    return all(kept[key] >= count for key, count in manifest.want.items())


def _open_quotas(manifest: Manifest, library: Path, result: FetchResult) -> dict[tuple[str, str], _Quota]:
    kept = set(result.kept)
    dropped = _dropped(library)
    quotas = {}
    for key, count in manifest.want.items():
        models = manifest.models.get(key, ())
        quota = _Quota(max(0, count - sum(entry in kept for entry in models)), deque())
        for number, entry in enumerate(models):
            why = dropped.get((entry.class_name, PAGE + entry.uid))
            if entry in kept:
                continue
            if why is None:
                quota.candidates.append(entry)
            elif quota.open:
                result.refused.append(RefusedEntry(entry, f"dropped from this library: {why}", entry.uid))
                quota.owed += [entry.uid] if number < count else []
        quotas[key] = quota
    return quotas


def _dropped(library: Path) -> dict[tuple[str, str], str]:
    """The reasons why a user dropped models, by class and source."""
    return {(note["class"], note["source"]): note["why"] for note in read_dropped(library)}


def _next(quotas: dict[tuple[str, str], _Quota], count: int) -> Iterator[_Attempt]:
    """Up to `count` models to fetch next, from each class and split in turn."""
    while count > 0:
        some = False
        for quota in quotas.values():
            if count > 0 and quota.open and quota.candidates:
                some = True
                count -= 1
                quota.open -= 1
                yield _Attempt(quota.candidates.popleft(), quota.owed.popleft() if quota.owed else None)
        if not some:
            return


def _refuse(quotas: dict[tuple[str, str], _Quota], result: FetchResult, attempt: _Attempt, why: str) -> None:
    quota = quotas[attempt.entry.class_name, attempt.entry.split]
    uid = attempt.instead_of or attempt.entry.uid
    quota.open += 1
    quota.owed.append(uid)
    result.refused.append(RefusedEntry(attempt.entry, why, uid))


def _stop_reason(error: Stopped | OSError, library: Path) -> str:
    if isinstance(error, Stopped):
        return str(error)
    return f"{library}: cannot be written ({error.strerror or error}); free disk space, then run the same command again"


def _bring(api: Sketchfab, entry: ManifestEntry, scratch: Path, *, commercial: bool) -> _Archive:
    model = api.model(entry.uid)
    why = why_refused(model.licence, model.licence_label, commercial=commercial)
    if why:
        raise Unavailable(why)
    if not model.downloadable:
        raise Unavailable("its author does not allow downloads")
    if model.triangles > MAX_TRIANGLES:
        raise Unavailable(f"{model.triangles:,} triangles are more than {MAX_TRIANGLES:,}")
    part, folder = scratch / f"{entry.uid}.part", scratch / entry.uid
    suffix = api.download(entry.uid, part)
    try:
        try:
            return _open(model, part, folder, suffix)
        except BrokenArchive:  # all bytes arrived, so a second download from the start decides
            part.unlink()
            return _open(model, part, folder, api.download(entry.uid, part))
    except (Unavailable, Stopped):
        raise
    except ScenegenError:
        _discard(part)
        raise


def _open(model: SketchfabModel, part: Path, folder: Path, suffix: str) -> _Archive:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if suffix == ".zip":
        unpack(part, folder)
        file = find_gltf(folder)
    else:
        file = Path(shutil.copyfile(part, folder / "scene.glb"))
    with part.open("rb") as stream:
        return _Archive(model, part, file, hashlib.file_digest(stream, "sha256").hexdigest())


def _prepare(
    archives: Sequence[tuple[ManifestEntry, _Archive]], library: Path, placer: Placer
) -> Iterator[Asset | str | OSError]:
    """Each model as an asset or a reason to refuse it; an OSError when the disk failed."""
    for number, imported in import_files([archive.file for _, archive in archives]):
        entry, archive = archives[number]
        if isinstance(imported, Refused):
            yield imported.why
            continue
        name = f"sf_{entry.class_name}_{entry.uid[:12]}"
        try:
            yield prepare(_raw_model(name, entry, archive, imported), library, place=placer)
        except ScenegenError as error:
            yield str(error).removeprefix(f"{name}: ")
        except OSError as error:
            yield error


def _raw_model(name: str, entry: ManifestEntry, archive: _Archive, imported: Imported) -> RawModel:
    model = archive.model
    options = ImportOptions(
        class_name=entry.class_name,
        split=entry.split,
        height=entry.height,
        up=entry.up,
        front=entry.front,
        author=model.author,
        licence=spdx(model.licence),
        source=PAGE + entry.uid,
        title=model.name,
    )
    raw = to_raw_model(archive.file, name, imported, options, {})
    return dataclasses.replace(raw, provenance=dataclasses.replace(raw.provenance, checksum=archive.checksum))


def _discard(part: Path) -> None:
    shutil.rmtree(part.with_suffix(""), ignore_errors=True)
    for path in part.parent.glob(f"{part.name}*"):
        path.unlink()


@contextmanager
def _pool(api: Sketchfab, jobs: int) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="fetch")
    try:
        yield pool
    finally:
        api.stop()
        pool.shutdown(cancel_futures=True)


@contextmanager
def _scratch(library: Path) -> Iterator[Path]:
    """The folder for downloads, for one fetch at a time; only parts of archives remain in it afterwards."""
    scratch = library / FOLDER
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        lock = FileLock(scratch / "lock", timeout=0).acquire()
    except Timeout as error:
        raise ScenegenError(f"{library}: another fetch is running in this library; wait until it ends") from error
    except OSError as error:
        raise ScenegenError(f"{library}: cannot be written ({error.strerror}); name another with --assets") from error
    with lock:
        try:
            yield scratch
        finally:
            for folder in scratch.iterdir():
                if folder.is_dir():
                    shutil.rmtree(folder, ignore_errors=True)
            if not list(scratch.glob("*.part")):
                shutil.rmtree(scratch, ignore_errors=True)
