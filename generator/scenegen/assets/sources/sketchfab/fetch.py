"""Brings a manifest's models from Sketchfab into the library; a spare replaces a model that cannot be used."""

from __future__ import annotations

import dataclasses
import fcntl
import functools
import hashlib
import json
import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import MAX_TRIANGLES, RawModel, Refused
from scenegen.assets.sources.archive import BrokenArchive, unpack
from scenegen.assets.sources.files.files import ImportOptions, to_raw_model
from scenegen.assets.sources.files.gltf import check_references, find_gltf
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.assets.sources.sketchfab.api import Sketchfab, SketchfabModel, Stopped, Unavailable
from scenegen.assets.sources.sketchfab.licences import spdx, why_refused
from scenegen.assets.sources.sketchfab.manifest import Entry, Manifest, entries
from scenegen.core.asset_library import Asset, list_assets
from scenegen.core.errors import ScenegenError

PAGE = "https://sketchfab.com/3d-models/"
FOLDER = ".fetch"  # in the library: what is under way, and the parts that another run goes on with


@dataclass(frozen=True)
class FetchedEntry:
    """A model that is now in the library; `instead_of` is the uid whose place it took as a spare."""

    entry: Entry
    asset: Asset
    instead_of: str | None


@dataclass(frozen=True)
class RefusedEntry:
    """A model that was asked for and cannot be had; `place` is the uid whose place it was to take, often its own."""

    entry: Entry
    why: str
    place: str


@dataclass
class FetchResult:
    """What a fetch came to.

    `missing` counts by (class, split) what is wanted and not there; `stopped` says why it ended early, if it did.
    """

    fetched: list[FetchedEntry] = field(default_factory=list)
    kept: list[Entry] = field(default_factory=list)
    refused: list[RefusedEntry] = field(default_factory=list)
    missing: dict[tuple[str, str], int] = field(default_factory=dict)
    stopped: str | None = None


@dataclass
class _Quota:
    """The models of one class and split: how many are still wanted, and which are left to try."""

    open: int
    candidates: deque[Entry]
    owed: deque[str] = field(default_factory=deque)  # uids of refused models that a spare may still replace


@dataclass(frozen=True)
class _Attempt:
    """A model under way; `instead_of` is the uid whose place it takes as a spare."""

    entry: Entry
    instead_of: str | None


@dataclass(frozen=True)
class _Archive:
    """A model downloaded to `part` and unpacked; `file` is the glTF in it, `checksum` the archive's sha256."""

    model: SketchfabModel
    part: Path
    file: Path
    checksum: str


OnProgress = Callable[[int, int], None]


def present(manifest: Manifest, library: Path) -> tuple[Entry, ...]:
    """The entries that are in the library already."""
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
    """Fetch and prepare what is wanted and not there; `on_progress` hears (models there, models wanted)."""
    result = FetchResult(kept=list(present(manifest, library)))
    quotas = _open_quotas(manifest, library, result)
    total = sum(manifest.want.values())
    running: dict[Future[_Archive], _Attempt] = {}

    def report() -> None:
        on_progress(total - sum(quota.open for quota in quotas.values()) - len(running), total)

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
            results = _prepare([(attempt.entry, archive) for attempt, archive in ready], library)
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
    """Whether all that is wanted is in the library, so that nothing need be asked of anybody."""
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
    """Why a person threw models out, by class and source."""
    log = library / "dropped.jsonl"
    notes = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
    return {(note["class"], note["source"]): note["why"] for note in notes}


def _next(quotas: dict[tuple[str, str], _Quota], count: int) -> Iterator[_Attempt]:
    """Up to `count` models to go for now, from every class and split in turn."""
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
    return f"{library}: cannot be written ({error.strerror or error}); make room, then the same command goes on"


def _bring(api: Sketchfab, entry: Entry, scratch: Path, *, commercial: bool) -> _Archive:
    model = api.model(entry.uid)
    why = why_refused(model.licence, model.licence_label, commercial=commercial)
    if why:
        raise Unavailable(why)
    if not model.downloadable:
        raise Unavailable("its author does not offer it for download")
    if model.triangles > MAX_TRIANGLES:
        raise Unavailable(f"{model.triangles:,} triangles are more than {MAX_TRIANGLES:,}")
    part, folder = scratch / f"{entry.uid}.part", scratch / entry.uid
    suffix = api.download(entry.uid, part)
    try:
        try:
            return _open(model, part, folder, suffix)
        except BrokenArchive:  # every byte that was announced came, and yet: a second copy from the start decides
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
        check_references(file)
    with part.open("rb") as stream:
        return _Archive(model, part, file, hashlib.file_digest(stream, "sha256").hexdigest())


def _prepare(archives: Sequence[tuple[Entry, _Archive]], library: Path) -> Iterator[Asset | str | OSError]:
    """Each model as an asset, or why it is none; OSError when the disk is at fault."""
    for number, imported in import_files([archive.file for _, archive in archives]):
        entry, archive = archives[number]
        if isinstance(imported, Refused):
            yield imported.why
            continue
        name = f"sf_{entry.class_name}_{entry.uid[:12]}"
        try:
            yield prepare(_raw_model(name, entry, archive, imported), library)
        except ScenegenError as error:
            yield str(error).removeprefix(f"{name}: ")
        except OSError as error:
            yield error


def _raw_model(name: str, entry: Entry, archive: _Archive, imported: Imported) -> RawModel:
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
    """The folder of what is under way, for one fetch at a time; only parts of archives outlive it."""
    scratch = library / FOLDER
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        lock = (scratch / "lock").open("w")
    except OSError as error:
        raise ScenegenError(f"{library}: cannot be written ({error.strerror}); name another with --assets") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ScenegenError(f"{library}: another fetch is at work here; wait for it") from error
        try:
            yield scratch
        finally:
            for folder in scratch.iterdir():
                if folder.is_dir():
                    shutil.rmtree(folder, ignore_errors=True)
            if not list(scratch.glob("*.part")):
                shutil.rmtree(scratch, ignore_errors=True)
