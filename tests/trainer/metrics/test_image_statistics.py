"""A known change of an image moves its own statistic, and no other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scenetrain.metrics.image_statistics import STATISTICS, image_statistics
from scipy import ndimage
from skimage.color import lab2rgb, rgb2lab

Image = NDArray[np.uint8]
SIDE = 160


def dead_leaves(seed: int) -> Image:
    """Discs of random sizes and muted colours that hide one another as objects do, with a camera's slight blur."""
    draw = np.random.default_rng(seed)
    image = np.full((SIDE, SIDE, 3), 128.0)
    y, x = np.mgrid[:SIDE, :SIDE]
    for _ in range(150):
        radius = 4 / draw.uniform(0.08, 1) ** 0.7 * 2
        inside = (y - draw.uniform(0, SIDE)) ** 2 + (x - draw.uniform(0, SIDE)) ** 2 < radius**2
        image[inside] = 128 + draw.normal(0, 35) + draw.normal(0, 12, 3)
    return np.clip(np.rint(ndimage.gaussian_filter(image, (0.5, 0.5, 0))), 20, 235).astype(np.uint8)


def blurred(image: Image) -> Image:
    return np.rint(ndimage.gaussian_filter(image.astype(float), (0.8, 0.8, 0))).astype(np.uint8)


def noisy(image: Image) -> Image:
    grain = np.random.default_rng(1).normal(0, 3, (SIDE, SIDE, 1))
    return np.clip(np.rint(image + grain), 0, 255).astype(np.uint8)


def of_another_hue(image: Image) -> Image:
    lab = rgb2lab(image)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    lab[..., 1] -= 12  # towards green, as colourful as before
    lab[..., 1:] *= (chroma / np.hypot(lab[..., 1], lab[..., 2]))[..., None]
    return np.rint(255 * lab2rgb(lab)).clip(0, 255).astype(np.uint8)


def brighter(image: Image) -> Image:
    return np.clip(image.astype(int) + 15, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def images() -> list[Image]:
    return [dead_leaves(seed) for seed in range(8)]


@pytest.mark.parametrize(
    ("change", "moved"),
    [(blurred, {"blur"}), (noisy, {"noise"}), (of_another_hue, {"tint", "warmth"}), (brighter, {"brightness"})],
)
def test_a_change_moves_its_own_statistic(
    images: list[Image], change: Callable[[Image], Image], moved: set[str]
) -> None:
    before = np.array([image_statistics(image) for image in images])
    after = np.array([image_statistics(change(image)) for image in images])
    scale = np.maximum(before.std(0), [item.least for item in STATISTICS])
    shift = dict(zip((item.name for item in STATISTICS), np.abs(after.mean(0) - before.mean(0)) / scale, strict=True))
    assert max(shift[name] for name in moved) > 1.5, shift
    assert max(value for name, value in shift.items() if name not in moved) < 0.5, shift


def test_blur_and_noise_are_in_their_units() -> None:
    step = np.full((128, 128, 3), 60.0)
    step[:, 64:] = 180
    for deviation in (0.6, 1.0, 1.6):
        image = np.rint(ndimage.gaussian_filter(step, (deviation, deviation, 0))).astype(np.uint8)
        found = dict(zip((item.name for item in STATISTICS), image_statistics(image), strict=True))
        assert found["blur"] == pytest.approx(deviation, abs=0.12)
    grain = np.random.default_rng(0).normal(0, 4, (128, 128, 1))
    flat = np.clip(np.rint(128 + grain), 0, 255).astype(np.uint8).repeat(3, axis=2)
    lightness = rgb2lab(flat)[..., 0].std()
    assert image_statistics(flat)[5] == pytest.approx(lightness, rel=0.05)


def test_an_image_without_anything_has_no_blur() -> None:
    found = image_statistics(np.zeros((64, 64, 3), np.uint8))
    assert np.isnan(found[[5, 6, 8]]).all() and found[7] == 0
