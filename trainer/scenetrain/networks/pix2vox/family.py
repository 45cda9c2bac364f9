"""The record of Pix2Vox; plus_family.py has that of Pix2Vox++."""

from __future__ import annotations

from pathlib import Path

from scenetrain.blocks.backbones import Backbone, weights_to_load
from scenetrain.data.mirror import MAX_VIEWS, keep_mirrors
from scenetrain.networks.contract import BenchScale, Family, Reads, SearchedSection
from scenetrain.networks.pix2vox.network import GRID, Pix2Vox
from scenetrain.networks.pix2vox.paper import VERSIONS as PAPER
from scenetrain.networks.pix2vox.paper import settings_rows
from scenetrain.networks.pix2vox.settings import Pix2VoxConfig
from scenetrain.networks.pix2vox.stages import stages
from scenetrain.networks.pix2vox.versions import VERSIONS, our_form
from scenetrain.networks.rooms import ROOM_OUTPUTS

CANDIDATES: dict[str, tuple[float, ...]] = {"learning_rate": (1e-4, 1e-3, 1e-2), "batch_size": (4, 8, 16, 32, 64)}
EVERTED_SCENES = 22_500
"""Of the Everted U-Net's paper, so that an epoch of either is as long."""


def build(config: Pix2VoxConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Pix2Vox:
    """The network of a configuration, in our form; its grid is fixed."""
    del shape
    model = config.model
    weights = weights_to_load(model.weights, pretrained=pretrained)
    return Pix2Vox(config, our_form(VERSIONS[model.version], classes, model.prior, model.detail), weights)


def trunk(network: Pix2Vox) -> Backbone:
    """Its frozen trunk."""
    return network.backbone


def describe(config: Pix2VoxConfig) -> str:
    """The version, and trunk and width where they are not the paper's."""
    model = config.model
    backbone = f", {model.backbone}" if model.backbone else ""
    width = "" if model.width == 1 else f", {model.width:g} of the paper's channels"
    return f"version {model.version}{backbone}{width}"


FAMILY = Family(
    name="pix2vox",
    title="Pix2Vox",
    settings=Pix2VoxConfig,
    configs=Path(__file__).parent,
    default_config="a",
    reads=Reads("box", GRID, views=(1, MAX_VIEWS)),
    outputs=ROOM_OUTPUTS,
    build=build,
    stages=stages,
    trunk=trunk,
    mirrors=keep_mirrors,
    describe=describe,
    paper=PAPER,
    sections=("pix2vox",),
    settings_rows=settings_rows,
    searched=(SearchedSection("pix2vox", CANDIDATES),),
    one_class=True,
    bench=BenchScale(EVERTED_SCENES, 6, GRID),
)
