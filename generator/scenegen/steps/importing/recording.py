"""A recording of ScanNet, whichever files hold it: a .sens (sens.py), or the folders of its exporter (exported.py)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """A frame: `number` counts from 0, `pose` (4, 4) maps its camera to the scan's axes, None where it was lost."""

    number: int
    pose: Floats | None


class Recording(Protocol):
    """The K (3, 3) of colour and depth images, the size (width, height) of depth, and all frames.

    `aligned`: both cameras are at one place. `path` is where it lies, `name` that of the scan.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def colour_K(self) -> Floats: ...  # noqa: D102
    @property
    def depth_K(self) -> Floats: ...  # noqa: D102
    @property
    def aligned(self) -> bool: ...  # noqa: D102
    @property
    def depth_size(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def frames(self) -> Sequence[Frame]: ...  # noqa: D102

    def colour(self, frame: Any) -> NDArray[np.uint8]:
        """A frame's colours, uint8 (H, W, 3). DamageError when they are no such image."""

    def depth(self, frame: Any) -> NDArray[np.uint16]:
        """A frame's depth as it was measured, uint16 (H, W) in millimetres, 0 = not measured. DamageError as above."""


R = TypeVar("R", bound=Recording)


def without_frames(recording: R) -> R:
    """The same recording to read images of: worker processes get the frames one at a time."""
    return dataclasses.replace(recording, frames=())  # type: ignore[type-var]


def from_centre(matrix: Floats) -> Floats:
    """ScanNet's K, in which the first pixel's centre is (0, 0), with (0.5, 0.5) as that centre."""
    return np.array([[matrix[0, 0], 0, matrix[0, 2] + 0.5], [0, matrix[1, 1], matrix[1, 2] + 0.5], [0, 0, 1.0]])


def is_pose(matrix: Floats) -> bool:
    """Whether a matrix (4, 4) is near a rotation and a translation: not lost, not flat, no mirror."""
    return bool(np.isfinite(matrix).all()) and float(np.linalg.det(matrix[:3, :3])) > 0.5


def read_matrix(text: str) -> Floats | None:
    """The matrix (4, 4) that a text has; None where it has something else."""
    try:
        numbers = [float(number) for number in text.split()]
    except ValueError:
        return None
    return np.array(numbers).reshape(4, 4) if len(numbers) == 16 else None
