"""Settings of a training run: frozen, validated dataclasses, read from TOML and written to it.

Every family of networks has a Config of its own (a subclass with its sections); what all of them share is here.
`scenetrain.networks.settings.load_config` finds the family and reads its configuration.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import numpy as np
import tomli_w
from pydantic import ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails
from scenegen.core.decoding import read_file
from scenegen.core.errors import UsageError
from scenegen.core.toml_table import MOST_BYTES, parse_toml

STRICT = ConfigDict(strict=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)
"""For every dataclass of settings: no "yes" for true, no 3.0 for 3, no unknown key; docstrings describe fields."""


IN_EPOCHS = "epochs"
Epochs = Annotated[int, IN_EPOCHS]
"""The type of a setting that counts epochs: `compare` fits it to its budget. 0 stays 0."""


@dataclass(frozen=True, config=STRICT)
class ModelSettings:
    """Which network; a family's subclass adds how it is built."""

    name: str
    """The family, as `networks.registry` names it."""


@dataclass(frozen=True, config=STRICT)
class TrainingSettings:
    """What all stages of a run share."""

    seed: int = Field(default=0, ge=0)
    """Weights, order of scenes, views, dropout and colours follow from it."""
    views: int = Field(default=3, ge=1)
    """How many images of a scene the network reads at once."""
    epochs: Epochs = Field(default=100, ge=1)
    """Most epochs of a stage; given with --set alone, of the one-view stages, too."""
    single_view_epochs: Epochs = Field(default=100, ge=1)
    """Most epochs of a stage that trains on one view, where a later stage trains on all."""
    patience: Epochs = Field(default=10, ge=1)
    """A stage ends after so many epochs without a lower validation loss."""
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    """Lightning's precision."""
    train_scenes: int = Field(default=0, ge=0)
    """Use only the first scenes of the training split (0: all)."""
    validation_scenes: int = Field(default=0, ge=0)
    """Use only the first scenes of the validation split (0: all)."""
    images: Literal["rendered", "restyled", "both"] = "rendered"
    """Learn from rendered images, from those that `restyle` painted of them, or from each in turn."""
    largest_object: bool = False
    """Of every scene learn one class alone, that of the object which takes the largest area of its images (box grids).
    So the paper of SSZ trains the networks it compares with."""
    color_variants: int = Field(default=1, ge=1)
    """In how many colour variants every scene is shown (1: as it is)."""
    mirrored_views: bool = False
    """Show one view in two as in a mirror, labels and poses too (families that read frusta); or three rooms in four,
    with labels and cameras (families that read box grids and cameras)."""
    moved_rooms: float = Field(default=0.0, ge=0, le=1)
    """Show this share of the rooms turned and shifted in their grids, by cameras that look elsewhere, so that a network
    does well with cameras that training never had (families that read box grids and cameras)."""
    average: float = Field(default=0.0, ge=0, lt=1)
    """Share that a moving average of the weights keeps at every step; the average is validated and kept (0: none)."""
    cache: bool = True
    """Keep what the frozen trunk computes on the device, where it fits."""
    compile: bool = True
    """Use torch.compile on CUDA."""


@dataclass(frozen=True, config=STRICT)
class Config:
    """One training run; a family's subclass adds its sections."""

    model: ModelSettings
    training: TrainingSettings = TrainingSettings()


@dataclass(frozen=True, config=STRICT)
class EdgeSettings:
    """Which edges of an image are kept (Canny, 1986), of photographs and of rendered images alike."""

    sigma: float = Field(default=1.0, ge=0, le=10)
    """Deviation in pixels of the Gaussian that smooths the image first."""
    low: float = Field(default=0.0, ge=0)
    """Least gradient of a pixel that continues an edge: the length of Sobel's vector, of grey from 0 to 1 (0: half of
    `high`)."""
    high: float = Field(default=0.0, ge=0)
    """Least gradient of a pixel that begins an edge (0: for each image, half of what best parts its gradients in two:
    Otsu's)."""
    borders: bool = False
    """Borders of objects join the edges, where images come with masks: data sets with instance maps, COCO."""


@dataclass(frozen=True, config=STRICT)
class PaintTraining:
    """How a network learns to paint photographs."""

    seed: int = Field(default=0, ge=0)
    """Weights, order of photographs, crops and mirrors follow from it."""
    epochs: Epochs = Field(default=200, ge=1)
    """So many times every photograph is shown."""
    size: int = Field(default=224, ge=64)
    """Pixels that a photograph's middle square is scaled to: as many as the rendered images have."""
    crop: int = Field(default=224, ge=64)
    """Pixels of the square that is cut from it at random."""
    batch_size: int = Field(default=1, ge=1)
    """Photographs per step."""
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed"
    """What is computed in."""
    photographs: int = Field(default=0, ge=0)
    """Use so many, evenly spread (0: all)."""


@dataclass(frozen=True, config=STRICT)
class PaintConfig:
    """One training of a network that paints; a painter's subclass adds its sections."""

    model: ModelSettings
    training: PaintTraining = PaintTraining()
    edges: EdgeSettings = EdgeSettings()


C = TypeVar("C", bound=Config | PaintConfig)


def config_from_dict(settings: type[C], body: Mapping[str, Any], source: str) -> C:
    """A family's Config from nested tables, such as a parsed TOML file.

    `source` names them in errors. UsageError for an unknown section or key, a wrong type or a value out of range.
    """
    sections = {f.name: get_type_hints(settings)[f.name] for f in dataclasses.fields(settings)}
    unknown = sorted(set(body) - set(sections))
    if unknown:
        raise UsageError(f"{source}: no section {unknown[0]!r}; known: {', '.join(sections)}")
    values = {name: _section(sections[name], body[name], f"{source}: {name}") for name in body}
    try:
        return settings(**values)
    except ValidationError as error:
        missing = error.errors()[0]["loc"][-1]
        raise UsageError(f"{source}: section {missing!r} is missing") from error


def config_to_toml(config: Config | PaintConfig) -> str:
    """The text that reads back to the same Config."""
    return tomli_w.dumps(as_plain(dataclasses.asdict(config)))


def as_plain(value: Any) -> Any:
    """`value` with what TOML can hold: a Path as text, a NumPy number as Python's, and no key whose value is None."""
    if isinstance(value, Mapping):
        return {key: as_plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [as_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value.item() if isinstance(value, np.generic) else value


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; UsageError when it is none."""
    try:
        return parse_toml(read_file(path, MOST_BYTES))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a TOML file ({error})") from error


def apply_changes(body: dict[str, Any], changes: Iterable[str]) -> None:
    """Write changes such as "training.epochs=3" into nested tables; a value that is not TOML is text."""
    for change in changes:
        key, equals, text = change.partition("=")
        section, dot, name = key.strip().partition(".")
        if not equals or not dot:
            raise UsageError(f"--set {change!r}: write it as section.key=value, for example training.epochs=3")
        table = body.setdefault(section, {})
        if isinstance(table, dict):
            table[name] = _value(text.strip())


def _value(text: str) -> Any:
    try:
        found = parse_toml(f"value = {text}".encode())
    except ValueError:
        return text
    return found["value"] if len(found) == 1 else text  # a second line would be another key


def _section(kind: type[Any], values: Any, where: str) -> Any:
    if not isinstance(values, Mapping):
        raise UsageError(f"{where}: {values!r} is not a section of keys")
    known = [f.name for f in dataclasses.fields(kind)]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise UsageError(f"{where}: no key {unknown[0]!r}; known: {', '.join(known)}")
    try:
        return kind(**values)
    except ValidationError as error:
        details = error.errors()[0]
        raise UsageError(f"{where}.{details['loc'][-1]}: {_reason(details)}") from error


_TYPES = {
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "finite_number": "is not a finite number",
    "bool_type": "is not true or false",
    "string_type": "is not text",
}


def _reason(details: ErrorDetails) -> str:
    """What is wrong with a value, in words: "0 is not 1 or more"."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        return "is missing"
    if kind in _TYPES:
        return f"{value!r} {_TYPES[kind]}"
    if kind == "literal_error":
        return f"{value!r} is not {context['expected'].replace(chr(39), '')}"
    limits = {
        "greater_than": "above {gt:g}",
        "greater_than_equal": "{ge:g} or more",
        "less_than": "below {lt:g}",
        "less_than_equal": "{le:g} or less",
    }
    return f"{value!r} is not {limits[kind].format(**context)}" if kind in limits else f"{value!r}: {details['msg']}"
