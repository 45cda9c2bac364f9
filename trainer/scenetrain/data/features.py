"""Frozen trunk features, computed once for a whole split and kept on the training device.

The trunk never trains, so its output (512 x 28 x 28 a view, .8 MB in bfloat16) is all that a stage needs of an image.
"""

from __future__ import annotations

from dataclasses import dataclass

import psutil
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from scenetrain.blocks.backbones import FEATURE_SIZE, Backbone
from scenetrain.data.scenes import SceneList, SceneTensors, normalize

MEMORY_SHARE = 0.6
CHUNK = 16


@dataclass(frozen=True)
class ResidentSplit:
    """A split on the device: features (K, N, V, C, 28, 28); labels uint8 (N, X, Y, Z).

    K is the number of colour variants. `mirrors` (V,), on the host, are the views' numbers in mirror.AXES: features are
    of pictures as the first camera would see them, labels are the room's.
    """

    features: Tensor
    labels: Tensor
    mirrors: Tensor


def resident_bytes(scenes: SceneList, variants: int, channels: int, dtype: torch.dtype) -> int:
    """Bytes that a split takes on the device, every picture in `variants` colours."""
    features = scenes.views * variants * channels * FEATURE_SIZE**2 * dtype.itemsize
    return len(scenes) * (features + scenes[0].labels.nbytes)


def fits_on(device: torch.device, needed: int) -> bool:
    """Whether `needed` bytes leave the device room to train."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return needed < MEMORY_SHARE * free


def make_resident(
    backbone: Backbone,
    scenes: SceneList,
    variants: int,
    seed: int,
    device: torch.device,
    dtype: torch.dtype,
    workers: int,
) -> ResidentSplit:
    """Run the trunk over every view of every scene, once a colour variant; `workers` processes read ahead."""
    loader = DataLoader(scenes, batch_size=CHUNK, num_workers=workers, collate_fn=list[SceneTensors])
    features = labels = None
    done = 0
    for chunk in loader:
        if features is None or labels is None:
            size = (FEATURE_SIZE, FEATURE_SIZE)
            shape = (variants, len(scenes), scenes.views, backbone.channels, *size)
            features = torch.empty(shape, dtype=dtype, device=device)
            labels = torch.empty((len(scenes), *chunk[0].labels.shape), dtype=torch.uint8, device=device)
        images = torch.stack([scene.images for scene in chunk]).to(device)
        rows = slice(done, done + len(chunk))
        labels[rows] = torch.stack([scene.labels for scene in chunk]).to(device)
        positions = torch.arange(rows.start, rows.stop)
        for variant in range(variants):
            shown = jitter_colors(images, positions, torch.full_like(positions, variant), seed)
            features[variant, rows] = trunk_features(backbone, shown, dtype)
        done = rows.stop
    assert features is not None and labels is not None
    return ResidentSplit(features, labels, scenes.mirrors)


def trunk_features(backbone: Backbone, images: Tensor, dtype: torch.dtype) -> Tensor:
    """Features (N, V, C, 28, 28) in `dtype` of images uint8 (N, V, 3, H, W)."""
    folded = normalize(images.flatten(0, 1), backbone.mean, backbone.std)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
        features: Tensor = backbone(folded)
    return features.to(dtype).unflatten(0, images.shape[:2])


def jitter_colors(images: Tensor, positions: Tensor, variants: Tensor, seed: int) -> Tensor:
    """Change brightness, contrast, saturation and hue of images uint8 (N, V, 3, H, W), alike in all views of a scene.

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
