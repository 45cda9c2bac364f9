"""Everted U-Net (Mymlikov et al., section 3.2): three photographs to an occupancy grid and six class masks.

The encoder is that of Pix2Vox++/A with a last neck width of 240, so that 240 x 7 x 7 reshapes to 98 x 5 x 6 x 4. The
reconstructor and the segmenter are transposed 3D convolutions; a segmenter level also reads the reconstructor's level.
Shapes: B scenes, V views, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from scenetrain.blocks.backbones import FEATURE_SIZE, NECK_CHANNELS, Backbone
from scenetrain.blocks.fusion import Answer, MeanFusion, ViewFusion, fuse
from scenetrain.blocks.layers import conv2d_block, fold_views, scaled
from scenetrain.blocks.volume_decoder import LearnedLatent, VolumeDecoder
from scenetrain.data.mirror import MirroredNetwork
from scenetrain.networks.contract import Inputs
from scenetrain.networks.everted.settings import EvertedConfig

LATENT = (98, 5, 6, 4)
GRID = (80, 96, 64)
NECK_OUTPUTS = 240
OUTPUTS = ("occupancy", "masks")


@dataclass(frozen=True)
class Reconstruction:
    """What the reconstructor hands to the loss (`fused`) and to the segmenter (`levels` R1 to R4, views folded)."""

    fused: Answer
    levels: tuple[Tensor, ...]


class EvertedUNet(MirroredNetwork):
    """Images to occupancy and class masks; EvertedConfig says what its settings mean.

    The paper's only structural options are the branches' dropouts (Table 1). The latent keeps its size whatever the
    width. Training starts from the prior because about as many voxels are occupied: from one half the first epochs
    would go into learning just that. A learned latent (LearnedLatent) reads the neck's last layer before its pooling,
    14 x 14. With mirroring, the views' numbers in mirror.AXES are a buffer (set_mirrors): images are turned as the
    first camera would see them, and what the decoders make of each is mirrored back before the fusion. Then the order
    of the views matters.
    """

    def __init__(self, config: EvertedConfig, classes: int, weights: str | None = None) -> None:
        super().__init__(mirrored=config.model.mirror)
        model, prior = config.model, config.model.prior
        self.backbone = Backbone(model.backbone, weights)
        neck = [scaled(channels, model.width) for channels in (512, 256)]
        levels = [scaled(channels, model.width) for channels in (512, 128, 32, 8)]
        learned = model.latent == "learned"
        self.neck = nn.Sequential(
            conv2d_block(NECK_CHANNELS, neck[0], pool=False),
            conv2d_block(neck[0], neck[1], pool=True),
            conv2d_block(neck[1], NECK_OUTPUTS, pool=not learned),
        )
        self.to_latent: nn.Module = LearnedLatent(NECK_OUTPUTS, LATENT, FEATURE_SIZE // 2) if learned else nn.Identity()
        self.reconstructor = VolumeDecoder(LATENT[0], levels, priors=[prior], dropout=config.reconstructor.dropout)
        self.segmenter = VolumeDecoder(
            LATENT[0], levels, priors=[prior / classes] * classes, dropout=config.segmenter.dropout, skips=True
        )
        self.volume_fusion = _fusion(model.fusion, levels[-1] + 1)
        self.mask_fusion = _fusion(model.fusion, levels[-1] + classes)

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
        placed = partial(self.placed, views=views)
        return Reconstruction(fuse(self.volume_fusion, levels[-1], logits, placed), levels)

    def segment(self, latent: Tensor, reconstruction: Reconstruction, views: int) -> Answer:
        """The lower branch: latent and the upper branch's levels to the fused class masks."""
        levels, logits = self.segmenter(latent, reconstruction.levels)
        return fuse(self.mask_fusion, levels[-1], logits, partial(self.placed, views=views))

    def reconstructor_modules(self) -> tuple[nn.Module, ...]:
        """What stage R trains, the fusion last; stage S keeps all of it frozen."""
        return (self.backbone.to_neck, self.neck, self.to_latent, self.reconstructor, self.volume_fusion)

    def segmenter_modules(self) -> tuple[nn.Module, ...]:
        """What stage S trains, the fusion last."""
        return (self.segmenter, self.mask_fusion)


def _fusion(name: str, channels: int) -> nn.Module:
    return ViewFusion(channels) if name == "context" else MeanFusion()
