"""The record of Z-GAN."""

from __future__ import annotations

from pathlib import Path

from scenetrain.metrics.frustum_scores import frustum_scorers
from scenetrain.networks.contract import BenchScale, Family, Output, Reads, SearchedSection
from scenetrain.networks.zgan.network import Zgan, ZganVolume
from scenetrain.networks.zgan.settings import ZganConfig
from scenetrain.networks.zgan.stages import stages

GRID = (128, 128, 128)
IMAGE = 256
AUTHORS_CHANNELS = 32
CANDIDATES: dict[str, tuple[float, ...]] = {"learning_rate": (1e-4, 2e-4, 1e-3, 5e-3), "batch_size": (1, 2, 4, 8)}
SSZ_IMAGES = 116_000
"""Of SemanticVoxels, the data set of the paper on SSZ, which compares with it."""


def build(config: ZganConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Zgan:
    """The network of a configuration for a cube of cells, half as wide as its image."""
    del pretrained
    return Zgan(config, classes, shape[0])


def describe(config: ZganConfig) -> str:
    """Where it differs from the authors'."""
    channels = config.model.channels
    return "" if channels == AUTHORS_CHANNELS else f"{channels} channels in the place of {AUTHORS_CHANNELS}"


FAMILY = Family(
    name="zgan",
    title="Z-GAN",
    settings=ZganConfig,
    configs=Path(__file__).parent,
    default_config="zgan",
    reads=Reads("frustum", GRID, IMAGE, views=(1, 1)),
    outputs=(Output("labels", "labels", "labels", "frustum", ZganVolume.probabilities, ZganVolume.likeliest),),
    build=build,
    stages=stages,
    describe=describe,
    scorers=frustum_scorers,
    searched=(SearchedSection("zgan", CANDIDATES),),
    bench=BenchScale(SSZ_IMAGES, 9, GRID),
)
