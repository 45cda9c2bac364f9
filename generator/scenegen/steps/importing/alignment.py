"""From a model's own axes and units to the world: metres, Z up, floor at height 0.

Structure from motion knows neither scale nor where up is. Scale comes from two places a known distance apart, from a
number, or from the photographs' GPS, which also says where up is; else up is what the cameras agree on, as people hold
cameras level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.errors import ScenegenError, UsageError

Floats = NDArray[np.float64]

GPS = 0x8825
"""EXIF's table of GPS tags."""
FEWEST_PLACES = 3
WORST_FIT = 0.25
"""GPS tells a scale only if its places are off by at most this share of how far apart they are."""
_EQUATOR, _FLATTENING = 6378137.0, 1 / 298.257223563
"""Metres, and the flattening, of WGS 84."""


@dataclass(frozen=True)
class Similarity:
    """World metres = scale * rotation (3, 3) * a model's place + shift (3,)."""

    scale: float
    rotation: Floats
    shift: Floats

    @property
    def matrix(self) -> Floats:
        """The same (4, 4)."""
        whole = np.eye(4)
        whole[:3, :3], whole[:3, 3] = self.scale * self.rotation, self.shift
        return whole

    def pose(self, model_to_camera: Floats) -> Floats:
        """World to camera (4, 4), in metres, from a pose (3, 4) in the model's units."""
        whole = np.eye(4)
        whole[:3, :3] = model_to_camera[:, :3] @ self.rotation.T
        whole[:3, 3] = self.scale * model_to_camera[:, 3] - whole[:3, :3] @ self.shift
        return whole

    def moved(self, by: Floats) -> Similarity:
        """The same with the world moved by so many metres."""
        return Similarity(self.scale, self.rotation, self.shift + by)


def scale_of_distance(first: Sequence[float], second: Sequence[float], metres: float) -> float:
    """Metres per unit of a model in which two places are so many metres apart. UsageError for one and the same."""
    units = math.dist(first, second)
    if not 0 < units < math.inf or not 0 < metres < math.inf:
        raise UsageError("--distance: give two different places of the model and the metres between them, above 0")
    return metres / units


def upright(up: Sequence[float] | Floats, scale: float) -> Similarity:
    """The shortest turn that brings a model's direction `up` to Z. UsageError for no direction."""
    length = math.hypot(*up)
    if not 1e-9 < length < math.inf:
        raise UsageError("--up: give a direction of the model as X,Y,Z, such as 0,-1,0")
    x, y, z = (value / length for value in up)
    if z < -1 + 1e-12:
        return Similarity(scale, np.diag([1.0, -1.0, -1.0]), np.zeros(3))
    share = 1 / (1 + z)  # Rodrigues' formula about the axis (y, -x, 0)
    rotation = np.array([[1 - x * x * share, -x * y * share, -x], [-x * y * share, 1 - y * y * share, -y], [x, y, z]])
    return Similarity(scale, rotation, np.zeros(3))


def cameras_up(poses: Sequence[Floats]) -> Floats:
    """The mean direction of the images' upper edges in a model's axes, of poses (3, 4); ScenegenError without one."""
    mean = -np.mean([pose[1, :3] for pose in poses], axis=0)
    if np.linalg.norm(mean) < 0.1:
        raise ScenegenError("the cameras do not agree on where up is; say it with --up X,Y,Z, a direction of the model")
    return np.asarray(mean)


def centre_of(pose: Floats) -> Floats:
    """Where the camera of a pose (3, 4) is."""
    return np.asarray(-pose[:, :3].T @ pose[:, 3])


def fit_gps(files: Sequence[Path], centres: Sequence[Floats]) -> tuple[Similarity, float]:
    """A model's similarity to metres east, north and up of its first photograph, and how far off it is on average.

    Umeyama, Least-squares estimation of transformation parameters between two point patterns, 1991. ScenegenError
    where too few photographs have GPS, or their places do not fit the model.
    """
    pairs = [(place, centre) for file, centre in zip(files, centres, strict=True) if (place := _gps(file)) is not None]
    if len(pairs) < FEWEST_PLACES:
        raise ScenegenError(
            f"{len(pairs)} of {len(files)} photographs have GPS, {FEWEST_PLACES} at least are needed; give the scale "
            "with --distance or --scale"
        )
    target, source = _east_north_up(np.array([p for p, _ in pairs])), np.array([c for _, c in pairs])
    own, other = source - source.mean(axis=0), target - target.mean(axis=0)
    u, strengths, vt = np.linalg.svd(other.T @ own / len(pairs))
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ flip @ vt
    spread = float(np.sqrt((other**2).sum(axis=1).mean()))
    if strengths[1] <= 1e-6 * strengths[0] or spread < 1e-6:
        raise ScenegenError("the photographs' GPS places lie on one line; give --distance or --scale, and --up")
    scale = float(np.trace(np.diag(strengths) @ flip) / (own**2).sum(axis=1).mean())
    shift = target.mean(axis=0) - scale * rotation @ source.mean(axis=0)
    off = float(np.sqrt(((scale * source @ rotation.T + shift - target) ** 2).sum(axis=1).mean()))
    if off > WORST_FIT * spread:
        raise ScenegenError(
            f"the photographs' GPS places fit the model to {off:.1f} m only, but lie {spread:.1f} m apart; give the "
            "scale with --distance or --scale"
        )
    return Similarity(scale, rotation, shift), off


def _gps(file: Path) -> tuple[float, float, float] | None:
    """Latitude and longitude in degrees and height in metres, as EXIF has them."""
    try:
        with Image.open(file) as image:
            tags = image.getexif().get_ifd(GPS)
        latitude, longitude = _degrees(tags[2]), _degrees(tags[4])
        height = float(Fraction(tags.get(6, 0))) * (-1 if tags.get(5) in (1, b"\x01") else 1)
    except (OSError, KeyError, TypeError, ValueError, ZeroDivisionError, SyntaxError):
        return None
    return (-latitude if tags.get(1) == "S" else latitude, -longitude if tags.get(3) == "W" else longitude, height)


def _degrees(parts: Sequence[object]) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)  # type: ignore[arg-type]
    value = degrees + minutes / 60 + seconds / 3600
    if not math.isfinite(value):
        raise ValueError("no place")
    return value


def _east_north_up(places: Floats) -> Floats:
    """Metres east, north and above the first of places (N, 3), degrees and metres: through the ellipsoid WGS 84."""
    latitude, longitude, height = np.radians(places[:, 0]), np.radians(places[:, 1]), places[:, 2]
    eccentric = _FLATTENING * (2 - _FLATTENING)
    normal = _EQUATOR / np.sqrt(1 - eccentric * np.sin(latitude) ** 2)
    around = (normal + height) * np.cos(latitude)
    points = np.column_stack(
        [around * np.cos(longitude), around * np.sin(longitude), (normal * (1 - eccentric) + height) * np.sin(latitude)]
    )
    a, b = latitude[0], longitude[0]
    axes = np.array(
        [
            [-np.sin(b), np.cos(b), 0],
            [-np.sin(a) * np.cos(b), -np.sin(a) * np.sin(b), np.cos(a)],
            [np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)],
        ]
    )
    return np.asarray((points - points[0]) @ axes.T)
