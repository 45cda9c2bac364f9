"""Photographs as a pinhole camera would have taken them: undistorted, upright, and in the size of a data set's images.

Pixels count from the image's top-left corner, and the centre of the first is (0.5, 0.5). A matrix K goes with its image
through every step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from scenegen.core.compiled import compiled
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.scene import Camera, FrustumSpec, Matrix4
from scenegen.steps.importing.lenses import Lens

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]

ORIENTATION = 0x0112
"""EXIF's tag of how the camera was held."""
QUARTERS = {3: 2, 6: 1, 8: 3}
"""Its values, and by how many quarters clockwise the image must be turned; others are mirrored, or upright."""


@dataclass(frozen=True)
class FruxelDepths:
    """The depths of a frustum, metres, and into how many cells it is cut along the image's sides and along them."""

    near: float
    far: float
    size: tuple[int, int, int]


@dataclass(frozen=True)
class Shot:
    """An image (H, W, 3) with its K (3, 3) and its pose (4, 4), the world to the camera's axes."""

    pixels: Pixels
    K: Floats
    pose: Floats

    def turned(self, quarters: int) -> Shot:
        """The same, turned clockwise by so many quarters together with its camera."""
        pixels, K, pose = self.pixels, self.K, self.pose
        for _ in range(quarters % 4):
            height = pixels.shape[0]
            K = np.array([[K[1, 1], 0, height - K[1, 2]], [0, K[0, 0], K[0, 2]], [0, 0, 1]])
            pose = np.array([-pose[1], pose[0], pose[2], pose[3]])
            pixels = np.rot90(pixels, -1)
        return Shot(pixels, K, pose)

    def square(self, side: int) -> Shot:
        """The middle square, scaled to `side` pixels; all of it where `side` is 0."""
        if side == 0:
            return self
        left, top, whole = middle_square(self.pixels.shape)
        image = Image.fromarray(np.ascontiguousarray(self.pixels))
        box = (left, top, left + whole, top + whole)
        scaled = image.resize((side, side), Image.Resampling.LANCZOS, box=box) if whole != side else image.crop(box)
        return Shot(np.asarray(scaled), square_matrix(self.K, self.pixels.shape, side), self.pose)

    def camera(self, name: str, depths: FruxelDepths) -> Camera:
        """Its camera, with a frustum that is seen in the whole image."""
        height, width = self.pixels.shape[:2]
        return pinhole(name, (width, height), self.K, self.pose, depths)


def middle_square(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Of an image of so many rows and columns: the left and upper edge of its middle square, and its side."""
    height, width = shape[:2]
    side = min(height, width)
    return (width - side) // 2, (height - side) // 2, side


def square_matrix(K: Floats, shape: tuple[int, ...], side: int) -> Floats:
    """The K of the middle square of an image, scaled to `side` pixels."""
    left, top, whole = middle_square(shape)
    moved = K.copy()
    moved[0, 2] -= left
    moved[1, 2] -= top
    moved[:2] *= side / whole
    return moved


def pinhole(name: str, size: tuple[int, int], K: Floats, pose: Floats, depths: FruxelDepths) -> Camera:
    """A camera whose frustum covers its image of `size`, width and height in pixels."""
    rows = K.tolist()
    hfov = math.degrees(2 * math.atan(size[0] / 2 / rows[0][0]))
    spec = FrustumSpec(depths.near, depths.far, depths.size, hfov)
    return Camera(name, *size, (_three(rows[0]), _three(rows[1]), _three(rows[2])), matrix4(pose), spec)


def _three(row: list[float]) -> tuple[float, float, float]:
    a, b, c = row
    return a, b, c


def matrix4(matrix: Floats) -> Matrix4:
    """A matrix (4, 4) as a scene holds it."""
    a, b, c, d = ((row[0], row[1], row[2], row[3]) for row in np.asarray(matrix, dtype=np.float64).tolist())
    return a, b, c, d


def photograph(file: Path, lens: Lens, size: tuple[int, int], pose: Floats) -> Shot:
    """A photograph as a pinhole camera of the same size, focal lengths and principal point shows it, upright.

    `size` is that of its camera, width and height. A camera that bends nothing gives it unchanged. What EXIF says of
    how it was held turns image and camera, unless its pixels were turned before COLMAP saw them. ScenegenError when the
    file is no photograph, or of another size.
    """
    pixels, quarters = _read(file, size)
    if not lens.is_pinhole:
        pixels = _resampled(pixels, *_sources(lens, *size))
    K = np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1.0]])
    return Shot(pixels, K, pose).turned(quarters)


def _read(file: Path, size: tuple[int, int]) -> tuple[Pixels, int]:
    """The pixels as COLMAP saw them, and the quarters by which they must be turned to be upright."""
    try:
        with Image.open(file) as image:
            quarters = QUARTERS.get(image.getexif().get(ORIENTATION, 1), 0)
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, SyntaxError, ValueError) as error:
        why = "no image that pillow reads" if isinstance(error, UnidentifiedImageError) else error
        raise ScenegenError(
            f"{file}: cannot be read ({why}); copy it again, or remove it from the photographs"
        ) from error
    found = pixels.shape[1], pixels.shape[0]
    if found == size:
        return pixels, quarters
    if quarters % 2 and found == size[::-1]:  # another program turned it before COLMAP saw it
        return np.ascontiguousarray(np.rot90(pixels, -quarters)), 0
    raise ScenegenError(
        f"{file}: is {found[0]} x {found[1]} pixels, but its camera {size[0]} x {size[1]}; give the photographs that "
        "COLMAP saw with --images"
    )


@lru_cache(maxsize=2)
def _sources(lens: Lens, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where in a photograph each pixel (H, W) of the undistorted one is seen, columns and rows of pixel centres."""
    u, v = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    across, down = lens.place((u - lens.cx) / lens.fx, (v - lens.cy) / lens.fy)
    return (across - 0.5).astype(np.float32), (down - 0.5).astype(np.float32)


@compiled
def _resampled(pixels: Pixels, across: NDArray[np.float32], down: NDArray[np.float32]) -> Pixels:
    """The image at these places, between pixels bilinear; black outside, which half a pixel around it is not."""
    height, width, _ = pixels.shape
    shown = np.zeros((across.shape[0], across.shape[1], 3), dtype=np.uint8)
    for row in range(across.shape[0]):
        for column in range(across.shape[1]):
            x, y = float(across[row, column]), float(down[row, column])
            if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
                continue
            x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
            left, top = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
            right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
            a, b = x - left, y - top
            for channel in range(3):
                upper = pixels[top, left, channel] * (1 - a) + pixels[top, right, channel] * a
                lower = pixels[bottom, left, channel] * (1 - a) + pixels[bottom, right, channel] * a
                shown[row, column, channel] = int(upper * (1 - b) + lower * b + 0.5)
    return shown
