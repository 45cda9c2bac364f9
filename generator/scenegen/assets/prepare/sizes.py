"""How large things of a class usually are: to guess a file's units and to refuse what cannot be right."""

from __future__ import annotations

from dataclasses import dataclass

from scenegen.core.scene.scene import Vector


@dataclass(frozen=True)
class UsualSize:
    """Metres. `height` and `longest` (of the two horizontal extents): the least, the usual and the most."""

    height: tuple[float, float, float]
    longest: tuple[float, float, float]

    def fits(self, size: Vector, factor: float = 1.0) -> bool:
        """Whether a size lies within the ranges, widened by `factor` on both sides."""
        measures = ((size[2], self.height), (max(size[0], size[1]), self.longest))
        return all(least / factor <= value <= most * factor for value, (least, _, most) in measures)

    def scale_to_usual(self, size: Vector) -> float:
        """The factor that brings the dominant measure to its usual value and the other within its range."""
        spread = [most / least for least, _, most in (self.height, self.longest)]
        values = (size[2], max(size[0], size[1]))
        by_height = spread[0] <= spread[1]
        measures = ((values[0], self.height), (values[1], self.longest))
        (value, usual), (other, other_usual) = measures if by_height else measures[::-1]
        scale = usual[1] / value if value > 0 else 1.0
        return min(scale, other_usual[2] / other) if other > 0 else scale


# From furniture and ergonomics catalogues, wide enough for bar stools and coffee tables.
USUAL = {
    "chair": UsualSize((0.40, 0.90, 1.60), (0.30, 0.60, 1.40)),
    "table": UsualSize((0.30, 0.75, 1.20), (0.40, 1.20, 2.60)),
    "nightstand": UsualSize((0.35, 0.55, 0.85), (0.30, 0.50, 0.80)),
    "laptop": UsualSize((0.01, 0.23, 0.45), (0.24, 0.35, 0.45)),
    "bag": UsualSize((0.15, 0.45, 0.90), (0.15, 0.35, 0.80)),
    "human": UsualSize((0.90, 1.72, 2.10), (0.30, 0.55, 2.00)),
    "person": UsualSize((0.90, 1.72, 2.10), (0.30, 0.55, 2.00)),
    "car": UsualSize((1.20, 1.50, 2.20), (3.00, 4.30, 6.00)),
    "van": UsualSize((1.70, 2.10, 3.20), (4.00, 5.20, 7.50)),
    "truck": UsualSize((1.70, 3.00, 4.50), (4.80, 7.50, 19.0)),
    "bus": UsualSize((2.50, 3.10, 4.50), (6.00, 11.5, 19.0)),
    "bicycle": UsualSize((0.60, 1.05, 1.50), (1.00, 1.75, 2.60)),
    "suv": UsualSize((1.50, 1.75, 2.40), (3.50, 4.60, 6.00)),
    "convertible": UsualSize((1.00, 1.35, 2.00), (3.00, 4.30, 6.00)),
    "bike": UsualSize((0.60, 1.10, 1.60), (1.00, 1.90, 2.60)),
    "plane": UsualSize((1.50, 5.00, 25.0), (4.00, 18.0, 80.0)),
    "boat": UsualSize((0.80, 4.00, 60.0), (2.50, 12.0, 300.0)),
    "tree": UsualSize((2.00, 6.00, 25.0), (0.80, 4.00, 15.0)),
    "building": UsualSize((6.00, 8.00, 80.0), (4.00, 12.0, 80.0)),
}
IMPLAUSIBLE = 3.0  # beyond the usual range by this factor a size is a mistake
