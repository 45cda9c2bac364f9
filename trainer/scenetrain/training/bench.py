"""How fast a network is here: inference, and an epoch of every training stage against the estimated floor.

Stages train as `scenetrain fit` does where the features of a split fit on the device, on random ones. A stage's first
epoch compiles and warms up; the best of the next ones counts.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import Any

import lightning
import psutil
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from scenetrain.blocks.backbones import FEATURE_SIZE
from scenetrain.config import BranchConfig, Config
from scenetrain.data.batches import ResidentBatches, training_plan
from scenetrain.data.features import ResidentSplit
from scenetrain.data.scenes import IMAGE_SIZE
from scenetrain.networks.everted.network import GRID, EvertedUNet
from scenetrain.networks.everted.stages import Batches, Stage, StageModule, protocol
from scenetrain.training.fit import Hardware, calm_lightning, lay_channels_last, open_hardware, training_dtype
from scenetrain.training.run_folder import build_model

PAPER_SCENES = 22_500
PAPER_CLASSES = 6
PAPER_VIEWS = 3
FLOORS = {"reconstructor_1": 1.8, "reconstructor_3": 17.0, "segmenter_1": 3.1, "segmenter_3": 28.0}
"""Seconds an epoch of 22,500 scenes: the greater of arithmetic and memory traffic, estimated for one H200."""

EPOCHS = 3


@dataclass(frozen=True)
class Inference:
    """One scene from images to probabilities: the median, and the peak memory while it ran."""

    precision: str
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class StageSpeed:
    """Training alone, without validation; `epoch_seconds` is for 22,500 scenes. `floor` is None where none is known."""

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
    inference: tuple[Inference, ...]
    stages: tuple[StageSpeed, ...]


def bench(config: Config, accelerator: str, steps: int, model: EvertedUNet | None = None) -> Bench:
    """Measure `model`, or a network of `config` with random weights, over `steps` steps an epoch."""
    calm_lightning()
    device = open_hardware(Hardware(accelerator))
    lightning.seed_everything(config.training.seed, verbose=False)
    model = (model or build_model(config, PAPER_CLASSES, None)).to(device)
    if device.type == "cuda":
        lay_channels_last(model)
    views = config.training.views
    half = [True] if device.type == "cuda" else []
    return Bench(
        torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        config.training.precision,
        views,
        tuple(measure_inference(model, views, device, autocast) for autocast in (False, *half)),
        tuple(_measure_stage(model, stage, config, steps, device) for stage in protocol(views)),
    )


def measure_inference(model: EvertedUNet, views: int, device: torch.device, half: bool) -> Inference:
    """Run one scene again and again, for at least three times and about five seconds; in bfloat16 if `half`."""
    model.eval()
    images = torch.rand(1, views, 3, IMAGE_SIZE, IMAGE_SIZE, device=device)
    _forget_peak(device)
    times: list[float] = []
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=half):
        model(images)
        _wait(device)
        while len(times) < 3 or (sum(times) < 5 and len(times) < 100):
            began = time.perf_counter()
            model(images)
            _wait(device)
            times.append(time.perf_counter() - began)
    return Inference("bfloat16" if half else "float32", statistics.median(times), _peak(device))


def _measure_stage(model: EvertedUNet, stage: Stage, config: Config, steps: int, device: torch.device) -> StageSpeed:
    branch: BranchConfig = getattr(config, stage.branch)
    size, settings = branch.batch_size, config.training
    split = _random_split(steps * size, settings.views, model, training_dtype(config), device)

    def train(epoch: int) -> Any:
        plan = training_plan(
            steps * size, settings.views, stage.views == 1, 1, size, settings.seed, epoch, rank=0, ranks=1
        )
        return ResidentBatches(split, plan)

    compiled = settings.compile and device.type == "cuda"
    batches = Batches(train, list[Tensor], int)
    module = StageModule(model, stage, branch, settings.seed, batches, training_dtype(config), compiled)
    clock = _EpochClock(device)
    _forget_peak(device)
    trainer = lightning.Trainer(
        accelerator=device.type,
        devices=1,
        precision=settings.precision,  # type: ignore[arg-type]
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
        step_seconds * PAPER_SCENES / size,
        FLOORS.get(stage.name) if device.type == "cuda" and _is_papers(config) else None,
        _peak(device),
    )


def _is_papers(config: Config) -> bool:
    """Whether the floors are of this network."""
    model = config.model
    return (model.backbone, model.width, model.fusion) == ("resnet50", 1.0, "context")


def _random_split(
    count: int, views: int, model: EvertedUNet, dtype: torch.dtype, device: torch.device
) -> ResidentSplit:
    """Features as after a ReLU, and labels of which one voxel in sixteen holds something."""
    shape = (1, count, views, model.backbone.channels, FEATURE_SIZE, FEATURE_SIZE)
    features = torch.empty(shape, dtype=dtype, device=device).normal_().relu_()
    labels = torch.randint(0, 16 * 2**model.classes, (count, *GRID), dtype=torch.int16, device=device)
    labels = torch.where(labels < 2**model.classes, labels, 0).to(torch.uint8)
    return ResidentSplit(features, labels, torch.zeros(views, dtype=torch.long))


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
    """Peak bytes since _forget_peak on a GPU; what the process holds now elsewhere."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)
