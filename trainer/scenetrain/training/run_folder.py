"""A training run on disk.

RUN/config.toml                 the Config, as it trained
RUN/data.json                   which data set, its classes, how many scenes of each split
RUN/<stage>/                    Lightning's checkpoints (best.ckpt, last.ckpt), TensorBoard events
RUN/<stage>/metrics.csv         a line an epoch: the columns of callbacks.COLUMNS
RUN/<stage>/done.json           written when the stage has ended: best epoch, validation loss, threshold, IoU
RUN/model.pt                    the finished network: weights, config, classes, grid, thresholds, label frequencies
RUN/report.html
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.scene.scene import GridSpec
from torch import Tensor

from scenetrain.config import Config, config_from_dict, config_to_toml
from scenetrain.data.scenes import SceneList
from scenetrain.networks.everted.network import EvertedUNet
from scenetrain.networks.registry import create_model


@dataclass(frozen=True)
class StageResult:
    """How a stage ended; threshold and overall IoU are validation's, at the best epoch."""

    stage: str
    epochs: int
    best_epoch: int
    validation_loss: float
    threshold: float
    overall: float
    seconds: float


@dataclass(frozen=True)
class TrainedModel:
    """A network that can be evaluated: its thresholds were chosen on validation.

    `frequency` is that of the labels it was trained on, float16 (1 + C, X, Y, Z): see constant.label_frequency.
    """

    model: EvertedUNet
    config: Config
    classes: tuple[str, ...]
    grid: GridSpec
    reconstructor_threshold: float
    segmenter_threshold: float
    frequency: Tensor


def begin_run(run: Path, config: Config, train: SceneList, validation: SceneList, leader: bool) -> None:
    """Begin a run folder, or check that the run in it was begun with the same configuration and data.

    `leader` is the one process that writes. ScenegenError when it is another run, or the folder cannot be written.
    """
    info = train.dataset.info
    data = {
        "preset": info.request.preset,
        "seed": info.request.seed,
        "library_checksum": info.library_checksum,
        "classes": list(train.classes),
        "train": len(train),
        "validation": len(validation),
    }
    begun = {"config.toml": config_to_toml(config), "data.json": json.dumps(data, indent=1)}
    try:
        run.mkdir(parents=True, exist_ok=True)
        for name, wanted in begun.items():
            path = run / name
            if path.is_file() and path.read_text(encoding="utf-8") != wanted:
                raise ScenegenError(f"{path}: this run was begun otherwise; ask for the same or give another --out")
            if leader and not path.is_file():
                write_text(path, wanted)
    except OSError as error:
        raise ScenegenError(f"{run}: cannot be written ({error.strerror}); give another --out") from error


def write_stage_result(run: Path, result: StageResult) -> None:
    """Mark a stage as ended."""
    write_text(run / result.stage / "done.json", json.dumps(asdict(result), indent=1))


def read_stage_result(run: Path, stage: str) -> StageResult | None:
    """How a stage ended, or None when it has not."""
    path = run / stage / "done.json"
    return StageResult(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def save_model(run: Path, trained: TrainedModel) -> None:
    """Write RUN/model.pt whole or not at all; the frozen trunk is included, so that nothing else is needed."""
    staging = run / f".model.{os.getpid()}.pt"
    body = {
        "format": "scenetrain/1",
        "state": trained.model.state_dict(),
        "config": asdict(trained.config),
        "classes": list(trained.classes),
        "grid": asdict(trained.grid),
        "frequency": trained.frequency,
        "thresholds": {"reconstructor": trained.reconstructor_threshold, "segmenter": trained.segmenter_threshold},
    }
    torch.save(body, staging)
    staging.replace(run / "model.pt")


def load_model(run: Path, device: torch.device) -> TrainedModel:
    """Read RUN/model.pt; ScenegenError when there is none, or it is another program's or another network's."""
    path = run if run.suffix == ".pt" else run / "model.pt"
    if not path.is_file():
        raise ScenegenError(f"{path}: no trained model; run `scenetrain fit --out {run}` to its end first")
    try:
        body = torch.load(path, map_location=device, weights_only=True)
        if body["format"] != "scenetrain/1":
            raise ValueError(f"format {body['format']!r}")
        config = config_from_dict(body["config"], str(path))
        model = build_model(config, len(body["classes"]), weights=None).to(device)
        model.load_state_dict(body["state"])
        grid = GridSpec(**body["grid"])
        thresholds, frequency = body["thresholds"], body["frequency"]
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        raise ScenegenError(f"{path}: not a model of this program, or damaged ({reason})") from error
    return TrainedModel(
        model=model.eval(),
        config=config,
        classes=tuple(body["classes"]),
        grid=grid,
        reconstructor_threshold=thresholds["reconstructor"],
        segmenter_threshold=thresholds["segmenter"],
        frequency=frequency,
    )


def build_model(config: Config, classes: int, weights: str | None) -> EvertedUNet:
    """The network of a configuration, its trunk with the given weights."""
    model = create_model(
        config.model.name,
        classes=classes,
        backbone=config.model.backbone,
        weights=weights,
        width=config.model.width,
        fusion=config.model.fusion,
        reconstructor_dropout=config.reconstructor.dropout,
        segmenter_dropout=config.segmenter.dropout,
        prior=config.model.prior,
        latent=config.model.latent,
        mirror=config.model.mirror,
    )
    assert isinstance(model, EvertedUNet)
    return model
