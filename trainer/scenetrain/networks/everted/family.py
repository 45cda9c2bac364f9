"""The record of the Everted U-Net."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scenetrain.blocks.backbones import Backbone, weights_to_load
from scenetrain.blocks.fusion import probabilities
from scenetrain.data.mirror import MAX_VIEWS, keep_mirrors
from scenetrain.networks.contract import BenchScale, Family, Output, Reads, SearchedSection
from scenetrain.networks.everted.network import GRID, EvertedUNet
from scenetrain.networks.everted.paper import VERSIONS, settings_rows
from scenetrain.networks.everted.settings import EvertedConfig
from scenetrain.networks.everted.stages import stages

FLOORS = {"reconstructor_1": 1.8, "reconstructor_3": 17.0, "segmenter_1": 3.1, "segmenter_3": 28.0}
"""Seconds per epoch of 22,500 scenes: the greater of arithmetic and memory traffic, estimated for one H200."""

CANDIDATES: dict[str, tuple[float, ...]] = {
    "learning_rate": (1e-4, 1e-3, 1e-2),
    "dropout": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "batch_size": (2, 4, 8, 16),
}


def build(config: EvertedConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> EvertedUNet:
    """The network of a configuration; its grid is fixed."""
    del shape
    weights = weights_to_load(config.model.weights, pretrained=pretrained)
    return EvertedUNet(config, classes, weights)


def trunk(network: EvertedUNet) -> Backbone:
    """Its frozen trunk."""
    return network.backbone


def describe(config: EvertedConfig) -> str:
    """The trunk, and the width where it is not the paper's."""
    width = "" if config.model.width == 1 else f", {config.model.width:g} of the paper's channels"
    return f"{config.model.backbone}{width}"


def floors(config: EvertedConfig) -> Mapping[str, float]:
    """The floors of the paper's network; none are known for another."""
    model = config.model
    return FLOORS if (model.backbone, model.width, model.fusion) == ("resnet50", 1.0, "context") else {}


FAMILY = Family(
    name="everted",
    title="Everted U-Net",
    settings=EvertedConfig,
    configs=Path(__file__).parent,
    default_config="first",
    reads=Reads("box", GRID, views=(1, MAX_VIEWS)),
    outputs=(
        Output("occupancy", "reconstructor", "occupancy", "box", probabilities),
        Output("masks", "segmenter", "masks", "box", probabilities),
    ),
    build=build,
    stages=stages,
    trunk=trunk,
    mirrors=keep_mirrors,
    describe=describe,
    paper=VERSIONS,
    sections=("reconstructor", "segmenter"),
    settings_rows=settings_rows,
    searched=(SearchedSection("reconstructor", CANDIDATES), SearchedSection("segmenter", CANDIDATES)),
    bench=BenchScale(22_500, 6, GRID, floors),
)
