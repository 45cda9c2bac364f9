"""The record of Lift."""

from __future__ import annotations

from pathlib import Path

from scenetrain.blocks.backbones import weights_to_load
from scenetrain.networks.contract import BenchScale, Family, Reads
from scenetrain.networks.lift.network import Lift
from scenetrain.networks.lift.settings import LiftConfig
from scenetrain.networks.lift.stages import stages
from scenetrain.networks.rooms import ROOM_OUTPUTS

STUDIO = (80, 96, 64)


def build(config: LiftConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Lift:
    """The network of a configuration for any box grid."""
    weights = weights_to_load(config.model.weights, pretrained=pretrained)
    return Lift(config, classes, shape, weights)


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
    outputs=ROOM_OUTPUTS,
    build=build,
    stages=stages,
    weigh=Lift.weigh,
    describe=describe,
    bench=BenchScale(22_500, 6, STUDIO),
)
