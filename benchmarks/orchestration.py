"""What handing out scenes costs, apart from making them: a million of them, by a renderer that does nothing.

    python benchmarks/orchestration.py [--scenes 1000000] [--peer-scenes 20000] [--workers 2]

Real: dask's scheduler and worker processes, the engine, leases, reports that travel back, timings.csv, a folder with
half of the scenes as real directories, and what `scenegen generate` does with it before its first lease. Simulated: the
worker answers at once with a report of the usual size and writes no scene, and the directories are empty.

The peer is the plain way of dask: `client.map`, one future a scene, `as_completed`, on the same cluster.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.dataset.timings import append_timings
from scenegen.generate.cluster import local_cluster
from scenegen.generate.engine import RunHooks, drive
from scenegen.generate.leases import Lease, LeaseReport, SceneReport, Work
from scenegen.generate.run_report import RunLog, write_report
from scenegen.generate.stores.store import FolderStore

STAGES = ("layout", "load", "build", "render", "labels", "write", "purge")


@dataclass(frozen=True)
class Nowhere(FolderStore):
    """A store that holds nothing: every scene has to be made."""

    def has(self, index: int) -> bool:
        """No."""
        return index < 0


def fake_scene(index: int) -> SceneReport:
    return SceneReport(index, seconds=dict.fromkeys(STAGES, 0.0), peak_mb=500.0)


def fake_lease(lease: Lease) -> LeaseReport:
    from distributed import get_worker

    return LeaseReport(tuple(map(fake_scene, lease.scenes)), get_worker().address, 0.0)


def megabytes() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss / 2**20)


class Memory:
    """The driver's memory (scheduler and client) at every tenth of the run."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}

    def __call__(self, done: int, total: int, failed: int = 0) -> None:
        """Look when another tenth is done."""
        assert not failed
        tenth = 10 * done // total
        if tenth not in self.at:
            self.at[tenth] = megabytes()


def make_all(client: Any, out: Path, todo: NDArray[np.bool_], memory: Memory) -> float:
    """Seconds for all scenes of `todo`."""
    started = time.perf_counter()
    hooks = RunHooks(
        make=fake_lease,
        end=int,
        store=Nowhere(out),
        seed=0,
        scene_command=str,
        log=RunLog(out),
        on_progress=memory,
        made=lambda scene: append_timings(out, scene.index, scene.seconds),
    )
    work = Work(todo)
    failed, stopped = drive(client, work, hooks)
    assert not failed and not stopped and work.left == 0 and work.made == todo.sum()
    return time.perf_counter() - started


def peer(client: Any, scenes: int) -> tuple[float, float]:
    """Seconds and megabytes of `client.map`, one future a scene."""
    from distributed import as_completed

    before, started = megabytes(), time.perf_counter()
    futures = client.map(fake_scene, range(scenes), pure=False)
    done = sum(report.error is None for _, report in as_completed(futures, with_results=True, loop=client.loop))
    assert done == scenes
    return time.perf_counter() - started, megabytes() - before


def resume(out: Path, scenes: int) -> tuple[float, float]:
    """Seconds and megabytes from the start of a run to its first lease, where every second scene is there."""
    before, started = megabytes(), time.perf_counter()
    store = FolderStore(out)
    assert not store.finished(scenes).all()
    with run_lock(out):
        store.tidy()
        work = Work(~store.finished(scenes))
        assert work.take("worker", ["worker"]) is not None
        assert work.total == scenes // 2
        write_report(out, store.finished(scenes))
    return time.perf_counter() - started, megabytes() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=1_000_000)
    parser.add_argument("--peer-scenes", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="scenegen-orchestration-"))
    try:
        with local_cluster(options.workers, None) as client:
            make_all(client, folder, np.ones(10_000, bool), Memory())  # everything imported, every buffer grown
            seconds, grown = peer(client, options.peer_scenes)
            print(f"peer    {1e3 * seconds / options.peer_scenes:8.3f} ms a scene", end="")
            print(f"  {1e6 * grown / options.peer_scenes:8.0f} MB a million scenes  ({options.peer_scenes} scenes)")
            memory = Memory()
            seconds = make_all(client, folder, np.ones(options.scenes, bool), memory)
        last = max(memory.at)
        print(f"engine  {1e3 * seconds / options.scenes:8.3f} ms a scene", end="")
        print(f"  {memory.at[last] - memory.at[1]:8.0f} MB from the first tenth to the last  ({options.scenes} scenes)")
        print("        MB at each tenth:", *(f"{memory.at[k]:.0f}" for k in sorted(memory.at)))
        (folder / "scenes").mkdir()
        for index in range(0, options.scenes, 2):
            scene_path(folder, index).mkdir()
        os.sync()
        seconds, grown = resume(folder, options.scenes)
        print(f"resume  {seconds:8.2f} s to the first lease, {grown:.0f} MB  ({options.scenes // 2} scenes there)")
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
