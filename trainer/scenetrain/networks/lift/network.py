"""Lift: image features pulled to the voxels that their pixels show, then a 3D U-Net.

A cell's centre is projected into every image; what the images' features say there is joined by its mean over the views
that see it. So any number of cameras in any places will do, in any order. A distribution of depths per pixel says where
on its line of sight a pixel's surface lies, and weights a second mean. The pull is on cells of 2 x 2 x 2 voxels, the
U-Net on cells of 4 x 4 x 4; voxels are told apart in the likeliest cells alone, with a finer pull. The same on the
frustum of one image, whose columns are the image's own.

After MonoScene (Cao and de Charette, CVPR 2022, section 3.1: features lifted along lines of sight), Atlas (Murez et
al., ECCV 2020, section 3.1: the mean over views), ISO (Yu et al., ECCV 2024, section 3.2: the lift weighted by a depth
distribution) and PointRend (Kirillov et al., CVPR 2020: points where they matter). Shapes: B items, V views, C
classes, X Y Z the grid's axes (of a frustum x, y, depth), x y z its cells, K the chosen cells, N points.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.pulling import (
    Projection,
    cell_centres,
    masked_moments,
    sample_maps,
    sample_volumes,
)
from scenetrain.blocks.pyramid import Pyramid
from scenetrain.data.labels import unpack_masks
from scenetrain.data.reads import Grid
from scenetrain.networks.contract import Inputs
from scenetrain.networks.lift.losses import class_weights, first_classes
from scenetrain.networks.lift.pixels import Depths, PixelHead
from scenetrain.networks.lift.settings import LiftConfig
from scenetrain.networks.lift.views import Views, points_of_cells, views_of

OUTPUTS = ("occupancy", "masks")
HALF = 2
"""Cells along an edge of what the U-Net works on."""
LEVELS = 3
"""How often the U-Net halves the cells."""


class Answer(NamedTuple):
    """What the network says of a grid."""

    coarse: Tensor
    """(B, 1 + C, x, y, z): logits of cells, air first; of a cell's voxels where it is not refined."""
    fine: Tensor
    """(B, 1 + C, K, detail ** 3): logits of the voxels in the chosen cells, in C order."""
    chosen: Tensor
    """int64 (B, K): which cells are refined, in C order."""
    shape: tuple[int, int, int]
    """X, Y, Z; cells may reach beyond."""
    classes: Tensor
    """(B, V, 1 + C, h, w): logits of what pixels show."""
    depth: Tensor
    """(B, V, D, h, w): logits of where on its line of sight a pixel's surface lies."""
    detail: int
    """Voxels along an edge of a cell."""

    def probabilities(self) -> Tensor:
        """float32 (B, 1 + C, X, Y, Z)."""
        return self._by_voxel(self.coarse.float().softmax(1), self.fine.float().softmax(1))

    def likeliest(self) -> Tensor:
        """uint8 (B, X, Y, Z): the likeliest label of every voxel, 0 = air."""
        coarse, fine = (logits.argmax(1, keepdim=True).to(torch.uint8) for logits in (self.coarse, self.fine))
        return self._by_voxel(coarse, fine)[:, 0]

    def _by_voxel(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """Of cells (B, F, x, y, z) and the voxels of the chosen ones (B, F, K, detail ** 3): (B, F, X, Y, Z)."""
        cells = coarse.shape[2:]
        all_cells = coarse.flatten(2).unsqueeze(-1).repeat(1, 1, 1, self.detail**3)
        at = self.chosen[:, None, :, None].expand_as(fine)
        voxels = all_cells.scatter(2, at, fine).unflatten(3, (self.detail,) * 3).unflatten(2, cells)
        voxels = voxels.permute(0, 1, 2, 5, 3, 6, 4, 7).flatten(6, 7).flatten(4, 5).flatten(2, 3)
        return voxels[:, :, : self.shape[0], : self.shape[1], : self.shape[2]]

    def occupancy(self) -> Tensor:
        """float32 (B, 1, X, Y, Z): not air."""
        return 1 - self.probabilities()[:, :1]

    def masks(self) -> Tensor:
        """float32 (B, C, X, Y, Z)."""
        return self.probabilities()[:, 1:]


class Lift(nn.Module):
    """Images and their cameras to Answers on a box grid, or on a view's frustum; LiftConfig says what settings mean."""

    weights: Tensor

    def __init__(
        self, config: LiftConfig, classes: int, shape: tuple[int, int, int], weights: str | None, grid: Grid = "box"
    ) -> None:
        super().__init__()
        model = config.model
        self.shape = shape
        self.grid = grid
        self.bins = model.depth_bins
        self.detail = model.detail
        block = self.detail * 2**LEVELS
        x, y, z = (math.ceil(size / block) * 2**LEVELS for size in shape)
        self.cells = (x, y, z)
        self.refined = max(1, round(model.refined * x * y * z))
        flat, pulled, half, *widths = (_scaled(c, model.width) for c in (96, 32, 32, 96, 192, 256))
        self.pyramid = Pyramid(model.backbone, weights, flat, pulled)
        self.pixels = PixelHead(flat, classes, self.bins)
        self.to_pull = nn.Conv2d(flat + 1 + classes, pulled, 1)
        self.to_pull_fine = nn.Conv2d(pulled + 1 + classes, pulled, 1)
        joined = 2 * pulled + 2 + (2 if self.bins else 0)
        self.join = _point_block(joined, half)
        self.enter = block3d(half, widths[0], kernel=(2, 2, 2), stride=2)
        self.unet = UNet3d(widths)
        self.up = nn.Conv3d(widths[0], half * HALF**3, 1)
        self.meet = nn.Sequential(nn.BatchNorm3d(half), nn.ReLU(inplace=True), Residual(half))
        self.head = nn.Conv3d(half, 1 + classes, 1)
        self.split = nn.Conv1d(half, half * self.detail**3, 1)
        self.refine = nn.Sequential(
            nn.BatchNorm1d(half + joined),
            _point_block(half + joined, 2 * half),
            _point_block(2 * half, 2 * half),
            nn.Conv1d(2 * half, 1 + classes, 1),
        )
        self.register_buffer("weights", torch.ones(1 + classes))
        lay_channels_last(self)

    def weigh(self, counts: Tensor) -> None:
        """Take the loss's weights from counts (256,) of the bytes of labels; of several classes the first counts."""
        classes = len(self.weights) - 1
        if self.grid == "frustum":
            self.weights.copy_(class_weights(counts[: 1 + classes]))
            return
        sets = torch.arange(256, device=counts.device, dtype=torch.uint8).view(-1, 1, 1, 1)
        labels = first_classes(unpack_masks(sets, classes)).flatten()
        by_class = torch.zeros(1 + classes, dtype=counts.dtype, device=counts.device).index_add_(0, labels, counts)
        self.weights.copy_(class_weights(by_class))

    def forward(self, inputs: Inputs, wanted: Sequence[str] = OUTPUTS) -> dict[str, Answer]:
        """One Answer, under every wanted name."""
        assert inputs.images is not None
        return dict.fromkeys(wanted, self.answer(inputs.images, views_of(inputs.extras, self.grid, self.shape)))

    def answer(self, images: Tensor, views: Views) -> Answer:
        """Of images float (B, V, 3, H, W)."""
        maps, fine_maps = (m.unflatten(0, images.shape[:2]) for m in self.pyramid(images.flatten(0, 1)))
        height, width = maps.shape[-2:]
        classes, depth = self.pixels(maps, views.geometry((height, width)))
        surface = SeenSurface.of(classes, depth, views.depths())
        shown = classes.softmax(2)
        maps = _each(self.to_pull, torch.cat([maps, shown], 2))
        fine_maps = _each(self.to_pull_fine, torch.cat([fine_maps, _resized(shown, fine_maps)], 2))

        pulled = self.pull(maps, surface, points_of_cells(views, self.cells, self.detail))
        pulled = self.join(torch.cat([pulled, self.height(pulled)], 1)).unflatten(2, self.cells)
        x = self.up(self.unet(self.enter(pulled)))
        x = self.meet(unfold_cells(x, HALF) + pulled)
        coarse = self.head(x)

        chosen = self.worth_refining(coarse.detach()).topk(self.refined, sorted=False).indices
        context, logits = (_take(t.flatten(2), chosen) for t in (x, coarse))
        fine = self.refine_cells(context, chosen, views, fine_maps, surface)
        fine = fine.unflatten(2, (self.refined, self.detail**3)) + logits.unsqueeze(-1)
        return Answer(coarse, fine, chosen, self.shape, classes, depth, self.detail)

    def worth_refining(self, coarse: Tensor) -> Tensor:
        """(B, x * y * z), of logits of cells: the most where voxels may differ from one another.

        Objects in a room are thin and few: the likeliest cells. What fills a frustum is thick, and most of its cells
        have one label: there the cells in most doubt.
        """
        if self.grid == "box":
            return (coarse[:, 1:].logsumexp(1) - coarse[:, 0]).flatten(1)
        chance = coarse.flatten(2).log_softmax(1)
        return -(chance.exp() * chance).sum(1)

    def pull(self, maps: Tensor, surface: SeenSurface, there: Projection) -> Tensor:
        """What views say of points, (B, joined - 1, N), of maps (B, V, F, h, w).

        Without depths: mean, variance and share of the views that see a point. With depths, in place of the variance,
        the mean weighted by how likely the pixel's surface is there, how likely that is over all views, and how likely
        the point is behind a surface.
        """
        samples = sample_maps(maps, there.places)
        if not self.bins:
            return torch.cat(masked_moments(samples, there.seen), 1)
        seen = there.seen.unsqueeze(2).to(samples.dtype)
        here, behind = surface.at(there).mul(seen).split(1, 2)
        share, total = seen.mean(1), here.sum(1)
        each = seen / seen.sum(1, keepdim=True).clamp(min=1)
        mean, weighted = (_weighted_sum(samples, w) for w in (each, here / (total + 1).unsqueeze(1)))
        return torch.cat([mean, weighted, share, total.log1p(), (behind * each).sum(1)], 1)

    def height(self, pulled: Tensor) -> Tensor:
        """(B, 1, x * y * z): 0 at the floor, 1 at the top; of a frustum 0 at its near end, 1 at its far one."""
        height = torch.linspace(0, 1, self.cells[2], device=pulled.device, dtype=pulled.dtype)
        return height.expand(len(pulled), 1, *self.cells).flatten(2)

    def refine_cells(self, context: Tensor, chosen: Tensor, views: Views, maps: Tensor, surface: SeenSurface) -> Tensor:
        """Logits (B, 1 + C, K * detail ** 3) that tell a cell's voxels apart, of its features (B, half, K)."""
        voxels = self.voxels(chosen)
        pulled = self.pull(maps, surface, views.points(voxels))
        height = (voxels[..., 2] / self.shape[2]).unsqueeze(1).to(pulled.dtype)
        context = self.split(context).unflatten(1, (-1, self.detail**3)).transpose(2, 3).flatten(2)
        result: Tensor = self.refine(torch.cat([context, pulled, height], 1))
        return result

    def voxels(self, chosen: Tensor) -> Tensor:
        """Centres (B, K * detail ** 3, 3), in voxels, of the voxels of cells (B, K)."""
        _, y, z = self.cells
        corner = torch.stack([chosen // (y * z), chosen // z % y, chosen % z], -1) * self.detail
        inside = cell_centres((self.detail,) * 3, 1.0, chosen.device)
        return (corner.unsqueeze(2) + inside).flatten(1, 2)


class SeenSurface(NamedTuple):
    """Where on their lines of sight pixels' surfaces lie."""

    volumes: Tensor
    """(B, V, 2, D, h, w): the density of a surface in a bin (1 where all are alike), and its chance up to there."""
    depths: Depths

    @staticmethod
    def of(classes: Tensor, depth: Tensor, depths: Depths) -> SeenSurface:
        """Of logits of classes (B, V, 1 + C, h, w) and depths (B, V, D, h, w)."""
        bins = depth.shape[2]
        something = 1 - classes.softmax(2)[:, :, :1]
        share = depth.softmax(2) * something if bins else depth
        return SeenSurface(torch.stack([share * bins, share.cumsum(2)], 2), depths)

    def at(self, there: Projection) -> Tensor:
        """Both at points, (B, V, 2, N)."""
        level = self.depths.level(there.depth, self.volumes.shape[3])
        return sample_volumes(self.volumes, there.places, level)


class UNet3d(nn.Module):
    """Residual blocks at several resolutions; halved by convolutions of stride 2, doubled cell by cell, summed."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.enter = _residuals(widths[0])
        self.down = nn.ModuleList(
            nn.Sequential(block3d(a, b, kernel=(2, 2, 2), stride=2), _residuals(b)) for a, b in pairs
        )
        self.up = nn.ModuleList(nn.Conv3d(b, a * 8, 1) for a, b in reversed(pairs))
        self.after = nn.ModuleList(_residuals(a) for a, _ in reversed(pairs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, x, y, z) to the same shape."""
        levels = [self.enter(x)]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for up, after in zip(self.up, self.after, strict=True):
            x = after(unfold_cells(up(x), 2) + levels.pop())
        return x


def _residuals(channels: int) -> nn.Sequential:
    return nn.Sequential(Residual(channels), Residual(channels))


class Residual(nn.Module):
    """x plus a convolution in the plane and one along the height: two ninths of the work of two in space."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            block3d(channels, channels, kernel=(3, 3, 1)),
            nn.Conv3d(channels, channels, (1, 1, 3), padding=(0, 0, 1), bias=False),
            nn.BatchNorm3d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return functional.relu(x + self.body(x))


def block3d(channels_in: int, channels_out: int, *, kernel: tuple[int, int, int], stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU; odd kernels keep the grid, of stride 2 and edge 2 they halve it."""
    x, y, z = (edge // 2 if edge % 2 else 0 for edge in kernel)
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, kernel, stride, (x, y, z), bias=False),
        nn.BatchNorm3d(channels_out),
        nn.ReLU(inplace=True),
    )


def unfold_cells(x: Tensor, detail: int) -> Tensor:
    """Channels to cells (Shi et al., CVPR 2016): (B, F * detail ** 3, x, y, z) to (B, F, x * detail, ...)."""
    x = x.unflatten(1, (-1, detail, detail, detail)).permute(0, 1, 5, 2, 6, 3, 7, 4)
    return x.flatten(6, 7).flatten(4, 5).flatten(2, 3)


def lay_channels_last(model: nn.Module) -> None:
    """Lay weights out by pixels and cells, which halves the time of a step; the numbers stay the same."""
    for module in model.modules():
        if isinstance(module, nn.Conv3d):
            module.to(memory_format=torch.channels_last_3d)
        elif isinstance(module, nn.Conv2d):
            module.to(memory_format=torch.channels_last)


def _point_block(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(channels_in, channels_out, 1, bias=False), nn.BatchNorm1d(channels_out), nn.ReLU(inplace=True)
    )


def _each(layer: nn.Module, maps: Tensor) -> Tensor:
    """A layer on every view of maps (B, V, F, h, w)."""
    result: Tensor = layer(maps.flatten(0, 1)).unflatten(0, maps.shape[:2])
    return result


def _weighted_sum(samples: Tensor, weights: Tensor) -> Tensor:
    """Over the views: (B, V, F, N) with weights (B, V, 1, N) to (B, F, N)."""
    found = samples[:, 0] * weights[:, 0]
    for view in range(1, samples.shape[1]):
        found = torch.addcmul(found, samples[:, view], weights[:, view])
    return found


def _resized(maps: Tensor, like: Tensor) -> Tensor:
    """Maps (B, V, F, h, w) as large as another's."""
    return functional.interpolate(maps.flatten(0, 1), size=like.shape[-2:], mode="bilinear").unflatten(
        0, maps.shape[:2]
    )


def _take(x: Tensor, at: Tensor) -> Tensor:
    """(B, F, N) at (B, K): (B, F, K)."""
    return x.gather(2, at.unsqueeze(1).expand(-1, x.shape[1], -1))


def _scaled(channels: int, width: float) -> int:
    """A multiple of 8, which processors and GPUs want."""
    return max(8, round(channels * width / 8) * 8)
