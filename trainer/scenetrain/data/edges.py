"""Canny edges, and the borders of objects, by the same code of photographs and of rendered images."""

from __future__ import annotations

from typing import Any, NamedTuple

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


def edges_of(
    image: NDArray[np.uint8], objects: NDArray[np.integer[Any]] | None, settings: EdgeSettings
) -> NDArray[np.bool_]:
    """What a painter is given of an image uint8 (H, W, 3): its edges, bool (H, W).

    With `settings.borders` those of `objects` (H, W) join them, the number of the object that each pixel shows.
    """
    edges = canny_edges(image, settings)
    if settings.borders:
        assert objects is not None
        edges |= object_borders(objects)
    return edges


def object_borders(objects: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Where a pixel's right or lower neighbour is another object's, bool (H, W), of numbers of objects (H, W)."""
    border = np.zeros(objects.shape, dtype=np.bool_)
    border[:, :-1] |= objects[:, :-1] != objects[:, 1:]
    border[:-1] |= objects[:-1] != objects[1:]
    return border


def canny_edges(image: NDArray[np.uint8], settings: EdgeSettings) -> NDArray[np.bool_]:
    """The edges, bool (H, W), of an image uint8 (H, W, 3)."""
    grey = rgb2gray(image)
    low, high = choose_thresholds(grey, settings)
    return np.asarray(canny(grey, settings.sigma, low, high), dtype=np.bool_)


def choose_thresholds(grey: NDArray[np.float64], settings: EdgeSettings) -> Thresholds:
    """The thresholds of a configuration; where it has none, those of the image (H, W) in 0..1 itself.

    The automatic high one is half of what parts the lengths of the gradients best in two (Otsu, 1979), so it follows an
    image's contrast; the low one is half of the high one. Otsu's threshold itself misses a fifth of the contours of
    objects in rendered rooms: they are fainter than those of windows and of shadows.
    """
    high = settings.high
    if not high:
        smooth = ndimage.gaussian_filter(grey, settings.sigma)
        lengths = np.hypot(ndimage.sobel(smooth, 0), ndimage.sobel(smooth, 1))
        high = max(LEAST_HIGH, float(threshold_otsu(lengths)) / 2) if lengths.max() > lengths.min() else LEAST_HIGH
    return Thresholds(min(settings.low or high / 2, high), high)
