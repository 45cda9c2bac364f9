"""What training keeps of every image, computed once for a whole split and held on the training device.

Where a network has a frozen trunk, its output (512 x 28 x 28 per view, 0.8 MB in bfloat16) is all that a stage needs of
an image. A network without one keeps the images themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from scenetrain.blocks.backbones import FEATURE_SIZE, Backbone
from scenetrain.data.reads import NO_EXTRAS, Extras, stack_extras
from scenetrain.data.scenes import SceneList, SceneTensors

MEMORY_SHARE = 0.6
CHUNK = 16


@dataclass(frozen=True)
class Encoder:
    """What is kept of an image: features of the frozen `trunk` in `dtype`, or the image where there is no trunk."""

    trunk: Backbone | None
    dtype: torch.dtype

    def __call__(self, images: Tensor) -> Tensor:
        """Images uint8 (N, V, 3, H, W) to what is kept of them, (N, V, C, 28, 28) or the images."""
        return images if self.trunk is None else trunk_features(self.trunk, images, self.dtype)

    def bytes_per_view(self, image_size: int) -> int:
        """What one view takes."""
        if self.trunk is None:
            return 3 * image_size**2
        return self.trunk.channels * FEATURE_SIZE**2 * self.dtype.itemsize


@dataclass(frozen=True)
class ResidentSplit:
    """A split on the device: `shown` (K, N, V, ...) of K colour variants; labels uint8 (N, X, Y, Z).

    `shown` are the frozen trunk's features (C, 28, 28) where `is_features`, else images uint8 (3, H, W).
    `mirrors` (V,), on the host, are the views' numbers in mirror.AXES: images are as the first camera would see them,
    labels are the room's.
    """

    shown: Tensor
    labels: Tensor
    mirrors: Tensor
    extras: Extras = NO_EXTRAS
    is_features: bool = True


def resident_bytes(scenes: SceneList, variants: int, encoder: Encoder) -> int:
    """Bytes that a split takes on the device, every image in `variants` colours."""
    first = scenes[0]
    shown = scenes.views * variants * encoder.bytes_per_view(scenes.reads.image_size)
    return len(scenes) * (shown + first.labels.nbytes + sum(t.nbytes for t in first.extras if t is not None))


def fits_on(device: torch.device, needed: int) -> bool:
    """Whether `needed` bytes leave the device room to train."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return needed < MEMORY_SHARE * free


def make_resident(
    encoder: Encoder, scenes: SceneList, variants: int, seed: int, device: torch.device, workers: int
) -> ResidentSplit:
    """Encode every view of every item, once per colour variant; `workers` processes read ahead."""
    loader = DataLoader(scenes, batch_size=CHUNK, num_workers=workers, collate_fn=list[SceneTensors])
    shown = labels = None
    extras: list[Extras] = []
    done = 0
    for chunk in loader:
        images = torch.stack([scene.images for scene in chunk]).to(device)
        rows = slice(done, done + len(chunk))
        positions = torch.arange(rows.start, rows.stop)
        for variant in range(variants):
            encoded = encoder(jitter_colors(images, positions, torch.full_like(positions, variant), seed))
            if shown is None or labels is None:
                shape = (variants, len(scenes), *encoded.shape[1:])
                shown = torch.empty(shape, dtype=encoded.dtype, device=device)
                labels = torch.empty((len(scenes), *chunk[0].labels.shape), dtype=torch.uint8, device=device)
            shown[variant, rows] = encoded
        assert labels is not None
        labels[rows] = torch.stack([scene.labels for scene in chunk]).to(device)
        extras += [scene.extras for scene in chunk]
        done = rows.stop
    assert shown is not None and labels is not None
    is_features = encoder.trunk is not None
    return ResidentSplit(shown, labels, scenes.mirrors, stack_extras(extras).to(device), is_features)


def trunk_features(backbone: Backbone, images: Tensor, dtype: torch.dtype) -> Tensor:
    """Features (N, V, C, 28, 28) in `dtype` of images uint8 (N, V, 3, H, W)."""
    folded = images.flatten(0, 1).float() / 255.0
    with torch.autocast(images.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
        features: Tensor = backbone(folded)
    return features.to(dtype).unflatten(0, images.shape[:2])


def jitter_colors(images: Tensor, positions: Tensor, variants: Tensor, seed: int) -> Tensor:
    """Change brightness, contrast, saturation and hue of images uint8 (N, V, 3, H, W), alike in all views of an item.

    (seed, position, variant) decide how; variant 0 is the image as it is.
    """
    if not variants.any():
        return images
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.05)
    shown = []
    with torch.random.fork_rng(devices=[]):
        for scene, position, variant in zip(images, positions.tolist(), variants.tolist(), strict=True):
            torch.manual_seed((seed * 1_000_003 + position) * 1_000_003 + variant)
            shown.append(jitter(scene) if variant else scene)
    return torch.stack(shown)
