"""A family that reads cameras: the mean over views of the colours that a voxel's centre has in the images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from scenetrain.blocks.pulling import masked_moments, project_cells, sample_maps
from scenetrain.config import Config
from scenetrain.networks.contract import BenchScale, Family, Inputs, Output, Reads
from torch import Tensor, nn

from helpers.constant_family import stages

SHAPE, SIZE = (20, 24, 16), 64


class Pulled(nn.Module):
    """A logit of the colours, their variance and the share of views, by class."""

    def __init__(self, classes: int, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.shape = shape
        self.head = nn.Linear(7, classes)

    def forward(self, inputs: Inputs, wanted: Sequence[str]) -> dict[str, Tensor]:
        assert inputs.images is not None and inputs.extras.voxels_to_image is not None
        found = project_cells(inputs.extras.voxels_to_image, self.shape)
        moments = masked_moments(sample_maps(inputs.images, found.places), found.seen)
        logits = self.head(torch.cat(moments, 1).transpose(1, 2)).transpose(1, 2)
        return dict.fromkeys(wanted, logits.unflatten(2, self.shape))


def build(config: Config, classes: int, shape: tuple[int, int, int], *, pretrained: bool) -> Pulled:
    del config, pretrained
    return Pulled(classes, shape)


FAMILY = Family(
    name="pulled",
    title="Pulled colours",
    settings=Config,
    configs=Path(__file__).parent,
    default_config="constant",
    reads=Reads("box", SHAPE, SIZE, views=(1, 8), cameras=True),
    outputs=(Output("masks", "masks", "masks", "box", torch.sigmoid),),
    build=build,
    stages=stages,
    bench=BenchScale(8, 2, SHAPE),
)
