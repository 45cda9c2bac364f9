"""What a network must bring to be trained, scored, shown and exported: its Family record.

A family is a folder `networks/<name>/` with these files:

    settings.py   its Config: a subclass of scenetrain.config.Config with a docstring under every field
    network.py    a torch module: `forward(inputs: Inputs, wanted: tuple[str, ...]) -> dict[str, Any]` gives the wanted
                  outputs by name; training, evaluation, predict, bench and export all call it
    losses.py     functions of tensors
    stages.py     what is trained in which order, readable from top to bottom as the paper's section
    paper.py      the paper's numbers
    family.py     FAMILY, the record that puts these together
    *.toml        configurations by name

and a line in `networks/registry.py`. Everything outside the folder loops over the record and knows no network by name.

Legend of shapes: B items, V views, H W pixels, C classes, X Y Z the grid's axes (w, h, d of a frustum).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import torch
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from scenetrain.blocks.backbones import Backbone
from scenetrain.config import Config
from scenetrain.data.reads import Extras, Reads
from scenetrain.metrics.objects import FoundObject
from scenetrain.metrics.outputs import Output
from scenetrain.metrics.scorers import Scorer, ScorerSetup

__all__ = [
    "BenchScale",
    "BuildNetwork",
    "Extras",
    "Family",
    "FindObjects",
    "FoundObject",
    "Inputs",
    "Losses",
    "Output",
    "PaperScore",
    "PaperVersion",
    "Reads",
    "Scorer",
    "ScorerSetup",
    "SearchedSection",
    "Stage",
    "Step",
    "Turn",
]


class Inputs(NamedTuple):
    """What a network's forward reads: images, or in their place what its frozen trunk made of them."""

    images: Tensor | None = None
    """float32 (B, V, 3, H, W), RGB in [0, 1]."""
    features: Tensor | None = None
    """(B, V, C, 28, 28) of the trunk, of images that are already turned to the first camera's place (data.mirror)."""
    extras: Extras = Extras()
    """Depth, cameras and poses, where the family reads them."""


class Step(NamedTuple):
    """What a loss reads: a batch, and what the network answered."""

    network: Any
    inputs: Inputs
    answers: Mapping[str, Any]
    """What forward gave, by output; only a stage's first turn may send gradients through it."""
    labels: Tensor
    """uint8 (B, X, Y, Z), see data.labels."""
    truth: Mapping[str, Tensor]
    """bool (B, channels, X, Y, Z), by output; none of outputs that are labels, whose truth is `labels`."""


class Losses(NamedTuple):
    """A loss of several parts, each logged by its name; their sum is minimised. `shown` are figures logged alone."""

    parts: Mapping[str, Tensor]
    shown: Mapping[str, Tensor] = MappingProxyType({})

    @property
    def total(self) -> Tensor:
        """The sum of the parts."""
        return torch.stack(list(self.parts.values())).sum()


def _no_trunk(network: Any) -> Backbone | None:
    del network
    return None


def _no_mirrors(network: Any, config: Any, cameras: Sequence[Camera], grid: GridSpec | FrustumSpec) -> Sequence[int]:
    del network, config, cameras, grid
    return ()


def _no_text(config: Any) -> str:
    del config
    return ""


def _no_entries(config: Any) -> Mapping[str, Any]:
    del config
    return {}


def _no_scorers(setup: ScorerSetup) -> Sequence[Scorer]:
    del setup
    return ()


@dataclass(frozen=True)
class Turn:
    """One optimizer of a stage: what it trains and what it minimises.

    `modules` are trained parts of the network; the rest of it is frozen, batch norm statistics included. `optimizer`
    takes the parameters, `schedule` steps once per epoch.
    """

    name: str
    modules: Callable[[Any], Sequence[nn.Module]]
    loss: Callable[[Step], Tensor | Losses]
    optimizer: Callable[[Sequence[Any]], Optimizer]
    schedule: Callable[[Optimizer], LRScheduler] | None = None
    groups: Callable[[Any], Sequence[Mapping[str, Any]]] | None = None
    """Network to groups of torch's optimizers ({"params": ..., "lr": ...}), which the optimizer takes in the place of
    the parameters, where not all of them learn alike; together they are those of `modules`."""
    contested: tuple[str, ...] = ()
    """The parts of its loss that are near 0 only where it beats the other turns outright, of which training warns."""
    remedy: str = ""
    """What to change then, as the end of that warning."""


@dataclass(frozen=True)
class Stage:
    """One training of parts of the network, from the best epoch of the stage before to its own best epoch.

    A step calls the network once for `wanted` outputs, then every turn minimises its loss, in order: a generator's,
    then a discriminator's. A later turn uses `answers` detached, or calls the network again. Validation compares epochs
    by the first turn's loss, or by its part `compared`.
    """

    name: str
    """The stage's folder in a run."""
    title: str
    """For tables and plots."""
    section: str
    """The section of the configuration that rules it: learning rate, batch size."""
    views: int
    """1: one random view of every item; else all views."""
    batch_size: int
    epochs: int
    """The most."""
    turns: tuple[Turn, ...]
    wanted: tuple[str, ...]
    """Which outputs it computes."""
    scored: str | None
    """The output whose IoU and threshold are measured on validation; None for outputs that are not voxels. An output
    by which no stage is scored gets the threshold that is best for the finished network on validation."""
    compared: str | None = None
    """The part of the first turn's Losses by which validation compares epochs; None for their sum."""


@dataclass(frozen=True)
class PaperScore:
    """An output's score in the paper; None or no entry where it gives none."""

    overall: float | None = None
    macro: float | None = None
    classes: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None


@dataclass(frozen=True)
class PaperVersion:
    """One column of the paper's tables: scores by output, settings by row of the family's `settings_rows`."""

    name: str
    scores: Mapping[str, PaperScore]
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class SearchedSection:
    """A section of the configuration that `search` explores: candidate values by key."""

    section: str
    candidates: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class BenchScale:
    """How `bench` measures a family: an epoch of how many scenes, of how many classes, on which grid.

    `floors` gives seconds per epoch that no program can beat on one H200, by stage, where they are known.
    """

    scenes: int
    classes: int
    shape: tuple[int, int, int]
    floors: Callable[[Any], Mapping[str, float]] = _no_entries


class BuildNetwork(Protocol):
    """Makes a network."""

    def __call__(self, config: Any, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> nn.Module:
        """A network of a configuration for so many classes and a grid of this shape.

        `pretrained` loads the weights that the configuration names, which later are in the run's own files.
        """


class FindObjects(Protocol):
    """Lists the objects that a network finds."""

    def __call__(
        self, network: Any, images: Tensor, probabilities: Tensor, cameras: Sequence[Camera], classes: Sequence[str]
    ) -> list[tuple[FoundObject, ...]]:
        """The objects of every view, in images (B, 3, H, W) in [0, 1] and what the network says of their frusta.

        `probabilities` (B, 1 + C, W, H, D) are the main output's; both tensors are on the network's device. `cameras`
        are the views'; of a photograph, whose place is not known, one that stands in the world's origin.
        """


@dataclass(frozen=True)
class Family:
    """A network with everything that fit, evaluate, predict, report, bench, export and search need to know of it.

    Functions that take a configuration take the family's own Config, those that take a network its own module.
    """

    name: str
    """As in the registry, in configurations and in model.pt."""
    title: str
    """For people."""
    settings: type[Config]
    """Its Config."""
    configs: Path
    """The folder of its configurations."""
    default_config: str
    """The configuration when none is named."""
    reads: Reads
    """What it reads of a scene."""
    outputs: tuple[Output, ...]
    """What it answers with. The last is the main one: confusion, objects seen and a report's scenes are of it."""
    build: BuildNetwork
    """Makes its networks."""
    stages: Callable[[Any], tuple[Stage, ...]]
    """The stages of a configuration, in their order."""
    trunk: Callable[[Any], Backbone | None] = _no_trunk
    """A network's frozen trunk, whose features training computes once; None where it has none."""
    mirrors: Callable[[Any, Any, Sequence[Camera], GridSpec | FrustumSpec], Sequence[int]] = _no_mirrors
    """(network, config, cameras, grid) to the views' numbers in mirror.AXES, which the network keeps; () for none."""
    weigh: Callable[[Any, Tensor], None] | None = None
    """(network, counts) before training: counts int64 (256,) of every byte of labels in the training split."""
    describe: Callable[[Any], str] = _no_text
    """What a report says of the network: its trunk and width."""
    paper: tuple[PaperVersion, ...] = ()
    """The paper's numbers, to stand beside a run's."""
    paper_version: Callable[[Any], str] = _no_text
    """The name of the version in `paper` that a configuration is of; "" for none."""
    sections: tuple[str, ...] = ()
    """The sections of the configuration that `settings_rows` gives one value of each."""
    settings_rows: Callable[[Any], Mapping[str, tuple[str, ...]]] = _no_entries
    """A configuration's settings as text, by row: one value per section."""
    searched: tuple[SearchedSection, ...] = ()
    """What `search` explores, in order; each section is trained on the best of the one before."""
    scorers: Callable[[ScorerSetup], Sequence[Scorer]] = _no_scorers
    """New scorers beyond IoU, whose tables follow it; of families whose main output is the labels of frusta alone."""
    find_objects: FindObjects | None = None
    """What lists the objects in a view, with their poses; None where the family reads none."""
    one_class: bool = False
    """Whether its published form predicts the one class of one object: `compare --protocol ssz` trains it so."""
    bench: BenchScale | None = None
    """How `bench` measures it; None where it cannot."""

    def __post_init__(self) -> None:
        if any(output.grid != self.reads.labels for output in self.outputs):
            raise ValueError(f"{self.name}: reads labels of a {self.reads.labels}, so its outputs must be of one too")

    @property
    def main(self) -> Output:
        """The main output."""
        return self.outputs[-1]

    def output(self, name: str) -> Output:
        """An output by its name."""
        return next(output for output in self.outputs if output.name == name)
