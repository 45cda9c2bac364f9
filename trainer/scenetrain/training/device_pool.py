"""One job on each device at a time, in processes that end with the command."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from multiprocessing.queues import Queue
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

import torch
from scenegen.core.errors import ScenegenError
from scenegen.core.import_path import protect_children
from scenegen.core.processes import worker_pool

from scenetrain.training.hardware import Hardware

Job = TypeVar("Job")
Result = TypeVar("Result")


class DevicePool(Generic[Job, Result]):
    """Does jobs in this process on one device, else in one process per device that prints into OUT/device_N.log.

    `work` gets a job, the data set's folder and the hardware of one device.
    """

    def __init__(
        self, work: Callable[[Job, Path, Hardware], Result], hardware: Hardware, data: Path, out: Path
    ) -> None:
        self.work = work
        self.hardware = replace(hardware, devices=1)
        self.data = data
        self._stack = ExitStack()
        self.pool: ProcessPoolExecutor | None = None
        if hardware.devices > 1:
            self.pool = self._stack.enter_context(worker_pool(hardware.devices, _own_device(hardware, out)))

    def __enter__(self) -> DevicePool[Job, Result]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def run(self, jobs: Sequence[Job]) -> Iterator[Result]:
        """Results as jobs end; ScenegenError when a process is gone."""
        if self.pool is None:
            yield from (self.work(job, self.data, self.hardware) for job in jobs)
            return
        try:
            for done in as_completed([self.pool.submit(self.work, job, self.data, self.hardware) for job in jobs]):
                yield done.result()
        except BrokenProcessPool as error:
            raise ScenegenError(
                "a process died, perhaps because memory ran out; see device_N.log in the folder of --out; the same "
                "command continues"
            ) from error


def _own_device(hardware: Hardware, out: Path) -> Callable[[], None]:
    """What every process calls first, so that it sees only its own GPU and prints into its own file."""
    gpus = [""] * hardware.devices
    if hardware.accelerator != "cpu" and torch.cuda.is_available():
        listed = os.environ.get("CUDA_VISIBLE_DEVICES")
        known = listed.split(",") if listed else [str(n) for n in range(torch.cuda.device_count())]
        if len(known) < hardware.devices:
            raise ScenegenError(f"--devices {hardware.devices}: this machine has {len(known)} GPUs; ask for fewer")
        gpus = known[: hardware.devices]
    protect_children()
    places: Queue[tuple[str, Path]] = multiprocessing.get_context("spawn").Queue()
    for number, gpu in enumerate(gpus):
        places.put((gpu, out.absolute() / f"device_{number}.log"))
    return partial(_begin_process, places)


def _begin_process(places: Queue[tuple[str, Path]]) -> None:
    gpu, log = places.get()
    if gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    with log.open("ab") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
