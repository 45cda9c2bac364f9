"""The record of DISN."""

from __future__ import annotations

from pathlib import Path

from scenetrain.blocks.backbones import weights_to_load
from scenetrain.networks.contract import BenchScale, Family, Reads, SearchedSection
from scenetrain.networks.disn.network import Disn
from scenetrain.networks.disn.paper import VERSIONS
from scenetrain.networks.disn.settings import DisnConfig
from scenetrain.networks.disn.stages import stages
from scenetrain.networks.rooms import ROOM_OUTPUTS

CANDIDATES: dict[str, tuple[float, ...]] = {"learning_rate": (3e-5, 1e-4, 3e-4, 1e-3), "batch_size": (2, 4, 8, 20)}


def build(config: DisnConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Disn:
    """The network of a configuration."""
    weights = weights_to_load(config.model.weights, pretrained=pretrained)
    return Disn(config, classes, shape, weights)


def describe(config: DisnConfig) -> str:
    """The encoder, and the width where it is not the paper's."""
    width = "" if config.model.width == 1 else f", {config.model.width:g} of the paper's channels"
    return f"{config.model.backbone}{width}"


FAMILY = Family(
    name="disn",
    title="DISN",
    settings=DisnConfig,
    configs=Path(__file__).parent,
    default_config="disn",
    reads=Reads("box", cameras=True),
    outputs=ROOM_OUTPUTS,
    build=build,
    stages=stages,
    describe=describe,
    paper=VERSIONS,
    sections=("disn",),
    searched=(SearchedSection("disn", CANDIDATES),),
    one_class=True,
    bench=BenchScale(22_500, 6, (80, 96, 64)),
)
