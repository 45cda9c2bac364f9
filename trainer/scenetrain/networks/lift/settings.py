"""Settings of Lift: its structure, its losses, and how it trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, ModelSettings


@dataclass(frozen=True, config=STRICT)
class LiftModel(ModelSettings):
    """The network's structure."""

    name: str = "lift"
    """The family."""
    backbone: str = "resnet50"
    """Name of the frozen image trunk in timm."""
    weights: str = "hub"
    """The trunk's weights: "hub" (timm's), "package:NAME" (an installed package's .pth file), a file, or "none"."""
    width: float = Field(default=1.0, gt=0)
    """Factor on all channels but the trunk's."""
    depth_bins: int = Field(default=48, ge=0)
    """In how many depths a pixel's surface may lie; 0 pulls a pixel's features to its whole line of sight alike."""
    detail: Literal[2, 4] = 2
    """Voxels along an edge of the cells that are pulled to."""
    refined: float = Field(default=0.06, gt=0, le=1)
    """Share of the cells, the likeliest, that are told apart into voxels."""


@dataclass(frozen=True, config=STRICT)
class LiftLosses:
    """Weights of the losses."""

    pixels: float = Field(default=0.5, ge=0)
    """Of the classes and depths that pixels show, known from the voxels' labels."""
    dice: float = Field(default=1.0, ge=0)
    """Of Dice, beside cross-entropy."""


@dataclass(frozen=True, config=STRICT)
class LiftTraining:
    """How it trains: AdamW, whose learning rate falls to 0 along a cosine."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """AdamW's highest learning rate."""
    weight_decay: float = Field(default=0.01, ge=0)
    """AdamW's weight decay."""
    batch_size: int = Field(default=4, ge=1)
    """Scenes per step."""


@dataclass(frozen=True, config=STRICT)
class LiftConfig(Config):
    """One training run of Lift."""

    model: LiftModel = LiftModel()
    losses: LiftLosses = LiftLosses()
    lift: LiftTraining = LiftTraining()
