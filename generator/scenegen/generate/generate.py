"""Make a data set with many Blender processes, driven through dask.distributed.

Every dask worker keeps one Blender (worker.py, blender/host.py) and is handed small leases of scenes (engine.py,
leases.py). A Blender that dies or hangs is replaced and its scene tried again; a dask worker that dies is replaced by
dask, and its scenes are made elsewhere. Scenes appear whole or not at all, so that the same command
continues after any process was killed.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.blender import setup as blender_setup
from scenegen.blender.cores import cores
from scenegen.blender.devices import WorkerPlan, plan_workers
from scenegen.blender.host import generate_script, own_environment, scene_command, warm_up_command
from scenegen.core.dataset.checks import check_library, check_request, dataset_info
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.fingerprints import write_fingerprints
from scenegen.core.dataset.info import check_dataset_json, read_dataset_json
from scenegen.core.dataset.request import WHOLE_MACHINE, Request, for_blender, with_grids
from scenegen.core.dataset.run_lock import read_lock, run_lock
from scenegen.core.dataset.timings import append_timings
from scenegen.core.errors import ScenegenError
from scenegen.core.import_path import child_environment
from scenegen.core.preset.preset_file import load_preset
from scenegen.generate.cluster import check_scheduler, local_cluster, remote_cluster
from scenegen.generate.engine import RunHooks, drive, workers_a_machine
from scenegen.generate.leases import SceneReport, Work
from scenegen.generate.run_report import RunLog, write_report
from scenegen.generate.stores.packed import PackedStore
from scenegen.generate.stores.remote import RemoteStore
from scenegen.generate.stores.store import FolderStore, Store
from scenegen.generate.worker import Recycling, WorkerSettings, end_run, make_lease
from scenegen.progress import OnProgress

__all__ = ["GenerateResult", "Request", "SceneReport", "generate"]

RECYCLING = Recycling()

Notify = Callable[[str], object]


@dataclass(frozen=True)
class GenerateResult:
    """What a run did: scenes made now, present before, set aside, and still missing.

    `stopped` says why it ended before every scene was tried, `events` counts what went wrong, and `report` is the file
    with all details (None when it could not be written).
    """

    out: Path
    asked: int
    made: int
    present: int
    failed: tuple[SceneReport, ...]
    missing: tuple[int, ...]
    seconds: float
    stopped: str | None = None
    events: Mapping[str, int] = field(default_factory=dict)
    report: Path | None = None
    url: str | None = None


@dataclass(frozen=True)
class _Listeners:
    on_progress: OnProgress
    notify: Notify


def generate(
    request: Request, on_progress: OnProgress, notify: Notify = str, recycling: Recycling = RECYCLING
) -> GenerateResult:
    """Make the missing ones of the scenes 0..scenes-1. A scene that fails is in the result.

    `notify` gets a line of text about what renders, and about where dask's pages are. Raises UsageError for a request
    that makes no sense and ScenegenError for one that cannot be done here.
    """
    check_request(request)
    shared = for_blender(request)
    with read_lock(shared.library, "generate"):
        return _generate(request, shared, _Listeners(on_progress, notify), recycling)


def _generate(request: Request, shared: Request, listeners: _Listeners, recycling: Recycling) -> GenerateResult:
    preset = load_preset(request.preset, request.views)
    assets = check_library(shared.library, preset, shared.split, request.preset)
    store = _store(request)
    # Blender and cluster are tried before anything is written.
    if request.scheduler:
        check_scheduler(request.scheduler)
    host = None if store.finished(request.scenes).all() else blender_setup.check_host(request.blender)
    plan = plan_workers(request, host.gpus if host else {}, cores())
    with run_lock(shared.folder):
        store.open()
        check_dataset_json(shared.folder, dataset_info(shared, preset, assets, host.version if host else None), assets)
        shared = with_grids(shared, read_dataset_json(shared.folder).grids)
        write_fingerprints(shared.folder, assets)
        store.tidy()
        todo = ~store.finished(request.scenes)
        if host is None or not todo.any():
            store.close()
            return GenerateResult(shared.folder, request.scenes, 0, request.scenes, (), (), 0.0, url=request.url)
        listeners.notify(plan.summary)
        write_credits(shared.folder, assets)
        shared = replace(shared, device=plan.device, blender=host.executable if request.blender else None)
        result = _run(shared, plan, store, todo, listeners, recycling)
        return replace(result, url=request.url)


def _store(request: Request) -> Store:
    folder = request.folder.absolute()
    if request.url:
        return RemoteStore(request.url, folder)
    return PackedStore(folder, request.pack) if request.pack else FolderStore(folder)


def _run(
    request: Request,
    plan: WorkerPlan,
    store: Store,
    todo: NDArray[np.bool_],
    listeners: _Listeners,
    recycling: Recycling,
) -> GenerateResult:
    """Have the scenes of `todo` made. `request` is as Blender gets it."""
    started = time.monotonic()
    out, script = request.folder, str(generate_script())
    log = RunLog(out)
    log.start(asked=len(todo), todo=int(todo.sum()))
    if plan.gpus and plan.workers > 1:
        # Each of them would compile the kernels that the first leaves in the cache.
        subprocess.run(
            warm_up_command(script, request),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env=own_environment() if request.blender else child_environment(),
        )
    work = Work(todo)
    cluster = (
        remote_cluster(request.scheduler)
        if request.scheduler
        else local_cluster(min(plan.workers, work.total), request.dashboard)
    )
    with cluster as client:
        if request.dashboard:
            listeners.notify(f"dashboard: {client.dashboard_link}")
        settings = WorkerSettings(log.run, request, script, store, workers_a_machine(client), recycling)
        hooks = RunHooks(
            make=partial(make_lease, settings),
            end=partial(end_run, settings),
            store=store,
            seed=request.seed,
            scene_command=partial(scene_command, script, request, WHOLE_MACHINE),
            log=log,
            on_progress=listeners.on_progress,
            made=partial(_note, out, store),
            one_first=bool(request.scheduler) and request.device != "cpu",
        )
        failed, stopped = drive(client, work, hooks)
    store.tidy()
    finished = store.finished(len(todo))
    missing = np.flatnonzero(~finished)
    log.add("end", made=int(finished[todo].sum()), missing=len(missing), seconds=round(time.monotonic() - started, 1))
    try:
        report = write_report(out, finished)
    except ScenegenError as error:  # the disk that is to blame for the rest
        listeners.notify(str(error))
        report = None
    store.close()
    return GenerateResult(
        out=out,
        asked=len(todo),
        made=int(finished[todo].sum()),
        present=int((~todo).sum()),
        failed=tuple(scene for scene in failed if not finished[scene.index]),
        missing=tuple(missing.tolist()),
        seconds=time.monotonic() - started,
        stopped=stopped,
        events=dict(log.counts),
        report=report,
    )


def _note(out: Path, store: Store, scene: SceneReport) -> None:
    append_timings(out, scene.index, scene.seconds)
    store.made(scene.index)
