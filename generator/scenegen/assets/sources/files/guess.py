"""Guesses what a file does not state: its units and its front (up_axis.py: its up axis).

Each guess is cheap, depends on the class, and is kept only where the evidence is clear. The asset's warnings name
every guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.files.doubts import ALIKE, box_text, height_of_box, size_doubt
from scenegen.core.errors import ScenegenError
from scenegen.core.scene.classes import UsualSize, object_class

Floats = NDArray[np.float64]
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254}
ODD = 1.5
NEARLY = 1.2
TYPICAL = 1.25  # of each usual measure: a scaled model whose proportions are so usual has its true size, or nearly
LEAST, MOST = 0.01, 50.0  # metres: the length of nearly everything that is an object of its own
STRIDE = 0.6  # of the extent between the ankles; at most 0.5 for those who stand and walk with short steps
AXES = ("x", "-x", "y", "-y", "z", "-z")
_VECTORS: dict[str, Floats] = {
    name: (-1.0 if name[0] == "-" else 1.0) * np.eye(3)["xyz".index(name[-1])] for name in AXES
}


def turn_upright(up: str) -> Floats:
    """Rotation (3, 3) that brings axis `up` ("x", "-y", ...) to +Z; "y" brings +Z to the front, as importers do."""
    axis = _VECTORS[up]
    if up == "z":
        return np.eye(3)
    if up == "-z":
        return np.diag([1.0, -1.0, -1.0])
    cross = np.cross(axis, [0.0, 0.0, 1.0])
    skew = np.array([[0, -cross[2], cross[1]], [cross[2], 0, -cross[0]], [-cross[1], cross[0], 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew)


def turn_front(front: str) -> Floats:
    """Rotation about Z (3, 3) that brings horizontal axis `front` to -Y."""
    x, y = _VECTORS[front][:2]
    return np.array([[-y, x, 0.0], [-x, -y, 0.0], [0.0, 0.0, 1.0]])


class SurfaceSamples(NamedTuple):
    """Centres (N, 3), areas (N,) and unit normals (N, 3) of small faces that make up a surface."""

    centres: Floats
    areas: Floats
    normals: Floats


def surface_samples(vertices: Floats, faces: NDArray[np.integer[Any]]) -> SurfaceSamples:
    """Sample a surface by its faces; long faces are cut in four, so that their centres are spread evenly."""
    points = np.asarray(vertices, dtype=np.float64)
    a, b, c = (points[faces[:, k]] for k in range(3))
    limit = 0.04 * float(np.ptp(vertices, axis=0).max())
    for _ in range(5):
        longest = np.maximum(np.maximum(_lengths(a - c), _lengths(b - a)), _lengths(c - b))
        long = longest > limit
        if not long.any() or len(a) > 400_000:
            break
        short = ~long
        ab, bc, ca = (a + b)[long] / 2, (b + c)[long] / 2, (c + a)[long] / 2
        a, b, c = (
            np.concatenate([a[short], a[long], ab, ca, ab]),
            np.concatenate([b[short], ab, b[long], bc, bc]),
            np.concatenate([c[short], ca, bc, c[long], ca]),
        )
    across = np.cross(b - a, c - b)
    length = _lengths(across)
    unit = across / np.where(length > 0, length, 1.0)[:, None]
    return SurfaceSamples((a + b + c) / 3.0, length / 2.0, unit)


def _lengths(vectors: Floats) -> Floats:
    """Lengths (N,) of vectors (N, 3): in a third of the time of np.linalg.norm."""
    x, y, z = vectors.T
    return np.asarray(np.sqrt(x * x + y * y + z * z))


class OwnHeight(NamedTuple):
    """A height in metres that the shape of a model asks for, `because` of something: a seat, a person who sits.

    `otherwise` is when another height is right; `certain` is whether usual proportions leave no doubt of this one.
    """

    height: float
    because: str
    otherwise: str = "if that is wrong"
    certain: bool = False


class SizeGuess(NamedTuple):
    """The factor to metres; whether it is scaled `to_usual` size, as no unit fits; whether the user has `given` it."""

    scale: float
    to_usual: bool = False
    given: bool = False
    warning: str | None = None


def guess_scale(
    size: tuple[float, float, float],
    class_name: str,
    *,
    states_unit: bool,
    name: str = "",
    own_height: OwnHeight | None = None,
) -> SizeGuess:
    """The factor to metres, and a warning when it is a guess.

    Metres where they give a usual size of the class; else cm or mm, whichever is nearer to the usual size; else inches;
    if none fits, scaled to the usual size. Where the file
    `states_unit` and its size is nearly usual in that unit, it keeps that size, unless the usual size is far from it:
    a table of 3 m is kept; a chair twice as high as usual is taken for a model drawn without regard to its unit.
    The words of `name` tell the kind of the model, and so its usual height; `own_height` is what its shape asks for,
    where no unit fits.
    ScenegenError where nothing tells: the file states no unit and the class has no usual size.
    """
    kind = object_class(class_name)
    usual = kind.usual_size
    if usual is None and states_unit:
        longest = max(size)
        strange = f"{longest:.4g} m long, as its file states; if that is wrong, give --scale, such as 0.001 for mm"
        return SizeGuess(1.0, warning=None if LEAST < longest < MOST else strange)
    if usual is None:
        raise ScenegenError(
            f"its {' x '.join(f'{value:.4g}' for value in size)} are in no known unit: the file states none, and of a "
            f"{class_name} no usual size is known; give --scale (metres per unit: 1, 0.01 for cm, 0.001 for mm, 0.0254 "
            "for inches) or --height (its height in metres)"
        )
    to_usual = usual.scale_to_usual(size)
    true_height = f"give its true height, such as --height {size[2] * to_usual:.3g}"
    unusual = f"an unusual size, taken as metres; if that is wrong, {true_height}"
    near = usual.fits(size, NEARLY) and 1 / NEARLY <= replace(usual, width=None).scale_to_usual(size) <= NEARLY
    if states_unit and near and not usual.fits(size):
        return SizeGuess(1.0, warning=unusual)
    fitting = [name for name, factor in UNITS.items() if usual.fits(_times(size, factor))]
    if fitting == ["inch"] and own_height is not None and size[2] > 0:
        agrees = 1 / NEARLY < own_height.height / (size[2] * UNITS["inch"]) < NEARLY
        fitting = fitting if agrees else []  # a seat tells more
    if fitting:
        unit = fitting[0] if fitting[0] == "m" else min(fitting, key=lambda each: _rank(each, size, usual))
        others = [f"{other} would fit, too: --scale {UNITS[other]:g}" for other in fitting if other not in (unit, "m")]
        said = ["; ".join([f"units guessed: {unit}", *others])] if unit != "m" else []
        own = own_height.height if own_height else None
        if unit == "m" and (height := height_of_box(size, class_name, name, own)):
            made = f"{box_text(size)}: made {height:.3g} m high; if that is wrong, give --height {size[2]:g}"
            return SizeGuess(height / size[2], to_usual=True, warning=made)
        doubt = size_doubt(_times(size, UNITS[unit]), class_name, name, unit, states_unit=states_unit)
        if unit == "inch" and doubt is None:
            common = (kind.usual_size_of(name) or usual).height[1]
            doubt = f"which is rare; if that is wrong, give --height {common:g}"
        return SizeGuess(UNITS[unit], warning="; ".join([*said, *([doubt] if doubt else [])]) or None)
    if usual.fits(size, ODD) and not usual.fits(_times(size, to_usual)):
        return SizeGuess(1.0, warning=unusual)  # a throne stays a throne, it is not scaled to half its width
    named = kind.kind_named(name)
    of_its_kind = own_height is not None and (named is None or named[1][0] <= own_height.height <= named[1][2])
    if own_height is not None and of_its_kind and size[2] > 0:
        scale = own_height.height / size[2]
        taken = f"units unknown: scaled by {scale:.3g} to a height of {own_height.height:.3g} m, {own_height.because}"
        if own_height.certain and _is_typical(_times(size, scale), usual):
            return SizeGuess(scale, to_usual=True, warning=taken)
        doubt = own_height.otherwise
        return SizeGuess(scale, to_usual=True, warning=f"{taken}; {doubt}, give --height {usual.height[1]:g}")
    if named is not None:
        to_usual = (kind.usual_size_of(name) or usual).scale_to_usual(size)
    what, height = (f"{class_name} called {named[0]}", named[1][1]) if named else (class_name, usual.height[1])
    warning = f"units unknown: scaled by {to_usual:.3g} to the usual size of a {what}"
    alike = min(most / least for least, _, most in (usual.height, usual.longest)) < ALIKE
    if alike and _is_typical(_times(size, to_usual), kind.usual_size_of(name) or usual):
        return SizeGuess(to_usual, to_usual=True, warning=warning)
    reached = size[2] * to_usual
    # A suitcase that lies is not as high as one that stands.
    example = height if height / 2 < reached < height * 2 else reached
    advice = f"if that is wrong, give its true height, such as --height {example:.3g}"
    return SizeGuess(to_usual, to_usual=True, warning=f"{warning}; {advice}")


def _is_typical(size: tuple[float, float, float], usual: UsualSize) -> bool:
    """Whether each measure of a size in metres is near its usual value."""
    extents = (size[2], max(size[:2]), min(size[:2]))
    ranges = [usual.height, usual.longest, *([usual.width] if usual.width else [])]
    measures = zip(extents[: len(ranges)], ranges, strict=True)
    return all(1 / TYPICAL < extent / common < TYPICAL for extent, (_, common, _) in measures)


def _times(size: tuple[float, float, float], factor: float) -> tuple[float, float, float]:
    return (size[0] * factor, size[1] * factor, size[2] * factor)


def _rank(unit: str, size: tuple[float, float, float], usual: UsualSize) -> tuple[bool, float]:
    """Lower is likelier: inches are rare; a building fits in centimetres and in millimetres, but one is nearer."""
    x, y, z = _times(size, UNITS[unit])
    return unit == "inch", abs(np.log(z / usual.height[1])) + abs(np.log(max(x, y) / usual.longest[1]))


def guess_front(vertices: Floats, faces: NDArray[np.integer[Any]], class_name: str) -> str | None:
    """The horizontal axis that is the front of an upright model; None when the evidence is not clear."""
    judge = FRONTS.get(class_name)
    if judge is None:
        return None
    low, high = vertices.min(axis=0), vertices.max(axis=0)
    centres, areas, normals = surface_samples(vertices, faces)
    places = (centres - [*(low[:2] + high[:2]) / 2, low[2]]) / (high - low + 1e-12)  # x, y: -0.5..0.5, z: 0..1
    away = judge(places, areas, normals)
    if away is None:
        return None
    direction = np.asarray(away) * (high - low)[:2]
    strongest = int(np.argmax(np.abs(direction)))
    return ("" if direction[strongest] > 0 else "-") + "xy"[strongest]


def _away_from_upper_mass(places: Floats, areas: Floats, _normals: Floats) -> tuple[float, float] | None:
    """Chairs and laptops: the high part (a back, a screen) is at the rear."""
    upper = places[:, 2] > 0.65
    lower = places[:, 2] < 0.55
    if not upper.any() or not lower.any():
        return None
    mean = [np.average(places[part, :2], axis=0, weights=areas[part] + 1e-15) for part in (upper, lower)]
    away = mean[1] - mean[0]
    return (away[0], away[1]) if np.abs(away).max() > 0.08 else None


def _where_toes_point(places: Floats, _areas: Floats, _normals: Floats) -> tuple[float, float] | None:
    """People: the feet extend to the front of the ankles. In a long stride one is on its toes and one on its heel."""
    feet = places[:, 2] < 0.03
    ankles = (places[:, 2] > 0.05) & (places[:, 2] < 0.10)
    if not feet.any() or not ankles.any():
        return None
    middle = [(places[part, :2].min(axis=0) + places[part, :2].max(axis=0)) / 2 for part in (feet, ankles)]
    stride = np.ptp(places[ankles, :2], axis=0)
    forward = np.where(stride > STRIDE, 0.0, middle[0] - middle[1])
    return (forward[0], forward[1]) if np.abs(forward).max() > 0.03 else None


def _away_from_flat_back(places: Floats, areas: Floats, normals: Floats) -> tuple[float, float] | None:
    """Nightstands: the rear is one flat board; drawers and handles stand out at the front."""
    covered = {}
    for axis in (0, 1):
        for sign in (-1.0, 1.0):
            at_end = (places[:, axis] * sign > 0.485) & (np.abs(normals[:, axis]) > 0.95)
            covered[axis, sign] = float(areas[at_end].sum())
    most = max(covered.values())
    gaps = {axis: covered[axis, -1] - covered[axis, 1] for axis in (0, 1)}
    axis = max(gaps, key=lambda key: abs(gaps[key]))
    if abs(gaps[axis]) < 0.3 * most:
        return None
    sign = 1.0 if gaps[axis] > 0 else -1.0
    return (sign, 0.0) if axis == 0 else (0.0, sign)


FRONTS: dict[str, Callable[[Floats, Floats, Floats], tuple[float, float] | None]] = {
    "chair": _away_from_upper_mass,
    "laptop": _away_from_upper_mass,
    "nightstand": _away_from_flat_back,
    "human": _where_toes_point,
    "person": _where_toes_point,
}
