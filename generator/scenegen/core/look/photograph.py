"""What a camera makes of a rendered image: its lens, its sensor, its white balance, its JPEG file."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.typing import NDArray

from scenegen.core.look.sensor_noise import add_noise
from scenegen.core.look.srgb import codes_of_light, light_of_codes
from scenegen.core.scene.scene import CameraLook, Look

_TAILS = 3.0
"""Deviations of the lens' Gaussian that are summed to each side."""


def photograph(image: NDArray[np.uint8], look: Look, view: int) -> NDArray[np.uint8]:
    """An sRGB image (H, W, 3) as the camera of `look` gives it; every `view` has other noise.

    Blur and vignetting are of the light before the sensor's noise, white balance and JPEG of what the sensor gave.
    """
    camera = look.camera or CameraLook()
    if camera.blur or camera.vignetting:
        image = through_lens(image, camera)
    if look.noise:
        image = add_noise(image, look.noise, view)
    if camera.gains != (1.0, 1.0, 1.0):
        image = codes_of_light(np.minimum(light_of_codes()[image] * np.array(camera.gains), 1.0))
    return as_jpeg(image, camera.jpeg) if camera.jpeg else image


def through_lens(image: NDArray[np.uint8], camera: CameraLook) -> NDArray[np.uint8]:
    """Blurred by a Gaussian, and darker from the middle (unchanged) to the corners (by `vignetting`), as r squared.

    Sums are in a fixed order, so that they are equal on every machine.
    """
    light = light_of_codes()[image]
    if camera.blur:
        radius = math.ceil(_TAILS * camera.blur)
        weights = [math.exp(-0.5 * (step / camera.blur) ** 2) for step in range(-radius, radius + 1)]
        for axis in (0, 1):
            light = _weighted(light, [weight / sum(weights) for weight in weights], axis)
    if camera.vignetting:
        rows, columns = ((np.arange(n) + 0.5) / n * 2 - 1 for n in light.shape[:2])
        squares = (rows[:, None] ** 2 + columns[None] ** 2) / 2  # 1 in the corners
        light = light * (1 - camera.vignetting * squares)[..., None]
    return codes_of_light(np.minimum(light, 1.0))


def _weighted(light: NDArray[np.float64], weights: list[float], axis: int) -> NDArray[np.float64]:
    """Sums along an axis; beyond the border the last pixel goes on."""
    radius, length = len(weights) // 2, light.shape[axis]
    blurred = np.zeros_like(light)
    for step, weight in enumerate(weights):
        places = np.clip(np.arange(length) + step - radius, 0, length - 1)
        blurred += weight * np.take(light, places, axis)
    return blurred


def as_jpeg(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """The same after it was a JPEG file, with colours at half the size, as cameras store them."""
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=quality, subsampling="4:2:0")
    return np.asarray(Image.open(content).convert("RGB"))
