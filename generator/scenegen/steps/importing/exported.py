"""The frames of a scan as ScanNet's own exporter writes them (SensReader/python/reader.py), beside its surface.

SCAN/color/0.jpg  depth/0.png  pose/0.txt              one of each for every frame, by its number in the recording
SCAN/intrinsic/intrinsic_color.txt, intrinsic_depth.txt, extrinsic_color.txt, extrinsic_depth.txt     4 x 4 each

Depth is 16-bit millimetres. A lost pose is all -inf. Frames that were skipped have no files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.decoding import decode_png, read_file
from scenegen.core.errors import DamageError
from scenegen.steps.importing.recording import Floats, Frame, from_centre, is_pose, read_matrix

FOLDERS = ("color", "depth", "pose", "intrinsic")
EXPORT_AGAIN = "export the scan again"


@dataclass(frozen=True)
class ExportedFrames:
    """The exported frames of the scan at `path`, a Recording; see there."""

    path: Path
    colour_K: Floats
    depth_K: Floats
    aligned: bool
    depth_size: tuple[int, int]
    frames: tuple[Frame, ...]

    @property
    def name(self) -> str:
        """The scan's."""
        return self.path.name

    def colour(self, frame: Frame) -> NDArray[np.uint8]:
        """A frame's colours, uint8 (H, W, 3). DamageError when there is no such image."""
        return _pixels(self.path / f"color/{frame.number}.jpg", ("RGB",)).astype(np.uint8)

    def depth(self, frame: Frame) -> NDArray[np.uint16]:
        """A frame's depth, uint16 (H, W) in millimetres, 0 = not measured. DamageError when it has another size."""
        file = self.path / f"depth/{frame.number}.png"
        steps = _pixels(file, ("I;16", "I"))
        if steps.shape[::-1] != self.depth_size:
            width, height = self.depth_size
            raise _damaged(file, f"{steps.shape[1]} x {steps.shape[0]} pixels, others have {width} x {height}")
        return steps.astype(np.uint16)


def has_exported(scan: Path) -> bool:
    """Whether a scan has the exporter's folders."""
    return all((scan / name).is_dir() for name in FOLDERS)


def read_exported(scan: Path) -> ExportedFrames:
    """The cameras and poses of a scan's exported frames. DamageError names the file that is missing or damaged."""
    colour, depth, colour_place, depth_place = (
        _matrix(scan / f"intrinsic/{name}.txt")
        for name in ("intrinsic_color", "intrinsic_depth", "extrinsic_color", "extrinsic_depth")
    )
    for name, K in (("intrinsic_color", colour), ("intrinsic_depth", depth)):
        if not np.isfinite(K).all() or min(K[0, 0], K[1, 1]) <= 0:
            raise _damaged(scan / f"intrinsic/{name}.txt", "focal lengths that are not above 0")
    numbers = sorted(int(file.stem) for file in (scan / "pose").glob("*.txt") if file.stem.isdecimal())
    frames = []
    for number in numbers:
        pose = _matrix(scan / f"pose/{number}.txt")
        frames.append(Frame(number, pose if is_pose(pose) else None))
    size = (0, 0)
    if numbers:
        height, width = _pixels(scan / f"depth/{numbers[0]}.png", ("I;16", "I")).shape
        size = width, height
    aligned = bool(np.allclose(depth_place, colour_place, rtol=0, atol=1e-4))
    return ExportedFrames(scan, from_centre(colour), from_centre(depth), aligned, size, tuple(frames))


def _matrix(file: Path) -> Floats:
    try:
        matrix = read_matrix(read_file(file).decode())
    except (OSError, ValueError) as error:
        raise _damaged(file, getattr(error, "strerror", None) or str(error)) from error
    if matrix is None:
        raise _damaged(file, "is no matrix of 16 numbers")
    return matrix


def _pixels(file: Path, modes: tuple[str, ...]) -> NDArray[np.generic]:
    try:
        return decode_png(read_file(file), modes)
    except (OSError, ValueError) as error:
        raise _damaged(file, getattr(error, "strerror", None) or str(error)) from error


def _damaged(file: Path, why: str) -> DamageError:
    return DamageError(f"{file}: cannot be used ({why}); {EXPORT_AGAIN}")
