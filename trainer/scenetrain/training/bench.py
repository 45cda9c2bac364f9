"""How fast a network is on this machine: inference, and an epoch of every training stage against the estimated floor.

Stages train on random features that lie on the device, as those of `scenetrain fit` do where they fit. The first epoch
of a stage compiles and warms up; the best of the next ones counts.
"""

from __future__ import annotations

import gc
import resource
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from scenegen.core.errors import ScenegenError
from torch import Tensor, nn

from scenetrain.config import Config
from scenetrain.data.batches import PlanRequest, ResidentBatches, training_plan
from scenetrain.data.features import Encoder
from scenetrain.data.reads import Extras
from scenetrain.networks.contract import BenchScale, Family, Inputs, Stage
from scenetrain.networks.registry import get_family
from scenetrain.training.fit import calm_lightning, lay_channels_last, training_dtype
from scenetrain.training.hardware import Hardware, open_hardware
from scenetrain.training.made_up import random_extras, random_split
from scenetrain.training.stage_module import Batches, StageModule, StageSetup

EPOCHS = 3
PEAK_RESET = Path("/proc/self/clear_refs")
"""Where a 5 makes Linux forget a process's peak (its documentation of proc, clear_refs)."""


@dataclass(frozen=True)
class Inference:
    """One scene from images to probabilities: the median, and the peak memory while it ran."""

    precision: str
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class StageSpeed:
    """Training alone, without validation; `epoch_seconds` is for Bench.scenes. `floor` is None where none is known."""

    stage: str
    batch_size: int
    steps: int
    step_seconds: float
    epoch_seconds: float
    floor: float | None
    peak_bytes: int


@dataclass(frozen=True)
class Bench:
    """What was measured, and on what; memory is the peak of the GPU's, or of the process's where there is none."""

    device: str
    precision: str
    views: int
    scenes: int
    inference: tuple[Inference, ...]
    stages: tuple[StageSpeed, ...]
    parameters: int


@dataclass(frozen=True)
class _Subject:
    """What is measured."""

    family: Family
    scale: BenchScale
    config: Config
    model: nn.Module
    device: torch.device

    @property
    def encoder(self) -> Encoder:
        return Encoder(self.family.trunk(self.model), training_dtype(self.config))


def bench(config: Config, accelerator: str, steps: int, model: nn.Module | None = None) -> Bench:
    """Measure `model`, or a network of `config` with random weights, over `steps` steps per epoch.

    ScenegenError for a family without a BenchScale.
    """
    calm_lightning()
    family, views = get_family(config.model.name), config.training.views
    scale = family.bench
    if scale is None:
        raise ScenegenError(f"{family.name}: bench cannot measure it: its family has no BenchScale")
    device = open_hardware(Hardware(accelerator))
    lightning.seed_everything(config.training.seed, verbose=False)
    model = (model or family.build(config, scale.classes, scale.shape, pretrained=False)).to(device)
    if device.type == "cuda":
        lay_channels_last(model)
    subject = _Subject(family, scale, config, model, device)
    precisions = (False, True) if device.type == "cuda" else (False,)
    return Bench(
        torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        config.training.precision,
        views,
        scale.scenes,
        tuple(_measure_inference(subject, half=half) for half in precisions),
        tuple(_measure_stage(subject, stage, steps) for stage in family.stages(config)),
        sum(parameter.numel() for parameter in model.parameters()),
    )


def _measure_inference(subject: _Subject, *, half: bool) -> Inference:
    """Run one made-up scene."""
    count, reads = subject.config.training.views, subject.family.reads
    images = torch.rand(1, count, 3, reads.image_size, reads.image_size, device=subject.device)
    extras = Extras()
    if reads.extras_for == "network":
        extras = random_extras(reads, subject.scale, 1, count).to(subject.device)
    return measure_inference(subject.family, subject.model, Inputs(images, extras=extras), half=half)


def measure_inference(family: Family, model: nn.Module, inputs: Inputs, *, half: bool = False) -> Inference:
    """Run one scene again and again, for at least three times and about five seconds; in bfloat16 if `half`."""
    assert inputs.images is not None
    device, wanted = inputs.images.device, tuple(output.name for output in family.outputs)
    model.eval()
    _forget_peak(device)
    times: list[float] = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        model(inputs, wanted)
        _wait(device)
        while len(times) < 3 or (sum(times) < 5 and len(times) < 100):
            began = time.perf_counter()
            model(inputs, wanted)
            _wait(device)
            times.append(time.perf_counter() - began)
    return Inference("bfloat16" if half else "float32", statistics.median(times), _peak(device))


def _measure_stage(subject: _Subject, stage: Stage, steps: int) -> StageSpeed:
    settings, device, size = subject.config.training, subject.device, stage.batch_size
    split = random_split(subject.family.reads, subject.scale, subject.encoder, (steps * size, settings.views), device)
    request = PlanRequest(steps * size, settings.views, stage.views == 1, size)

    def train(epoch: int) -> Any:
        return ResidentBatches(split, training_plan(request, 1, settings.seed, epoch))

    compiled = settings.compile and device.type == "cuda"
    setup = StageSetup(subject.family, stage, subject.scale.classes, settings.seed, subject.encoder, compiled=compiled)
    module = StageModule(subject.model, setup, Batches(train, list[Tensor], int))
    clock = _EpochClock(device)
    _forget_peak(device)
    trainer = lightning.Trainer(
        accelerator=device.type,
        devices=1,
        precision=settings.precision,
        max_epochs=EPOCHS,
        limit_val_batches=0,
        callbacks=[clock],
        logger=False,
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module)
    step_seconds = min(clock.seconds[1:]) / steps
    return StageSpeed(
        stage.name,
        size,
        steps,
        step_seconds,
        step_seconds * subject.scale.scenes / size,
        subject.scale.floors(subject.config).get(stage.name) if device.type == "cuda" else None,
        _peak(device),
    )


class _EpochClock(Callback):
    """Seconds of every training epoch; a GPU's work is waited for."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: list[float] = []
        self.began = 0.0

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        del trainer, pl_module
        _wait(self.device)
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        del trainer, pl_module
        _wait(self.device)
        self.seconds.append(time.perf_counter() - self.began)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _forget_peak(device: torch.device) -> None:
    if device.type == "cuda":
        # a stage's trainer and module refer to each other, and hold its features until collected
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    elif PEAK_RESET.is_file():
        gc.collect()
        PEAK_RESET.write_text("5")


def _peak(device: torch.device) -> int:
    """Peak bytes since _forget_peak, on a GPU those of tensors, without one those of this process.

    Only Linux forgets a process's peak; elsewhere it is that of all that the process has done.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if PEAK_RESET.is_file():
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 2**10 for line in lines if line.startswith("VmHWM:"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 2**10
