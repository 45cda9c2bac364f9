"""Settings of DISN: its structure, which points it sees, and how it trains."""

from __future__ import annotations

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, ModelSettings


@dataclass(frozen=True, config=STRICT)
class DisnModel(ModelSettings):
    """The network's structure."""

    name: str = "disn"
    """The family."""
    backbone: str = "vgg16"
    """The image encoder: "vgg16" trains whole (the paper's); other trunks of timm are frozen, and a neck trains."""
    weights: str = "hub"
    """The encoder's weights: "hub" (timm's), "package:NAME" (an installed package's .pth file), a file, or "none"."""
    width: float = Field(default=1.0, gt=0)
    """Factor on the channels of the point networks, and of the neck on a frozen trunk (1: the paper's)."""
    map_size: int = Field(default=137, ge=7)
    """Pixels along an edge of the feature maps that points are projected to (the paper's: 137)."""


@dataclass(frozen=True, config=STRICT)
class DisnPoints:
    """Which voxel centres of a scene a step sees."""

    count: int = Field(default=2048, ge=1)
    """Voxel centres per scene and step (the paper's: 2048)."""
    near_width: float = Field(default=0.1, gt=0)
    """Deviation of the Gaussian of their distance that points are drawn by (the paper's: 0.1; 20 cells are 1)."""
    uniform: float = Field(default=0.25, ge=0, le=1)
    """Share that is drawn from the whole grid alike (the paper: none; its grid is no larger than the object)."""


@dataclass(frozen=True, config=STRICT)
class DisnTraining:
    """How it trains: Adam, an L1 loss of distances, cross-entropy of classes."""

    learning_rate: float = Field(default=1e-4, gt=0)
    """Adam's learning rate (the authors': 1e-4, x 0.9 every 200,000 steps)."""
    weight_decay: float = Field(default=1e-5, ge=0)
    """Weight of half the sum of squared weights in the loss (the authors': 1e-5)."""
    batch_size: int = Field(default=20, ge=1)
    """Scenes per step (the authors': 20)."""
    class_weight: float = Field(default=1.0, ge=0)
    """Weight of the classes' cross-entropy beside the distances' L1 (ours: the paper knows one class)."""


@dataclass(frozen=True, config=STRICT)
class DisnConfig(Config):
    """One training run of DISN."""

    model: DisnModel = DisnModel()
    points: DisnPoints = DisnPoints()
    disn: DisnTraining = DisnTraining()
