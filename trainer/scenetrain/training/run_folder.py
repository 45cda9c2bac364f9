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
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.files import write_text
from scenegen.core.json_values import JsonError, from_json, parse_object
from scenegen.core.scene.scene import FrustumSpec, GridSpec
from scenegen.core.toml_table import parse_toml
from torch import Tensor, nn

from scenetrain.blocks.saved import read_saved, tensors_of
from scenetrain.config import Config, config_to_toml
from scenetrain.data.labels import MAX_CLASSES
from scenetrain.data.scenes import SceneList
from scenetrain.networks.contract import Family, Output
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import family_config

FORMAT = "scenetrain/2"
OLD_FORMAT = "scenetrain/1"
"""Names no family, and its thresholds by their outputs' titles."""
PAINTER_FORMAT = "scenetrain-painter/1"
"""Of a network that paints: see training.paint."""


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


@dataclass(frozen=True)
class _Thresholds:
    by_output: Mapping[str, float | None]


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
    parse: Any = parse_toml if path.suffix == ".toml" else parse_object
    try:
        return bool(parse(read_file(path, MOST_TEXT)) == parse(wanted.encode()))
    except ValueError:
        return False


def write_stage_result(run: Path, result: StageResult) -> None:
    """Mark a stage as ended."""
    write_text(run / result.stage / "done.json", json.dumps(asdict(result), indent=1))


def read_stage_result(run: Path, stage: str) -> StageResult | None:
    """How a stage ended, or None when it has not. DamageError when its done.json cannot be read."""
    path = run / stage / "done.json"
    if not path.is_file():
        return None
    try:
        return from_json(StageResult, parse_object(read_file(path, MOST_TEXT)))
    except (OSError, ValueError) as error:
        raise damaged_result(run, stage, str(error)) from error


def damaged_result(run: Path, stage: str, reason: str) -> DamageError:
    """The error of a done.json, with what helps."""
    return DamageError(
        f"{run / stage / 'done.json'}: damaged ({reason}); rename it, and the same command takes the stage's result "
        f"from last.ckpt, or trains the stage again"
    )


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
    """Read RUN/model.pt, or a .pt file by its own path.

    ScenegenError when there is none, or when RUN/config.toml is of another family; DamageError when it is damaged or
    another program's.
    """
    path = run if run.suffix == ".pt" else run / "model.pt"
    if not path.is_file():
        raise ScenegenError(f"{path}: no trained model; run `scenetrain fit --out {run}` to its end first")
    try:
        body = read_saved(path, device)
        found = str(body["format"])[:60]
    except (OSError, ValueError, KeyError) as error:
        raise _not_a_model(path, error) from error
    if found == PAINTER_FORMAT:
        raise ScenegenError(f"{path}: paints images and labels nothing; `scenetrain restyle` takes it")
    if found not in (FORMAT, OLD_FORMAT):
        raise ScenegenError(f"{path}: format {found!r}, which this scenetrain does not know; upgrade it")
    trained = _trained_model(body, path, device)
    if path != run:
        _check_family(run / "config.toml", trained.family, path)
    return trained


def _check_family(file: Path, family: Family, model: Path) -> None:
    """ScenegenError where the configuration beside a model names another family: the two are of different runs."""
    try:
        section = parse_toml(read_file(file, MOST_TEXT)).get("model")
    except (OSError, ValueError):
        return  # the model says all that is needed
    named = section.get("name") if isinstance(section, dict) else None
    if isinstance(named, str) and named != family.name:
        raise ScenegenError(
            f"{file}: is of {named[:60]!r}, but {model.name} beside it of {family.name!r}: they are of different runs; "
            f"put back what belongs there, or give {model}"
        )


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
        grid_kind: Any = FrustumSpec if family.reads.labels == "frustum" else GridSpec
        grid = from_json(grid_kind, _as_json(body["grid"]))
        classes = from_json(tuple[str, ...], _as_json(body["classes"]))
        given = from_json(_Thresholds, {"by_output": _as_json(body["thresholds"])}).by_output
        thresholds = {o.name: _threshold(o, given[o.title if old else o.name]) for o in family.outputs}
        state, frequency = tensors_of(body["state"]), body["frequency"]
        _check_shapes(family, grid, classes, frequency)
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


def _as_json(value: Any) -> Any:
    """Plain values of Python as JSON has them: from_json knows no tuples. TypeError for others."""
    return json.loads(json.dumps(value))


def _threshold(output: Output, value: float | None) -> float | None:
    """An output's threshold, if it has one. JsonError for a value that cannot be."""
    if (value is None) == output.has_threshold or not 0 <= (value or 0) <= 1:
        wanted = "a number from 0 to 1" if output.has_threshold else "none"
        raise JsonError(f"expected {wanted}, found {value}", f"thresholds.{output.name}")
    return value


def _check_shapes(family: Family, grid: GridSpec | FrustumSpec, classes: tuple[str, ...], frequency: Any) -> None:
    shape = grid_shape(grid)
    if family.reads.shape not in (None, shape):
        raise JsonError(f"{shape} is not the network's, {family.reads.shape}", "grid")
    if not 1 <= len(set(classes)) == len(classes) <= MAX_CLASSES[family.reads.labels]:
        raise JsonError("expected names that differ, as many as fit one byte", "classes")
    wanted = (1 + len(classes), *shape)
    if not isinstance(frequency, Tensor) or not frequency.is_floating_point() or frequency.shape != wanted:
        raise JsonError(f"expected numbers {wanted}", "frequency")


def _not_a_model(path: Path, error: Exception) -> DamageError:
    reason = str(error).split("\n")[0].split(". ")[0]  # torch adds what may have happened
    return DamageError(
        f"{path}: not a model of this program, or damaged ({reason}); copy it again, or rename it and run the same "
        f"`scenetrain fit` again, which writes it from the run's checkpoints"
    )
