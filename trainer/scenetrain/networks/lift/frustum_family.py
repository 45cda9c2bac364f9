"""The record of Lift on the frustum of one view."""

from __future__ import annotations

from pathlib import Path

from scenetrain.blocks.backbones import weights_to_load
from scenetrain.networks.contract import BenchScale, Family, Output, Reads
from scenetrain.networks.lift.family import describe
from scenetrain.networks.lift.network import Answer, Lift
from scenetrain.networks.lift.settings import LiftConfig
from scenetrain.networks.lift.stages import frustum_stages

STREET = (128, 128, 128)
IMAGE = 256
PAPER_IMAGES = 116_000
"""Of SemanticVoxels, as for SSZ."""


def build(config: LiftConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Lift:
    """The network of a configuration for frusta of any shape."""
    weights = weights_to_load(config.model.weights, pretrained=pretrained)
    return Lift(config, classes, shape, weights, "frustum")


FAMILY = Family(
    name="lift_frustum",
    title="Lift, frustum",
    settings=LiftConfig,
    configs=Path(__file__).parent / "frustum",
    default_config="lift_frustum",
    reads=Reads("frustum", None, IMAGE, views=(1, 1), cameras=True),
    outputs=(Output("labels", "labels", "labels", "frustum", Answer.probabilities, Answer.likeliest),),
    build=build,
    stages=frustum_stages,
    weigh=Lift.weigh,
    describe=describe,
    bench=BenchScale(PAPER_IMAGES, 9, STREET),
)
