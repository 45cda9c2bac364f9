"""Drive the workers of a dask cluster until every scene is made or set aside.

Every worker has one lease at a time (leases.py decides which scenes), so that none holds work that another could do.
The round trip between two leases costs milliseconds, a lease takes seconds.
"""

from __future__ import annotations

import itertools
import queue
import time
import uuid
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from scenegen.blender.cores import own_cores
from scenegen.core.errors import ScenegenError
from scenegen.generate.leases import Lease, LeaseReport, SceneReport, Work
from scenegen.generate.run_report import RunLog
from scenegen.generate.stores.store import Store
from scenegen.progress import OnProgress

GIVE_UP_AFTER = 5
"""Stop when so many scenes failed and none was made: the others would fail as well."""
WORKERS_GONE_SECONDS = 600.0
BEAT = 2.0
RESULT_SECONDS = 60.0

MakeLease = Callable[[Lease], LeaseReport]


@dataclass(frozen=True)
class RunHooks:
    """What the engine calls: `make` and `end` in a worker (both must pickle), the others in this process.

    `scene_command` gives the command that makes one scene, and `made` is called for every scene made. With `one_first`
    one worker of every machine makes its first scene before the others start: a GPU's kernels are compiled once.
    """

    make: MakeLease
    end: Callable[..., object]
    store: Store
    seed: int
    scene_command: Callable[[int], str]
    log: RunLog
    on_progress: OnProgress
    made: Callable[[SceneReport], None]
    one_first: bool = False


@dataclass
class _Flight:
    lease: Lease
    worker: str
    since: float
    overdue: bool = False


def drive(client: Any, work: Work, hooks: RunHooks) -> tuple[list[SceneReport], str | None]:
    """Make all scenes of `work`; return the reports of those set aside, and why it stopped early (None: it did not).

    Raises UsageError or ScenegenError when a worker reports that no Blender can do this.
    """
    engine = _Engine(client, work, hooks)
    hooks.on_progress(0, work.total)
    try:
        stopped = engine.loop()
    except (KeyboardInterrupt, ScenegenError) as error:
        hooks.log.add("stopped", stopped=str(error) or "interrupted")
        raise
    finally:
        engine.end_workers()
    if stopped:
        hooks.log.add("stopped", stopped=stopped)
    return engine.failed, stopped


class _Engine:
    def __init__(self, client: Any, work: Work, hooks: RunHooks) -> None:
        self.client, self.work, self.hooks = client, work, hooks
        self.failed: list[SceneReport] = []
        self._events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._flights: dict[Any, _Flight] = {}
        self._workers: set[str] = set()
        self._looked = self._last_seen = time.monotonic()
        self._warm: set[str] = set()
        self._keys = (f"lease-{uuid.uuid4().hex[:8]}-{n}" for n in itertools.count())
        self._stop: str | None = None

    def loop(self) -> str | None:
        """Run until nothing is left to make; return why it ended before, if it did."""
        self._look()
        while self.work.left and not self._stop:
            self._hand_out()
            try:
                future = self._events.get(timeout=BEAT)
            except queue.Empty:
                self._look()
                continue
            self._landed(future, self._flights.pop(future))
            self.hooks.on_progress(self.work.made, self.work.total, len(self.failed))
            if time.monotonic() - self._looked > BEAT:
                self._look()
        return self._stop

    def _landed(self, future: Any, flight: _Flight) -> None:
        from distributed import KilledWorker

        status, report = future.status, None
        try:
            if status == "finished":
                report = future.result(timeout=RESULT_SECONDS)
        except (KilledWorker, TimeoutError) as error:  # it died between its answer and our asking for it
            self._lost(flight, error)
            return
        except (CancelledError, OSError):
            status = "cancelled"
        if report:
            self._take_in(report)
        elif status == "error":
            self._lost(flight, future.exception())
        else:
            self._workers = set()
            self._stop = "the dask scheduler went away; start it and run the same command again"

    def end_workers(self) -> None:
        """Ask every responsive worker to close its Blender; a frozen one would hold up the end."""
        answering = self._workers - {flight.worker for flight in self._flights.values() if flight.overdue}
        if not answering:
            return
        with suppress(OSError, TimeoutError, ValueError):
            self.client.run(self.hooks.end, workers=sorted(answering), on_error="ignore")

    def _hand_out(self) -> None:
        busy = {flight.worker for flight in self._flights.values()}
        open_workers = self._open()
        for worker in sorted(open_workers - busy):
            lease = self.work.take(worker, open_workers) or self._doubled(worker)
            if lease is None:
                return
            future = self.client.submit(
                self.hooks.make, lease, key=next(self._keys), workers=[worker], allow_other_workers=True, pure=False
            )
            self._flights[future] = _Flight(lease, worker, time.monotonic())
            future.add_done_callback(self._events.put)

    def _doubled(self, worker: str) -> Lease | None:
        now = time.monotonic()
        for flight in sorted(self._flights.values(), key=lambda flight: flight.since):
            lease = self.work.double(flight.lease, now - flight.since)
            if lease:
                flight.overdue = True
                self.hooks.log.add("doubled", scene=lease.scenes[0], worker=worker, slow=flight.worker)
                return lease
        return None

    def _open(self) -> set[str]:
        """Return the workers that may be given work."""
        if not self.hooks.one_first:
            return self._workers
        first: dict[str, str] = {}
        for worker in sorted(self._workers):
            first.setdefault(_machine(worker), worker)
        return {w for w in self._workers if _machine(w) in self._warm or first[_machine(w)] == w}

    def _look(self) -> None:
        """Ask dask which workers exist now."""
        self._looked = time.monotonic()
        if self._stop:
            return
        try:
            self._workers = set(self.client.nthreads())
        except (OSError, TimeoutError, ValueError) as error:
            self._stop = f"the dask scheduler does not answer ({type(error).__name__}); run the same command again"
            self._workers = set()
            return
        if self._workers:
            self._last_seen = self._looked
        elif self._looked - self._last_seen > WORKERS_GONE_SECONDS:
            self._stop = f"no dask worker for {WORKERS_GONE_SECONDS:.0f} s; start some and run the same command again"

    def _take_in(self, report: LeaseReport) -> None:
        for why in report.recycled:
            self.hooks.log.add("recycled", worker=report.worker, why=why)
        made = [scene for scene in report.scenes if scene.error is None]
        for scene in report.scenes:
            if scene.refused:
                raise scene.refused
            if scene.error is None:
                self._made(scene, report.seconds / len(report.scenes))
            elif self.hooks.store.has(scene.index):
                self._made(scene, 0.0)
            else:
                self._failed(scene, report.worker)
        if made:
            self._warm.add(_machine(report.worker))

    def _made(self, scene: SceneReport, seconds: float) -> None:
        if self.work.finish(scene.index, seconds):
            self.hooks.made(scene)

    def _failed(self, scene: SceneReport, worker: str) -> None:
        again = self.work.fail(scene.index, worker)
        self.hooks.log.add("failure", scene=scene.index, worker=worker, error=scene.error)
        if again:
            return
        scene = replace(scene, tries=self.work.tries(scene.index))
        self.failed.append(scene)
        self.hooks.log.add(
            "set_aside",
            scene=scene.index,
            seed=self.hooks.seed,
            tries=scene.tries,
            error=scene.error,
            log=scene.log,
            command=scene.command,
        )
        if scene.output:
            self._stop = f"scenes cannot be written; {scene.error}"
        elif not self.work.made and len(self.failed) >= GIVE_UP_AFTER:
            self._stop = f"the first {len(self.failed)} scenes failed, the others would as well"

    def _lost(self, flight: _Flight, error: BaseException | None) -> None:
        """Handle a worker that died during a lease or could not run it: its missing scenes are tried one by one."""
        self._look()
        why = " ".join(str(error).split())[:300]
        missing = []
        for index in flight.lease.scenes:
            if self.hooks.store.has(index):
                self._made(SceneReport(index), 0.0)
            else:
                missing.append(index)
        self.hooks.log.add("worker_lost", worker=flight.worker, scenes=missing, error=why)
        if len(flight.lease.scenes) == 1 and missing:
            report = SceneReport(
                missing[0], error=f"{type(error).__name__}: {why}", command=self.hooks.scene_command(missing[0])
            )
            self._failed(report, flight.worker)
        else:
            self.work.put_back(missing)


def _machine(worker: str) -> str:
    """Return the machine part of a worker's address, tcp://host:port."""
    return worker.rsplit(":", 1)[0]


def workers_a_machine(client: Any) -> int:
    """Return how many dask workers share cores at most: those of a machine, unless each has cores of its own."""
    cores = client.run(own_cores, on_error="ignore")
    shared = (sum(_machine(a) == _machine(b) and not cores[a].isdisjoint(cores[b]) for b in cores) for a in cores)
    return max(shared, default=1)
