"""The points of a lidar, and their file.

Standard library and numpy only: what reads a data set needs no compiler.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.core.decoding import decode_npz

COLUMNS = ("x", "y", "z", "intensity", "ring")


@dataclass(frozen=True)
class LidarPoints:
    """The points of one turn, in the order of the beams: azimuth by azimuth, the lowest ring first.

    `points` float32 (N, 5): x right, y forward, z up in metres of the lidar, intensity (0: surfaces have none), ring.
    `labels` uint8 (N,): class index + 1. `instances` uint16 (N,): object id + 1. Beams that meet nothing have no point.
    """

    points: NDArray[np.float32]
    labels: NDArray[np.uint8]
    instances: NDArray[np.uint16]


def lidar_file(n: int) -> str:
    """The file of key frame n."""
    return f"lidar_{n}.npz"


def decode_lidar(content: bytes) -> LidarPoints:
    """The points of a lidar's file; ValueError when it is damaged."""
    points = decode_npz(content, "points", np.float32, 2)
    labels, instances = decode_npz(content, "labels", np.uint8, 1), decode_npz(content, "instances", np.uint16, 1)
    if points.shape != (len(labels), len(COLUMNS)) or labels.shape != instances.shape:
        raise ValueError(f"points {points.shape}, labels {labels.shape}, instances {instances.shape} do not fit")
    return LidarPoints(points, labels, instances)
