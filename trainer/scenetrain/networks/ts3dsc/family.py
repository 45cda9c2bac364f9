"""The record of TS3DSC."""

from __future__ import annotations

from pathlib import Path

from scenetrain.blocks.backbones import weights_to_load
from scenetrain.networks.contract import BenchScale, Family, Reads, SearchedSection
from scenetrain.networks.rooms import ROOM_OUTPUTS
from scenetrain.networks.ts3dsc.network import Ts3dsc
from scenetrain.networks.ts3dsc.settings import Ts3dscConfig
from scenetrain.networks.ts3dsc.stages import stages

CANDIDATES: dict[str, tuple[float, ...]] = {
    "learning_rate": (1e-3, 3e-3, 1e-2, 3e-2),
    "batch_size": (1, 2, 4, 8),
    "free_per_occupied": (2.0, 4.0, 8.0, 16.0),
}


def build(config: Ts3dscConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Ts3dsc:
    """The network of a configuration."""
    weights = weights_to_load(config.model.weights, pretrained=pretrained)
    return Ts3dsc(config, classes, shape, weights)


def describe(config: Ts3dscConfig) -> str:
    """The trunk, and the width where it is not SSCNet's."""
    width = "" if config.model.width == 1 else f", {config.model.width:g} of SSCNet's channels"
    return f"depth, {config.model.backbone}{width}"


FAMILY = Family(
    name="ts3dsc",
    title="TS3DSC",
    settings=Ts3dscConfig,
    configs=Path(__file__).parent,
    default_config="ts3dsc",
    reads=Reads("box", depth=True, cameras=True),
    outputs=ROOM_OUTPUTS,
    build=build,
    stages=stages,
    describe=describe,
    sections=("ts3dsc",),
    searched=(SearchedSection("ts3dsc", CANDIDATES),),
    bench=BenchScale(22_500, 6, (80, 96, 64)),
)
