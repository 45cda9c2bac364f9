"""Every network of the registry measured in one run, each in a process of its own, so that its memory is its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from scenegen.core.errors import UsageError
from scenegen.core.processes import worker_pool

from scenetrain.config import Config
from scenetrain.networks.registry import family_names, get_family
from scenetrain.networks.settings import load_config
from scenetrain.training.bench import Bench, bench
from scenetrain.training.failures import reason

STEPS = {"cpu": 2, "cuda": 50}
"""Steps per epoch, where nothing else is asked for."""


@dataclass(frozen=True)
class Benched:
    """How fast a network is on a device, or in one line why that is not known."""

    network: str
    config: str
    device: str
    bench: Bench | None = None
    failure: str = ""


def bench_all(config: str | None, devices: Sequence[str], steps: int | None) -> Iterator[Benched]:
    """Measure every network in its configuration of this name, None for its default, on "cpu", "cuda" or both.

    A network without such a configuration, or without a BenchScale, is not among the results. UsageError when none has.
    """
    chosen = []
    for name in family_names():
        family = get_family(name)
        label = config or family.default_config
        if family.bench is not None and (family.configs / f"{label}.toml").is_file():
            chosen.append((name, label, load_config(label, (), name)))
    if not chosen:
        raise UsageError(f"--config {config}: no network has a configuration of this name")
    for name, label, settings in chosen:
        for device in devices:
            yield _bench_one(Benched(name, label, device), settings, steps or STEPS[device])


def _bench_one(asked: Benched, settings: Config, steps: int) -> Benched:
    try:
        with worker_pool(1) as pool:
            found = pool.submit(bench, settings, asked.device, steps).result()
    except BrokenProcessPool:
        return Benched(asked.network, asked.config, asked.device, failure="its process died, perhaps of lack of memory")
    except Exception as error:  # a family's own error must not end the others' measurements
        return Benched(asked.network, asked.config, asked.device, failure=reason(error))
    return Benched(asked.network, asked.config, asked.device, found)
