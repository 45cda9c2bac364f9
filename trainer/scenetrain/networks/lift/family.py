"""The record of Lift."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from scenetrain.networks.contract import BenchScale, Family, Output, Reads
from scenetrain.networks.lift.network import Answer, Lift
from scenetrain.networks.lift.settings import LiftConfig
from scenetrain.networks.lift.stages import stages

STUDIO = (80, 96, 64)


def build(config: LiftConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Lift:
    """The network of a configuration for any box grid."""
    weights = config.model.weights if pretrained and config.model.weights != "none" else None
    return Lift(config, classes, shape, weights)


def occupancy(answer: Answer) -> Tensor:
    """(B, 1, X, Y, Z): not air."""
    return 1 - answer.probabilities()[:, :1]


def masks(answer: Answer) -> Tensor:
    """(B, C, X, Y, Z)."""
    return answer.probabilities()[:, 1:]


def describe(config: LiftConfig) -> str:
    """The trunk, and where it differs from the default."""
    model = config.model
    parts = [model.backbone]
    parts += [f"{model.width:g} of the channels"] if model.width != 1 else []
    parts += [] if model.depth_bins else ["no depths of pixels"]
    return ", ".join(parts)


FAMILY = Family(
    name="lift",
    title="Lift",
    settings=LiftConfig,
    configs=Path(__file__).parent,
    default_config="lift",
    reads=Reads("box", views=(1, 16), cameras=True),
    outputs=(
        Output("occupancy", "reconstructor", "occupancy", "box", occupancy),
        Output("masks", "segmenter", "masks", "box", masks),
    ),
    build=build,
    stages=stages,
    weigh=Lift.weigh,
    describe=describe,
    bench=BenchScale(22_500, 6, STUDIO),
)
