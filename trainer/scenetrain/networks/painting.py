"""What a network must bring to paint photographs from edges: its Painter record.

A painter is a folder in `networks/` as a family is, but it knows no voxels: `fit` and `restyle` alone use it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from scenetrain.config import PaintConfig


class PaintLosses(NamedTuple):
    """What one step minimises; the parts are logged by their names."""

    painter: Mapping[str, Tensor]
    """The parts of the loss of what paints."""
    judge: Tensor
    """The loss of what tells paintings from photographs; sends no gradients to the painter."""


class PaintingNetwork(Protocol):
    """A torch module that paints, with what it is trained against."""

    @property
    def generator(self) -> nn.Module:
        """The part that paints, which alone model.pt keeps."""

    @property
    def judge(self) -> nn.Module:
        """The part that tells paintings from photographs."""

    def paint(self, edges: Tensor) -> Tensor:
        """Colours float32 (B, 3, H, W) in 0..1 of edges (B, 1, H, W), 1 on an edge and 0 elsewhere, of any H and W."""

    def losses(self, edges: Tensor, photographs: Tensor) -> PaintLosses:
        """Of edges (B, 1, H, W) and the photographs (B, 3, H, W) in 0..1 that they are of."""


@dataclass(frozen=True)
class Painter:
    """A network with what fit and restyle need to know of it. Functions that take a configuration take its own."""

    name: str
    title: str
    settings: type[PaintConfig]
    configs: Path
    default_config: str
    build: Callable[..., Any]
    """A configuration to a PaintingNetwork; with `pretrained=False` to one that is not trained further."""
    optimizers: Callable[[Any, Any], tuple[Optimizer, Optimizer]]
    """(network, configuration) to the optimizers of generator and judge."""
    schedule: Callable[[Optimizer, Any], LRScheduler]
    """Steps once per epoch."""
    describe: Callable[[Any], str]
    """What it is made of, in a line: the backbone of its losses too."""
