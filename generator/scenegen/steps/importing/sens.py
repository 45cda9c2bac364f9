"""ScanNet's .sens files: a header, then one frame after another, read where it lies and no sooner.

Little endian, version 4 (github.com/ScanNet/ScanNet, SensReader/c++/src/sensorData). Matrices are 4 x 4, rows first;
the centre of the first pixel is (0, 0) in them, and (0.5, 0.5) in what this module gives.
"""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.errors import DamageError
from scenegen.steps.importing.recording import Floats, Frame, from_centre, is_pose

COPY_AGAIN = "download it again"
VERSION = 4
RAW_COLOUR, RAW_DEPTH, ZLIB_DEPTH = 0, 0, 1
MOST_BYTES = 2**28
"""Of one image in a file."""


@dataclass(frozen=True)
class SensFrame(Frame):
    """A frame, and where its images lie in the file: `colour` and `depth` are first byte and size."""

    colour: tuple[int, int]
    depth: tuple[int, int]


@dataclass(frozen=True)
class SensFile:
    """A .sens file, a Recording; see there. `colour_size` is (width, height), `depth_steps` are steps per metre."""

    path: Path
    colour_K: Floats
    depth_K: Floats
    aligned: bool
    colour_size: tuple[int, int]
    depth_size: tuple[int, int]
    depth_steps: float
    colour_kind: int
    depth_kind: int
    frames: tuple[SensFrame, ...]

    @property
    def name(self) -> str:
        """The scan's."""
        return self.path.stem

    def colour(self, frame: SensFrame) -> NDArray[np.uint8]:
        """A frame's colours, uint8 (H, W, 3). DamageError when they are no image of the file's size."""
        content = self._bytes(frame.colour)
        width, height = self.colour_size
        try:
            if self.colour_kind == RAW_COLOUR:
                return np.frombuffer(content, np.uint8).reshape(height, width, 3)
            with Image.open(io.BytesIO(content)) as image:
                pixels = np.asarray(image.convert("RGB"))
            if pixels.shape[:2] != (height, width):
                raise ValueError(f"{pixels.shape[1]} x {pixels.shape[0]} pixels, not {width} x {height}")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise self._damaged(f"frame {frame.number}: its image: {error}") from error
        return pixels

    def depth(self, frame: SensFrame) -> NDArray[np.uint16]:
        """A frame's depth as it was measured, uint16 (H, W) in millimetres, 0 = not measured.

        DamageError when it is no map of the file's size.
        """
        content = self._bytes(frame.depth)
        width, height = self.depth_size
        try:
            if self.depth_kind == ZLIB_DEPTH:
                content = zlib.decompressobj().decompress(content, 2 * width * height + 1)
            steps = np.frombuffer(content, "<u2").reshape(height, width)
        except (ValueError, zlib.error) as error:
            raise self._damaged(f"frame {frame.number}: its depth: {error}") from error
        if self.depth_steps == 1000:
            return steps.astype(np.uint16)
        millimetres = np.rint(steps * (1000 / self.depth_steps)).clip(0, 2**16 - 2)
        return np.where(steps > 0, np.maximum(millimetres, 1), 0).astype(np.uint16)

    def _bytes(self, place: tuple[int, int]) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(place[0])
                return _take(file, place[1])
        except (OSError, EOFError) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, why: str) -> DamageError:
        return DamageError(f"{self.path}: damaged ({why}); {COPY_AGAIN}")


def read_sens(path: Path) -> SensFile:
    """The header of a .sens file and where its frames lie. DamageError when it ends too early or is of another form."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            return _read(path, file, size)
    except OSError as error:
        raise DamageError(f"{path}: cannot be read ({error.strerror or error}); {COPY_AGAIN}") from error
    except (EOFError, ValueError, struct.error) as error:
        raise DamageError(f"{path}: damaged ({error}); {COPY_AGAIN}") from error


def _read(path: Path, file: BinaryIO, size: int) -> SensFile:
    version, length = struct.unpack("<IQ", _take(file, 12))
    if version != VERSION:
        raise ValueError(f"version {version} of the format, not {VERSION}")
    _take(file, length)  # the sensor's name
    colour_K, colour_place, depth_K, depth_place = (_matrix(_take(file, 64)) for _ in range(4))
    colour_kind, depth_kind, *sizes = struct.unpack("<ii4I", _take(file, 24))
    steps, count = struct.unpack("<fQ", _take(file, 12))
    if depth_kind not in (RAW_DEPTH, ZLIB_DEPTH) or not 0 < steps < 1e6 or not 0 < min(sizes) <= max(sizes) < 2**14:
        raise ValueError(f"depth of kind {depth_kind} with {steps:g} steps per metre, images of {sizes} pixels")
    for matrix in (colour_K, depth_K):
        if not np.isfinite(matrix).all() or min(matrix[0, 0], matrix[1, 1]) <= 0:
            raise ValueError("focal lengths that are not above 0")
    frames = []
    for number in range(count):
        if file.tell() >= size:
            raise EOFError(f"it ends after {number} of {count} frames")
        pose = _matrix(_take(file, 64))
        _, _, colour, depth = struct.unpack("<4Q", _take(file, 32))
        start = file.tell()
        if max(colour, depth) > MOST_BYTES or start + colour + depth > size:
            raise EOFError(f"it ends within frame {number} of {count}")
        frames.append(SensFrame(number, pose if is_pose(pose) else None, (start, colour), (start + colour, depth)))
        file.seek(start + colour + depth)
    near = np.allclose(depth_place, colour_place, rtol=0, atol=1e-4)
    return SensFile(
        path,
        from_centre(colour_K),
        from_centre(depth_K),
        bool(near),
        (sizes[0], sizes[1]),
        (sizes[2], sizes[3]),
        steps,
        colour_kind,
        depth_kind,
        tuple(frames),
    )


def _take(file: BinaryIO, count: int) -> bytes:
    if count > MOST_BYTES:
        raise EOFError(f"it asks for {count} bytes at once")
    content = file.read(count)
    if len(content) < count:
        raise EOFError("it ends too early")
    return content


def _matrix(content: bytes) -> Floats:
    return np.frombuffer(content, "<f4").reshape(4, 4).astype(np.float64)
