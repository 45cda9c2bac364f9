"""The record of TS3DSC."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from scenetrain.networks.contract import BenchScale, Family, Output, Reads, SearchedSection
from scenetrain.networks.ts3dsc.network import Completion, Ts3dsc
from scenetrain.networks.ts3dsc.settings import Ts3dscConfig
from scenetrain.networks.ts3dsc.stages import stages

CANDIDATES: dict[str, tuple[float, ...]] = {
    "learning_rate": (1e-3, 3e-3, 1e-2, 3e-2),
    "batch_size": (1, 2, 4, 8),
    "free_per_occupied": (2.0, 4.0, 8.0, 16.0),
}


def build(config: Ts3dscConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Ts3dsc:
    """The network of a configuration."""
    weights = config.model.weights if pretrained and config.model.weights != "none" else None
    return Ts3dsc(config, classes, shape, weights)


def describe(config: Ts3dscConfig) -> str:
    """The trunk, and the width where it is not SSCNet's."""
    width = "" if config.model.width == 1 else f", {config.model.width:g} of SSCNet's channels"
    return f"depth, {config.model.backbone}{width}"


def occupancy(found: Completion) -> Tensor:
    """Output "occupancy"."""
    return found.occupancy()


def masks(found: Completion) -> Tensor:
    """Output "masks"."""
    return found.masks()


FAMILY = Family(
    name="ts3dsc",
    title="TS3DSC",
    settings=Ts3dscConfig,
    configs=Path(__file__).parent,
    default_config="ts3dsc",
    reads=Reads("box", depth=True, cameras=True),
    outputs=(
        Output("occupancy", "reconstructor", "occupancy", "box", occupancy),
        Output("masks", "segmenter", "masks", "box", masks),
    ),
    build=build,
    stages=stages,
    describe=describe,
    sections=("ts3dsc",),
    searched=(SearchedSection("ts3dsc", CANDIDATES),),
    bench=BenchScale(22_500, 6, (80, 96, 64)),
)
