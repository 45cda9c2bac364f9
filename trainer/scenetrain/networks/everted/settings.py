"""Settings of the Everted U-Net: its structure, and how each of its two branches trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, Epochs, ModelSettings


@dataclass(frozen=True, config=STRICT)
class EvertedModel(ModelSettings):
    """The network's structure."""

    name: str = "everted"
    """The family."""
    backbone: str = "resnet50"
    """Name of the frozen image trunk in timm."""
    weights: str = "hub"
    """The trunk's weights: "hub" (timm's), "package:NAME" (an installed package's .pth file), a file, or "none"."""
    width: float = Field(default=1.0, gt=0)
    """Factor on the channels of neck, decoders and fusion (1: the paper's)."""
    fusion: Literal["context", "mean"] = "context"
    """How views are joined: weighed voxel by voxel (the paper's) or their mean."""
    prior: float = Field(default=0.01, gt=0, lt=1)
    """Probability that an untrained network gives every voxel; each class has an equal share of it."""
    latent: Literal["reshape", "learned"] = "reshape"
    """How the neck's output becomes the latent: reshaped (the paper's) or by a learned sum over all positions."""
    mirror: bool = False
    """Show every view as the first camera would see it; the cameras' places must be mirror images of each other."""


@dataclass(frozen=True, config=STRICT)
class BranchSettings:
    """How one branch trains (section 4): Adam, and StepLR when `step_size` is not 0."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's learning rate."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout after the decoder's levels, but the last."""
    batch_size: int = Field(default=16, ge=1)
    """Scenes per step."""
    step_size: Epochs = Field(default=0, ge=0)
    """Multiply the learning rate by `gamma` every so many epochs (0: never)."""
    gamma: float = Field(default=0.5, gt=0)
    """Factor of the learning rate's steps."""
    all_views_learning_rate: float = Field(default=0.0, ge=0)
    """Learning rate of the stage that sees all views (0: `learning_rate`)."""
    single_view_epochs: Epochs = Field(default=0, ge=0)
    """Most epochs of this branch's one-view stage (0: training.single_view_epochs)."""


@dataclass(frozen=True, config=STRICT)
class EvertedConfig(Config):
    """One training run of the Everted U-Net."""

    model: EvertedModel = EvertedModel()
    reconstructor: BranchSettings = BranchSettings()
    segmenter: BranchSettings = BranchSettings(batch_size=8, step_size=10)
