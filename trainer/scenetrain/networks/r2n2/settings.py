"""Settings of 3D-R2N2: its size, and how it trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, Epochs, ModelSettings


@dataclass(frozen=True, config=STRICT)
class R2N2Model(ModelSettings):
    """The network's structure."""

    name: str = "r2n2"
    """The family."""
    width: float = Field(default=1.0, gt=0)
    """Factor on all channels (1: the paper's); at least 4."""
    detail: Literal[1, 2] = 1
    """Voxels along an edge of the blocks that the network decides (1: every voxel)."""
    backbone: str = ""
    """Name of a frozen image trunk in timm, in the place of the encoder's first two blocks ("": the paper's own)."""
    weights: str = "none"
    """The trunk's weights: "hub" (timm's), "package:NAME" (an installed package's .pth file), a file, or "none"."""
    norm: bool = False
    """Batch norms after the convolutions and before the gates, of which the paper has none."""
    prior: float = Field(default=0.01, gt=0, lt=1)
    """Probability that an untrained network gives every voxel; each class has an equal share of it."""
    mirror: bool = False
    """Show every view as the first camera would see it (needs a trunk); their places must be mirror images."""


@dataclass(frozen=True, config=STRICT)
class R2N2Training:
    """How it trains: Adam on all views, in the order of the cameras."""

    learning_rate: float = Field(default=1e-4, gt=0)
    """Adam's learning rate."""
    batch_size: int = Field(default=36, ge=1)
    """Scenes per step."""
    weight_decay: float = Field(default=5e-5, ge=0)
    """L2 penalty of all weights but the biases."""
    tenth_after: Epochs = Field(default=21, ge=0)
    """Take a tenth of the learning rate after so many epochs (0: never); the authors' code does after 20,000 steps."""


@dataclass(frozen=True, config=STRICT)
class R2N2Config(Config):
    """One training run of 3D-R2N2."""

    model: R2N2Model = R2N2Model()
    r2n2: R2N2Training = R2N2Training()
