"""Settings of Pix2Vox and Pix2Vox++: which version, and how it trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, Epochs, ModelSettings
from scenetrain.networks.pix2vox.versions import VersionName


@dataclass(frozen=True, config=STRICT)
class Pix2VoxModel(ModelSettings):
    """The network's structure."""

    name: str = "pix2vox"
    """The family."""
    version: VersionName = "A"
    """The paper's accurate (A) or fast (F) version, of Pix2Vox or of Pix2Vox++."""
    backbone: str = ""
    """Name of the frozen image trunk in timm ("": the version's)."""
    weights: str = "hub"
    """The trunk's weights: "hub" (timm's), "package:NAME" (an installed package's .pth file), a file, or "none"."""
    width: float = Field(default=1.0, gt=0)
    """Factor on the channels of neck and decoder (1: the paper's); at least 4, and the latent keeps its channels."""
    detail: Literal[1, 2] = 1
    """Voxels along an edge of the blocks that the network decides (1: every voxel, as in the paper)."""
    fusion: Literal["paper", "mean"] = "paper"
    """How views are joined: weighed voxel by voxel as in the version's paper, or their mean."""
    prior: float = Field(default=0.01, gt=0, lt=1)
    """Probability that an untrained network gives every voxel; each class has an equal share of it."""
    latent: Literal["reshape", "learned"] = "reshape"
    """How the neck's output becomes the first volume: reshaped (the paper's) or by a learned sum over all positions."""
    mirror: bool = False
    """Show every view as the first camera would see it; the cameras' places must be mirror images of each other."""


@dataclass(frozen=True, config=STRICT)
class Pix2VoxTraining:
    """How it trains: Adam, the learning rate halved once (the paper's section 4.2)."""

    learning_rate: float = Field(default=1e-3, gt=0)
    """Adam's learning rate."""
    fusion_learning_rate: float = Field(default=1e-4, gt=0)
    """That of the fusion's weights."""
    all_views_learning_rate: float = Field(default=0.0, ge=0)
    """Learning rate of the stage that sees all views (0: `learning_rate`)."""
    batch_size: int = Field(default=64, ge=1)
    """Scenes per step."""
    halved_after: Epochs = Field(default=150, ge=0)
    """Halve both learning rates after so many epochs (0: never)."""


@dataclass(frozen=True, config=STRICT)
class Pix2VoxConfig(Config):
    """One training run of Pix2Vox or Pix2Vox++."""

    model: Pix2VoxModel = Pix2VoxModel()
    pix2vox: Pix2VoxTraining = Pix2VoxTraining()
