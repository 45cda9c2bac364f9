"""How fast a network is on this machine: inference, and an epoch of every training stage against the estimated floor.

Stages train on random features that lie on the device, as those of `scenetrain fit` do where they fit. The first epoch
of a stage compiles and warms up; the best of the next ones counts.
"""

from __future__ import annotations

import gc
import math
import statistics
import time
from dataclasses import dataclass
from typing import Any

import lightning
import psutil
import torch
from lightning.pytorch.callbacks import Callback
from scenegen.core.errors import ScenegenError
from torch import Tensor, nn

from scenetrain.blocks.backbones import FEATURE_SIZE
from scenetrain.config import Config
from scenetrain.data.batches import PlanRequest, ResidentBatches, training_plan
from scenetrain.data.features import Encoder, ResidentSplit
from scenetrain.data.labels import MAX_CLASSES
from scenetrain.data.reads import Extras, Reads
from scenetrain.networks.contract import BenchScale, Family, Inputs, Stage
from scenetrain.networks.registry import get_family
from scenetrain.training.fit import calm_lightning, lay_channels_last, training_dtype
from scenetrain.training.hardware import Hardware, open_hardware
from scenetrain.training.stage_module import Batches, StageModule, StageSetup

EPOCHS = 3
NEAR, FAR, OBJECTS = 2.0, 12.0, 8
"""Of made-up views: metres, and objects in each."""


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
    """What was measured, and on what; memory is the GPU's, or the process's where there is none."""

    device: str
    precision: str
    views: int
    scenes: int
    inference: tuple[Inference, ...]
    stages: tuple[StageSpeed, ...]


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

    ScenegenError for a family without a BenchScale, or one that reads more than images.
    """
    calm_lightning()
    family, views = get_family(config.model.name), config.training.views
    scale = family.bench
    if scale is None or not family.reads.images_alone:
        raise ScenegenError(
            f"{family.name}: bench cannot measure it: its family has no BenchScale, or reads more than images"
        )
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
    )


def _measure_inference(subject: _Subject, *, half: bool) -> Inference:
    """Run one made-up scene."""
    count, reads = subject.config.training.views, subject.family.reads
    images = torch.rand(1, count, 3, reads.image_size, reads.image_size, device=subject.device)
    extras = Extras()
    if reads.extras_for == "network":
        extras = _random_extras(reads, 1, count, subject.scale.classes).to(subject.device)
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
    split = _random_split(steps * size, subject)
    request = PlanRequest(steps * size, settings.views, stage.views == 1, size)

    def train(epoch: int) -> Any:
        return ResidentBatches(split, training_plan(request, 1, settings.seed, epoch))

    compiled = settings.compile and device.type == "cuda"
    setup = StageSetup(subject.family, stage, subject.scale.classes, settings.seed, subject.encoder, compiled)
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


def _random_split(count: int, subject: _Subject) -> ResidentSplit:
    """Features as after a ReLU, or images, and labels of which one voxel in sixteen holds something."""
    reads, device, views = subject.family.reads, subject.device, subject.config.training.views
    trunk = subject.encoder.trunk
    if trunk is not None:
        shape = (1, count, views, trunk.channels, FEATURE_SIZE, FEATURE_SIZE)
        shown = torch.empty(shape, dtype=subject.encoder.dtype, device=device).normal_().relu_()
    else:
        shape = (1, count, views, 3, reads.image_size, reads.image_size)
        shown = torch.randint(0, 256, shape, dtype=torch.uint8, device=device)
    values = 2**subject.scale.classes if reads.labels == "box" else subject.scale.classes + 1
    assert subject.scale.classes <= MAX_CLASSES[reads.labels]
    labels = torch.randint(0, 16 * values, (count, *subject.scale.shape), dtype=torch.int16, device=device)
    labels = torch.where(labels < values, labels, 0).to(torch.uint8)
    extras = _random_extras(reads, count, views, subject.scale.classes).to(device)
    return ResidentSplit(shown, labels, torch.zeros(views, dtype=torch.long), extras, is_features=trunk is not None)


def _random_extras(reads: Reads, count: int, views: int, classes: int) -> Extras:
    """What a family reads beside: cameras 40 degrees wide in the world's origin, OBJECTS objects in front of each."""
    extras, size, focal = Extras(), reads.image_size, 0.5 / math.tan(math.radians(20))
    if reads.depth:
        extras = extras._replace(depth=NEAR + (FAR - NEAR) * torch.rand(count, views, size, size))
    if reads.cameras:
        K = torch.tensor(((focal * size, 0.0, size / 2), (0.0, focal * size, size / 2), (0.0, 0.0, 1.0)))
        extras = extras._replace(
            K=K.expand(count, views, 3, 3),
            world_to_camera=torch.eye(4).expand(count, views, 4, 4),
            frustum=torch.tensor((focal, focal, 0.5, 0.5, NEAR, FAR)).expand(count, views, 6),
        )
    if reads.poses:
        poses = torch.eye(4).repeat(count, OBJECTS, 1, 1)
        poses[..., :2, 3] = torch.rand(count, OBJECTS, 2) - 0.5
        poses[..., 2, 3] = NEAR + (FAR - NEAR) * torch.rand(count, OBJECTS)
        extras = extras._replace(
            poses=poses,
            sizes=torch.ones(count, OBJECTS, 3),
            object_classes=torch.randint(classes, (count, OBJECTS)),
            is_round=torch.zeros(count, OBJECTS, dtype=torch.bool),
            visible=torch.full((count, OBJECTS, views), 100),
        )
    return extras


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


def _peak(device: torch.device) -> int:
    """Peak bytes since _forget_peak on a GPU; without one, the memory of this process now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)
