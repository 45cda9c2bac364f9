"""Images of instance and depth maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.scene.classes import Color

_NEAR_TO_FAR = np.array(
    [(252, 253, 191), (254, 187, 129), (248, 118, 92), (211, 67, 110), (148, 44, 128), (81, 18, 124), (20, 14, 54)]
)


def draw_overlay(image: NDArray[np.uint8], instance: NDArray[np.uint16], colors: Sequence[Color]) -> Image.Image:
    """An image (H, W, 3) with each object of an instance map (H, W) in `colors[id]` and outlined, the rest dimmed."""
    table = np.array([(0, 0, 0), *colors], float)
    label = instance.clip(0, len(colors))
    grey = image.mean(axis=-1, keepdims=True)
    pixels = np.where(label[..., None] > 0, 0.45 * grey + 0.6 * table[label], 0.4 * grey + 0.05 * image)
    edge = np.zeros(label.shape, bool)
    edge[:, 1:] |= label[:, 1:] != label[:, :-1]
    edge[1:] |= label[1:] != label[:-1]
    pixels[edge] = 0.3 * pixels[edge] + 0.7 * 250
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def draw_depth(depth: NDArray[np.float32]) -> Image.Image:
    """A depth map (H, W) in metres, near bright and far dark over the range it has; black where nothing was hit."""
    hit = (depth > 0) & np.isfinite(depth)
    near, far = np.percentile(depth[hit], (0.5, 99.5)) if hit.any() else (0.0, 1.0)
    place = ((depth - near) / max(far - near, 1e-6)).clip(0, 1) * (len(_NEAR_TO_FAR) - 1)
    place = np.where(hit, place, 0)
    steps = np.arange(len(_NEAR_TO_FAR))
    colors = np.stack([np.interp(place, steps, _NEAR_TO_FAR[:, c]) for c in range(3)], axis=-1)
    return Image.fromarray(np.where(hit[..., None], colors, 0).astype(np.uint8))
