"""Figures of one image that a renderer controls: brightness, colour, noise, sharpness, edges, spectrum.

Each is made to follow one cause and to ignore the others: noise is measured where the image is flat, sharpness on its
edges alone, edges and spectrum at a scale that neither noise nor a little blur reaches. All are of CIELAB, so that
a turned hue changes no brightness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.feature import canny

FloatImage = NDArray[np.float32]

COARSE = 2.0
FINE = 1.0
"""Deviations in pixels of the two Gaussians under which edges are seen."""
LOW_EDGE, HIGH_EDGE = 0.06, 0.12
"""Canny's thresholds on Sobel's gradient (8 times a pixel's step) of brightness from 0 to 1."""
MOST_BLUR = 4.0
"""Pixels; the two Gaussians tell wider edges no more apart."""
LOWEST, HIGHEST = 2 / 224, 0.1
"""Cycles per pixel between which the spectrum's slope is fitted."""


@dataclass(frozen=True)
class ImageStatistic:
    """A figure of an image, and the smallest difference that anyone should mind."""

    name: str
    unit: str
    least: float
    text: str


STATISTICS = (
    ImageStatistic("brightness", "L*", 2.0, "mean lightness, 0 to 100"),
    ImageStatistic("contrast", "L*", 2.0, "deviation of lightness within an image"),
    ImageStatistic("colourfulness", "C*", 2.0, "mean chroma; 0 is grey"),
    ImageStatistic("tint", "a*", 1.0, "mean of green (below 0) to red"),
    ImageStatistic("warmth", "b*", 1.0, "mean of blue (below 0) to yellow"),
    ImageStatistic("noise", "L*", 0.2, "deviation from pixel to pixel where the image is flat"),
    ImageStatistic("blur", "pixels", 0.15, "deviation of the Gaussian that would blur a step as edges are blurred"),
    ImageStatistic("edge density", "%", 1.0, "share of pixels on an edge at a scale of 2 pixels"),
    ImageStatistic("spectral slope", "", 0.1, "power of spatial frequencies f falls as f to this, up to .1 per pixel"),
)
"""In the order of `image_statistics`."""


def image_statistics(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The STATISTICS of an image uint8 (H, W, 3), H and W at least 32: float64 (9,). NaN for what cannot be measured,
    such as the blur of an image without edges.
    """
    lab = rgb2lab(image.astype(np.float32) / 255).astype(np.float32)
    lightness = lab[..., 0]
    edges = canny(lightness / 100, COARSE, LOW_EDGE, HIGH_EDGE)
    return np.array(
        [
            lightness.mean(),
            lightness.std(),
            np.hypot(lab[..., 1], lab[..., 2]).mean(),
            lab[..., 1].mean(),
            lab[..., 2].mean(),
            _noise(lightness),
            _blur(lightness, edges),
            100 * edges.mean(),
            _spectral_slope(lightness),
        ]
    )


def _noise(lightness: FloatImage) -> float:
    """Immerkær, Fast Noise Variance Estimation, 1996, in the flattest half of what is neither black nor white."""
    mask = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = np.abs(ndimage.convolve(lightness, mask))
    smooth = ndimage.gaussian_filter(lightness, COARSE)
    usable = (smooth > 2) & (smooth < 98)
    if usable.sum() < 100:
        return float("nan")
    slope = ndimage.gaussian_gradient_magnitude(lightness, COARSE)[usable]
    flat = slope <= np.median(slope)
    return float(np.sqrt(np.pi / 2) / 6 * response[usable][flat].mean())


def _blur(lightness: FloatImage, edges: NDArray[np.bool_]) -> float:
    """Hu and de Haan, Low Cost Robust Blur Estimator, 2006: how much less an edge's gradient falls under more blur.

    The peak gradient of a step blurred by b is in proportion to 1 / sqrt(b^2 + s^2) under a Gaussian of deviation s.
    """
    if edges.sum() < 20:
        return float("nan")
    fine, coarse = (
        ndimage.maximum_filter(ndimage.gaussian_gradient_magnitude(lightness, s), 3)[edges] for s in (FINE, COARSE)
    )
    ratio = float(np.median(fine / np.maximum(coarse, 1e-6))) ** 2
    if ratio <= 1:
        return MOST_BLUR
    return float(np.clip(np.sqrt(max(0.0, (COARSE**2 - FINE**2 * ratio) / (ratio - 1))), 0, MOST_BLUR))


def _spectral_slope(lightness: FloatImage) -> float:
    """The slope of log power over log frequency, mean over directions (Ruderman, 1994)."""
    height, width = lightness.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    power = np.abs(np.fft.rfft2((lightness - lightness.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    bounds = np.geomspace(max(LOWEST, 2 / min(height, width)), HIGHEST, 9)
    place = np.digitize(frequency, bounds)
    means = np.array([power[place == i].mean() if (place == i).any() else np.nan for i in range(1, len(bounds))])
    known = np.isfinite(means) & (means > 0)
    if known.sum() < 3 or lightness.std() < 1e-3:
        return float("nan")
    centres = np.sqrt(bounds[1:] * bounds[:-1])
    return float(np.polyfit(np.log(centres[known]), np.log(means[known]), 1)[0])
