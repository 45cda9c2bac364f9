"""Image files of any format, size and colour mode as upright RGB images."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scenegen.core.decoding import damage_as_value_error
from scenegen.core.errors import ScenegenError

ReadBytes = Callable[[], bytes]
"""Gives a file's content; OSError or ValueError when it cannot be read."""


@contextmanager
def image_in(read: ReadBytes, name: object) -> Iterator[Image.Image]:
    """The open image of a file; whatever is wrong with it, then or later, is a ScenegenError that says `name`."""
    try:
        content = read()
        with damage_as_value_error(), Image.open(io.BytesIO(content)) as photograph:
            yield photograph
    except FileNotFoundError as error:
        raise ScenegenError(f"{name}: no such image") from error
    except (OSError, ValueError) as error:
        # pillow's own message holds the address of an object
        unknown = isinstance(error, UnidentifiedImageError) or isinstance(error.__cause__, UnidentifiedImageError)
        reason = "of no format that is known" if unknown else getattr(error, "strerror", None) or error
        raise ScenegenError(f"{name}: not an image that can be read ({reason}); give a PNG or JPEG file") from error


def upright_image(read: ReadBytes, name: object) -> Image.Image:
    """The whole image in RGB, upright by EXIF. ScenegenError as image_in."""
    with image_in(read, name) as photograph:
        return as_rgb(ImageOps.exif_transpose(photograph))


def as_rgb(photograph: Image.Image) -> Image.Image:
    """The same in RGB; Pillow's own conversion cuts 16-bit greys off at 255, and shows the colours under alpha 0."""
    if photograph.mode.startswith("I;16"):
        photograph = Image.fromarray((np.asarray(photograph) >> 8).astype(np.uint8))
    if photograph.has_transparency_data:
        shown = photograph.convert("RGBA")
        photograph = Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown)
    return photograph.convert("RGB")


def middle_square_of_numbers(numbers: NDArray[np.integer[Any]], size: int) -> NDArray[np.int32]:
    """The same square of a number for each pixel (H, W), int32 (size, size): that of the nearest pixel."""
    image = Image.fromarray(numbers.astype(np.int32))
    return np.array(ImageOps.fit(image, (size, size), Image.Resampling.NEAREST), dtype=np.int32)


def middle_square(upright: Image.Image, size: int) -> NDArray[np.uint8]:
    """The middle square of an image, scaled to uint8 (size, size, 3)."""
    return np.array(ImageOps.fit(upright, (size, size), Image.Resampling.LANCZOS), dtype=np.uint8)
