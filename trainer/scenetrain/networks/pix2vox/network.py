"""Pix2Vox and Pix2Vox++: images to coarse volumes, which are fused and, in the accurate versions, refined.

Shapes: B scenes, V views, N images (B * V), K channels of the answer: occupancy, then the classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.backbones import Backbone
from scenetrain.blocks.coarse_cells import repeat_blocks
from scenetrain.blocks.fusion import (
    Answer,
    FusedViews,
    LogProbabilities,
    MeanFusion,
    ScoreBlock,
    ViewFusion,
    fuse,
    is_one_view,
    probabilities,
)
from scenetrain.blocks.layers import fold_views, scaled, unfold_views, upsample3d_block
from scenetrain.blocks.volume_decoder import LearnedLatent, VolumeDecoder, set_priors
from scenetrain.data.mirror import MirroredNetwork
from scenetrain.networks.contract import Inputs
from scenetrain.networks.pix2vox.settings import Pix2VoxConfig
from scenetrain.networks.pix2vox.versions import (
    VERSIONS,
    NeckLayer,
    Pix2VoxForm,
    latent_channels,
    neck_size,
    without_last_pool,
)

GRID = (80, 96, 64)
OUTPUTS = ("occupancy", "masks")
LEAK = 0.2


@dataclass(frozen=True)
class Pix2VoxAnswer:
    """What the network says of every block of `detail` voxels an edge, float32 (B, K, x, y, z)."""

    coarse: Answer
    refined: Answer
    """The same object as `coarse` where there is no refiner."""
    detail: int

    def occupancy(self) -> Tensor:
        """The probability that a voxel is not air, (B, 1, X, Y, Z)."""
        return repeat_blocks(probabilities(self.refined)[:, :1], self.detail)

    def masks(self) -> Tensor:
        """The probability of each class, (B, K - 1, X, Y, Z)."""
        return repeat_blocks(probabilities(self.refined)[:, 1:], self.detail)


class Merger(nn.Module):
    """Weighs the views voxel by voxel (Pix2Vox, section 3.4): five convolutions score each view's volume by itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = (channels, 16, 8, 4, 2, 1)
        self.score = nn.Sequential(*map(ScoreBlock, widths, widths[1:]))

    def forward(self, features: Tensor, logits: Tensor) -> FusedViews:
        """Fuse features (B, V, F, X, Y, Z) and logits (B, V, K, X, Y, Z)."""
        if is_one_view(logits):
            return FusedViews(logits)
        x = fold_views(torch.cat([features, logits.sigmoid().to(features.dtype)], dim=2))
        scores = unfold_views(self.score(x), logits.shape[1])
        return FusedViews(logits, functional.log_softmax(scores.float(), dim=1))


class Refiner(nn.Module):
    """Corrects the fused volume: a 3D U-Net with sums, whose answer counts as much as what it is given (section 3.5).

    Each level down halves the volume; fully connected layers, the inner one of a quarter as many numbers, join the
    cells of the last.
    """

    def __init__(self, form: Pix2VoxForm) -> None:
        super().__init__()
        answers, widths, priors = form.answers, form.refiner, form.priors
        inputs = (answers, *widths[:-1])
        self.downs = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(channels_in, channels_out, kernel_size=4, padding=2),
                nn.BatchNorm3d(channels_out),
                nn.LeakyReLU(LEAK, inplace=True),
                nn.MaxPool3d(2),
            )
            for channels_in, channels_out in zip(inputs, widths, strict=True)
        )
        numbers = widths[-1] * math.prod(form.seed) * 8 ** (form.doublings - len(widths))
        self.join = nn.Sequential(
            nn.Linear(numbers, numbers // 4), nn.ReLU(), nn.Linear(numbers // 4, numbers), nn.ReLU()
        )
        back = tuple(reversed(widths))
        self.ups = nn.ModuleList(upsample3d_block(a, b, 0.0) for a, b in pairwise(back))
        self.head = nn.ConvTranspose3d(widths[0], answers, kernel_size=4, stride=2, padding=1, bias=priors is not None)
        if priors is not None:
            set_priors(self.head, priors)

    def forward(self, coarse: Answer) -> LogProbabilities:
        """(B, K, X, Y, Z) to the same."""
        occupied, free = coarse.occupied, coarse.free
        x = occupied.exp()
        levels: list[Tensor] = []
        for down in self.downs:
            x = down(x)
            levels.append(x)
        x = levels.pop() + self.join(x.flatten(1)).view_as(x)
        for up in self.ups:
            x = up(x) + levels.pop()
        own = self.head(x).float()
        half = math.log(2)
        return LogProbabilities(
            torch.logaddexp(occupied, functional.logsigmoid(own)) - half,
            torch.logaddexp(free, functional.logsigmoid(-own)) - half,
        )


class Pix2Vox(MirroredNetwork):
    """A version of the network in a form; Pix2VoxConfig says what its settings mean.

    The trunk is frozen, its batch norm statistics too, and its features can be computed once. A learned latent reads
    the neck's output before its last pooling.
    """

    def __init__(self, config: Pix2VoxConfig, form: Pix2VoxForm, weights: str | None = None) -> None:
        model = config.model
        super().__init__(mirrored=model.mirror)
        version = VERSIONS[model.version]
        self.backbone = Backbone(model.backbone or version.backbone, weights, version.trunk_channels)
        learned = model.latent == "learned"
        layers = without_last_pool(version.neck) if learned else version.neck
        activation = nn.ELU if version.activation == "elu" else nn.ReLU
        self.neck = _neck(layers, version.trunk_channels, form.neck_outputs, activation, model.width)
        self.detail = model.detail
        self.latent = (latent_channels(version, form), *form.seed)
        self.to_latent = LearnedLatent(form.neck_outputs, self.latent, neck_size(layers)) if learned else None
        widths = [scaled(channels, model.width) for channels in version.decoder[: form.doublings]]
        self.decoder = VolumeDecoder(self.latent[0], widths, priors=form.priors, answers=form.answers)
        raw = widths[-1] + form.answers
        paper_s = Merger(raw) if version.fusion == "merger" else ViewFusion(raw)
        self.fusion: nn.Module = paper_s if model.fusion == "paper" else MeanFusion()
        self.refiner = Refiner(form) if version.refined else None

    def forward(self, inputs: Inputs, wanted: Sequence[str] = OUTPUTS) -> dict[str, Pix2VoxAnswer]:
        """The one answer under each wanted name, of images (B, V, 3, 224, 224) or of their features."""
        coarse = self.coarse(inputs)
        refined = coarse if self.refiner is None else self.refiner(coarse)
        return dict.fromkeys(wanted, Pix2VoxAnswer(coarse, refined, self.detail))

    def coarse(self, inputs: Inputs) -> Answer:
        """The fused volume, before it is refined."""
        if inputs.features is not None:
            views, features = inputs.features.shape[1], fold_views(inputs.features)
        else:
            assert inputs.images is not None
            views, features = inputs.images.shape[1], self.backbone(fold_views(self.turned(inputs.images)))
        x = self.neck(self.backbone.to_neck(features))
        volume = x.reshape(-1, *self.latent) if self.to_latent is None else self.to_latent(x)
        levels, logits = self.decoder(volume)
        return fuse(self.fusion, levels[-1], logits, partial(self.placed, views=views))

    def single_view_modules(self) -> tuple[nn.Module, ...]:
        """All that trains where there is nothing to fuse."""
        parts = (self.backbone.to_neck, self.neck, self.to_latent, self.decoder, self.refiner)
        return tuple(part for part in parts if part is not None)


def _neck(
    layers: Sequence[NeckLayer], inputs: int, outputs: int, activation: type[nn.Module], width: float
) -> nn.Sequential:
    """Layers from `inputs` channels to `outputs`, those between as wide as `width` says."""
    channels = [inputs, *(scaled(layer.channels, width) for layer in layers[:-1]), outputs]
    made: list[nn.Module] = []
    for layer, before, after in zip(layers, channels, channels[1:], strict=False):
        made += [nn.Conv2d(before, after, layer.kernel, padding=layer.padding), nn.BatchNorm2d(after), activation()]
        made += [nn.MaxPool2d(layer.pool)] if layer.pool > 1 else []
    return nn.Sequential(*made)
