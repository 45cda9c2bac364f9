"""Settings of Z-GAN: its size, its losses, and how it trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, Epochs, ModelSettings


@dataclass(frozen=True, config=STRICT)
class ZganModel(ModelSettings):
    """The network's structure."""

    name: str = "zgan"
    """The family."""
    channels: int = Field(default=32, ge=1)
    """Channels of the first convolution of generator and judge (32: the authors'); the others are multiples of it."""
    detail: Literal[1, 2, 4, 8] = 1
    """Cells of the grid along one edge of a cell that the generator decides (1: the authors'; a power of 2)."""


@dataclass(frozen=True, config=STRICT)
class ZganLosses:
    """How the generator's losses are weighed."""

    l1_weight: float = Field(default=200.0, ge=0)
    """Weight of the L1 distance from the true frustum."""
    adversarial_weight: float = Field(default=1.0, ge=0)
    """Weight of "the judge takes it for real"."""


@dataclass(frozen=True, config=STRICT)
class ZganTraining:
    """How generator and judge train: Adam, a constant learning rate, then linear to 0."""

    learning_rate: float = Field(default=2e-4, gt=0)
    """Adam's learning rate, of both."""
    batch_size: int = Field(default=1, ge=1)
    """Views per step."""
    decay_epochs: Epochs = Field(default=100, ge=0)
    """In how many of the last epochs the learning rate falls to 0 (0: it stays)."""


@dataclass(frozen=True, config=STRICT)
class ZganConfig(Config):
    """One training run of Z-GAN."""

    model: ZganModel = ZganModel()
    losses: ZganLosses = ZganLosses()
    zgan: ZganTraining = ZganTraining()
