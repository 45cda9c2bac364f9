"""Frozen trunk features, computed once for a whole split and kept on the training device.

The trunk never trains, so its output (512 x 28 x 28 a view, .8 MB in bfloat16) is all that a stage needs of an image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import v2

from scenetrain.backbones import Backbone
from scenetrain.data import SceneTensors, normalize

MEMORY_SHARE = 0.6
CHUNK = 16


@dataclass(frozen=True)
class ResidentSplit:
    """A split on the device: features (K, N, V, C, 28, 28) of K colour variants; labels uint8 (N, X, Y, Z)."""

    features: Tensor
    labels: Tensor


def fits_on_device(
    scenes: int, views: int, variants: int, channels: int, device: torch.device, label_size: int
) -> bool:
    """Whether features and labels of `scenes` leave the device room to train; always true on the CPU."""
    if device.type != "cuda":
        return True
    element = 2
    needed = scenes * (views * variants * channels * 28 * 28 * element + label_size)
    free, _ = torch.cuda.mem_get_info(device)
    return needed < MEMORY_SHARE * free


def make_resident(
    backbone: Backbone, scenes: SceneTensors, variants: int, seed: int, device: torch.device, dtype: torch.dtype
) -> ResidentSplit:
    """Run the trunk over every view of every scene, once a colour variant (variant 0 is the image as it is)."""
    count, views = scenes.images.shape[:2]
    features = torch.empty((variants, count, views, backbone.channels, 28, 28), dtype=dtype, device=device)
    for variant in range(variants):
        for start in range(0, count, CHUNK):
            images = scenes.images[start : start + CHUNK].to(device)
            if variant:
                images = jitter_colors(images, seed=seed * 1_000_003 + variant * count + start)
            folded = normalize(images.flatten(0, 1), backbone.mean, backbone.std)
            with torch.autocast(device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
                out = backbone(folded)
            features[variant, start : start + CHUNK] = out.unflatten(0, (-1, views)).to(dtype)
    return ResidentSplit(features, scenes.labels.to(device))


def jitter_colors(images: Tensor, seed: int) -> Tensor:
    """Change brightness, contrast, saturation and hue of uint8 images (N, V, 3, H, W), the same for a scene's views."""
    jitter = v2.ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.05)
    with torch.random.fork_rng(devices=[images.device] if images.device.type == "cuda" else []):
        torch.manual_seed(seed)
        return torch.stack([jitter(scene) for scene in images])
