"""What renders: the GPUs that a Blender found, and how many Blenders run at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scenegen.core.blender_protocol import GPU_KINDS
from scenegen.core.dataset.request import Request
from scenegen.core.errors import UsageError

GpuNames = Mapping[str, tuple[str, ...]]
"""Names of the GPUs of each kind that a Blender found. A card may show under two kinds."""


def choose_device(wanted: str, gpus_by_kind: GpuNames) -> tuple[str, tuple[str, ...]]:
    """Return the kind that `--device WANTED` means on this machine, and the names of its GPUs (none for "cpu").

    Raises UsageError when a kind was asked for by name and there is no such GPU.
    """
    if wanted == "cpu":
        return "cpu", ()
    for kind in GPU_KINDS if wanted == "auto" else (wanted,):
        if gpus_by_kind.get(kind):
            return kind, gpus_by_kind[kind]
    if wanted == "auto":
        return "cpu", ()
    have = ", ".join(kind for kind in GPU_KINDS if gpus_by_kind.get(kind)) or "no GPU that Cycles can use"
    raise UsageError(f"--device {wanted}: this machine has {have}; try --device auto")


@dataclass(frozen=True)
class WorkerPlan:
    """The kind of device, the names of the GPUs, and how many Blenders (0: as many as the cluster has workers)."""

    device: str
    gpus: tuple[str, ...]
    workers: int

    @property
    def summary(self) -> str:
        """One line for the user."""
        if not self.workers:
            return f"rendering on {self.device} of the cluster's machines"
        blenders = "one Blender" if self.workers == 1 else f"{self.workers} Blenders"
        return f"rendering on {self.device}{': ' if self.gpus else ''}{', '.join(self.gpus)} with {blenders}"


def plan_workers(request: Request, gpus_by_kind: GpuNames, cores: int) -> WorkerPlan:
    """Decide how many Blenders run on what: `per_gpu` (1) on each GPU; without GPUs one per two cores.

    benchmarks/workers.py: one Blender keeps two cores nearly as busy as two Blenders do, in half the memory.
    Raises UsageError when there is no such device, or when options contradict each other.
    """
    if request.per_gpu is not None and (request.workers or request.scheduler):
        other = "--workers" if request.workers else "--scheduler"
        raise UsageError(
            f"--per-gpu {request.per_gpu}: {other} already sets the number of processes; give only one of them"
        )
    if request.scheduler:
        return WorkerPlan(request.device, (), 0)
    device, gpus = choose_device(request.device, gpus_by_kind)
    if request.per_gpu is not None and not gpus:
        raise UsageError(f"--per-gpu {request.per_gpu}: no GPU renders here; give --workers instead")
    usual = len(gpus) * (request.per_gpu or 1) if gpus else max(1, cores // 2)
    return WorkerPlan(device, gpus, request.workers or usual)
