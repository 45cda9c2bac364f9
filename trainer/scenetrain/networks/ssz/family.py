"""The record of SSZ."""

from __future__ import annotations

from pathlib import Path

from scenetrain.networks.contract import BenchScale, Family, Output, Reads, SearchedSection
from scenetrain.networks.ssz.network import Logits, Ssz, has_judge
from scenetrain.networks.ssz.objects import find_objects
from scenetrain.networks.ssz.paper import NO_6D, NO_IR2D, NO_IR2D3D, SSZ, VERSIONS
from scenetrain.networks.ssz.scores import scorers
from scenetrain.networks.ssz.settings import SszConfig
from scenetrain.networks.ssz.stages import stages

GRID = (128, 128, 128)
IMAGE = 256
CANDIDATES: dict[str, tuple[float, ...]] = {
    "learning_rate": (1e-4, 2e-4, 1e-3, 5e-3),
    "batch_size": (1, 2, 4, 8),
    "judge_rate": (0.1, 0.4, 1.0),
}
PAPER_IMAGES = 116_000
"""Of SemanticVoxels (section 3.4)."""


def build(config: SszConfig, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Ssz:
    """The network of a configuration; its grid is half its image."""
    del shape, pretrained
    return Ssz(config, classes)


def describe(config: SszConfig) -> str:
    """Where it differs from the paper's."""
    model = config.model
    parts = [f"{model.width:g} of the paper's channels"] if model.width != 1 else []
    parts += [f"inverted residuals: {model.residuals}"] if model.residuals != "2d+3d" else []
    parts += ["no judge"] if not has_judge(config) else []
    return ", ".join(parts)


def paper_version(config: SszConfig) -> str:
    """Which row of the paper's tables a configuration is."""
    if not has_judge(config):
        return NO_6D if config.model.residuals == "2d+3d" else ""
    return {"2d+3d": SSZ, "3d": NO_IR2D, "none": NO_IR2D3D}[config.model.residuals]


FAMILY = Family(
    name="ssz",
    title="SSZ",
    settings=SszConfig,
    configs=Path(__file__).parent,
    default_config="ssz",
    reads=Reads("frustum", GRID, IMAGE, views=(1, 1), cameras=True, poses=True, extras_for="losses"),
    outputs=(Output("labels", "labels", "labels", "frustum", Logits.probabilities, Logits.likeliest),),
    build=build,
    stages=stages,
    weigh=Ssz.weigh,
    describe=describe,
    scorers=scorers,
    find_objects=find_objects,
    paper=VERSIONS,
    paper_version=paper_version,
    searched=(SearchedSection("ssz", CANDIDATES),),
    bench=BenchScale(PAPER_IMAGES, 9, GRID),
)
