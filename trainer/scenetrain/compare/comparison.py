"""A comparison as data: what was asked for, what was planned, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scenetrain.compare.budget import StageCost
from scenetrain.compare.entries import Entry
from scenetrain.compare.one_class import Protocol
from scenetrain.compare.runs import RunScores


@dataclass(frozen=True)
class CompareRequest:
    """What is compared: networks, on which data, and with how much of what. `budget` is in seconds for every run."""

    entries: tuple[Entry, ...]
    data: Path
    test: Path
    out: Path
    budget: float
    seeds: int
    protocol: Protocol = "classes"


@dataclass(frozen=True)
class BudgetPlan:
    """How one network spends the budget, kept so that every seed and a resumed comparison do the same.

    `config` is the configuration as it was given, `fitted` with the budget's epochs, both as TOML.
    """

    device: str
    budget: float
    config: str
    stages: tuple[StageCost, ...]
    fitted: str


@dataclass(frozen=True)
class NetworkComparison:
    """What came of it: the finished and failed runs, by network in the order that was asked for.

    `left_out` says of other networks why they were not compared.
    """

    request: CompareRequest
    device: str
    classes: tuple[str, ...]
    plans: dict[str, BudgetPlan] = field(default_factory=dict)
    runs: dict[str, list[RunScores]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Those that were compared."""
        return tuple(entry for entry in self.request.entries if entry.name not in self.left_out)

    @property
    def failures(self) -> dict[str, str]:
        """Why a network failed, of each that did with any seed."""
        return {name: run.failure for name, runs in self.runs.items() for run in runs if run.failure}

    def finished(self, name: str) -> list[RunScores]:
        """A network's finished runs, by seed."""
        return sorted((run for run in self.runs.get(name, ()) if not run.failure), key=lambda run: run.seed)
