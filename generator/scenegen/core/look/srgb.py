"""Between the codes of an image, sRGB from 0 to 255, and light (IEC 61966-2-1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def light_of_codes() -> NDArray[np.float64]:
    """The light of each code, (256,), from 0 to 1."""
    codes = np.arange(256) / 255
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def codes_of_light(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The nearest code of light from 0 to 1."""
    encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    codes: NDArray[np.uint8] = np.rint(255 * encoded).astype(np.uint8)
    return codes
