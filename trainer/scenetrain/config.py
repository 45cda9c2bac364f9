"""What a training run is: frozen dataclasses, read from a TOML file by name or path and changed with `key=value`."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from scenegen.core.errors import UsageError

CONFIGS = Path(__file__).parent / "configs"
PRECISIONS = ("bf16-mixed", "32-true")


@dataclass(frozen=True)
class ModelConfig:
    """Which network. `weights` of the trunk: "hub" (timm's), "package:NAME" (the .pth file that an installed Python
    package brings), a file, or "none" (random). `width` multiplies the channels (1 = the paper's); `fusion` of the
    views is "context" (the paper's) or "mean"; `prior` is the probability that training starts from, of which each
    class has an equal share;
    `latent` is "reshape" (the paper's) or "learned"; `mirror` shows every view as the first camera would see it, where
    the cameras' places are mirror images of each other (scenetrain.data.mirror)."""

    name: str = "everted"
    backbone: str = "resnet50"
    weights: str = "hub"
    width: float = 1.0
    fusion: str = "context"
    prior: float = 0.01
    latent: str = "reshape"
    mirror: bool = False


@dataclass(frozen=True)
class BranchConfig:
    """How one branch trains (Everted section 4): Adam, and StepLR when `step_size` is not 0.

    Where they are not 0, the stage of all views has `all_views_learning_rate`, and `single_view_epochs` bound this
    branch's one-view stage instead of training's.
    """

    learning_rate: float = 1e-3
    dropout: float = 0.0
    batch_size: int = 16
    step_size: int = 0
    gamma: float = 0.5
    all_views_learning_rate: float = 0.0
    single_view_epochs: int = 0


@dataclass(frozen=True)
class TrainingConfig:
    """What both branches share.

    `single_view_epochs` and `epochs` bound the one-view and the all-views stage; `patience` epochs without a better
    validation loss end a stage. `train_scenes` and `validation_scenes` use only the first scenes of a split (0 = all).
    `color_variants` is in how many colours every scene is shown (1 = as it is). Where `average` is not 0, the weights'
    moving average is validated and kept; it keeps that share of itself every step. `cache` keeps the trunk's features
    on the device when they fit there; without it any number of colour variants costs no memory. `compile` is for CUDA.
    """

    seed: int = 0
    views: int = 3
    epochs: int = 100
    single_view_epochs: int = 100
    patience: int = 10
    precision: str = "bf16-mixed"
    train_scenes: int = 0
    validation_scenes: int = 0
    color_variants: int = 1
    average: float = 0.0
    cache: bool = True
    compile: bool = True


@dataclass(frozen=True)
class Config:
    """One training run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    reconstructor: BranchConfig = field(default_factory=BranchConfig)
    segmenter: BranchConfig = field(default_factory=lambda: BranchConfig(batch_size=8, step_size=10))
    training: TrainingConfig = field(default_factory=TrainingConfig)


def load_config(name_or_path: str, changes: Sequence[str] = ()) -> Config:
    """Read a configuration by name ("first", "final", "tiny") or path and apply changes such as "training.epochs=3"."""
    shipped = CONFIGS / f"{name_or_path}.toml"
    path = shipped if shipped.is_file() else Path(name_or_path)
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.toml")))
        raise UsageError(f"no configuration {name_or_path!r}; known: {known}, or the path of a .toml file")
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not a TOML file ({error})") from error
    for change in changes:
        _apply(body, change)
    return config_from_dict(body, str(path))


def config_from_dict(body: Mapping[str, Any], source: str) -> Config:
    """A Config from nested tables; `source` names them in errors."""
    sections = get_type_hints(Config)
    unknown = sorted(set(body) - set(sections))
    if unknown:
        raise UsageError(f"{source}: no section {unknown[0]!r}; known: {', '.join(sections)}")
    defaults = Config()
    config = Config(**{s: _section(getattr(defaults, s), body.get(s, {}), f"{source}: {s}") for s in sections})
    _check_ranges(config, source)
    return config


def _check_ranges(config: Config, source: str) -> None:
    training = config.training
    whole = {f"training.{k}": getattr(training, k) for k in ("views", "epochs", "single_view_epochs", "color_variants")}
    for branch in ("reconstructor", "segmenter"):
        settings: BranchConfig = getattr(config, branch)
        whole[f"{branch}.batch_size"] = settings.batch_size
        if not settings.learning_rate > 0 or not 0 <= settings.dropout < 1:
            raise UsageError(f"{source}: {branch} wants a learning_rate above 0 and a dropout from 0 to below 1")
    if not 0 < config.model.prior < 1:
        raise UsageError(f"{source}: model.prior: {config.model.prior} is not between 0 and 1")
    if not 0 <= training.average < 1:
        raise UsageError(f"{source}: training.average: {training.average} is not from 0 to below 1")
    for key, value in whole.items():
        if value < 1:
            raise UsageError(f"{source}: {key}: {value} is not 1 or more")
    if not 1 <= training.views <= 8:
        raise UsageError(f"{source}: training.views: {training.views} is not 1 to 8")
    if training.precision not in PRECISIONS:
        raise UsageError(f"{source}: training.precision: {training.precision!r} is not {' or '.join(PRECISIONS)}")


def config_to_toml(config: Config) -> str:
    """The text that `load_config` reads back to the same Config."""
    sections = []
    for name, values in dataclasses.asdict(config).items():
        lines = [f"{key} = {_toml_value(value)}" for key, value in values.items()]
        sections.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(sections) + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else repr(value)


def _apply(body: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    section, dot, name = key.strip().partition(".")
    if not equals or not dot:
        raise UsageError(f"--set {change!r}: write it as section.key=value, for example training.epochs=3")
    try:
        value = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    body.setdefault(section, {})[name] = value


def _section(defaults: Any, values: Mapping[str, Any], where: str) -> Any:
    known = {f.name: type(getattr(defaults, f.name)) for f in dataclasses.fields(defaults)}
    checked = {}
    for key, value in values.items():
        if key not in known:
            raise UsageError(f"{where}: no key {key!r}; known: {', '.join(known)}")
        if known[key] is float and type(value) is int:
            value = float(value)
        if known[key] is str and type(value) in (int, float):
            value = str(value)
        if type(value) is not known[key]:
            raise UsageError(f"{where}.{key}: {value!r} is not a {known[key].__name__}")
        checked[key] = value
    return dataclasses.replace(defaults, **checked)
