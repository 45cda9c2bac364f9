"""Inside a dask worker: one Blender, kept from lease to lease, recycled in time, replaced when it dies or hangs."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time

import psutil

from scenegen.blender.cores import own_cores, share, slot
from scenegen.blender.host import BlenderHost, HostLostError, HostSpec
from scenegen.core.errors import ScenegenError
from scenegen.generate.leases import Lease, LeaseReport, SceneReport
from scenegen.generate.stores.store import Store


@dataclasses.dataclass(frozen=True)
class Recycling:
    """When a Blender has to make way for a new one: after so many scenes, or when it has grown by so much memory.

    Growth counts from `settled` scenes on, when its caches are full. BlenderProc's users must restart by hand after a
    few hundred scenes for the same reason: whatever leaks, in Blender or a driver, leaks into a process that ends.
    """

    scenes: int = 500
    growth_mb: float = 1500.0
    settled: int = 20


@dataclasses.dataclass
class _Running:
    host: BlenderHost
    spec: HostSpec
    made: int = 0
    settled_mb: float = 0.0


_running: _Running | None = None
_over: str | None = None
_lock = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Crew:
    """What all leases of one run have in common; `peers` dask workers share this machine's cores."""

    run: str
    spec: HostSpec
    store: Store
    peers: int
    recycling: Recycling


def make_lease(crew: Crew, lease: Lease) -> LeaseReport:
    """Make the scenes of a lease, one after another; those that are there already are left alone.

    A Blender that fails at one scene is replaced for the next.
    """
    from distributed import get_worker

    spec = _mine(crew)
    started = time.monotonic()
    reports: list[SceneReport] = []
    recycled: list[str] = []
    with _lock:
        if lease.fresh:
            end_host()
        for index in lease.scenes:
            if _over == crew.run:
                end_host()
                break
            reports.append(_make(spec, crew.store, index, lease.timeout))
            if reports[-1].refused:
                break
            why = _outworn(crew.recycling)
            if why:
                end_host()
                recycled.append(why)
    return LeaseReport(tuple(reports), get_worker().address, time.monotonic() - started, tuple(recycled))


def _mine(crew: Crew) -> HostSpec:
    """What this process's Blender needs to know: its GPU, and the cores that its peers leave it."""
    shared = own_cores()
    together = hashlib.sha256(repr(sorted(shared)).encode()).hexdigest()[:16]
    number = slot(f"cores-{together}") if crew.peers > 1 else 0
    gpu = None if crew.spec.device == "cpu" else slot("gpu")
    return dataclasses.replace(crew.spec, cores=share(shared, number, crew.peers), gpu=gpu)


def _make(spec: HostSpec, store: Store, index: int, timeout: float) -> SceneReport:
    global _running
    failed = SceneReport(index, command=spec.alone(index))
    try:
        if store.has(index):
            return SceneReport(index)
        if _running is None or _running.spec != spec:
            end_host()
            store.prepare()
            _running = _Running(BlenderHost(spec), spec)
        answer = _running.host.make(index, timeout)
    except HostLostError as error:
        _running = None
        return dataclasses.replace(failed, error=str(error), log=error.log, refused=error.refused)
    except (OSError, ScenegenError) as error:
        return dataclasses.replace(failed, error=str(error), output=True)
    if not answer["ok"]:
        return dataclasses.replace(failed, error=answer["error"], log=answer["log"], output=answer.get("output", False))
    _running.made += 1
    try:
        store.commit(index)
    except (OSError, ScenegenError) as error:
        return dataclasses.replace(failed, error=str(error), log=answer["log"], output=True)
    return SceneReport(index, seconds=answer["seconds"], peak_mb=answer["peak_mb"])


def _outworn(recycling: Recycling) -> str | None:
    """Why this worker's Blender should make way; None when it may stay."""
    if _running is None:
        return None
    if _running.made >= recycling.scenes:
        return f"made {_running.made} scenes"
    try:
        megabytes = psutil.Process(_running.host.pid).memory_info().rss / 2**20
    except psutil.Error:
        return None  # it died after its answer: the next scene will find out
    if _running.made <= recycling.settled:
        _running.settled_mb = megabytes
    elif megabytes > _running.settled_mb + recycling.growth_mb:
        return f"grew from {_running.settled_mb:.0f} to {megabytes:.0f} MB"
    return None


def leave(crew: Crew) -> None:
    """The run is over: end the Blender, begin no other scene, tidy up what died on this machine."""
    global _over
    _over = crew.run
    end_host()
    crew.store.tidy()


def end_host() -> None:
    """End this worker's Blender, if it has one."""
    global _running
    running, _running = _running, None
    if running is not None:
        running.host.close()
