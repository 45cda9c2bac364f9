"""A budget of time becomes epochs: how long each stage's epoch takes is measured once, and its schedule is fitted.

On a processor time is that of the process, so other programs matter little; on a GPU it is the wall's. What is made
once before training, such as the features of a frozen trunk, does not count.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_type_hints

from scenegen.core.errors import UsageError

from scenetrain.config import IN_EPOCHS, Config
from scenetrain.data.batches import PlanRequest, training_plan, validation_plan
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.networks.contract import Stage
from scenetrain.networks.registry import get_family
from scenetrain.training.epoch_tables import read_epochs
from scenetrain.training.fit import train_stages
from scenetrain.training.hardware import Hardware, open_device

STEPS = {"cpu": 2, "cuda": 20}
"""How many training steps are measured, after as many that warm up."""
MOST = 2.0**20
"""The greatest factor on a configuration's epochs."""


@dataclass(frozen=True)
class StageCost:
    """How long an epoch of a stage takes on the whole training and validation split, in seconds."""

    stage: str
    step: float
    validation_step: float
    steps: int
    validation_steps: int

    @property
    def epoch(self) -> float:
        """Seconds of an epoch with its validation."""
        return self.steps * self.step + self.validation_steps * self.validation_step


def measure_costs(config: Config, data: Path, hardware: Hardware, scratch: Path) -> tuple[StageCost, ...]:
    """Train each stage for two epochs of a few steps, in a folder of its own under `scratch`; the second counts."""
    family, training = get_family(config.model.name), config.training
    device = open_device(hardware.accelerator).type
    train = open_split(data, "train", family.reads, training.views, training.train_scenes, training.images)
    validation = open_split(
        data, "validation", family.reads, training.views, training.validation_scenes, training.images
    )
    stages = family.stages(config)
    items = STEPS[device] * max(stage.batch_size for stage in stages)
    few = replace(training, train_scenes=math.ceil(items / train.per_scene), validation_scenes=1)
    short = _change_epochs(replace(config, training=few), lambda count: min(count, 2), at_least=2)
    costs = []
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".measure_") as folder:
        train_stages(short, data, Path(folder), hardware, _ignore_line)
        for stage, measured in zip(stages, family.stages(short), strict=True):
            row = read_epochs(Path(folder) / measured.name / "metrics.csv")[-1]
            prefix = "processor_" if device == "cpu" else ""
            whole, validating = row[f"{prefix}seconds"], row[f"validation_{prefix}seconds"]
            costs.append(
                StageCost(
                    stage=stage.name,
                    step=(whole - validating) / _steps(train.first(few.train_scenes), stage, config),
                    validation_step=validating / _validation_steps(validation.first(1), stage, config),
                    steps=_steps(train, stage, config),
                    validation_steps=_validation_steps(validation, stage, config),
                )
            )
    return tuple(costs)


def fit_to_budget(config: Config, costs: Sequence[StageCost], budget: float) -> Config:
    """The configuration with as many epochs as `budget` seconds have room for; all else that counts epochs follows.

    Stages keep their shares of the epochs, rounded, each at least one. No stage stops early: the epoch of the lowest
    validation loss is kept either way. UsageError when the budget has no room for one epoch of every stage.
    """
    least = predict_seconds(_scaled(config, 0.0), costs)
    if least > budget:
        what = "one epoch" if len(costs) == 1 else f"one epoch of each of its {len(costs)} stages"
        raise UsageError(f"{what} takes {clock(least)}, more than the budget of {clock(budget)}")
    low, high = 0.0, MOST
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if predict_seconds(_scaled(config, middle), costs) <= budget else (low, middle)
    return _scaled(config, low)


def predict_seconds(config: Config, costs: Sequence[StageCost]) -> float:
    """How long all epochs of a configuration take."""
    epochs = {stage.name: stage.epochs for stage in get_family(config.model.name).stages(config)}
    return math.fsum(epochs[cost.stage] * cost.epoch for cost in costs)


def _scaled(config: Config, factor: float) -> Config:
    changed = _change_epochs(config, lambda count: round(min(count * factor, MOST)), at_least=1)
    longest = max(stage.epochs for stage in get_family(config.model.name).stages(changed))
    return replace(changed, training=replace(changed.training, patience=longest))


def _change_epochs(config: Config, change: Any, at_least: int) -> Config:
    """Apply `change` to every setting that counts epochs; 0 stays 0."""
    sections = {}
    for field in fields(config):
        section = getattr(config, field.name)
        hints = get_type_hints(type(section), include_extras=True)
        counted = [name for name, hint in hints.items() if IN_EPOCHS in getattr(hint, "__metadata__", ())]
        values = {name: getattr(section, name) for name in counted}
        sections[field.name] = replace(
            section, **{name: max(at_least, change(value)) for name, value in values.items() if value}
        )
    return replace(config, **sections)


def _steps(scenes: SceneList, stage: Stage, config: Config) -> int:
    """Training steps of an epoch over a split."""
    request = PlanRequest(len(scenes), config.training.views, stage.views == 1, stage.batch_size)
    return len(training_plan(request, 1, 0, 0).order)


def _validation_steps(scenes: SceneList, stage: Stage, config: Config) -> int:
    request = PlanRequest(len(scenes), config.training.views, stage.views == 1, stage.batch_size)
    return len(validation_plan(request).order)


def clock(seconds: float) -> str:
    """A time for people."""
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.1f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )


def _ignore_line(line: str) -> None:
    del line
