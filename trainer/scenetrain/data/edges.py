"""Canny edges, by the same code of photographs and of rendered images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2gray
from skimage.feature import canny
from skimage.filters import threshold_otsu

from scenetrain.config import EdgeSettings

LEAST_HIGH = 0.1
"""Of an automatic threshold, in lengths of Sobel's vector, where 4 is a step from black to white: an image without
edges would else show its noise."""


class Thresholds(NamedTuple):
    """Canny's: a pixel of at least `high` begins an edge, of at least `low` continues one."""

    low: float
    high: float


def canny_edges(image: NDArray[np.uint8], settings: EdgeSettings) -> NDArray[np.bool_]:
    """The edges, bool (H, W), of an image uint8 (H, W, 3)."""
    grey = rgb2gray(image)
    low, high = choose_thresholds(grey, settings)
    return np.asarray(canny(grey, settings.sigma, low, high), dtype=np.bool_)


def choose_thresholds(grey: NDArray[np.float64], settings: EdgeSettings) -> Thresholds:
    """The thresholds of a configuration; where it has none, those of the image (H, W) in 0..1 itself.

    The automatic high one parts the lengths of the gradients best in two (Otsu, 1979), so it follows an image's
    contrast; the low one is half of it.
    """
    high = settings.high
    if not high:
        smooth = ndimage.gaussian_filter(grey, settings.sigma)
        lengths = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
        high = max(LEAST_HIGH, float(threshold_otsu(lengths))) if lengths.max() > lengths.min() else LEAST_HIGH
    return Thresholds(min(settings.low or high / 2, high), high)
