"""The record of 3D-R2N2."""

from __future__ import annotations

from pathlib import Path

from scenegen.core.errors import UsageError

from scenetrain.blocks.backbones import Backbone, weights_to_load
from scenetrain.data.mirror import MAX_VIEWS, keep_mirrors
from scenetrain.networks.contract import BenchScale, Family, Reads, SearchedSection
from scenetrain.networks.r2n2.network import GRID, R2N2, our_form
from scenetrain.networks.r2n2.paper import VERSIONS, settings_rows
from scenetrain.networks.r2n2.settings import R2N2Config
from scenetrain.networks.r2n2.stages import stages
from scenetrain.networks.rooms import ROOM_OUTPUTS

CANDIDATES: dict[str, tuple[float, ...]] = {"learning_rate": (1e-5, 1e-4, 1e-3), "batch_size": (4, 8, 16, 36)}
EVERTED_SCENES = 22_500
"""Of the Everted U-Net's paper, so that an epoch of either is as long."""


def build(config: R2N2Config, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> R2N2:
    """The network of a configuration, in our form; its grid is fixed. UsageError for mirroring without a trunk."""
    del shape
    model = config.model
    if model.mirror and not model.backbone:
        raise UsageError(
            "model.mirror: r2n2 mirrors what a frozen trunk sees; set model.backbone too, or mirror to false"
        )
    weights = weights_to_load(model.weights, pretrained=pretrained)
    return R2N2(config, our_form(classes, model.prior, model.detail), weights)


def trunk(network: R2N2) -> Backbone | None:
    """Its frozen trunk, where it has one."""
    return network.backbone


def describe(config: R2N2Config) -> str:
    """Trunk and width, where they are not the paper's."""
    model = config.model
    parts = [model.backbone, "" if model.width == 1 else f"{model.width:g} of the paper's channels"]
    return ", ".join(part for part in parts if part)


FAMILY = Family(
    name="r2n2",
    title="3D-R2N2",
    settings=R2N2Config,
    configs=Path(__file__).parent,
    default_config="r2n2",
    reads=Reads("box", GRID, views=(1, MAX_VIEWS)),
    outputs=ROOM_OUTPUTS,
    build=build,
    stages=stages,
    trunk=trunk,
    mirrors=keep_mirrors,
    describe=describe,
    paper=VERSIONS,
    sections=("r2n2",),
    settings_rows=settings_rows,
    searched=(SearchedSection("r2n2", CANDIDATES),),
    one_class=True,
    bench=BenchScale(EVERTED_SCENES, 6, GRID),
)
