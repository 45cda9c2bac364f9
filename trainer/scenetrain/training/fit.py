"""Train a family's stages one after another, in a run folder.

Every stage starts from the best epoch of the stage before. A finished stage is not trained again. An interrupted stage
continues after its last finished epoch, with the losses that it would have had.
"""

from __future__ import annotations

import functools
import logging
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.files import cannot_write
from scenegen.progress import progress
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from scenetrain.blocks.saved import read_saved
from scenetrain.config import Config
from scenetrain.data.batches import (
    EpochPlan,
    PlanRequest,
    ResidentBatches,
    streaming_batches,
    training_plan,
    validation_plan,
)
from scenetrain.data.features import Encoder, ResidentSplit, fits_on, make_resident, resident_bytes
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.data.worker_errors import plain_worker_errors
from scenetrain.metrics.constant import label_frequency
from scenetrain.networks.contract import Family, Stage
from scenetrain.networks.registry import get_family
from scenetrain.training.callbacks import (
    EpochTable,
    OutrightWins,
    StageProgress,
    best_row,
    checkpoint_rows,
    has_ended,
    host_state,
)
from scenetrain.training.hardware import LOST, Hardware, is_leader, lost_process, open_hardware, rank_and_ranks
from scenetrain.training.run_folder import (
    StageResult,
    TrainedModel,
    begin_run,
    damaged_result,
    read_stage_result,
    save_model,
    write_stage_result,
)
from scenetrain.training.stage_module import Batches, StageModule, StageSetup, make_inputs
from scenetrain.training.thresholds import measure_thresholds, thresholds_of_stages

ReportLine = Callable[[str], None]
"""Takes one line about how far training is."""


@dataclass(frozen=True)
class Split:
    """Scenes and, when the device has room for them, their features."""

    scenes: SceneList
    resident: ResidentSplit | None = None


@dataclass(frozen=True)
class TrainingRun:
    """What all stages of a run share."""

    config: Config
    family: Family
    folder: Path
    hardware: Hardware
    device: torch.device
    encoder: Encoder
    train: Split
    validation: Split


def fit(config: Config, data: Path, folder: Path, hardware: Hardware, report_line: ReportLine) -> TrainedModel:
    """Run all stages into `folder`, and write model.pt there.

    With several devices this returns in every process, with the same network; the first of them writes.
    """
    family = get_family(config.model.name)
    model, run, results = train_stages(config, data, folder, hardware, report_line)
    scenes, stages = run.train.scenes, family.stages(config)
    thresholds = thresholds_of_stages(family, stages, results)
    unscored = [output.name for output in family.outputs if output.name not in thresholds]
    if unscored:
        batches = (batch.to(run.device) for batch in _batches(stages[-1], run).validation())
        inputs = functools.partial(make_inputs, encoder=run.encoder, seed=config.training.seed)
        thresholds |= measure_thresholds(model, family, unscored, len(scenes.classes), batches, inputs)
    trained = TrainedModel(
        model=model.eval(),
        family=family,
        config=config,
        classes=scenes.classes,
        grid=scenes.grid,
        thresholds=thresholds,
        frequency=label_frequency(_labels(run.train), len(scenes.classes), scenes.reads.labels),
    )
    if is_leader():
        save_model(folder, trained)
        for line in trained.doubts():
            report_line(line)
    return trained


@plain_worker_errors()
def train_stages(
    config: Config,
    data: Path,
    folder: Path,
    hardware: Hardware,
    report_line: ReportLine,
    stages: Sequence[Stage] | None = None,
) -> tuple[nn.Module, TrainingRun, dict[str, StageResult]]:
    """Run some stages of a configuration, None for all: the network as the last left it, on what, and the results."""
    family = get_family(config.model.name)
    calm_lightning()
    device = open_hardware(hardware)
    views = config.training.views
    if config.training.mirrored_views and not (family.reads.labels == "frustum" or family.reads.cameras):
        raise UsageError(f"training.mirrored_views: {family.name} reads neither frusta nor cameras; set it to false")
    if config.training.moved_rooms and not (family.reads.labels == "box" and family.reads.needs_cameras):
        raise UsageError(
            f"training.moved_rooms: {family.name} does not label rooms from images and their cameras; set it to 0"
        )
    train = open_split(data, "train", family.reads, views, config.training.train_scenes, config.training.images)
    validation = open_split(
        data, "validation", family.reads, views, config.training.validation_scenes, config.training.images
    )
    if config.training.largest_object:
        train, validation = train.of_largest_object(), validation.of_largest_object()
    lightning.seed_everything(config.training.seed, verbose=False)
    model = family.build(config, len(train.classes), train.shape, pretrained=True)
    if device.type == "cuda":
        lay_channels_last(model)
    mirrors = family.mirrors(model, config, train.scene(0).cameras[:views], train.grid)
    # not before all that may refuse the data or the configuration: a folder that was begun asks for the same again
    begin_run(folder, config, train, validation, leader=is_leader())
    if mirrors:
        train, validation = train.mirrored(mirrors), validation.mirrored(mirrors)
    encoder = Encoder(family.trunk(model.to(device)), training_dtype(config))
    splits = _load_splits(encoder, (train, validation), config, device, hardware.workers, report_line)
    if family.weigh is not None:
        family.weigh(model, _count_labels(splits[0]))
    run = TrainingRun(config, family, folder, hardware, device, encoder, *splits)
    chosen = family.stages(config) if stages is None else stages
    return model, run, {stage.name: _run_stage(model, stage, run, report_line) for stage in chosen}


def _count_labels(split: Split) -> Tensor:
    """How often each byte is in the labels of a split, int64 (256,)."""
    counts = torch.zeros(256, dtype=torch.long)
    for labels in _labels(split):
        counts += torch.bincount(labels.flatten(), minlength=256).cpu()
    return counts


def _labels(split: Split) -> Iterable[Tensor]:
    """Every item's labels, from the device where they lie there."""
    return split.resident.labels if split.resident else map(split.scenes.labels, range(len(split.scenes)))


def training_dtype(config: Config) -> torch.dtype:
    """What features are kept in."""
    return torch.bfloat16 if config.training.precision.startswith("bf16") else torch.float32


def check_test_data(config: Config, test: Path) -> None:
    """Raise ScenegenError for a test data set that a network of `config` cannot be scored on."""
    open_split(test, "test", get_family(config.model.name).reads, config.training.views)


def calm_lightning() -> None:
    """Silence Lightning's notices about itself."""
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    warnings.filterwarnings("ignore", message=".*lr_scheduler.step.*")


def lay_channels_last(model: nn.Module) -> None:
    """Lay weights out as tensor cores read them; the numbers stay the same.

    On a processor that saves time only for some convolutions, which see to it themselves (blocks.layers).
    """
    for module in model.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            module.to(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)


def _load_splits(
    encoder: Encoder,
    scenes: tuple[SceneList, SceneList],
    config: Config,
    device: torch.device,
    workers: int,
    report_line: ReportLine,
) -> tuple[Split, Split]:
    """Both splits, with their features on the device when it has room."""
    settings, (train, validation) = config.training, scenes
    streaming = Split(train), Split(validation)
    if not settings.cache:
        return streaming
    parts = ((train, settings.color_variants), (validation, 1))
    needed = sum(resident_bytes(part, variants, encoder) for part, variants in parts)
    if not fits_on(device, needed):
        report_line(f"features need {needed / 1e9:.1f} GB, too much for {device}: images are read during training")
        return streaming
    began = time.monotonic()
    try:
        resident = [make_resident(encoder, part, variants, settings.seed, device, workers) for part, variants in parts]
    except torch.OutOfMemoryError:
        torch.cuda.empty_cache()
        report_line(f"{device} ran out of memory for features: images are read during training")
        return streaming
    count = len(train.positions) + len(validation.positions)
    what = "images" if encoder.trunk is None else "features"
    report_line(f"{what} of {count} scenes are in memory after {time.monotonic() - began:.0f} s")
    return Split(train, resident[0]), Split(validation, resident[1])


def _run_stage(model: nn.Module, stage: Stage, run: TrainingRun, report_line: ReportLine) -> StageResult:
    """Train a stage unless it is done, then load its best epoch into `model`."""
    result = read_stage_result(run.folder, stage.name)
    if result and (wrong := _wrong_threshold(result, stage, run.family)):
        raise damaged_result(run.folder, stage.name, wrong)
    if result is None:
        try:
            result = _train_stage(model, stage, run, report_line)
        except torch.OutOfMemoryError as error:
            raise ScenegenError(
                f"{stage.name}: {run.device} ran out of memory; take smaller batches with --set "
                f"{stage.section}.batch_size={max(1, stage.batch_size // 2)}, or give --set training.cache=false"
            ) from error
        if is_leader():
            write_stage_result(run.folder, result)
    path = run.folder / stage.name / "best.ckpt"
    model.load_state_dict(host_state(_read_checkpoint(path, model)))
    scores = "" if result.overall is None else f", IoU {result.overall:.3f}"
    scores += "" if result.threshold is None else f" at threshold {result.threshold:.2f}"
    report_line(
        f"{stage.name}: validation loss {result.validation_loss:.4f}{scores} (epoch {result.best_epoch + 1} of "
        f"{result.epochs}, {result.seconds:.0f} s)"
    )
    return result


def _train_stage(model: nn.Module, stage: Stage, run: TrainingRun, report_line: ReportLine) -> StageResult:
    folder, settings = run.folder / stage.name, run.config.training
    last = folder / "last.ckpt"
    rows = checkpoint_rows(_read_checkpoint(last, model)) if last.is_file() else []
    if not has_ended(rows, stage.epochs, settings.patience):
        table = EpochTable(folder / "metrics.csv")
        setup = StageSetup(
            run.family,
            stage,
            len(run.train.scenes.classes),
            settings.seed,
            run.encoder,
            mirrored=settings.mirrored_views,
            moved=settings.moved_rooms,
            compiled=settings.compile and run.device.type == "cuda",
        )
        module = StageModule(model, setup, _batches(stage, run))
        with progress(stage.name, "steps") as on_progress:
            trainer = lightning.Trainer(
                accelerator=run.device.type,
                devices=run.hardware.devices,
                num_nodes=run.hardware.nodes,
                strategy=_strategy(stage),
                precision=settings.precision,
                max_epochs=stage.epochs,
                callbacks=[
                    table,
                    *_averaging(settings.average, run.device),
                    *([StageProgress(on_progress), OutrightWins(stage, report_line)] if is_leader() else []),
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
                trainer.fit(module, ckpt_path=last if rows else None, weights_only=True)
            except SystemExit as error:
                raise KeyboardInterrupt from error
            except OSError as error:
                raise ScenegenError(cannot_write(folder, error)) from error
            except RuntimeError as error:
                if not lost_process(error):
                    raise
                raise ScenegenError(LOST) from error
        rows = table.rows
    best = best_row(rows)
    if not math.isfinite(best["val_loss"]):
        raise ScenegenError(
            f"{stage.name}: the validation loss was never a number; lower {stage.section}.learning_rate or use "
            f"--set training.precision=32-true, with another --out"
        )
    return StageResult(
        stage=stage.name,
        epochs=len(rows),
        best_epoch=int(best["epoch"]),
        validation_loss=best["val_loss"],
        threshold=_known(best["val_threshold"]),
        overall=_known(best["val_iou"]),
        seconds=math.fsum(row["seconds"] for row in rows),
    )


def _wrong_threshold(result: StageResult, stage: Stage, family: Family) -> str:
    """What is wrong with the threshold of a done.json; "" when nothing is."""
    has_threshold = stage.scored is not None and family.output(stage.scored).has_threshold
    if (result.threshold is None) == has_threshold or not 0 <= (result.threshold or 0) <= 1:
        return f"threshold: found {result.threshold}, expected {'a number from 0 to 1' if has_threshold else 'null'}"
    return ""


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _strategy(stage: Stage) -> str:
    """Lightning's strategy; of several turns each one leaves the others' parameters without gradients."""
    if rank_and_ranks()[1] == 1:
        return "auto"
    return "ddp" if len(stage.turns) == 1 else "ddp_find_unused_parameters_true"


def _averaging(decay: float, device: torch.device) -> list[WeightAveraging]:
    """The callback that averages the weights and batch norm's statistics; frozen parts stay as they are."""
    return [WeightAveraging(device, multi_avg_fn=get_ema_multi_avg_fn(decay))] if decay else []


def _batches(stage: Stage, run: TrainingRun) -> Batches:
    settings, one_view = run.config.training, stage.views == 1
    kinds = {run.family.output(name).kind for name in stage.wanted}

    def request(split: Split) -> PlanRequest:
        ranks = rank_and_ranks()
        return PlanRequest(len(split.scenes), settings.views, one_view, stage.batch_size, *ranks)

    def batches(split: Split, plan: EpochPlan) -> Any:
        if split.resident is not None:
            return ResidentBatches(split.resident, plan)
        scenes = split.scenes.for_occupancy() if kinds == {"occupancy"} else split.scenes
        return streaming_batches(scenes, plan, run.hardware.workers)

    def train(epoch: int) -> Any:
        plan = training_plan(request(run.train), settings.color_variants, settings.seed, epoch)
        return batches(run.train, plan)

    def validation() -> Any:
        return batches(run.validation, validation_plan(request(run.validation)))

    return Batches(train, validation, run.train.scenes.scene_index)


def _read_checkpoint(path: Path, model: nn.Module) -> dict[str, Any]:
    """A stage's checkpoint, checked to be one of this network."""
    try:
        checkpoint = read_saved(path, "cpu")
        found = {key: value.shape for key, value in host_state(checkpoint).items()}
        checkpoint_rows(checkpoint)
    except (OSError, ValueError) as error:
        raise DamageError(
            f"{path}: damaged ({error}); move {path.parent} elsewhere, the same command then trains this stage again"
        ) from error
    if found != {key: value.shape for key, value in model.state_dict().items()}:
        raise ScenegenError(f"{path}: a checkpoint of another network; give another --out")
    return checkpoint
