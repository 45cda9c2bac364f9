"""Where a network runs: devices, and the processes that share one training."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
from dataclasses import dataclass

import torch
from lightning.fabric import Fabric
from scenegen.core.errors import ScenegenError
from scenegen.core.parent import end_with_parent

LOST = (
    "a process of this training ended, perhaps because memory ran out; the same command continues after the last epoch"
)
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of mallopt(3)
GRACE = 5.0
"""Seconds for the main thread to end by itself."""


@dataclass(frozen=True)
class Hardware:
    """Where to train: "auto", "cpu" or "cuda"; devices per machine, machines, reader processes per device."""

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    workers: int = 2


def open_device(name: str) -> torch.device:
    """The device of "auto", "cpu" or "cuda"; ScenegenError when there is no such."""
    if name == "cuda" and not torch.cuda.is_available():
        raise ScenegenError("--device cuda: PyTorch sees no CUDA device; use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def open_hardware(hardware: Hardware) -> torch.device:
    """Start the other processes, where there are several devices, and choose this one's."""
    place = open_device(hardware.accelerator)
    if hardware.devices * hardware.nodes > 1:
        # before anything is read, so that no process waits for another's reading
        fabric = Fabric(
            accelerator=hardware.accelerator, strategy="ddp", devices=hardware.devices, num_nodes=hardware.nodes
        )
        fabric.launch()
        _watch_processes()
    if place.type == "cpu":
        _keep_freed_memory()
        return place
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    return device


def _keep_freed_memory() -> None:
    """Keep what tensors leave for the next ones, where the C library is GNU's.

    It asks the system for every tensor over 32 MB and gives it back when freed; making its pages again took up to half
    of a training step on a processor.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_MAX, 0)
            mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def _watch_processes() -> None:
    """From now on, this process ends in a line, exit status 1, when another one of the training is gone.

    Lightning would kill it without a word, and a process without its first one would wait for ever.
    """
    if os.environ.get("LOCAL_RANK", "0") != "0":
        end_with_parent()
        return
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            processes = list(vars(thread)["_child_processes"])
            vars(thread)["_child_processes"] = []
            threading.Thread(target=_wait_for_loss, args=(processes,), daemon=True).start()


def _wait_for_loss(processes: list[subprocess.Popen[bytes]]) -> None:
    pause = threading.Event()
    while not any(process.poll() for process in processes):
        pause.wait(1.0)
    pause.wait(GRACE)  # the main thread may notice it itself, or end for the same reason
    for process in processes:
        process.kill()
    print(f"scenetrain: {LOST}", file=sys.stderr, flush=True)
    os._exit(1)


def lost_process(error: RuntimeError) -> bool:
    """Whether an error says that another process of the training is gone."""
    text = str(error).lower()
    return rank_and_ranks()[1] > 1 and any(word in text for word in ("connection closed", "connection reset", "nccl"))


def rank_and_ranks() -> tuple[int, int]:
    """This process's number and how many there are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def is_leader() -> bool:
    """Whether this is the one process that writes."""
    return rank_and_ranks()[0] == 0


def leave_group() -> bool:
    """End the group of processes that trained together; True in its first process, which continues alone.

    Scores of one process would otherwise wait for those of the others.
    """
    rank, ranks = rank_and_ranks()
    if ranks > 1:
        torch.distributed.destroy_process_group()
    return rank == 0
