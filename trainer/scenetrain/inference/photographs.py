"""Photographs of any size, format and field of view as the square image that a network reads."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps
from scenegen.core.decoding import read_file

from scenetrain.data.image_files import as_rgb, image_in, middle_square

LEAST_PIXELS = 32
"""Along the shorter side of what a network sees of a photograph; of fewer a line says so."""
FILM_DIAGONAL = math.hypot(36.0, 24.0)
"""Millimetres: EXIF's focal length "in 35 mm film" compares diagonals."""


class ViewOfPhotograph(NamedTuple):
    """A photograph as a network with a field of view of its own sees it."""

    image: NDArray[np.uint8]
    """(size, size, 3)."""
    covered: tuple[int, int, int, int]
    """Left, top, right, bottom of what the photograph shows of it, in pixels; beyond is its mean colour."""
    used: tuple[int, int, int, int]
    """The same part in pixels of the upright photograph."""
    hfov_deg: float | None
    """The photograph's horizontal field of view; None if nobody says."""
    note: str
    """In words, what was done."""


class SquarePhotograph(NamedTuple):
    """The middle square of a photograph."""

    path: Path
    image: NDArray[np.uint8]
    """(size, size, 3)."""
    upright: tuple[int, int]
    """Width and height of the upright photograph."""
    square: tuple[float, float, float]
    """Left, top and side of the square in its pixels."""
    is_turned: bool
    """EXIF turned it by a quarter."""


def read_photograph(path: Path, size: int = 224) -> NDArray[np.uint8]:
    """A photograph of any size and format as uint8 (size, size, 3): its middle square, scaled, upright by EXIF.

    Of 16 bits a channel the upper 8 count; what is transparent is on white. ScenegenError when it cannot be read.
    """
    return read_square(path, size).image


def read_square(path: Path, size: int) -> SquarePhotograph:
    """The same, and which part of the photograph it is."""
    with _image_of(path) as photograph:
        stored = photograph.size
        upright = as_rgb(ImageOps.exif_transpose(photograph))
    side = float(min(upright.size))
    left, top = ((length - side) / 2 for length in upright.size)
    image = middle_square(upright, size)
    return SquarePhotograph(path, image, upright.size, (left, top, side), upright.size != stored)


def read_view(path: Path, size: int, wanted_deg: float, hfov_deg: float | None) -> ViewOfPhotograph:
    """A photograph at a horizontal field of view of `wanted_deg`: cut, or with a margin in its mean colour.

    `hfov_deg` is the upright photograph's own; None takes it from EXIF. If EXIF does not say it, the middle square is
    taken to have the field of view that is wanted. Colours and errors as in read_photograph.
    """
    upright, film = _open(path)
    wide, high = upright.size
    known = hfov_deg
    if known is None and film is not None:
        focal = film / FILM_DIAGONAL * math.hypot(wide, high)
        known = math.degrees(2 * math.atan(wide / 2 / focal))
    if known is None:
        side = min(wide, high)
    else:
        focal = wide / 2 / math.tan(math.radians(known) / 2)
        side = max(1, round(2 * focal * math.tan(math.radians(wanted_deg) / 2)))
    across, down = min(side, wide), min(side, high)
    left, top = (wide - across) // 2, (high - down) // 2
    used = (left, top, left + across, top + down)
    shown = upright.crop(used)
    room = (max(1, round(size * across / side)), max(1, round(size * down / side)))
    start = ((size - room[0]) // 2, (size - room[1]) // 2)
    mean = tuple(np.asarray(shown.resize((1, 1), Image.Resampling.BOX))[0, 0].tolist())
    image = Image.new("RGB", (size, size), mean)
    image.paste(shown.resize(room, Image.Resampling.LANCZOS), start)
    covered = (*start, start[0] + room[0], start[1] + room[1])
    if known is None:
        note = (
            f"its middle {side} x {side} pixels are taken for {wanted_deg:g} degrees; for true metres give its --hfov"
        )
    else:
        source = " (EXIF)" if hfov_deg is None else ""
        note = f"{known:.3g} degrees wide{source}, the network {wanted_deg:g}: its middle {across} x {down} pixels "
        note += "are used"
        note += "" if across == down == side else "; where it does not reach, all is air"
    if min(across, down) < LEAST_PIXELS:
        note += f"; these are too few to see much: give an image of {LEAST_PIXELS} pixels or more there"
    return ViewOfPhotograph(np.array(image, dtype=np.uint8), covered, used, known, note)


def check_photographs(paths: Sequence[Path]) -> None:
    """ScenegenError for the first that is not there or not an image; damage behind its header is not looked for."""
    for path in paths:
        with _image_of(path):
            pass


def _open(path: Path) -> tuple[Image.Image, float | None]:
    """The photograph upright in RGB, and EXIF's focal length in millimetres of 35 mm film."""
    with _image_of(path) as photograph:
        film = photograph.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
        upright = as_rgb(ImageOps.exif_transpose(photograph))
    return upright, float(film) if isinstance(film, int) and 0 < film < 10_000 else None


def _image_of(path: Path) -> AbstractContextManager[Image.Image]:
    """The open image file; whatever is wrong with it, then or later, is a ScenegenError."""
    return image_in(partial(read_file, path), path)
