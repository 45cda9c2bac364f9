"""DISN (Xu et al., NeurIPS 2019): the signed distance of any point, from images and their cameras.

Two streams, each with a point network of its own: one joins the point with a global feature of the image, the other
with the image's local features where the point appears. The sum of what they say is the signed distance.

Changed for grids of many objects: beside the distance both streams give a logit per class, summed alike, of which class
a point inside an object is of; a voxel's occupancy and masks are those of its centre. The paper estimates the camera of
its one image; here cameras are known. Several views are joined by the largest value of every feature, as the paper
joins several; a view that does not see a point counts as 0 in its local feature.

Shapes: B scenes, V views, N points, C classes, X Y Z the grid's axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.layers import fold_views, unfold_views
from scenetrain.blocks.pulling import project_points, sample_rows
from scenetrain.networks.contract import Inputs
from scenetrain.networks.disn.encoder import FrozenTrunk, Vgg16, joined, scaled
from scenetrain.networks.disn.settings import DisnConfig

OUTPUTS = ("occupancy", "masks")
CELLS_PER_UNIT = 20
"""Cells of the grid in the network's unit of length: 1 m in the studio's rooms, as large as an object. The paper's unit
is the radius of the sphere that its object fits in."""
SCALE = 10.0
"""The network says ten times the distance (the authors' sdf_weight)."""
CHUNK, CHUNK_OF_GPU = 2**12, 2**17
"""Points that are computed at once where all of a grid are asked for: on a processor what its cache holds."""


class PointStream(nn.Module):
    """A point network (64, 256, 512), joined with a feature, then 512, 256 and the answers."""

    def __init__(self, features: int, answers: int, width: float) -> None:
        super().__init__()
        a, b, c = (scaled(channels, width) for channels in (64, 256, 512))
        self.point = nn.Sequential(nn.Linear(3, a), nn.ReLU(), nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU())
        self.join = nn.Linear(c + features, c)
        self.after = nn.Sequential(nn.ReLU(), nn.Linear(c, b), nn.ReLU(), nn.Linear(b, answers))

    def forward(self, points: Tensor, feature: Tensor) -> Tensor:
        """Points (B, N, 3) and features (B, N, F), or (B, 1, F) where all points have one, to (B, N, answers)."""
        # a linear layer of joined features is the sum of one of each part
        own, other = self.join.weight.split([self.join.out_features, feature.shape[-1]], 1)
        x = functional.linear(self.point(points), own, self.join.bias) + functional.linear(feature, other)
        return self.after(x)


class Disn(nn.Module):
    """Images and cameras to a field that can be asked at any point; DisnConfig says what settings mean."""

    def __init__(self, config: DisnConfig, classes: int, shape: tuple[int, int, int], weights: str | None) -> None:
        super().__init__()
        model = config.model
        self.shape = shape
        self.map_size = model.map_size
        self.encoder = (
            Vgg16(weights) if model.backbone == "vgg16" else FrozenTrunk(model.backbone, weights, model.width)
        )
        self.of_all = PointStream(self.encoder.global_channels, 1 + classes, model.width)
        self.of_place = PointStream(self.encoder.local_channels, 1 + classes, model.width)

    def forward(self, inputs: Inputs, wanted: Sequence[str] = OUTPUTS) -> dict[str, Field]:
        """The field that images (B, V, 3, H, W) and their cameras show, under every wanted name."""
        assert inputs.images is not None and inputs.extras.voxels_to_image is not None
        feature, levels = self.encoder(fold_views(inputs.images))
        views = inputs.images.shape[1]
        maps = unfold_views(joined(levels, self.map_size), views)
        field = Field(self, unfold_views(feature, views).amax(1), maps, inputs.extras.voxels_to_image)
        return dict.fromkeys(wanted, field)

    def at(self, field: Field, places: Tensor) -> Tensor:
        """What a field says at places (B, N, 3) in voxels: (B, N, 1 + C), SCALE times the distance, then classes."""
        found = project_points(field.voxels_to_image, places)
        # what a view does not see is sampled outside of its map, where there are zeros
        local = sample_rows(field.maps, found.places.masked_fill(~found.seen.unsqueeze(-1), -1.0))
        middle = torch.tensor(self.shape, device=places.device) / 2
        points = (places - middle) / CELLS_PER_UNIT
        everywhere: Tensor = self.of_all(points, field.feature.unsqueeze(1))
        return everywhere + self.of_place(points, local.amax(1))

    def trained(self) -> tuple[nn.Module, ...]:
        """What training changes."""
        return (*self.encoder.trained(), self.of_all, self.of_place)


class Field:
    """What a network knows of a batch of scenes: global features (B, G), maps (B, V, L, S, S), matrices of cameras."""

    def __init__(self, network: Disn, feature: Tensor, maps: Tensor, voxels_to_image: Tensor) -> None:
        self.network = network
        self.feature = feature
        self.maps = maps
        self.voxels_to_image = voxels_to_image

    def at(self, places: Tensor) -> Tensor:
        """See Disn.at."""
        return self.network.at(self, places)

    @cached_property
    def volume(self) -> Tensor:
        """What it says at the centres of all voxels, float32 (B, 1 + C, X, Y, Z); computed once."""
        shape = self.network.shape
        centres = cell_places(torch.arange(shape[0] * shape[1] * shape[2], device=self.maps.device), shape)
        # an exported program holds every chunk's operations
        few = centres.is_cuda or torch.compiler.is_exporting()
        chunks = centres.split(CHUNK_OF_GPU if few else CHUNK)
        parts = [self.at(chunk.expand(len(self.maps), -1, -1)).float() for chunk in chunks]
        return torch.cat(parts, 1).transpose(1, 2).unflatten(2, shape)

    def occupancy(self) -> Tensor:
        """(B, 1, X, Y, Z): .5 at the surface, more inside; a cell's length of distance is a step of 1 in the logit."""
        return (self.volume[:, :1] * (-CELLS_PER_UNIT / SCALE)).sigmoid()

    def masks(self) -> Tensor:
        """(B, C, X, Y, Z): occupancy, shared among the classes by their softmax."""
        return self.occupancy() * self.volume[:, 1:].softmax(1)


def cell_places(cells: Tensor, shape: Sequence[int]) -> Tensor:
    """The centres, in voxels, of cells numbered in C order: int64 (...) to float32 (..., 3)."""
    of_y, of_z = shape[1] * shape[2], shape[2]
    return torch.stack([cells // of_y, cells % of_y // of_z, cells % of_z], -1).float() + 0.5
