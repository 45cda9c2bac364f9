"""Decides which axis of a model is up, where its file does not say so or says it wrong.

Blender's importers turn "Y up" into "Z up". So a file whose up axis is Z, but whose format means Y (OBJ, glTF) or whose
header says Y (FBX), arrives with up at -Y. A format without an up axis (STL, PLY) may arrive with up at Y.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.guess import UNITS, SurfaceSamples, surface_samples, turn_upright
from scenegen.core.scene.classes import ObjectClass, carriers, object_class

Floats = NDArray[np.float64]
UNDECLARED = (".obj", ".stl", ".ply")  # formats that say neither which axis is up nor their unit
UNTURNED = (".stl", ".ply")  # formats that Blender reads without a turn
CANDIDATES = ("z", "-y", "y")
END = 0.05  # the slices at both ends of an axis, as a share of the extent
TRUNK = 0.15  # the slice that must hold nothing of a tree but its trunk
STYLISED = 1.15  # cars of games are a little short for their height
CELLS = 24  # along each side of a footprint
NEARLY_SAME = 0.12  # of what tells one end from the other: a table may have a base like its top
ON_WHEELS = 0.25  # of `_on_wheels`; on its side a vehicle has less
WEAK = ("bag", "building")  # whose rules are tried only where the format does not say what is up
BICYCLES = ("bicycle", "bike")
FLAT = 0.15  # of the smaller side: a closed laptop is thinner
DIRECTIONS = np.stack([np.cos(turns := np.arange(12) * np.pi / 12), np.sin(turns)], axis=1)
SEAT = 0.4  # of the footprint: the level seat of a stool, on legs below it
LEGS = 0.1  # of `_on_legs`: a stool that lies is not on legs whichever way it is turned
LOWEST_TREE = 0.8  # of the height that a tree has as it is: none is so much wider than high
ROOF = 0.12  # of the surface, more slanting upward than downward: a roof
NO_ROOF = 0.03  # gables and buttresses slant sideways by less


class UpAxis(NamedTuple):
    """The axis that is up; whether it is certain; and whether the shape shows it: if not, it is that of the file."""

    axis: str
    sure: bool
    shown: bool


class _Stood(NamedTuple):
    """What a model looks like when an axis is up; shares are of the footprint, the rectangle around it from above."""

    size: tuple[float, float, float]
    low_spread: float  # the rectangle around the lowest slice: what the model stands on
    high_spread: float  # the same of the highest slice
    low_cover: float  # cells that the lowest slice meets
    high_cover: float
    flat_top: float  # level faces at the upper end
    flat_base: float
    trunk: float  # the rectangle around a thicker slice at the lower end
    roof: float  # share of the surface that slants upward, less the share that slants downward
    narrowest: float  # the least extent over all horizontal directions: a bicycle may stand askew


def find_up(vertices: Floats, faces: NDArray[np.integer[Any]], class_name: str, suffix: str) -> UpAxis:
    """The axis that is up: "z", as importers deliver it, unless the shape of this class clearly lies down.

    `suffix` is the file's, such as ".obj": it decides between two axes that fit equally well.
    """
    kind = object_class(class_name)
    samples = surface_samples(vertices, faces)
    stood = {axis: _stand(vertices, samples, axis) for axis in CANDIDATES}
    order = ("z", "y", "-y") if suffix in UNTURNED else CANDIDATES
    lies = _lying_rule(kind)
    if lies is None or (kind.name in WEAK and suffix not in UNDECLARED):
        return UpAxis("z", sure=suffix not in UNDECLARED, shown=False)
    others = [axis for axis in order[1:] if lies.is_so(kind, stood["z"], stood[axis])]
    if others and kind.name in carriers() and suffix not in UNDECLARED and stood["z"].flat_base > 0.7:
        return UpAxis("z", sure=False, shown=False)  # a chest with a lamp on its top, or one that lies on its back
    if others:
        best = others[0]
        for axis in others[1:]:
            if lies.stands(stood[axis]) > lies.stands(stood[best]) + NEARLY_SAME:
                best = axis
        return UpAxis(best, sure=True, shown=True)
    shown = all(lies.is_so(kind, stood[axis], stood["z"]) for axis in order[1:])
    doubtful = suffix in UNDECLARED and any(lies.may_be(kind, stood["z"], stood[axis]) for axis in order[1:])
    return UpAxis("z", sure=shown or not doubtful, shown=shown)


def _stand(vertices: Floats, samples: SurfaceSamples, axis: str) -> _Stood:
    turn = turn_upright(axis)
    corners = vertices @ turn.T
    low, size = corners.min(axis=0), np.ptp(corners, axis=0)
    places = (samples.centres @ turn.T - low) / (size + 1e-12)
    upward = (samples.normals @ turn.T)[:, 2]
    level = np.abs(upward) > 0.99
    slanting = np.where((np.abs(upward) > 0.2) & (np.abs(upward) < 0.95), np.sign(upward), 0.0)
    height = places[:, 2]
    lowest, highest = places[height < END, :2], places[height > 1 - END, :2]
    footprint = max(float(size[0] * size[1]), 1e-12)
    return _Stood(
        (float(size[0]), float(size[1]), float(size[2])),
        _spread(lowest),
        _spread(highest),
        _cover(lowest),
        _cover(highest),
        float(samples.areas[level & (height > 0.97)].sum()) / footprint,
        float(samples.areas[level & (height < 0.03)].sum()) / footprint,
        _spread(places[height < TRUNK, :2]),
        float(np.average(slanting, weights=samples.areas + 1e-15)),
        float(min(np.ptp(corners[:, :2] @ direction) for direction in DIRECTIONS)),
    )


def _spread(places: Floats) -> float:
    return float(np.prod(np.ptp(places, axis=0))) if len(places) else 0.0


def _cover(places: Floats) -> float:
    cells = np.clip((places * CELLS).astype(int), 0, CELLS - 1)
    return len(np.unique(cells[:, 0] * CELLS + cells[:, 1])) / CELLS**2


def fits_some_unit(kind: ObjectClass, size: tuple[float, float, float], factor: float) -> bool:
    """Whether a size is usual for a class in any unit; in one that is not known, with ranges widened by `factor`."""
    usual = kind.usual_size
    if usual is None:
        return True
    if any(usual.fits((size[0] * f, size[1] * f, size[2] * f)) for f in UNITS.values()):
        return True
    f = usual.scale_to_usual(size)
    return usual.fits((size[0] * f, size[1] * f, size[2] * f), factor)


class _Rule(NamedTuple):
    """How a kind of class shows that it lies.

    is_so(kind, as it is, turned) is whether the turned model stands and the model as it is lies; `may_be` the same
    where the shape leaves doubt; `stands` tells which end of an axis is up: the higher, the more likely.
    """

    is_so: Callable[[ObjectClass, _Stood, _Stood], bool]
    may_be: Callable[[ObjectClass, _Stood, _Stood], bool]
    stands: Callable[[_Stood], float]


def _lying_rule(kind: ObjectClass) -> _Rule | None:
    if kind.person:
        return _Rule(_person_lies, _never, _on_soles)
    if kind.rooted:
        return _Rule(_tree_lies, _no_trunk, lambda model: -model.trunk)
    if kind.name in BICYCLES:
        return _Rule(_height_is_turned, _never, lambda _model: 0.0)
    if is_vehicle(kind):
        return _Rule(_wheels_are_turned, _no_wheels, _on_wheels)
    if kind.name in carriers():
        return _Rule(_top_is_turned, _two_tops, lambda model: min(model.flat_top, 1.0) - min(model.flat_base, 1.0))
    if kind.name == "chair":
        return _Rule(_legs_are_turned, _legs_may_be_turned, _on_legs)
    if kind.name == "laptop":
        return _Rule(_base_is_turned, _always, _on_base)
    if kind.name == "bag":
        return _Rule(_lies_flat, _always, _on_legs)
    if kind.name == "building":
        return _Rule(_roof_is_turned, _always, lambda model: model.roof)
    return None


def _always(_kind: ObjectClass, _now: _Stood, _turned: _Stood) -> bool:
    return True


def _never(_kind: ObjectClass, _now: _Stood, _turned: _Stood) -> bool:
    return False


def _person_lies(_kind: ObjectClass, now: _Stood, _turned: _Stood) -> bool:
    across, along, height = now.size
    return along > 1.5 * height and along >= 0.95 * across


def _tree_lies(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    """A trunk has the same width all along; the tip of a fir does not, and the branch of a dead tree is low."""
    has_trunk = turned.trunk < 0.1 and turned.trunk < 4 * turned.low_spread
    has_trunk = has_trunk and turned.size[2] > LOWEST_TREE * now.size[2]
    return has_trunk and now.trunk > 0.15 and turned.trunk < 0.4 * now.trunk


def _no_trunk(_kind: ObjectClass, now: _Stood, _turned: _Stood) -> bool:
    return now.trunk > 0.1


def _on_soles(model: _Stood) -> float:
    """The soles are flat; where nothing is, two feet stand farther apart than a head is wide."""
    return 10 * (model.flat_base - model.flat_top) + model.low_spread - model.high_spread


def _wheels_are_turned(kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    if now.low_spread > 0.4 and now.low_cover < 0.12 and now.high_cover > 2 * now.low_cover:
        return False  # on wheels, with what stands on a roof above them
    if _on_wheels(turned) > ON_WHEELS + 0.15 and turned.low_cover < 0.25 and _on_wheels(now) < 0.1:
        return fits_some_unit(kind, turned.size, STYLISED)
    return _only_turned_fits(kind, now, turned)


def _only_turned_fits(kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    if _slenderness(now) < 1.5 * _slenderness(turned) or fits_some_unit(kind, now.size, STYLISED**2):
        return False
    return fits_some_unit(kind, turned.size, STYLISED)


def _slenderness(model: _Stood) -> float:
    return model.size[2] / max(*model.size[:2], 1e-12)


def is_vehicle(kind: ObjectClass) -> bool:
    """Whether a class has four wheels or more."""
    return kind.street == "lane" or kind.name in ("suv", "convertible")


def _height_is_turned(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    """A bicycle is longer than high, and higher than wide."""
    least, most, height = now.narrowest, max(now.size[:2]), now.size[2]
    lies = height < 0.8 * least or height > 1.2 * most
    return lies and min(turned.size[:2]) < turned.size[2] < max(turned.size[:2])


def _no_wheels(kind: ObjectClass, now: _Stood, _turned: _Stood) -> bool:
    return _on_wheels(now) < ON_WHEELS or not fits_some_unit(kind, now.size, STYLISED)


def _on_wheels(model: _Stood) -> float:
    """Wheels stand far apart and touch the ground with little; a roof is smaller than the wheelbase, and flat."""
    return model.low_spread - model.high_spread + model.high_cover - model.low_cover


def _top_is_turned(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    if turned.high_cover > 0.85 and turned.low_cover < 0.3 and max(now.high_cover, now.low_cover) < 0.5:
        return True  # the planks of its top are not quite level
    return (turned.flat_top > 0.5 and now.flat_top < 0.3) or (turned.flat_top > 0.9 and now.flat_top < 0.65)


def _two_tops(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    """A chest: its back is as flat as its top."""
    return turned.flat_top > 0.85 and now.flat_top < 2 * turned.flat_top


def _legs_are_turned(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    on_feet = now.low_spread > 0.55 and now.low_cover < 0.1  # a sofa whose arms are as high as its back
    is_stool = now.low_spread > 0.15 and now.low_cover < 0.1 and now.flat_top > SEAT
    return not on_feet and not is_stool and _on_legs(turned) > _on_legs(now) + 0.3 and _on_legs(turned) > LEGS


def _legs_may_be_turned(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    return _on_legs(turned) > _on_legs(now) - 0.15


def _on_legs(model: _Stood) -> float:
    """Legs stand far apart; the upper end of a back is a narrow strip."""
    return model.low_spread - model.high_spread


def _base_is_turned(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    """A laptop lies on a level base; its screen leans back. When it is closed, it is flat."""
    if _thickness(turned) < FLAT:
        return _thickness(now) > 1.0
    return turned.flat_base > 0.6 and turned.low_cover > 0.6 and now.flat_base < 0.3 and now.flat_top < 0.3


def _on_base(model: _Stood) -> float:
    return 0.0 if _thickness(model) < FLAT else model.low_cover - model.high_cover


def _thickness(model: _Stood) -> float:
    """Height over the smaller horizontal side."""
    return model.size[2] / max(min(model.size[:2]), 1e-12)


def _lies_flat(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    """A bag is thinnest from front to back, unless it is a sack that stands on its larger end."""
    on_larger_end = now.low_cover > now.high_cover + 0.25
    return _thickness(now) < 0.7 and _thickness(turned) > 1 / 0.7 and not on_larger_end


def _roof_is_turned(_kind: ObjectClass, now: _Stood, turned: _Stood) -> bool:
    return turned.roof > ROOF and abs(now.roof) < NO_ROOF
