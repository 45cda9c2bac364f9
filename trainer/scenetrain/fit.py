"""Train by the paper's protocol: reconstructor, then segmenter, each on one view and then on all (section 4).

Every stage starts from the best epoch of the stage before. A stage that ended is not trained again, one that was cut
off goes on from its last finished epoch, with the losses it would have had.
"""

from __future__ import annotations

import csv
import math
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, RichProgressBar, TQDMProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from scenegen.errors import ScenegenError
from scenetrain.batches import ResidentBatches, epoch_order, streaming_batches
from scenetrain.config import Config, config_to_toml
from scenetrain.data import SceneList, open_split
from scenetrain.features import ResidentSplit, fits_on_device, make_resident
from scenetrain.models.everted import GRID, EvertedUNet
from scenetrain.run_folder import (
    StageResult,
    TrainedModel,
    build_model,
    read_stage_result,
    save_model,
    write_json,
    write_stage_result,
)
from scenetrain.stage import Stage, StageModule, protocol

LABEL_BYTES = math.prod(GRID)


@dataclass(frozen=True)
class Hardware:
    """Where to train: Lightning's accelerator and number of devices and nodes, and reader processes a device."""

    accelerator: str = "auto"
    devices: int = 1
    nodes: int = 1
    workers: int = 2


@dataclass(frozen=True)
class Splits:
    """Training and validation scenes; the resident forms are None when the device has no room for them."""

    train: SceneList
    validation: SceneList
    train_resident: ResidentSplit | None
    validation_resident: ResidentSplit | None


def fit(config: Config, data: Path, run: Path, hardware: Hardware, say: Callable[[str], None]) -> TrainedModel:
    """Run the whole protocol into the folder `run`; `say` takes one line of progress at a time."""
    _check_run(run, config, data)
    device = _device(hardware)
    _use_fast_kernels(device)
    train = open_split(data, "train", config.training.views, GRID, config.training.train_scenes)
    validation = open_split(data, "validation", config.training.views, GRID, config.training.validation_scenes)
    lightning.seed_everything(config.training.seed, verbose=False)
    weights = None if config.model.weights == "none" else config.model.weights
    model = build_model(config, len(train.dataset.classes), weights).to(device)
    splits = _make_splits(model, train, validation, config, device, say)
    results = {}
    for stage in protocol(config.training.views):
        results[stage.name] = _run_stage(model, stage, splits, config, run, hardware, say)
    trained = TrainedModel(
        model.eval(),
        config,
        tuple(train.dataset.classes),
        results[f"reconstructor_{config.training.views}"].threshold,
        results[f"segmenter_{config.training.views}"].threshold,
    )
    save_model(run, trained)
    return trained


def _check_run(run: Path, config: Config, data: Path) -> None:
    """Begin a run folder, or refuse one that holds a run of other parameters."""
    wanted = config_to_toml(config)
    try:
        run.mkdir(parents=True, exist_ok=True)
        path = run / "config.toml"
        if path.is_file() and path.read_text(encoding="utf-8") != wanted:
            raise ScenegenError(f"{path}: this run was begun with another configuration; give another --out")
        path.write_text(wanted, encoding="utf-8")
        write_json(run / "data.json", {"data": str(data)})
    except OSError as error:
        raise ScenegenError(f"{run}: cannot be written ({error.strerror}); give another --out") from error


def _device(hardware: Hardware) -> torch.device:
    if hardware.accelerator == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())


def _use_fast_kernels(device: torch.device) -> None:
    if device.type == "cuda":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True


def _make_splits(
    model: EvertedUNet,
    train: SceneList,
    validation: SceneList,
    config: Config,
    device: torch.device,
    say: Callable[[str], None],
) -> Splits:
    settings = config.training
    scenes = len(train) * settings.color_variants + len(validation)
    if not fits_on_device(scenes, settings.views, 1, model.backbone.channels, device, LABEL_BYTES):
        say(
            f"features of {scenes} scenes do not fit on {device}: reading images as training goes, with worker processes"
        )
        return Splits(train, validation, None, None)
    dtype = torch.bfloat16 if settings.precision.startswith("bf16") else torch.float32
    began = time.monotonic()
    resident = [
        make_resident(model.backbone, scenes.read_all(), variants, settings.seed, device, dtype)
        for scenes, variants in ((train, settings.color_variants), (validation, 1))
    ]
    say(f"features of {len(train) + len(validation)} scenes computed in {time.monotonic() - began:.0f} s")
    return Splits(train, validation, resident[0], resident[1])


def _run_stage(
    model: EvertedUNet,
    stage: Stage,
    splits: Splits,
    config: Config,
    run: Path,
    hardware: Hardware,
    say: Callable[[str], None],
) -> StageResult:
    folder = run / stage.name
    best = folder / "best.ckpt"
    done = read_stage_result(run, stage.name)
    if done is None:
        done = _train_stage(model, stage, splits, config, folder, hardware)
        write_stage_result(run, done)
    _load_best(model, best)
    say(
        f"{stage.name}: validation loss {done.validation_loss:.4f}, IoU {done.overall:.3f} at threshold "
        f"{done.threshold:.2f} (epoch {done.best_epoch} of {done.epochs}, {done.seconds:.0f} s)"
    )
    return done


def _train_stage(
    model: EvertedUNet, stage: Stage, splits: Splits, config: Config, folder: Path, hardware: Hardware
) -> StageResult:
    branch = config.reconstructor if stage.branch == "reconstructor" else config.segmenter
    seed = config.training.seed

    def train_batches(epoch: int) -> Any:
        order = epoch_order(len(splits.train), branch.batch_size, seed, epoch, *_rank(trainer))
        if splits.train_resident is not None:
            return ResidentBatches(splits.train_resident, order, seed * 1_000_003 + epoch)
        return streaming_batches(splits.train, order, hardware.workers)

    def validation_batches() -> Any:
        order = epoch_order(len(splits.validation), branch.batch_size, seed, None, *_rank(trainer))
        if splits.validation_resident is not None:
            return ResidentBatches(splits.validation_resident, order, seed)
        return streaming_batches(splits.validation, order, hardware.workers)

    module = StageModule(model, stage, branch, seed, train_batches, validation_batches)
    checkpoint = ModelCheckpoint(
        folder, filename="best", monitor="val_loss", save_last=True, enable_version_counter=False
    )
    trainer = lightning.Trainer(
        accelerator=hardware.accelerator,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        precision=config.training.precision,  # type: ignore[arg-type]
        max_epochs=config.training.single_view_epochs if stage.views == 1 else config.training.epochs,
        callbacks=[EarlyStopping("val_loss", patience=config.training.patience), checkpoint, _progress_bar()],
        logger=[CSVLogger(folder, name="", version=""), TensorBoardLogger(folder, name="", version="")],
        reload_dataloaders_every_n_epochs=1,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        log_every_n_steps=10,
    )
    last = folder / "last.ckpt"
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        trainer.fit(module, ckpt_path=last if last.is_file() else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return _stage_result(stage, folder, trainer.current_epoch, time.monotonic() - began)


def _stage_result(stage: Stage, folder: Path, epochs: int, seconds: float) -> StageResult:
    """Read the best epoch's figures back from the stage's own log."""
    with (folder / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("val_loss")]
    best = min(rows, key=lambda row: float(row["val_loss"]))
    return StageResult(
        stage=stage.name,
        epochs=epochs,
        best_epoch=int(best["epoch"]),
        validation_loss=float(best["val_loss"]),
        threshold=float(best["val_threshold"]),
        overall=float(best["val_iou"]),
        seconds=seconds,
    )


def _load_best(model: EvertedUNet, checkpoint: Path) -> None:
    """Take the weights of a stage's best epoch."""
    try:
        state = torch.load(checkpoint, map_location="cpu", weights_only=True)["state_dict"]
        model.load_state_dict({key.removeprefix("model."): value for key, value in state.items()}, strict=True)
    except (OSError, RuntimeError, KeyError) as error:
        reason = str(error).split("\n")[0]
        raise ScenegenError(f"{checkpoint}: not a checkpoint of this network ({reason}); give another --out") from error


def _rank(trainer: lightning.Trainer) -> tuple[int, int]:
    return trainer.global_rank, trainer.world_size


def _progress_bar() -> Callback:
    return RichProgressBar() if sys.stderr.isatty() else TQDMProgressBar(refresh_rate=0)
