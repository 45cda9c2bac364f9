"""Make a data set with many Blender processes, driven through dask.distributed.

Every dask worker keeps one Blender (see blender_host.py) and asks it for one scene at a time. A Blender that dies or
hangs is replaced and its scene tried again; a dask worker that dies is replaced by dask, and its scene made elsewhere.
Scenes appear whole or not at all, so that whatever is killed, the same command goes on where it stopped.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scenegen import blender_setup
from scenegen.assets.library import default_library
from scenegen.blender_host import BlenderHost, HostLostError, HostSpec, generate_script
from scenegen.dataset import (
    append_timings,
    check_dataset_json,
    finished_indices,
    is_complete,
    remove_leftovers,
    write_credits,
)
from scenegen.errors import ScenegenError, UsageError
from scenegen.preset import load_preset
from scenegen.progress import Update
from scenegen.request import Parameters, check_library, check_parameters, dataset_info
from scenegen.variation import parse_variation

TRIES = 3
FIRST_TIMEOUT = 1800.0
"""Seconds for a scene while none is done: a GPU compiles its kernels, a disk is cold."""
LEAST_TIMEOUT = 300.0
TIMES_SLOWEST = 20.0
GIVE_UP_AFTER = 5
"""Stop when so many scenes failed and none was made: the next 25,000 would fail as well."""


@dataclass(frozen=True)
class Request:
    """What to make. `blender` None is the bpy wheel; `workers` None chooses by the cores; `assets` None the default."""

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
    variation: str = "all"


@dataclass(frozen=True)
class SceneReport:
    """What became of one scene in one try.

    `log` is the end of what Blender printed when it failed, `command` makes the scene alone, and `refused` says why no
    Blender of this kind will make any.
    """

    index: int
    error: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0
    log: tuple[str, ...] = ()
    tries: int = 1
    command: str = ""
    refused: ScenegenError | None = None


@dataclass(frozen=True)
class Outcome:
    """What a run did: scenes made now, there before, given up, and still missing."""

    out: Path
    asked: int
    made: int
    present: int
    failed: tuple[SceneReport, ...]
    missing: tuple[int, ...]
    seconds: float


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers(device: str) -> int:
    """One Blender for two cores where all render on the CPU, else one: several would fight for a GPU's memory.

    benchmarks/workers.py: one Blender keeps two cores nearly as busy as two Blenders do, in half the memory.
    """
    return max(1, cores() // 2) if device == "cpu" else 1


def generate(request: Request, update: Update) -> Outcome:
    """Make the scenes 0..scenes-1 that are missing. Raises UsageError, ScenegenError; see Outcome for what failed."""
    check_parameters(request.scenes, request.split, request.out)
    if request.workers is not None and request.workers < 1:
        raise UsageError(f"--workers {request.workers}: ask for at least 1")
    preset = load_preset(request.preset)
    out = request.out.absolute()
    library = (request.assets or default_library()).absolute()
    assets = check_library(library, preset, request.split)
    wanted = Parameters(
        preset, library, out, request.scenes, request.seed, request.split, request.quality,
        parse_variation(request.variation),
    )  # fmt: skip
    asked = set(range(request.scenes))
    # Blender and cluster are tried before anything is written.
    if request.scheduler:
        _check_scheduler(request.scheduler)
    host = blender_setup.check_host(request.blender) if asked - finished_indices(out) else None
    check_dataset_json(out, dataset_info(wanted, assets, host.version if host else None))
    remove_leftovers(out)
    present = finished_indices(out) & asked
    todo = sorted(asked - present)
    started = time.monotonic()
    failed: list[SceneReport] = []
    if host and todo:
        write_credits(out, assets)
        spec = HostSpec(
            preset=_absolute_preset(request.preset),
            out=str(out),
            seed=request.seed,
            split=request.split,
            quality=request.quality,
            device=request.device,
            assets=str(library),
            blender=host.executable if request.blender else None,
            script=str(generate_script()),
            variation=request.variation,
        )
        failed = _drive(spec, todo, request, update)
        remove_leftovers(out)
    missing = sorted(asked - finished_indices(out))
    return Outcome(
        out=out,
        asked=request.scenes,
        made=len(todo) - len(set(missing) & set(todo)),
        present=len(present),
        failed=tuple(failed),
        missing=tuple(missing),
        seconds=time.monotonic() - started,
    )


def _absolute_preset(preset: str) -> str:
    """A preset's name as it is, a preset's file by its full path."""
    return str(Path(preset).absolute()) if preset.endswith(".toml") else preset


def _drive(spec: HostSpec, todo: Sequence[int], request: Request, update: Update) -> list[SceneReport]:
    """Have the scenes made; the reports of those that failed for good. Stops when nothing but failures comes back."""
    from distributed import as_completed

    waiting = iter(todo)
    failed: list[SceneReport] = []
    made, slowest = 0, 0.0
    run = uuid.uuid4().hex[:8]
    with _cluster(request, len(todo)) as client:
        update(0, len(todo))
        peers = _workers_a_host(client)
        futures = as_completed(loop=client.loop)
        tries: dict[str, tuple[int, int]] = {}

        def submit(index: int, number: int) -> None:
            timeout = max(LEAST_TIMEOUT, TIMES_SLOWEST * slowest) if slowest else FIRST_TIMEOUT
            key = f"scene-{run}-{index}-{number}"
            tries[key] = (index, number)
            futures.add(client.submit(make_scene, spec, index, timeout, peers, key=key, pure=False))

        for index in islice(waiting, 2 * len(client.nthreads())):
            submit(index, 1)
        for future in futures:
            index, number = tries.pop(future.key)
            report = _report(future, spec, index)
            if report.refused:
                raise report.refused
            if report.error is None or is_complete(Path(spec.out), index):
                made += 1
                slowest = max(slowest, sum(report.seconds.values()))
                append_timings(Path(spec.out), index, report.seconds)
            elif number < TRIES:
                submit(index, number + 1)
                continue
            else:
                failed.append(dataclasses.replace(report, tries=number))
            update(made, len(todo), len(failed))
            if not made and len(failed) >= GIVE_UP_AFTER:
                break
            for following in islice(waiting, 1):
                submit(following, 1)
    return failed


def _report(future: Any, spec: HostSpec, index: int) -> SceneReport:
    """What a finished future brought, or why it brought nothing (its dask worker died again and again)."""
    if future.status == "finished":
        report: SceneReport = future.result()
        return report
    error = future.exception() if future.status == "error" else "its dask scheduler or worker went away"
    return SceneReport(index, error=f"{type(error).__name__}: {error}", command=spec.alone(index))


@contextmanager
def _cluster(request: Request, scenes: int) -> Iterator[Any]:
    """A dask client with its workers, whose Blenders are ended on the way out, however that is."""
    import dask
    from distributed import Client, LocalCluster

    # A dask worker holds one scene at a time, so that a death is blamed on the scene that was being made.
    dask.config.set(
        {"distributed.scheduler.worker-saturation": 1.0, "distributed.scheduler.allowed-failures": TRIES - 1}
    )
    with ExitStack() as stack:
        if request.scheduler:
            client = stack.enter_context(Client(request.scheduler, timeout=20, set_as_default=False))
            try:
                client.wait_for_workers(1, timeout=60)
            except TimeoutError as error:
                raise ScenegenError(
                    f"{request.scheduler}: has no dask worker; start some: `dask worker ADDRESS`"
                ) from error
        else:
            cluster = LocalCluster(
                n_workers=min(request.workers or default_workers(request.device), scenes),
                threads_per_worker=1,
                processes=True,
                memory_limit=None,
                dashboard_address=":0",
                silence_logs=logging.CRITICAL,
            )
            client = stack.enter_context(Client(stack.enter_context(cluster), set_as_default=False))
        try:
            yield client
        finally:
            client.run(end_host, on_error="ignore")


def _check_scheduler(address: str) -> None:
    """Whether something listens there: dask itself would try for a minute and end in a traceback."""
    place = urlsplit(address if "://" in address else f"tcp://{address}")
    try:
        socket.create_connection((place.hostname or "", place.port or 8786), timeout=10).close()
    except (OSError, ValueError) as error:
        raise ScenegenError(f"{address}: no dask scheduler there ({error}); start one: `dask scheduler`") from error


def _workers_a_host(client: Any) -> int:
    """The most dask workers on one machine, which share its cores."""
    hosts = Counter(address.rsplit(":", 1)[0] for address in client.nthreads())
    return max(hosts.values())


_host: BlenderHost | None = None
_host_lock = threading.Lock()


def make_scene(spec: HostSpec, index: int, timeout: float, peers: int) -> SceneReport:
    """In a dask worker: have this worker's Blender make one scene, starting one if there is none."""
    global _host
    if is_complete(Path(spec.out), index):
        return SceneReport(index)
    spec = dataclasses.replace(spec, threads=max(1, cores() // peers))
    with _host_lock:
        try:
            if _host is None or _host.spec != spec:
                end_host()
                _host = BlenderHost(spec)
            answer = _host.make(index, timeout)
        except HostLostError as error:
            _host = None
            return SceneReport(index, error=str(error), log=error.log, command=spec.alone(index), refused=error.refused)
    if not answer["ok"]:
        return SceneReport(index, error=answer["error"], log=answer["log"], command=spec.alone(index))
    return SceneReport(index, seconds=answer["seconds"], peak_mb=answer["peak_mb"])


def end_host() -> None:
    """In a dask worker: end its Blender, if it has one."""
    global _host
    host, _host = _host, None
    if host is not None:
        host.close()
