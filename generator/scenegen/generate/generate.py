"""Make a data set with many Blender processes, driven through dask.distributed.

Every dask worker keeps one Blender (worker.py, blender_host.py) and is handed small leases of scenes (engine.py,
leases.py). A Blender that dies or hangs is replaced and its scene tried again; a dask worker that dies is replaced by
dask, and its scenes are made elsewhere. Scenes appear whole or not at all, so that whatever is killed, the same command
goes on where it stopped.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.blender import setup as blender_setup
from scenegen.blender.cores import cores
from scenegen.blender.devices import Plan, plan_workers
from scenegen.blender.host import HostSpec, generate_script
from scenegen.core.asset_library import default_library
from scenegen.core.dataset.credits import write_credits
from scenegen.core.dataset.info import check_dataset_json
from scenegen.core.dataset.request import Parameters, check_library, check_parameters, dataset_info
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.dataset.shards import Packing
from scenegen.core.dataset.timings import append_timings
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.look.variation import parse_variation
from scenegen.core.preset.preset_file import load_preset
from scenegen.generate.cluster import check_scheduler, local_cluster, remote_cluster
from scenegen.generate.engine import Run, drive, workers_a_machine
from scenegen.generate.leases import SceneReport, Work
from scenegen.generate.run_report import RunLog, write_report
from scenegen.generate.stores.packed import PackedStore
from scenegen.generate.stores.remote import RemoteStore
from scenegen.generate.stores.store import FolderStore, Store
from scenegen.generate.worker import Crew, Recycling, leave, make_lease
from scenegen.progress import OnProgress

__all__ = ["Outcome", "Request", "SceneReport", "cores", "generate"]

RECYCLING = Recycling()

Say = Callable[[str], object]


@dataclass(frozen=True)
class Request:
    """What to make. `blender` None is the bpy wheel; `assets` None the default.

    `workers` None is `per_gpu` (1) for each GPU, or one for two cores. With `pack`, `out` is a packed data set; with
    `url`, scenes go there and `out` is the local folder they pass through.
    """

    preset: str
    out: Path
    scenes: int
    seed: int = 0
    split: str = "train"
    quality: str = "standard"
    device: str = "auto"
    workers: int | None = None
    scheduler: str | None = None
    blender: str | None = None
    assets: Path | None = None
    per_gpu: int | None = None
    variation: str = "all"
    views: int | None = None
    dashboard: str | None = None
    pack: Packing | None = None
    url: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run did: scenes made now, there before, set aside, and still missing.

    `stopped` says why it ended before all was tried, `events` counts what went wrong on the way, and `report` is the
    file that tells it all (None when it could not be written).
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


def generate(request: Request, on_progress: OnProgress, say: Say = str, recycling: Recycling = RECYCLING) -> Outcome:
    """Make the scenes 0..scenes-1 that are missing. Raises UsageError, ScenegenError; see Outcome for what failed.

    `say` is told in a line what renders, and where dask's pages are.
    """
    check_parameters(request.scenes, request.split, request.out)
    if request.workers is not None and request.workers < 1:
        raise UsageError(f"--workers {request.workers}: ask for at least 1")
    preset = load_preset(request.preset, request.views)
    variation = parse_variation(request.variation)
    out = request.out.absolute()
    library = (request.assets or default_library()).absolute()
    assets = check_library(library, preset, request.split)
    wanted = Parameters(preset, library, out, request.scenes, request.seed, request.split, request.quality, variation)
    store = _store(request, out)
    # Blender and cluster are tried before anything is written.
    if request.scheduler:
        check_scheduler(request.scheduler)
    host = None if store.finished(request.scenes).all() else blender_setup.check_host(request.blender)
    plan = plan_workers(request, host.gpus if host else {}, cores())
    with run_lock(out):
        store.open()
        check_dataset_json(out, dataset_info(wanted, assets, host.version if host else None))
        store.tidy()
        todo = ~store.finished(request.scenes)
        if host is None or not todo.any():
            store.close()
            return Outcome(out, request.scenes, 0, request.scenes, (), (), 0.0, url=request.url)
        spec = HostSpec(
            preset=_absolute_preset(request.preset),
            out=str(out),
            seed=request.seed,
            split=request.split,
            quality=request.quality,
            device=plan.device,
            assets=str(library),
            blender=host.executable if request.blender else None,
            script=str(generate_script()),
            variation=request.variation,
            views=request.views,
        )
        say(plan.told)
        write_credits(out, assets)
        return _run(spec, plan, request, store, todo, on_progress, say, recycling)


def _store(request: Request, out: Path) -> Store:
    if request.url:
        return RemoteStore(request.url, out)
    return PackedStore(out, request.pack) if request.pack else FolderStore(out)


def _absolute_preset(preset: str) -> str:
    """A preset's name as it is, a preset's file by its full path."""
    return str(Path(preset).absolute()) if preset.endswith(".toml") else preset


def _run(
    spec: HostSpec,
    plan: Plan,
    request: Request,
    store: Store,
    todo: NDArray[np.bool_],
    on_progress: OnProgress,
    say: Say,
    recycling: Recycling,
) -> Outcome:
    """Have the scenes of `todo` made, and tell what became of them."""
    started = time.monotonic()
    log = RunLog(request.out)
    log.start(asked=len(todo), todo=int(todo.sum()))
    if plan.gpus and plan.workers > 1:
        # Each of them would compile the kernels that the first leaves in the cache.
        subprocess.run(spec.warm_up(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    work = Work(todo)
    cluster = (
        remote_cluster(request.scheduler)
        if request.scheduler
        else local_cluster(min(plan.workers, work.total), request.dashboard)
    )
    with cluster as client:
        if request.dashboard:
            say(f"dashboard: {client.dashboard_link}")
        crew = Crew(log.run, spec, store, workers_a_machine(client), recycling)
        run = Run(
            make=partial(make_lease, crew),
            leave=partial(leave, crew),
            store=store,
            seed=spec.seed,
            alone=spec.alone,
            log=log,
            on_progress=on_progress,
            made=partial(_note, request.out, store),
            one_first=bool(request.scheduler) and spec.device != "cpu",
        )
        failed, stopped = drive(client, work, run)
    store.tidy()
    finished = store.finished(request.scenes)
    missing = np.flatnonzero(~finished)
    log.add("end", made=int(finished[todo].sum()), missing=len(missing), seconds=round(time.monotonic() - started, 1))
    try:
        report = write_report(request.out, finished)
    except ScenegenError as error:  # the disk that is to blame for the rest
        say(str(error))
        report = None
    store.close()
    return Outcome(
        out=request.out.absolute(),
        asked=request.scenes,
        made=int(finished[todo].sum()),
        present=int((~todo).sum()),
        failed=tuple(scene for scene in failed if not finished[scene.index]),
        missing=tuple(missing.tolist()),
        seconds=time.monotonic() - started,
        stopped=stopped,
        events=dict(log.counts),
        report=report,
        url=request.url,
    )


def _note(out: Path, store: Store, scene: SceneReport) -> None:
    append_timings(out, scene.index, scene.seconds)
    store.made(scene.index)
