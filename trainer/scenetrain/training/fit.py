"""Train by the paper's protocol: reconstructor, then segmenter, each on one view and then on all (section 4).

Every stage starts from the best epoch of the stage before. A stage that ended is not trained again, one that was cut
off goes on from its last finished epoch, with the losses it would have had.
"""

from __future__ import annotations

import logging
import math
import os
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import lightning
import torch
from lightning.fabric import Fabric
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from scenegen.core.errors import ScenegenError
from scenegen.progress import progress
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from scenetrain.config import BranchConfig, Config
from scenetrain.data.batches import EpochPlan, ResidentBatches, streaming_batches, training_plan, validation_plan
from scenetrain.data.features import ResidentSplit, fits_on, make_resident, resident_bytes
from scenetrain.data.mirror import mirrors_to_first
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.metrics.constant import label_frequency
from scenetrain.networks.everted.network import GRID, EvertedUNet
from scenetrain.networks.everted.stages import Batches, Stage, StageModule, protocol
from scenetrain.networks.registry import check_model_name
from scenetrain.training.callbacks import EpochTable, StageProgress, best_row, checkpoint_rows, has_ended, host_state
from scenetrain.training.run_folder import (
    StageResult,
    TrainedModel,
    begin_run,
    build_model,
    read_stage_result,
    save_model,
    write_stage_result,
)

ReportLine = Callable[[str], None]


@dataclass(frozen=True)
class Hardware:
    """Where to train: "auto", "cpu" or "cuda"; devices of a machine, machines, reader processes a device."""

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    workers: int = 2


@dataclass(frozen=True)
class Split:
    """Scenes and, when the device has room for them, their features."""

    scenes: SceneList
    resident: ResidentSplit | None = None


@dataclass(frozen=True)
class TrainingRun:
    """What all stages share."""

    config: Config
    folder: Path
    hardware: Hardware
    device: torch.device
    train: Split
    validation: Split


def fit(config: Config, data: Path, folder: Path, hardware: Hardware, report_line: ReportLine) -> TrainedModel:
    """Run the whole protocol into `folder`.

    `report_line` takes one line of progress at a time. With several devices this returns in every process, with the
    same network; the first of them writes.
    """
    views = config.training.views
    model, run, results = train_stages(config, data, folder, hardware, report_line, protocol(views))
    scenes = run.train.scenes
    trained = TrainedModel(
        model=model.eval(),
        config=config,
        classes=scenes.classes,
        grid=scenes.grid,
        reconstructor_threshold=results[f"reconstructor_{views}"].threshold,
        segmenter_threshold=results[f"segmenter_{views}"].threshold,
        frequency=label_frequency(_labels(run.train), len(scenes.classes)),
    )
    if _rank()[0] == 0:
        save_model(folder, trained)
    return trained


def train_stages(
    config: Config, data: Path, folder: Path, hardware: Hardware, report_line: ReportLine, stages: Sequence[Stage]
) -> tuple[EvertedUNet, TrainingRun, dict[str, StageResult]]:
    """Run some stages of the protocol, in their order: the network as the last left it, on what, and the results."""
    check_model_name(config.model.name)
    calm_lightning()
    device = open_hardware(hardware)
    views = config.training.views
    train = open_split(data, "train", views, GRID, config.training.train_scenes)
    validation = open_split(data, "validation", views, GRID, config.training.validation_scenes)
    begin_run(folder, config, train, validation, leader=_rank()[0] == 0)
    lightning.seed_everything(config.training.seed, verbose=False)
    weights = None if config.model.weights == "none" else config.model.weights
    model = build_model(config, len(train.classes), weights)
    if device.type == "cuda":
        lay_channels_last(model)
    if config.model.mirror:
        mirrors = mirrors_to_first(train.dataset[train.positions[0]].cameras[:views], train.grid)
        model.set_mirrors(mirrors)
        train, validation = train.mirrored(mirrors), validation.mirrored(mirrors)
    splits = _load_splits(model.to(device), train, validation, config, device, hardware.workers, report_line)
    run = TrainingRun(config, folder, hardware, device, *splits)
    return model, run, {stage.name: _run_stage(model, stage, run, report_line) for stage in stages}


def _labels(split: Split) -> Iterable[Tensor]:
    """Every scene's labels, from the device where they lie there."""
    return split.resident.labels if split.resident else map(split.scenes.labels, range(len(split.scenes)))


def training_dtype(config: Config) -> torch.dtype:
    """What features are kept in."""
    return torch.bfloat16 if config.training.precision.startswith("bf16") else torch.float32


def calm_lightning() -> None:
    """Silence what Lightning says of itself."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")


def open_hardware(hardware: Hardware) -> torch.device:
    """Start the other processes, where there are several devices, and choose this one's."""
    if hardware.accelerator == "cuda" and not torch.cuda.is_available():
        raise ScenegenError("--device cuda: PyTorch sees no CUDA device; use --device cpu")
    if hardware.devices * hardware.nodes > 1:
        # before anything is read, so that no process waits for another's reading
        fabric = Fabric(
            accelerator=hardware.accelerator, strategy="ddp", devices=hardware.devices, num_nodes=hardware.nodes
        )
        fabric.launch()
    if hardware.accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    return device


def _rank() -> tuple[int, int]:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def leave_group() -> bool:
    """End the group of processes that trained together; True in its first process, which goes on alone.

    Scores of one process would otherwise wait for those of the others.
    """
    rank, ranks = _rank()
    if ranks > 1:
        torch.distributed.destroy_process_group()
    return rank == 0


def check_test_data(config: Config, test: Path) -> None:
    """Raise ScenegenError for a test data set that a network of `config` cannot be scored on."""
    open_split(test, "test", config.training.views, GRID)


def lay_channels_last(model: nn.Module) -> None:
    """Lay weights out as tensor cores read them; the numbers stay the same. On a processor the few channels of a narrow
    network take longer so."""
    for module in model.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            module.to(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)


def _load_splits(
    model: EvertedUNet,
    train: SceneList,
    validation: SceneList,
    config: Config,
    device: torch.device,
    workers: int,
    report_line: ReportLine,
) -> tuple[Split, Split]:
    """Both splits, with their features on the device when it has room."""
    settings, channels, dtype = config.training, model.backbone.channels, training_dtype(config)
    streaming = Split(train), Split(validation)
    if not settings.cache:
        return streaming
    parts = ((train, settings.color_variants), (validation, 1))
    needed = sum(resident_bytes(scenes, variants, channels, dtype) for scenes, variants in parts)
    if not fits_on(device, needed):
        report_line(f"features need {needed / 1e9:.1f} GB, which {device} has not: images are read as training goes")
        return streaming
    began = time.monotonic()
    try:
        resident = [
            make_resident(model.backbone, scenes, variants, settings.seed, device, dtype, workers)
            for scenes, variants in parts
        ]
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        report_line(f"{device} ran out of memory for features: images are read as training goes")
        return streaming
    report_line(f"features of {len(train) + len(validation)} scenes computed in {time.monotonic() - began:.0f} s")
    return Split(train, resident[0]), Split(validation, resident[1])


def _run_stage(model: EvertedUNet, stage: Stage, run: TrainingRun, report_line: ReportLine) -> StageResult:
    """Train a stage unless it is done, and leave its best epoch in `model`."""
    result = read_stage_result(run.folder, stage.name)
    if result is None:
        try:
            result = _train_stage(model, stage, run)
        except torch.OutOfMemoryError as error:
            raise ScenegenError(
                f"{stage.name}: {run.device} ran out of memory; lower it with --set {stage.branch}.batch_size="
                f"{max(1, _branch(stage, run.config).batch_size // 2)}, or give --set training.cache=false"
            ) from error
        if _rank()[0] == 0:
            write_stage_result(run.folder, result)
    path = run.folder / stage.name / "best.ckpt"
    model.load_state_dict(host_state(_read_checkpoint(path, model)))
    report_line(
        f"{stage.name}: validation loss {result.validation_loss:.4f}, IoU {result.overall:.3f} at threshold "
        f"{result.threshold:.2f} (epoch {result.best_epoch + 1} of {result.epochs}, {result.seconds:.0f} s)"
    )
    return result


def _branch(stage: Stage, config: Config) -> BranchConfig:
    return config.reconstructor if stage.branch == "reconstructor" else config.segmenter


def _train_stage(model: EvertedUNet, stage: Stage, run: TrainingRun) -> StageResult:
    folder, settings = run.folder / stage.name, run.config.training
    own = _branch(stage, run.config).single_view_epochs or settings.single_view_epochs
    epochs = own if stage.views == 1 else settings.epochs
    last = folder / "last.ckpt"
    rows = checkpoint_rows(_read_checkpoint(last, model)) if last.is_file() else []
    if not has_ended(rows, epochs, settings.patience):
        table = EpochTable(folder / "metrics.csv")
        module = StageModule(
            model,
            stage,
            _branch(stage, run.config),
            settings.seed,
            _batches(stage, run),
            training_dtype(run.config),
            compiled=settings.compile and run.device.type == "cuda",
        )
        with progress(stage.name, "steps") as on_progress:
            trainer = lightning.Trainer(
                accelerator=run.device.type,
                devices=run.hardware.devices,
                num_nodes=run.hardware.nodes,
                strategy="ddp" if _rank()[1] > 1 else "auto",
                precision=settings.precision,  # type: ignore[arg-type]
                max_epochs=epochs,
                callbacks=[
                    table,
                    *_averaging(settings.average, run.device),
                    *([StageProgress(on_progress)] if _rank()[0] == 0 else []),
                    EarlyStopping("val_loss", patience=settings.patience, check_finite=False),
                    ModelCheckpoint(folder, filename="best", monitor="val_loss", enable_version_counter=False),
                    # of its own, because save_last writes only when the best changes
                    ModelCheckpoint(folder, filename="last", enable_version_counter=False),
                ],
                logger=TensorBoardLogger(run.folder, name=stage.name, version=""),
                reload_dataloaders_every_n_epochs=1,
                use_distributed_sampler=False,
                num_sanity_val_steps=0,
                enable_progress_bar=False,
                enable_model_summary=False,
                log_every_n_steps=10,
            )
            try:
                trainer.fit(module, ckpt_path=last if rows else None)
            except SystemExit as error:
                raise KeyboardInterrupt from error
        rows = table.rows
    best = best_row(rows)
    return StageResult(
        stage=stage.name,
        epochs=len(rows),
        best_epoch=int(best["epoch"]),
        validation_loss=best["val_loss"],
        threshold=best["val_threshold"],
        overall=best["val_iou"],
        seconds=math.fsum(row["seconds"] for row in rows),
    )


def _averaging(decay: float, device: torch.device) -> list[WeightAveraging]:
    """What keeps the moving average of the weights and of batch norm's statistics; what is frozen stays as it is."""
    return [WeightAveraging(device, multi_avg_fn=get_ema_multi_avg_fn(decay))] if decay else []


def _batches(stage: Stage, run: TrainingRun) -> Batches:
    settings, size, one_view = run.config.training, _branch(stage, run.config).batch_size, stage.views == 1

    def batches(split: Split, plan: EpochPlan) -> Any:
        if split.resident is not None:
            return ResidentBatches(split.resident, plan)
        scenes = split.scenes.for_occupancy() if stage.branch == "reconstructor" else split.scenes
        return streaming_batches(scenes, plan, run.hardware.workers)

    def train(epoch: int) -> Any:
        count, variants = len(run.train.scenes), settings.color_variants
        plan = training_plan(count, settings.views, one_view, variants, size, settings.seed, epoch, *_rank())
        return batches(run.train, plan)

    def validation() -> Any:
        count = len(run.validation.scenes)
        return batches(run.validation, validation_plan(count, settings.views, one_view, size, *_rank()))

    return Batches(train, validation, run.train.scenes.scene_index)


def _read_checkpoint(path: Path, model: EvertedUNet) -> dict[str, Any]:
    """A stage's checkpoint, checked to be one of this network."""
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        found = {key: value.shape for key, value in host_state(checkpoint).items()}
    except (OSError, EOFError, RuntimeError, KeyError, TypeError, ValueError, UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        raise ScenegenError(
            f"{path}: damaged ({reason}); remove the stage's folder, the same command goes on"
        ) from error
    if found != {key: value.shape for key, value in model.state_dict().items()}:
        raise ScenegenError(f"{path}: a checkpoint of another network; give another --out")
    return checkpoint
