"""Which GPUs a Blender can render on, how many processes they get, and which process takes which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from scenegen.core.errors import UsageError

KINDS = ("optix", "cuda", "hip", "metal", "oneapi")
"""The order in which `--device auto` tries them."""

Found = Mapping[str, tuple[str, ...]]
"""Names of the GPUs of each kind that a Blender found. A card may show under two kinds."""


def chosen_device(wanted: str, found: Found) -> tuple[str, tuple[str, ...]]:
    """The kind that `--device WANTED` means there, and the names of its GPUs (none for "cpu").

    UsageError when the kind was asked for by name and there is none.
    """
    if wanted == "cpu":
        return "cpu", ()
    for kind in KINDS if wanted == "auto" else (wanted,):
        if found.get(kind):
            return kind, found[kind]
    if wanted == "auto":
        return "cpu", ()
    have = ", ".join(kind for kind in KINDS if found.get(kind)) or "no GPU that Cycles can use"
    raise UsageError(f"--device {wanted}: this machine has {have}; try --device auto")


class Asked(Protocol):
    """What a run was asked for; None where nothing was said."""

    @property
    def device(self) -> str:
        """As in `--device`."""

    @property
    def workers(self) -> int | None:
        """As in `--workers`."""

    @property
    def per_gpu(self) -> int | None:
        """As in `--per-gpu`."""

    @property
    def scheduler(self) -> str | None:
        """As in `--scheduler`."""


@dataclass(frozen=True)
class Plan:
    """What renders: the kind of device, the GPUs' names, how many Blenders (0: as many as the cluster has workers)."""

    device: str
    gpus: tuple[str, ...]
    workers: int

    @property
    def told(self) -> str:
        """In a line for the user."""
        if not self.workers:
            return f"rendering on {self.device} of the cluster's machines"
        blenders = "one Blender" if self.workers == 1 else f"{self.workers} Blenders"
        return f"rendering on {self.device}{': ' if self.gpus else ''}{', '.join(self.gpus)} with {blenders}"


def plan_workers(asked: Asked, found: Found, cores: int) -> Plan:
    """How many Blenders run on what: `per_gpu` (1) for each GPU, without GPUs one for two cores.

    benchmarks/workers.py: one Blender keeps two cores nearly as busy as two Blenders do, in half the memory.
    UsageError: no such device, or options that cannot go together.
    """
    if asked.per_gpu is not None and (asked.workers or asked.scheduler):
        other = "--workers" if asked.workers else "--scheduler"
        raise UsageError(f"--per-gpu {asked.per_gpu}: {other} says already how many processes there are; leave one out")
    if asked.scheduler:
        return Plan(asked.device, (), 0)
    device, gpus = chosen_device(asked.device, found)
    if asked.per_gpu is not None and not gpus:
        raise UsageError(f"--per-gpu {asked.per_gpu}: no GPU renders here; give --workers instead")
    usual = len(gpus) * (asked.per_gpu or 1) if gpus else max(1, cores // 2)
    return Plan(device, gpus, asked.workers or usual)
