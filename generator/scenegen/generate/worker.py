"""Inside a dask worker: one Blender, kept from lease to lease, recycled in time, replaced when it dies or hangs."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import time
from typing import Any

import psutil

from scenegen.blender.cores import own_cores, share, slot
from scenegen.blender.host import BlenderHost, scene_command
from scenegen.blender.process import HostLostError
from scenegen.core.dataset.request import Request, Resources
from scenegen.core.errors import ScenegenError
from scenegen.generate.leases import Lease, LeaseReport, SceneReport
from scenegen.generate.stores.store import Store


@dataclasses.dataclass(frozen=True)
class Recycling:
    """When a Blender makes way for a new one: after so many scenes, or when its memory has grown by so much.

    Growth counts from `settled` scenes on, when its caches are full. BlenderProc's users must restart by hand after a
    few hundred scenes for the same reason: whatever leaks, in Blender or a driver, leaks into a process that ends.
    """

    scenes: int = 500
    growth_mb: float = 1500.0
    settled: int = 20


@dataclasses.dataclass(frozen=True)
class WorkerSettings:
    """What all leases of one run have in common; it travels to every worker, so it must pickle.

    `run` names the run, `script` is generate.py, and `peers` dask workers share the cores of one machine.
    """

    run: str
    request: Request
    script: str
    store: Store
    peers: int
    recycling: Recycling


@dataclasses.dataclass
class _Running:
    host: BlenderHost
    request: Request
    resources: Resources
    made: int = 0
    settled_mb: float = 0.0


class WorkerBlender:
    """The Blender of one dask worker.

    Leases come one after another in the worker's thread. `end_run` may come from another thread in the middle of a
    lease: it ends the Blender at once, and the lease stops before its next scene.
    """

    def __init__(self) -> None:
        self._running: _Running | None = None
        self._ended_run: str | None = None
        self._lock = threading.Lock()

    def make_lease(self, settings: WorkerSettings, lease: Lease, worker: str) -> LeaseReport:
        """Make the scenes of a lease, one after another, in the dask worker of address `worker`.

        Scenes that exist are left alone. A Blender that fails at one scene is replaced for the next.
        """
        resources = _resources(settings)
        started = time.monotonic()
        reports: list[SceneReport] = []
        recycled: list[str] = []
        with self._lock:
            if lease.fresh:
                self.end_blender()
            for index in lease.scenes:
                if self._ended_run == settings.run:
                    self.end_blender()
                    break
                reports.append(self._make_scene(settings, resources, index, lease.timeout))
                if reports[-1].refused:
                    break
                reason = self._reason_to_recycle(settings.recycling)
                if reason:
                    self.end_blender()
                    recycled.append(reason)
        return LeaseReport(tuple(reports), worker, time.monotonic() - started, tuple(recycled))

    def _make_scene(self, settings: WorkerSettings, resources: Resources, index: int, timeout: float) -> SceneReport:
        request, store = settings.request, settings.store
        failed = SceneReport(index, command=scene_command(settings.script, request, resources, index))
        try:
            if store.has(index):
                return SceneReport(index)
            running = self._running
            if running is None or (running.request, running.resources) != (request, resources):
                self.end_blender()
                store.prepare()
                running = self._running = _Running(BlenderHost(settings.script, request, resources), request, resources)
            answer = running.host.make(index, timeout)
        except HostLostError as error:
            self._running = None
            return dataclasses.replace(failed, error=str(error), log=error.log, refused=error.refused)
        except (OSError, ScenegenError) as error:
            return dataclasses.replace(failed, error=str(error), output=True)
        if not answer["ok"]:
            at_fault = answer.get("output", False)
            return dataclasses.replace(failed, error=answer["error"], log=answer["log"], output=at_fault)
        running.made += 1
        try:
            store.commit(index)
        except (OSError, ScenegenError) as error:
            return dataclasses.replace(failed, error=str(error), log=answer["log"], output=True)
        return SceneReport(index, seconds=answer["seconds"], peak_mb=answer["peak_mb"])

    def _reason_to_recycle(self, recycling: Recycling) -> str | None:
        """Why the Blender has to make way for a new one; None when it may stay."""
        running = self._running
        if running is None:
            return None
        if running.made >= recycling.scenes:
            return f"made {running.made} scenes"
        try:
            megabytes = psutil.Process(running.host.pid).memory_info().rss / 2**20
        except psutil.Error:
            return None  # it died after its answer: the next scene will find out
        if running.made <= recycling.settled:
            running.settled_mb = megabytes
        elif megabytes > running.settled_mb + recycling.growth_mb:
            return f"grew from {running.settled_mb:.0f} to {megabytes:.0f} MB"
        return None

    def end_run(self, settings: WorkerSettings) -> None:
        """End the Blender, start no other scene of this run, and remove what dead processes of this machine left."""
        self._ended_run = settings.run
        self.end_blender()
        settings.store.tidy()

    def end_blender(self) -> None:
        """End the Blender, if there is one."""
        running, self._running = self._running, None
        if running is not None:
            running.host.close()


def make_lease(settings: WorkerSettings, lease: Lease) -> LeaseReport:
    """Make the scenes of a lease with the Blender of the dask worker that this task runs in."""
    from distributed import get_worker

    worker = get_worker()
    return _blender_of(worker).make_lease(settings, lease, worker.address)


def end_run(settings: WorkerSettings, dask_worker: Any) -> None:
    """End the Blender of a dask worker and its part in the run; dask passes the worker."""
    _blender_of(dask_worker).end_run(settings)


def _blender_of(worker: Any) -> WorkerBlender:
    """The one WorkerBlender of a dask worker, kept as an attribute of it."""
    blender: WorkerBlender = vars(worker).setdefault("scenegen_blender", WorkerBlender())
    return blender


def _resources(settings: WorkerSettings) -> Resources:
    """What this process's Blender may use: its GPU, and the cores that its peers leave it."""
    shared = own_cores()
    together = hashlib.sha256(repr(sorted(shared)).encode()).hexdigest()[:16]
    number = slot(f"cores-{together}") if settings.peers > 1 else 0
    cores = share(shared, number, settings.peers)
    gpu = None if settings.request.device == "cpu" else slot("gpu")
    return Resources(threads=len(cores), gpu=gpu, cores=cores)
