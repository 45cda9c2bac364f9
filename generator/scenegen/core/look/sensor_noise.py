"""The noise of a camera's sensor: shot noise of the light and read noise of the electronics."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.look.srgb import codes_of_light, light_of_codes
from scenegen.core.rng import raw_bits
from scenegen.core.scene.scene import NoiseLook

_CLIPPED = 255  # a full well shows no noise


def add_noise(image: NDArray[np.uint8], look: NoiseLook, view: int) -> NDArray[np.uint8]:
    """An sRGB image (H, W, 3) with the noise of the sensor of `look`; every `view` has other noise.

    The variance of the electrons is their number plus the variance of the read noise. Equal on every host and with
    every numpy: the random bits come from a generator whose stream numpy keeps fixed.
    """
    electrons = light_of_codes()[image] * look.full_well
    noisy = electrons + np.sqrt(electrons + look.read_noise**2) * _normal(image.shape, (look.seed, view))
    light = np.clip(noisy / look.full_well, 0.0, 1.0)
    return np.where(image == _CLIPPED, image, codes_of_light(light))


def _normal(shape: tuple[int, ...], seed: tuple[int, int]) -> NDArray[np.float64]:
    """Nearly normal numbers, each the sum of four uniform ones (Irwin and Hall): mean 0, deviation 1, within 3.5."""
    parts = raw_bits(seed, math.prod(shape)).astype("<u8").view("<u2").reshape(*shape, 4)
    sums: NDArray[np.int64] = parts.sum(axis=-1, dtype=np.int64)
    return (sums - 2 * 65535) * (math.sqrt(3.0) / 65536)
