"""COLMAP's camera models: where on the image a lens shows a direction.

Each model is a function from places on the plane of depth 1 to places on it as the lens bends them; focal lengths and
principal point follow. Names, order and formulas are COLMAP's (colmap/sensor/models.h): a binary model names a camera
model by its number, which is its place in LENSES.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bend = Callable[[Floats, Floats, Sequence[float]], tuple[Floats, Floats]]
"""(x, y) on the plane of depth 1, and the model's own parameters, to the same bent."""

_SMALL = 1e-9


class LensModel(NamedTuple):
    """A camera model: its parameters by name, and how it bends; None where it does not."""

    parameters: str
    bend: Bend | None


@dataclass(frozen=True)
class Lens:
    """A camera's lens: focal lengths and principal point in pixels, and the parameters of its model that follow."""

    model: str
    fx: float
    fy: float
    cx: float
    cy: float
    bending: tuple[float, ...]

    @classmethod
    def of(cls, model: str, numbers: Sequence[float]) -> Lens:
        """The lens of a model with COLMAP's parameters. ValueError for a focal length that is not above 0."""
        one = LENSES[model].parameters.startswith("f ")
        fx, fy, cx, cy = (numbers[0], *numbers[:3]) if one else numbers[:4]
        if fx <= 0 or fy <= 0:
            raise ValueError(f"{model}: its focal lengths are {fx:g} and {fy:g}")
        return cls(model, fx, fy, cx, cy, tuple(numbers[3 if one else 4 :]))

    @property
    def is_pinhole(self) -> bool:
        """Whether straight lines stay straight."""
        model = LENSES[self.model]
        return model.bend is None or (model.bend in _NONE_AT_ZERO and not any(self.bending))

    def place(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """The pixels (u, v) that show the directions (x, y, 1); the centre of the first pixel is (0.5, 0.5)."""
        bend = LENSES[self.model].bend
        if bend is not None:
            x, y = bend(x, y, self.bending)
        return self.fx * x + self.cx, self.fy * y + self.cy


def _radial(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    """1 + k1 r^2 + k2 r^4 + ..."""
    r2 = x * x + y * y
    factor = _series(r2, k)
    return x * factor, y * factor


def _series(square: Floats, k: Sequence[float]) -> Floats:
    total = np.zeros_like(square)
    for each in reversed(k):
        total = (total + each) * square
    return 1 + total


def _tangential(x: Floats, y: Floats, p: Sequence[float]) -> tuple[Floats, Floats]:
    r2 = x * x + y * y
    return 2 * p[0] * x * y + p[1] * (r2 + 2 * x * x), 2 * p[1] * x * y + p[0] * (r2 + 2 * y * y)


def _opencv(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    (u, v), (du, dv) = _radial(x, y, k[:2]), _tangential(x, y, k[2:])
    return u + du, v + dv


def _full_opencv(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    r2 = x * x + y * y
    factor = _series(r2, (k[0], k[1], k[4])) / _series(r2, k[5:])
    du, dv = _tangential(x, y, k[2:4])
    return x * factor + du, y * factor + dv


def _fov(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    """Devernay and Faugeras, Straight Lines Have to Be Straight, section 2.2."""
    if abs(k[0]) < _SMALL:
        return x, y
    r = np.maximum(np.hypot(x, y), _SMALL)
    factor = np.arctan(2 * r * np.tan(k[0] / 2)) / (r * k[0])
    return x * factor, y * factor


def _equidistant(x: Floats, y: Floats, k: Sequence[float] = ()) -> tuple[Floats, Floats]:
    """The angle to the axis, t (1 + k1 t^2 + k2 t^4 + ...), in place of its tangent."""
    r = np.maximum(np.hypot(x, y), _SMALL)
    angle = np.arctan(r)
    factor = angle * _series(angle * angle, k) / r
    return x * factor, y * factor


def _thin_prism(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    x, y = _equidistant(x, y)
    r2 = x * x + y * y
    (u, v), (du, dv) = _radial(x, y, (k[0], k[1], k[4], k[5])), _tangential(x, y, k[2:4])
    return u + du + k[6] * r2, v + dv + k[7] * r2


def _fisheye_624(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    """Six radial, two tangential and four thin-prism parameters, as of Project Aria's cameras."""
    x, y = _equidistant(x, y, k[:6])
    r2 = x * x + y * y
    du, dv = _tangential(x, y, (k[7], k[6]))
    return x + du + k[8] * r2 + k[9] * r2 * r2, y + dv + k[10] * r2 + k[11] * r2 * r2


def _division(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    """Fitzgibbon's division model, solved for the bent radius; beyond its fold there is nothing."""
    inside = 1 - 4 * k[0] * (x * x + y * y)
    factor = 2 / (1 + np.sqrt(np.where(inside < 0, np.nan, inside)))
    return x * factor, y * factor


def _eucm(x: Floats, y: Floats, k: Sequence[float]) -> tuple[Floats, Floats]:
    """Khomutenko et al., An Enhanced Unified Camera Model, equation 5."""
    below = k[0] * np.sqrt(k[1] * (x * x + y * y) + 1) + 1 - k[0]
    return x / below, y / below


LENSES: Mapping[str, LensModel] = {
    "SIMPLE_PINHOLE": LensModel("f cx cy", None),
    "PINHOLE": LensModel("fx fy cx cy", None),
    "SIMPLE_RADIAL": LensModel("f cx cy k", _radial),
    "RADIAL": LensModel("f cx cy k1 k2", _radial),
    "OPENCV": LensModel("fx fy cx cy k1 k2 p1 p2", _opencv),
    "OPENCV_FISHEYE": LensModel("fx fy cx cy k1 k2 k3 k4", _equidistant),
    "FULL_OPENCV": LensModel("fx fy cx cy k1 k2 p1 p2 k3 k4 k5 k6", _full_opencv),
    "FOV": LensModel("fx fy cx cy omega", _fov),
    "SIMPLE_RADIAL_FISHEYE": LensModel("f cx cy k", _equidistant),
    "RADIAL_FISHEYE": LensModel("f cx cy k1 k2", _equidistant),
    "THIN_PRISM_FISHEYE": LensModel("fx fy cx cy k1 k2 p1 p2 k3 k4 sx1 sy1", _thin_prism),
    "RAD_TAN_THIN_PRISM_FISHEYE": LensModel("fx fy cx cy k0 k1 k2 k3 k4 k5 p0 p1 s0 s1 s2 s3", _fisheye_624),
    "SIMPLE_DIVISION": LensModel("f cx cy k", _division),
    "DIVISION": LensModel("fx fy cx cy k", _division),
    "SIMPLE_FISHEYE": LensModel("f cx cy", _equidistant),
    "FISHEYE": LensModel("fx fy cx cy", _equidistant),
    "EUCM": LensModel("fx fy cx cy alpha beta", _eucm),
}
"""COLMAP's models in the order of their numbers; 17, EQUIRECTANGULAR, is no image of a plane."""

_NONE_AT_ZERO = frozenset({_radial, _opencv, _full_opencv, _fov, _division})
"""Those that bend nothing where all their parameters are 0."""
