"""TS3DSC (Garbade et al., CVPR Workshops 2019): depth and a segmentation of the image, completed by one 3D network.

One stream is the flipped TSDF of the depth images. The other is a 2D segmentation of the images, in a compact encoding
of three channels, put into the cells that the pixels hit. SSCNet's 3D network reads both and answers at a quarter of
the resolution.

Changed: a head (body.FullGridHead) brings the answer to the full grid. Several views with their depths fill it, where
the paper has one. Its 2D network is DeepLab, trained before and kept; here a small decoder on a frozen trunk trains
beside the 3D network, by the labels of the cells that the pixels hit, so it needs no labelled images; no gradient of
the 3D network reaches it. A pixel's encoding is the mean of the classes' by its probabilities.

Shapes: B scenes, V views, C classes, H W pixels, X Y Z the grid's axes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from scenetrain.blocks.layers import fold_views, unfold_views
from scenetrain.blocks.pyramid import Pyramid
from scenetrain.networks.contract import Inputs
from scenetrain.networks.ts3dsc.body import FullGridHead, SscNet
from scenetrain.networks.ts3dsc.settings import Ts3dscConfig
from scenetrain.networks.ts3dsc.volumes import Hits, find_hits, flipped_tsdf, lift_pixels

OUTPUTS = ("occupancy", "masks")
ENCODING = 3


@dataclass(frozen=True)
class Completion:
    """Logits of air and the classes: of voxels (B, 1 + C, X, Y, Z) and of pixels (B, V, 1 + C, H, W); pixels' cells."""

    logits: Tensor
    of_pixels: Tensor
    hits: Hits

    def occupancy(self) -> Tensor:
        """(B, 1, X, Y, Z): any class."""
        return 1 - self.logits.float().softmax(1)[:, :1]

    def masks(self) -> Tensor:
        """(B, C, X, Y, Z): every class."""
        return self.logits.float().softmax(1)[:, 1:]


class Segmenter(nn.Module):
    """Images (N, 3, H, W) in [0, 1] to logits of background and the classes (N, 1 + C, H, W)."""

    def __init__(self, name: str, weights: str | None, width: float, classes: int) -> None:
        super().__init__()
        coarse, fine = (max(4, round(count * width)) for count in (64, 32))
        self.pyramid = Pyramid(name, weights, coarse, fine)
        self.classify = nn.Conv2d(fine, 1 + classes, 1)

    def forward(self, images: Tensor) -> Tensor:
        """At half the resolution, enlarged."""
        logits = self.classify(self.pyramid(images)[1])
        return functional.interpolate(logits, images.shape[-2:], mode="bilinear")


class Ts3dsc(nn.Module):
    """Images, depths and cameras to labels of a box grid; Ts3dscConfig says what settings mean."""

    def __init__(self, config: Ts3dscConfig, classes: int, shape: tuple[int, int, int], weights: str | None) -> None:
        super().__init__()
        model = config.model
        self.shape = shape
        self.margin = model.margin
        self.segmenter = Segmenter(model.backbone, weights, model.width, classes)
        self.register_buffer("codes", class_codes(classes), persistent=False)
        self.body = SscNet(1 + ENCODING, 1 + classes, model.width)
        self.head = FullGridHead(self.body, 1 + ENCODING, 1 + classes, model.width)

    def forward(self, inputs: Inputs, wanted: Sequence[str] = OUTPUTS) -> dict[str, Completion]:
        """One completion under every wanted name."""
        images, extras = inputs.images, inputs.extras
        assert images is not None and extras.depth is not None and extras.voxels_to_image is not None
        hits = find_hits(extras.depth, extras.voxels_to_image, self.shape)
        tsdf = flipped_tsdf(extras.depth, extras.voxels_to_image, hits, self.shape, self.margin)
        of_pixels = self.segmenter(fold_views(images))
        encoded = torch.einsum("nchw,cd->ndhw", of_pixels.detach().softmax(1), self.get_buffer("codes"))
        lifted = lift_pixels(unfold_views(encoded, images.shape[1]), hits, self.shape)
        logits = self.complete(torch.cat([tsdf, lifted], 1))
        return dict.fromkeys(wanted, Completion(logits, unfold_views(of_pixels, images.shape[1]), hits))

    def complete(self, volume: Tensor) -> Tensor:
        """TSDF and encoding (B, 4, X, Y, Z) to logits (B, 1 + C, X, Y, Z)."""
        x, y, z = self.shape
        ends = [end for size in self.shape[::-1] for end in (0, -size % 4)]
        volume = functional.pad(volume, ends).contiguous(memory_format=torch.channels_last_3d)
        logits: Tensor = self.head(volume, self.body(volume))
        return logits[:, :, :x, :y, :z]

    def trained(self) -> tuple[nn.Module, ...]:
        """What training changes: all but the frozen trunk."""
        segmenter = [part for name, part in self.segmenter.pyramid.named_children() if name != "trunk"]
        return (*segmenter, self.segmenter.classify, self.body, self.head)


def class_codes(classes: int) -> Tensor:
    """The three-channel encoding, (1 + C, 3): background at 0, the classes spread evenly over the unit sphere."""
    number = torch.arange(classes, dtype=torch.double) + 0.5
    height, angle = 1 - 2 * number / classes, number * math.pi * (1 + math.sqrt(5))
    ring = (1 - height**2).sqrt()
    places = torch.stack([ring * angle.cos(), ring * angle.sin(), height], 1).float()
    return torch.cat([torch.zeros(1, ENCODING), places])
