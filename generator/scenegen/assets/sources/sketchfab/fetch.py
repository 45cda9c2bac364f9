"""Brings a manifest's models from Sketchfab into the library; a spare takes the place of what cannot be had."""

from __future__ import annotations

import dataclasses
import fcntl
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
from scenegen.assets.prepare.raw_model import MAX_TRIANGLES, RawModel
from scenegen.assets.sources.files.files import Wanted, to_raw_model
from scenegen.assets.sources.files.importer import Imported, Refused, import_files
from scenegen.assets.sources.sketchfab.api import Model, Sketchfab, Stopped, Unavailable
from scenegen.assets.sources.sketchfab.archive import BrokenArchive, check_references, unpack
from scenegen.assets.sources.sketchfab.licences import spdx, why_refused
from scenegen.assets.sources.sketchfab.manifest import Entry, Manifest, entries
from scenegen.core.asset_library import Asset, list_assets
from scenegen.core.errors import ScenegenError

PAGE = "https://sketchfab.com/3d-models/"
FOLDER = ".fetch"  # in the library: what is under way, and the parts that another run goes on with


@dataclass(frozen=True)
class Fetched:
    """A model that is now in the library; `instead_of` is the uid whose place it took as a spare."""

    entry: Entry
    asset: Asset
    instead_of: str | None


@dataclass(frozen=True)
class Refusal:
    """A model that was asked for and cannot be had; `place` is the uid whose place it was to take, often its own."""

    entry: Entry
    why: str
    place: str


@dataclass
class Outcome:
    """What a fetch came to.

    `missing` counts by (class, split) what is wanted and not there; `stopped` says why it ended early, if it did.
    """

    fetched: list[Fetched] = field(default_factory=list)
    kept: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    missing: dict[tuple[str, str], int] = field(default_factory=dict)
    stopped: str | None = None


@dataclass
class _Place:
    """The models of one class and split: how many are still to come, and who may."""

    open: int
    candidates: deque[Entry]
    owed: deque[str] = field(default_factory=deque)  # refused uids whose place is free


@dataclass(frozen=True)
class _Try:
    """A model under way; `instead_of` is the uid whose place it takes as a spare."""

    entry: Entry
    instead_of: str | None


@dataclass(frozen=True)
class _Archive:
    """A model downloaded to `part` and unpacked; `file` is the glTF in it, `checksum` the archive's sha256."""

    model: Model
    part: Path
    file: Path
    checksum: str


Told = Callable[[int, int], None]


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
    commercial: bool = False,
    told: Told = lambda _done, _total: None,
) -> Outcome:
    """Fetch and prepare what is wanted and not there; `told` hears (models there, models wanted)."""
    outcome = Outcome(kept=list(present(manifest, library)))
    places = _places(manifest, library, outcome)
    total = sum(manifest.want.values())
    running: dict[Future[_Archive], _Try] = {}

    def report() -> None:
        told(total - sum(place.open for place in places.values()) - len(running), total)

    with _scratch(library) as scratch, _pool(api, jobs) as pool:
        while outcome.stopped is None:
            for trial in _next(places, 2 * jobs - len(running)):
                running[pool.submit(_bring, api, trial.entry, scratch, commercial)] = trial
            report()
            if not running:
                break
            ready: list[tuple[_Try, _Archive]] = []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                trial = running.pop(future)
                try:
                    ready.append((trial, future.result()))
                except (Stopped, OSError) as stop:
                    outcome.stopped = _say(stop, library)
                    running[future] = trial
                except ScenegenError as error:
                    _refuse(places, outcome, trial, str(error))
            results = _prepare([(trial.entry, archive) for trial, archive in ready], library)
            for (trial, archive), result in zip(ready, results, strict=True):
                if isinstance(result, OSError):
                    outcome.stopped = _say(result, library)
                    running[Future()] = trial
                    continue
                _discard(archive.part)
                if isinstance(result, Asset):
                    outcome.fetched.append(Fetched(trial.entry, result, trial.instead_of))
                else:
                    _refuse(places, outcome, trial, result)
                report()
    for trial in running.values():
        places[trial.entry.class_name, trial.entry.split].open += 1
    outcome.missing = {key: place.open for key, place in places.items() if place.open}
    return outcome


def is_complete(manifest: Manifest, library: Path) -> bool:
    """Whether all that is wanted is in the library, so that nothing need be asked of anybody."""
    kept = Counter((entry.class_name, entry.split) for entry in present(manifest, library))
    return all(kept[key] >= count for key, count in manifest.want.items())


def _places(manifest: Manifest, library: Path, outcome: Outcome) -> dict[tuple[str, str], _Place]:
    kept = set(outcome.kept)
    dropped = _dropped(library)
    places = {}
    for key, count in manifest.want.items():
        models = manifest.models.get(key, ())
        place = _Place(max(0, count - sum(entry in kept for entry in models)), deque())
        for number, entry in enumerate(models):
            why = dropped.get((entry.class_name, PAGE + entry.uid))
            if entry in kept:
                continue
            if why is None:
                place.candidates.append(entry)
            elif place.open:
                outcome.refused.append(Refusal(entry, f"dropped from this library: {why}", entry.uid))
                place.owed += [entry.uid] if number < count else []
        places[key] = place
    return places


def _dropped(library: Path) -> dict[tuple[str, str], str]:
    """Why a person threw models out, by class and source."""
    log = library / "dropped.jsonl"
    notes = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
    return {(note["class"], note["source"]): note["why"] for note in notes}


def _next(places: dict[tuple[str, str], _Place], count: int) -> Iterator[_Try]:
    """Up to `count` models to go for now, from every class and split in turn."""
    while count > 0:
        some = False
        for place in places.values():
            if count > 0 and place.open and place.candidates:
                some = True
                count -= 1
                place.open -= 1
                yield _Try(place.candidates.popleft(), place.owed.popleft() if place.owed else None)
        if not some:
            return


def _refuse(places: dict[tuple[str, str], _Place], outcome: Outcome, trial: _Try, why: str) -> None:
    place = places[trial.entry.class_name, trial.entry.split]
    uid = trial.instead_of or trial.entry.uid
    place.open += 1
    place.owed.append(uid)
    outcome.refused.append(Refusal(trial.entry, why, uid))


def _say(error: Stopped | OSError, library: Path) -> str:
    if isinstance(error, Stopped):
        return str(error)
    return f"{library}: cannot be written ({error.strerror or error}); make room, then the same command goes on"


def _bring(api: Sketchfab, entry: Entry, scratch: Path, commercial: bool) -> _Archive:
    model = api.model(entry.uid)
    why = why_refused(model.licence, model.licence_label, commercial)
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


def _open(model: Model, part: Path, folder: Path, suffix: str) -> _Archive:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if suffix == ".zip":
        file = unpack(part, folder)
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
    wanted = Wanted(
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
    raw = to_raw_model(archive.file, name, imported, wanted, {})
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
