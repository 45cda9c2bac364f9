"""Settings of SSZ: its structure, its losses, and how it trains."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, Config, Epochs, ModelSettings
from scenetrain.networks.ssz.generator import Initial, Residuals
from scenetrain.networks.ssz.judge import Condition
from scenetrain.networks.ssz.losses import PoseLoss


@dataclass(frozen=True, config=STRICT)
class SszModel(ModelSettings):
    """The network's structure."""

    name: str = "ssz"
    """The family."""
    width: float = Field(default=1.0, gt=0)
    """Factor on the channels of generator and judge (1: the paper's)."""
    residuals: Residuals = "2d+3d"
    """Where inverted residual blocks stand: "2d+3d" (the paper's), "3d" (its ablation no_ir2d), "none" (no_ir2d3d)."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout after the three inner doublings (the authors' earlier code: 0.5)."""
    detail: Literal[1, 2, 4, 8, 16] = 1
    """Cells of the grid along one edge of a cell that the generator decides (1: the paper's; a power of 2)."""
    initial: Initial = "normal"
    """How the generator's weights are drawn: "normal" (0, 0.02; the authors' earlier code), or "fan_in" (He et al.)."""
    condition: Condition = "channels"
    """How the judge sees the image: as channels of every slice, or as slices before the first."""


@dataclass(frozen=True, config=STRICT)
class SszLosses:
    """How the losses are weighed (networks specification, section 2)."""

    label_weight: float = Field(default=100.0, ge=0)
    """Weight of the labels' negative log-likelihood."""
    adversarial_weight: float = Field(default=1.0, ge=0)
    """Weight of "the judge takes it for real" (0 with pose_weight 0: no judge, the paper's ablation no_6d)."""
    pose_weight: float = Field(default=1.0, ge=0)
    """Weight of the poses that the judge reads."""
    balance: float = Field(default=1.0, ge=0, le=1)
    """How far frequent labels weigh less: the power of median frequency (0: all labels weigh the same)."""
    pose_loss: PoseLoss = "corners"
    """"corners": distance of the boxes' corners. "eq3": the paper's equation 3 as printed."""


@dataclass(frozen=True, config=STRICT)
class SszTraining:
    """How generator and judge train: Adam, a constant learning rate, then linear to 0."""

    learning_rate: float = Field(default=2e-4, gt=0)
    """Adam's learning rate."""
    judge_rate: float = Field(default=1.0, gt=0)
    """The judge's learning rate, as a share of the generator's."""
    batch_size: int = Field(default=4, ge=1)
    """Views per step."""
    decay_epochs: Epochs = Field(default=100, ge=0)
    """In how many of the last epochs the learning rate falls to 0 (0: it stays)."""


@dataclass(frozen=True, config=STRICT)
class SszConfig(Config):
    """One training run of SSZ."""

    model: SszModel = SszModel()
    losses: SszLosses = SszLosses()
    ssz: SszTraining = SszTraining()
