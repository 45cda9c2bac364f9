"""The four published versions, and what each becomes on our grid.

Xie et al., "Pix2Vox: Context-aware 3D Reconstruction from Single and Multi-view Images" (ICCV 2019), sections 3.2 to
3.5 and the authors' code; "Pix2Vox++: Multi-scale Context-aware 3D Object Reconstruction from Single and Multiple
Images" (IJCV 2020), section 3. Trunks give 28 x 28 features of an image of 224 x 224.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from scenetrain.blocks.backbones import FEATURE_SIZE

VersionName = Literal["A", "F", "++/A", "++/F"]


@dataclass(frozen=True)
class NeckLayer:
    """A convolution of the encoder behind the trunk, its batch norm and activation, and a max pool where `pool` > 1."""

    channels: int
    kernel: int
    padding: int = 0
    pool: int = 1


@dataclass(frozen=True)
class Version:
    """What sets a version apart."""

    backbone: str
    """The frozen trunk, by its name in timm."""
    trunk_channels: int
    neck: tuple[NeckLayer, ...]
    activation: Literal["elu", "relu"]
    """Of the neck."""
    decoder: tuple[int, ...]
    """Channels of the levels that double the volume."""
    fusion: Literal["merger", "context"]
    """How views are weighed: Pix2Vox's merger, or Pix2Vox++'s multi-scale fusion."""
    refined: bool
    """Whether a refiner corrects the fused volume."""


ACCURATE, FAST = (512, 128, 32, 8), (128, 64, 32, 8)

VERSIONS: dict[VersionName, Version] = {
    "A": Version(
        "vgg16_bn",
        512,
        (NeckLayer(512, 3), NeckLayer(512, 3, pool=3), NeckLayer(256, 1)),
        "elu",
        ACCURATE,
        "merger",
        refined=True,
    ),
    "F": Version(
        "vgg16_bn",
        512,
        (NeckLayer(512, 1), NeckLayer(256, 3, pool=4), NeckLayer(128, 3)),
        "elu",
        FAST,
        "merger",
        refined=False,
    ),
    "++/A": Version(
        "resnet50",
        512,
        (NeckLayer(512, 3, 1), NeckLayer(256, 3, 1, pool=2), NeckLayer(256, 3, 1, pool=2)),
        "relu",
        ACCURATE,
        "context",
        refined=True,
    ),
    "++/F": Version(
        "resnet18",
        128,
        (NeckLayer(128, 3, 1), NeckLayer(64, 3, 1, pool=2), NeckLayer(64, 3, 1, pool=2)),
        "relu",
        FAST,
        "context",
        refined=False,
    ),
}


@dataclass(frozen=True)
class Pix2VoxForm:
    """What a version answers with: the published form and ours differ in these members alone."""

    seed: tuple[int, int, int]
    """Cells of the volume that the decoder begins with."""
    doublings: int
    """How often the decoder doubles it."""
    neck_outputs: int
    """Channels of the neck's last layer, which are reshaped into the seed."""
    answers: int
    """Channels of the volume."""
    refiner: tuple[int, ...]
    """Channels of the refiner's levels, each of which halves the volume."""
    priors: tuple[float, ...] | None
    """Probabilities that the untrained network answers with, by channel; None for a last layer without bias."""


def published_form(version: Version) -> Pix2VoxForm:
    """The occupancy of 32^3 voxels, from a seed of 2^3."""
    return Pix2VoxForm((2, 2, 2), 4, version.neck[-1].channels, 1, (32, 64, 128), None)


def our_form(version: Version, classes: int, prior: float, detail: int = 1) -> Pix2VoxForm:
    """Occupancy and `classes` masks of 80 x 96 x 64 voxels: the decoder doubles a seed of 5 x 6 x 4 four times.

    For blocks of `detail` (1, 2) voxels an edge it doubles once less, and so does the refiner halve.

    Four things change. The neck's last layer has a multiple of 120 channels, the next lower one (at least 120), so that
    its output can be reshaped into the 120 cells of the seed, as the Everted U-Net does. The last layer has a channel
    for occupancy and one for each class, and a bias. The refiner halves the volume once more, so that its fully
    connected layers see 5 x 6 x 4 cells in the place of 4^3, not 10 x 12 x 8. All the rest is as published.
    """
    cells = 5 * 6 * 4
    outputs = max(1, version.neck[-1].channels // cells) * cells
    doublings = 5 - detail
    priors = (prior, *[prior / classes] * classes)
    return Pix2VoxForm((5, 6, 4), doublings, outputs, 1 + classes, (32, 64, 128, 128)[:doublings], priors)


def without_last_pool(layers: Sequence[NeckLayer]) -> tuple[NeckLayer, ...]:
    """The same layers, but the last max pool among them is left out."""
    last = max(number for number, layer in enumerate(layers) if layer.pool > 1)
    return tuple(replace(layer, pool=1) if number == last else layer for number, layer in enumerate(layers))


def neck_size(layers: Sequence[NeckLayer]) -> int:
    """Edge of what these layers make of a trunk's features."""
    size = FEATURE_SIZE
    for layer in layers:
        size = (size + 2 * layer.padding - layer.kernel + 1) // layer.pool
    return size


def latent_channels(version: Version, form: Pix2VoxForm) -> int:
    """Channels of the decoder's first volume: what the neck says of an image, reshaped."""
    return form.neck_outputs * neck_size(version.neck) ** 2 // math.prod(form.seed)
