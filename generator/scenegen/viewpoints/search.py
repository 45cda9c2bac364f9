"""Searches the places of cameras that see most of many layouts: greedily, by exchange, then by small moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from scenegen.core.errors import ScenegenError
from scenegen.core.layout.cameras import make_cameras
from scenegen.core.preset.preset import CameraPlace, Preset
from scenegen.core.scene.scene import Camera, Vector
from scenegen.viewpoints.sight_counts import gains, pack, union
from scenegen.viewpoints.survey import Bools, Survey

APART = 0.5
"""Metres between the places that are tried first, at most."""
MOST_PLACES = 600
FROM_WALL = 0.05
"""Metres that a camera with its jitter keeps from the room's sides."""
NOT_BELOW = 0.3
"""Metres on the floor plan between a camera and its target, at least, beyond their jitters: `up` needs a direction."""
HINDERED = 0.1
"""A place is left out where an object stands within `clear` of it in more than this share of layouts."""
AIMS = (0.2, 0.5, 0.8)
"""Where along the room's sides the targets lie that are tried first; of its height, half of it."""
MOVES = (0.2, 0.1, 0.05)
"""Metres of the small moves at the end, one round each; a target moves twice as far."""
DECIMALS = 2

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Found:
    """Where cameras stand and look, and what of the survey at least one of them sees, (L, samples)."""

    places: tuple[CameraPlace, ...]
    seen: Bools


def search_places(preset: Preset, survey: Survey, count: int) -> Found:
    """`count` camera places that together see the most samples of a survey.

    First the best of a lattice of places and targets, one camera after the other; then each is exchanged for any other
    of the lattice while that sees more; then positions and targets move by centimetres. ScenegenError when no place
    keeps `clear` from the objects.
    """
    lattice = _Lattice(preset, survey)
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(lattice.best_beside(chosen))
    better = True
    while better:
        better = False
        for number in range(count):
            others = chosen[:number] + chosen[number + 1 :]
            best = lattice.best_beside(others)
            if lattice.seen_with(others, best) > lattice.seen_with(others, chosen[number]):
                chosen[number], better = best, True
    places = [replace(lattice.places[n], name=f"view_{k + 1}") for k, n in enumerate(chosen)]
    return _moved(preset, survey, places)


class _Lattice:
    """The places and targets tried first, and what each sees."""

    def __init__(self, preset: Preset, survey: Survey) -> None:
        self.places: list[CameraPlace] = []
        rows: list[Words] = []
        positions = [p for p in _positions(preset) if _is_clear(preset, survey, p)]
        if not positions:
            raise ScenegenError(
                f"preset {preset.name}: objects come nearer than clear, {preset.cameras.clear:g} m, to every place in "
                "the room; lower `clear` in its [cameras], or the maxima of its classes"
            )
        for position in positions:
            free = survey.in_sight(position)
            for target in _targets(preset):
                place = CameraPlace("", position, target)
                if _may_stand(preset, place):
                    self.places.append(place)
                    rows.append(pack(survey.in_image(camera_at(preset, place), free)))
        self.rows = np.stack(rows)

    def best_beside(self, others: Sequence[int]) -> int:
        """The place that sees most of what `others` do not."""
        return int(np.argmax(gains(self.rows, union(self.rows[list(others)]))))

    def seen_with(self, others: Sequence[int], one: int) -> int:
        """How many samples `others` and one more see."""
        seen = union(self.rows[[*others, one]])
        return int(gains(seen[None], np.zeros_like(seen))[0])


def _positions(preset: Preset) -> Iterator[Vector]:
    """A lattice of places in the room, as far from its sides as a camera with its jitter must keep."""
    assert preset.room is not None
    margin = preset.cameras.position_jitter + FROM_WALL
    ends = [(-preset.room[k] / 2 + margin, preset.room[k] / 2 - margin) for k in range(2)]
    ends.append((margin, preset.room[2] - margin))
    apart = APART
    while True:
        axes = [np.linspace(low, high, 1 + max(1, round((high - low) / apart))) for low, high in ends]
        if np.prod([len(axis) for axis in axes]) <= MOST_PLACES:
            break
        apart *= 1.1
    for x, y, z in product(*axes):
        yield _rounded((x, y, z))


def _targets(preset: Preset) -> Iterator[Vector]:
    assert preset.room is not None
    wide, deep, high = preset.room
    for x, y, z in product(AIMS, AIMS, AIMS):
        yield _rounded((wide * (x - 0.5), deep * (y - 0.5), high * z / 2))


def _rounded(point: Vector) -> Vector:
    x, y, z = (round(float(value), DECIMALS) + 0.0 for value in point)
    return x, y, z


def _is_clear(preset: Preset, survey: Survey, position: Vector) -> bool:
    """Whether objects keep `clear` from a place in nearly all layouts."""
    cell = np.clip(survey.to_cells(np.asarray(position)).astype(int), 0, np.array(survey.occupied.shape[1:]) - 1)
    near = survey.clearance[:, cell[0], cell[1], cell[2]] < preset.cameras.clear
    return bool(near.mean() <= HINDERED)


def _may_stand(preset: Preset, place: CameraPlace) -> bool:
    """Whether a camera is inside the room with its jitter, and never looks straight up or down."""
    assert preset.room is not None
    margin = preset.cameras.position_jitter + FROM_WALL - 1e-9
    x, y, z = place.position
    wide, deep, high = preset.room
    if abs(x) > wide / 2 - margin or abs(y) > deep / 2 - margin or not margin <= z <= high - margin:
        return False
    across = np.hypot(place.target[0] - x, place.target[1] - y)
    jitter = preset.cameras.position_jitter + preset.cameras.target_jitter
    return bool(across >= NOT_BELOW + jitter * np.sqrt(2))


def camera_at(preset: Preset, place: CameraPlace) -> Camera:
    """A preset's camera exactly at a place."""
    (camera,) = make_cameras(replace(preset, cameras=replace(preset.cameras, places=(place,))), None)
    return camera


def _moved(preset: Preset, survey: Survey, places: list[CameraPlace]) -> Found:
    """Small moves of one camera after the other while they see more."""
    seen = [survey.seen_by(camera_at(preset, place)) for place in places]
    for length in MOVES:
        better = True
        while better:
            better = False
            for number in range(len(places)):
                others = np.logical_or.reduce([np.zeros_like(seen[0]), *seen[:number], *seen[number + 1 :]])
                for place in _neighbours(places[number], length):
                    if not (_may_stand(preset, place) and _is_clear(preset, survey, place.position)):
                        continue
                    own = survey.seen_by(camera_at(preset, place))
                    if (others | own).sum() > (others | seen[number]).sum():
                        places[number], seen[number], better = place, own, True
    return Found(tuple(places), np.logical_or.reduce(seen))


def _neighbours(place: CameraPlace, length: float) -> Iterator[CameraPlace]:
    for axis, sign in product(range(3), (-1, 1)):
        step = np.zeros(3)
        step[axis] = sign * length
        x, y, z = np.asarray(place.position) + step
        yield replace(place, position=_rounded((x, y, z)))
        x, y, z = np.asarray(place.target) + 2 * step
        yield replace(place, target=_rounded((x, y, z)))
