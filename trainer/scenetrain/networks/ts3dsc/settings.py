"""Settings of TS3DSC: its structure, and how it trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, ModelSettings


@dataclass(frozen=True, config=STRICT)
class Ts3dscModel(ModelSettings):
    """The network's structure."""

    name: str = "ts3dsc"
    """The family."""
    backbone: str = "resnet101"
    """Name of the frozen image trunk in timm that the segmentation of images is learnt on."""
    weights: str = "hub"
    """The trunk's weights: "hub" (timm's), "package:NAME" (an installed package's .pth file), a file, or "none"."""
    width: float = Field(default=1.0, gt=0)
    """Factor on all channels but the trunk's (1: SSCNet's)."""
    margin: int = Field(default=5, ge=1)
    """Cells over which the TSDF falls to 0 (SSCNet's 0.24 m, in cells of 5 cm)."""


@dataclass(frozen=True, config=STRICT)
class Ts3dscTraining:
    """How it trains."""

    optimizer: Literal["sgd", "adam"] = "sgd"
    """"sgd" with momentum 0.9 (SSCNet's solver) or "adam"."""
    learning_rate: float = Field(default=0.01, gt=0)
    """The optimizer's learning rate (SSCNet: 0.01)."""
    weight_decay: float = Field(default=5e-4, ge=0)
    """Weight of half the sum of squared weights in the loss (SSCNet: 5e-4)."""
    batch_size: int = Field(default=4, ge=1)
    """Scenes per step (SSCNet: 4 by accumulation)."""
    free_per_occupied: float = Field(default=2.0, gt=0)
    """Free voxels, drawn anew at every step, for each occupied voxel in the loss (SSCNet: 2)."""
    image_weight: float = Field(default=1.0, ge=0)
    """Weight of the segmentation of images in the loss."""


@dataclass(frozen=True, config=STRICT)
class Ts3dscConfig(Config):
    """One training run of TS3DSC."""

    model: Ts3dscModel = Ts3dscModel()
    ts3dsc: Ts3dscTraining = Ts3dscTraining()
