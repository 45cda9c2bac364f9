"""A training run on disk.

RUN/config.toml                 the Config, as it trained
RUN/data.json                   which data set, its classes, how many scenes of each split
RUN/<stage>/                    Lightning's checkpoints (best.ckpt, last.ckpt), TensorBoard events
RUN/<stage>/metrics.csv         a line per epoch: the columns of callbacks.COLUMNS
RUN/<stage>/done.json           written when the stage has ended: best epoch, validation loss, threshold, IoU
RUN/model.pt                    the finished network: family, weights, config, classes, grid, thresholds, frequencies
RUN/report.html
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import write_text
from scenegen.core.scene.scene import FrustumSpec, GridSpec
from torch import Tensor, nn

from scenetrain.config import Config, config_to_toml
from scenetrain.data.scenes import SceneList
from scenetrain.networks.contract import Family
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import family_config

FORMAT = "scenetrain/2"
OLD_FORMAT = "scenetrain/1"
"""Names no family, and its thresholds by their outputs' titles."""


@dataclass(frozen=True)
class StageResult:
    """How a stage ended; threshold and overall IoU are validation's, at the best epoch, None where it has none."""

    stage: str
    epochs: int
    best_epoch: int
    validation_loss: float
    threshold: float | None
    overall: float | None
    seconds: float


@dataclass(frozen=True)
class TrainedModel:
    """A network that can be evaluated.

    `thresholds`, by output, were chosen on validation; None for an output of labels. `frequency` is that of the labels
    it was trained on, float16 (1 + C, X, Y, Z): see constant.label_frequency.
    """

    model: nn.Module
    family: Family
    config: Config
    classes: tuple[str, ...]
    grid: GridSpec | FrustumSpec
    thresholds: dict[str, float | None]
    frequency: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of its voxel grid."""
        return grid_shape(self.grid)

    def doubts(self) -> list[str]:
        """A line for every output that says nothing: on validation, no threshold was better than the whole grid."""
        return [
            f"{output.title}: on validation no threshold is better than 0, so every voxel is predicted: the network "
            "has not learned yet; train it for more epochs or on more scenes"
            for output in self.family.outputs
            if self.thresholds[output.name] == 0
        ]


def grid_shape(grid: GridSpec | FrustumSpec) -> tuple[int, int, int]:
    """(X, Y, Z) of a box grid, (w, h, d) of a frustum."""
    return grid.shape if isinstance(grid, GridSpec) else grid.size


def begin_run(run: Path, config: Config, train: SceneList, validation: SceneList, *, leader: bool) -> None:
    """Begin a run folder, or check that the run in it has the same configuration and data.

    `leader` is the one process that writes. ScenegenError when it is another run, or the folder cannot be written.
    """
    info = train.dataset.info
    data = {
        "preset": info.request.preset,
        "seed": info.request.seed,
        "library_checksum": info.library_checksum,
        "classes": list(train.classes),
        "train": len(train.positions),
        "validation": len(validation.positions),
    }
    expected = {"config.toml": config_to_toml(config), "data.json": json.dumps(data, indent=1)}
    try:
        run.mkdir(parents=True, exist_ok=True)
        for name, wanted in expected.items():
            path = run / name
            if path.is_file() and not _says_the_same(path, wanted):
                what = "configuration" if name == "config.toml" else "data set"
                raise ScenegenError(
                    f"{path}: differs from the requested {what}; ask for the same or give another --out"
                )
            if leader and not path.is_file():
                write_text(path, wanted)
    except OSError as error:
        raise ScenegenError(f"{run}: cannot be written ({error.strerror}); give another --out") from error


def _says_the_same(path: Path, wanted: str) -> bool:
    """Whether a file holds the same values, however it is laid out."""
    parse: Any = tomllib.loads if path.suffix == ".toml" else json.loads
    try:
        return bool(parse(path.read_text(encoding="utf-8")) == parse(wanted))
    except ValueError:
        return False


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
        "format": FORMAT,
        "family": trained.family.name,
        "state": trained.model.state_dict(),
        "config": asdict(trained.config),
        "classes": list(trained.classes),
        "grid": asdict(trained.grid),
        "frequency": trained.frequency,
        "thresholds": trained.thresholds,
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
        found = str(body["format"])
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, TypeError, UnpicklingError) as error:
        raise _not_a_model(path, error) from error
    if found not in (FORMAT, OLD_FORMAT):
        raise ScenegenError(f"{path}: format {found!r}, which this scenetrain does not know; upgrade it")
    return _trained_model(body, path, device)


def _trained_model(body: dict[str, Any], path: Path, device: torch.device) -> TrainedModel:
    """The content of model.pt as a network. Only what is read from the file is caught: errors of a family surface."""
    old = body["format"] == OLD_FORMAT
    try:
        name = str(body["config"]["model"]["name"] if old else body["family"])
    except (KeyError, TypeError) as error:
        raise _not_a_model(path, error) from error
    try:
        family = get_family(name)
    except UsageError as error:
        raise ScenegenError(f"{path}: {error}; use the scenetrain that trained it") from error
    try:
        config = family_config(family, body["config"], str(path))
        grid = FrustumSpec(**body["grid"]) if family.reads.labels == "frustum" else GridSpec(**body["grid"])
        classes, state, frequency = tuple(body["classes"]), body["state"], body["frequency"]
        thresholds = {o.name: body["thresholds"][o.title if old else o.name] for o in family.outputs}
    except (ValueError, KeyError, TypeError, UsageError) as error:
        raise _not_a_model(path, error) from error
    model = family.build(config, len(classes), grid_shape(grid), pretrained=False).to(device)
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise _not_a_model(path, error) from error
    return TrainedModel(
        model=model.eval(),
        family=family,
        config=config,
        classes=classes,
        grid=grid,
        thresholds=thresholds,
        frequency=frequency,
    )


def _not_a_model(path: Path, error: Exception) -> ScenegenError:
    reason = str(error).split("\n")[0]
    return ScenegenError(f"{path}: not a model of this program, or damaged ({reason})")
