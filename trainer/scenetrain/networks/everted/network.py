"""Everted U-Net (Mymlikov et al., section 3.2): three photographs to an occupancy grid and six class masks.

The encoder is that of Pix2Vox++/A with a last neck width of 240, so that 240 x 7 x 7 reshapes to 98 x 5 x 6 x 4. The
reconstructor and the segmenter are transposed 3D convolutions; a segmenter level also reads the reconstructor's level.
Shapes: B scenes, V views, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.backbones import FEATURE_SIZE, NECK_CHANNELS, Backbone
from scenetrain.blocks.fusion import FusedViews, LogProbabilities, MeanFusion, ViewFusion
from scenetrain.blocks.layers import Pointwise3d, conv2d_block, fold_views, unfold_views, upsample3d_block
from scenetrain.data.mirror import mirror_volumes, turn_images
from scenetrain.networks.contract import Inputs
from scenetrain.networks.everted.settings import EvertedConfig

LATENT = (98, 5, 6, 4)
GRID = (80, 96, 64)
NECK_OUTPUTS = 240
MAX_VIEWS = 8
OUTPUTS = ("occupancy", "masks")
Answer = FusedViews | LogProbabilities
"""log p and log (1 - p), float32 (B, C, 80, 96, 64)."""


@dataclass(frozen=True)
class Reconstruction:
    """What the reconstructor hands to the loss (`fused`) and to the segmenter (`levels` R1 to R4, views folded)."""

    fused: Answer
    levels: tuple[Tensor, ...]


class LearnedLatent(nn.Module):
    """Brings what the image shows to its place: a cell of the latent is a learned sum over all positions, by channel.

    The plain reshape leaves it to the convolutions before it to bring every position to its cell, which takes many
    thousand steps to learn.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        cells = math.prod(LATENT[1:])
        self.mix = nn.Conv2d(NECK_OUTPUTS, LATENT[0], kernel_size=1)
        self.place = nn.Parameter(torch.randn(LATENT[0], cells, size * size) / size)
        self.norm = nn.BatchNorm3d(LATENT[0])

    def forward(self, x: Tensor) -> Tensor:
        """(N, 240, size, size) to (N, 98, 5, 6, 4)."""
        placed = torch.einsum("ncp,cvp->ncv", self.mix(x).flatten(2), self.place)
        return functional.relu(self.norm(placed.reshape(-1, *LATENT)))


class Decoder(nn.Module):
    """Four doubling levels from the latent to the full grid, then a logit per class, at first about that of `prior`."""

    def __init__(
        self, outputs: Sequence[int], *, classes: int, dropout: float, prior: float, skips: bool = False
    ) -> None:
        super().__init__()
        times = 2 if skips else 1
        inputs = (LATENT[0], *(times * channels for channels in outputs[:-1]))
        dropouts = (*[dropout] * (len(outputs) - 1), 0.0)
        self.levels = nn.ModuleList(map(upsample3d_block, inputs, outputs, dropouts))
        self.head = Pointwise3d(times * outputs[-1], classes)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, math.log(prior / (1 - prior)))

    def forward(self, latent: Tensor, skips: Sequence[Tensor] = ()) -> tuple[tuple[Tensor, ...], Tensor]:
        """Decode (N, 98, 5, 6, 4); `skips` are the other branch's levels. Returns all levels and the logits."""
        levels: list[Tensor] = []
        x = latent
        for number, level in enumerate(self.levels):
            x = level(torch.cat([x, skips[number - 1]], dim=1) if skips and number else x)
            levels.append(x)
        return tuple(levels), self.head(torch.cat([x, skips[-1]], dim=1) if skips else x)


class EvertedUNet(nn.Module):
    """Images to occupancy and class masks; EvertedConfig says what its settings mean.

    The paper's only structural options are the branches' dropouts (Table 1). The latent keeps its size whatever the
    width. Training starts from the prior because about as many voxels are occupied: from one half the first epochs
    would go into learning just that. A learned latent (LearnedLatent) reads the neck's last layer before its pooling,
    14 x 14. With mirroring, the views' numbers in mirror.AXES are a buffer (set_mirrors): images are turned as the
    first camera would see them, and what the decoders make of each is mirrored back before the fusion. Then the order
    of the views matters.
    """

    mirrors: Tensor | None

    def __init__(self, config: EvertedConfig, classes: int, weights: str | None = None) -> None:
        super().__init__()
        model, prior = config.model, config.model.prior
        self.backbone = Backbone(model.backbone, weights)
        neck = [_scaled(channels, model.width) for channels in (512, 256)]
        levels = [_scaled(channels, model.width) for channels in (512, 128, 32, 8)]
        learned = model.latent == "learned"
        self.neck = nn.Sequential(
            conv2d_block(NECK_CHANNELS, neck[0], pool=False),
            conv2d_block(neck[0], neck[1], pool=True),
            conv2d_block(neck[1], NECK_OUTPUTS, pool=not learned),
        )
        self.to_latent: nn.Module = LearnedLatent(FEATURE_SIZE // 2) if learned else nn.Identity()
        self.reconstructor = Decoder(levels, classes=1, dropout=config.reconstructor.dropout, prior=prior)
        self.segmenter = Decoder(
            levels, classes=classes, dropout=config.segmenter.dropout, prior=prior / classes, skips=True
        )
        self.volume_fusion = _fusion(model.fusion, levels[-1] + 1)
        self.mask_fusion = _fusion(model.fusion, levels[-1] + classes)
        self.register_buffer("mirrors", torch.zeros(MAX_VIEWS, dtype=torch.long) if model.mirror else None)

    def forward(self, inputs: Inputs, wanted: Sequence[str] = OUTPUTS) -> dict[str, Answer]:
        """Occupancy (B, 1, 80, 96, 64) and masks (B, C, 80, 96, 64) of images (B, V, 3, 224, 224) or their features."""
        if inputs.features is not None:
            views, features = inputs.features.shape[1], fold_views(inputs.features)
        else:
            assert inputs.images is not None
            views, features = inputs.images.shape[1], self.backbone(fold_views(self.turned(inputs.images)))
        latent = self.latent(features)
        reconstruction = self.reconstruct(latent, views)
        answers = {"occupancy": reconstruction.fused}
        if "masks" in wanted:
            answers["masks"] = self.segment(latent, reconstruction, views)
        return answers

    def latent(self, features: Tensor) -> Tensor:
        """Trunk features (B * V, 512, 28, 28) to the latent (B * V, 98, 5, 6, 4)."""
        x: Tensor = self.to_latent(self.neck(self.backbone.to_neck(features)))
        return x.reshape(-1, *LATENT)

    def reconstruct(self, latent: Tensor, views: int) -> Reconstruction:
        """The upper branch: the latent of `views` views per scene to the fused occupancy."""
        levels, logits = self.reconstructor(latent)
        return Reconstruction(self.fuse(self.volume_fusion, levels[-1], logits, views), levels)

    def segment(self, latent: Tensor, reconstruction: Reconstruction, views: int) -> Answer:
        """The lower branch: latent and the upper branch's levels to the fused class masks."""
        levels, logits = self.segmenter(latent, reconstruction.levels)
        return self.fuse(self.mask_fusion, levels[-1], logits, views)

    def fuse(self, fusion: nn.Module, features: Tensor, logits: Tensor, views: int) -> Answer:
        """Features and logits (B * V, C, 80, 96, 64) of single views to the scenes' probabilities."""
        if isinstance(fusion, ViewFusion):
            features = self.placed(features, views)
        fused: FusedViews = fusion(features, self.placed(logits, views))
        # a compiled program computes both halves in one pass, and its loss is not part of it
        return LogProbabilities(fused.occupied, fused.free) if torch.compiler.is_compiling() else fused

    def set_mirrors(self, mirrors: Sequence[int]) -> None:
        """Take the views' numbers in mirror.AXES; later views than these count as the first camera's."""
        assert self.mirrors is not None
        self.mirrors[: len(mirrors)] = torch.tensor(mirrors)

    def turned(self, images: Tensor) -> Tensor:
        """Images (B, V, 3, 224, 224), each as the first camera would see it."""
        return images if self.mirrors is None else turn_images(images, self.mirrors[: images.shape[1]])

    def placed(self, volumes: Tensor, views: int) -> Tensor:
        """Volumes (B * V, C, X, Y, Z) of what the first camera would see, (B, V, C, X, Y, Z) where they belong."""
        volumes = unfold_views(volumes, views)
        return volumes if self.mirrors is None else mirror_volumes(volumes, self.mirrors[:views])

    def reconstructor_modules(self) -> tuple[nn.Module, ...]:
        """What stage R trains, the fusion last; stage S keeps all of it frozen."""
        return (self.backbone.to_neck, self.neck, self.to_latent, self.reconstructor, self.volume_fusion)

    def segmenter_modules(self) -> tuple[nn.Module, ...]:
        """What stage S trains, the fusion last."""
        return (self.segmenter, self.mask_fusion)


def _scaled(channels: int, width: float) -> int:
    return max(4, round(channels * width))


def _fusion(name: str, channels: int) -> nn.Module:
    return ViewFusion(channels) if name == "context" else MeanFusion()
