"""Several objects in one file: objects side by side, a plate of ground below, variants in the same place.

All work is on an upright model: Z up, any unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.linked import linked_parts
from scenegen.assets.prepare.triangles import used_vertices

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
MOST_PIECES = 400  # the largest ones are compared with one another; leaves beyond them go to the nearest object
SHARED = 0.5  # of the smaller footprint: pieces above one another belong together, crowns that touch do not
TOUCHING = (
    0.1  # of the smaller footprint, along half of the whole height: a wall and the house behind it are one object
)
TALL = 0.6  # of the whole height: a lower piece is a part of something, not an object of its own
JOINS = (
    0.2  # of the whole diagonal: so large a piece that is in no tall object joins them, as a seat joins a chair's sides
)
PLATE_HEIGHT = 0.1  # of the height of what stands on it
PLATE_FOOTPRINT = 2.0  # times the footprint of the rest: a table's base is smaller
SHEET = 0.002  # of the whole height
BEYOND = 0.02  # of the extents of the rest, on three sides: the floor of a house ends at its walls
SAME_PLACE = 0.9  # of the joint box


class Separated(NamedTuple):
    """Number of each face's object (F,), -1 on a ground plate; and how many objects there are."""

    object_of_face: NDArray[np.int64]
    objects: int

    @property
    def has_ground(self) -> bool:
        """Whether some faces are a plate of ground."""
        return bool((self.object_of_face < 0).any())


def separate(vertices: Floats, faces: Ints, piece: NDArray[np.int64]) -> Separated:
    """Find the objects that stand side by side in a mesh, and the ground plate below them.

    vertices (V, 3), faces (F, 3), `piece` (F,) of each face, see `pieces`. A model whose pieces share most of their
    footprints is one object, so a table with its legs is one. A flat piece at the bottom is ground if several objects
    stand on it, or if its footprint is at least twice that of the rest.
    """
    low, high = box_of_pieces(vertices[faces], piece)
    whole = np.zeros(len(faces), dtype=np.int64)
    plate = _plate(low, high)
    ground = _sheets(low, high)
    if plate is not None:
        ground[plate] = True
    rest = np.flatnonzero(~ground)
    if not len(rest):
        return Separated(whole, 1)
    group, count = _side_by_side(low[rest], high[rest])
    if count == 1 and ground.any() and not _is_ground(low, high, np.flatnonzero(ground), rest):
        return Separated(whole, 1)
    if not ground.any():
        return Separated(group[piece], count) if count > 1 else Separated(whole, 1)
    numbers = np.full(len(low), -1)
    numbers[rest] = group
    return Separated(numbers[piece], count)


def variants(vertices: Floats, faces: Ints, part_sizes: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    """Pairs of named parts that fill the same box, about as high as the whole: probably variants of one model.

    `part_sizes` gives each part's name and number of faces, in the order of `faces`.
    """
    height = float(np.ptp(vertices[used_vertices(faces), 2]))
    boxes: list[tuple[str, Floats, Floats]] = []
    start = 0
    for name, size in part_sizes:
        points = vertices[faces[start : start + size]].reshape(-1, 3)
        start += size
        if len(points) and np.ptp(points[:, 2]) > 0.8 * height > 0:
            boxes.append((name, points.min(axis=0), points.max(axis=0)))
    found = []
    for number, (name, low, high) in enumerate(boxes[:50]):
        for other, other_low, other_high in boxes[number + 1 : 50]:
            common = np.prod(np.clip(np.minimum(high, other_high) - np.maximum(low, other_low), 0.0, None))
            joint = np.prod(np.maximum(high, other_high) - np.minimum(low, other_low))
            if common > SAME_PLACE * joint > 0.0:
                found.append((name, other))
    return found


def pieces(vertices: Floats, faces: Ints) -> NDArray[np.int64]:
    """Number of the connected piece (F,) of each face; corners at the same place are connected."""
    used = used_vertices(faces)
    step = max(float(np.ptp(vertices[used], axis=0).max()), 1e-12) * 1e-5
    cells = np.round((vertices[used] - vertices[used].min(axis=0)) / step).astype(np.int64)  # 100,000 along an axis
    place = np.zeros(len(vertices), dtype=np.int64)
    place[used] = np.unique(cells @ [1 << 40, 1 << 20, 1], return_inverse=True)[1].reshape(-1)
    corners = place[faces]
    count = int(corners.max()) + 1
    label = linked_parts(corners[:, :2], corners[:, 1:], count)[corners[:, 0]]
    return np.asarray(np.unique(label, return_inverse=True)[1].reshape(-1), dtype=np.int64)


def box_of_pieces(corners: Floats, piece: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """The lower and upper corners (N, 3) of the box around each piece; corners (F, 3, 3), piece (F,)."""
    low, high = (
        np.stack([_by_piece(function, corners, piece, axis) for axis in range(3)], axis=1)
        for function in (np.minimum, np.maximum)
    )
    return low, high


def _by_piece(function: np.ufunc, corners: Floats, piece: NDArray[np.int64], axis: int) -> Floats:
    values = np.asarray(function.reduce(corners[:, :, axis], axis=1))
    result = np.full(int(piece.max()) + 1, np.inf if function is np.minimum else -np.inf)
    function.at(result, piece, values)
    return result


def _footprint(low: Floats, high: Floats) -> Floats:
    return np.asarray(np.prod(np.maximum(high[..., :2] - low[..., :2], 1e-9), axis=-1))


def _plate(low: Floats, high: Floats) -> int | None:
    """The piece that is flat, at the bottom and of the largest footprint; None where there is no such piece."""
    if len(low) < 2:
        return None
    number = int(_footprint(low, high).argmax())
    height = float(high[:, 2].max() - low[:, 2].min())
    flat = float(high[number, 2] - low[number, 2]) <= PLATE_HEIGHT * height
    others = np.arange(len(low)) != number
    below = high[number, 2] <= low[others, 2].min() + PLATE_HEIGHT * height
    return number if flat and below and low[number, 2] <= low[others, 2].min() else None


def _sheets(low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Which pieces are sheets without thickness at the bottom: grounds that only catch a shadow."""
    bottom, height = low[:, 2].min(), float(high[:, 2].max() - low[:, 2].min())
    return np.asarray((high[:, 2] - low[:, 2] <= SHEET * height) & (low[:, 2] <= bottom + 10 * SHEET * height))


def _is_ground(low: Floats, high: Floats, plates: NDArray[np.int64], rest: NDArray[np.int64]) -> bool:
    """Whether plates have PLATE_FOOTPRINT times the footprint of the rest, or are sheets that reach beyond it."""
    box = [(low[part].min(axis=0)[:2], high[part].max(axis=0)[:2]) for part in (plates, rest)]
    footprints = [float(np.prod(np.maximum(b - a, 1e-9))) for a, b in box]
    if footprints[0] >= PLATE_FOOTPRINT * footprints[1]:
        return True
    margin = BEYOND * (box[1][1] - box[1][0])
    beyond = np.concatenate([box[0][0] < box[1][0] - margin, box[0][1] > box[1][1] + margin])
    return bool(_sheets(low, high)[plates].all() and beyond.sum() >= 3)


def _side_by_side(low: Floats, high: Floats) -> tuple[NDArray[np.int64], int]:
    """Number of the object of each piece (N,), and how many tall objects stand side by side."""
    order = np.argsort(-np.linalg.norm(high - low, axis=1), kind="stable")[:MOST_PIECES]
    a, b = low[order, :2], high[order, :2]
    overlap = np.minimum(b[:, None], b[None]) - np.maximum(a[:, None], a[None])
    common = np.prod(np.clip(overlap, 0.0, None), axis=2)
    areas = _footprint(low[order], high[order])
    smaller = np.minimum(areas[:, None], areas[None])
    bottom, top = low[:, 2].min(), high[:, 2].max()
    beside = np.minimum(high[order, None, 2], high[order, 2]) - np.maximum(low[order, None, 2], low[order, 2])
    joined = (common >= SHARED * smaller) | ((common >= TOUCHING * smaller) & (beside >= 0.5 * (top - bottom)))
    one, other = np.nonzero(joined)
    label = linked_parts(one, other, len(joined))
    tall = []
    for each in np.unique(label):
        inside = order[label == each]
        if _filled(low[inside, 2], high[inside, 2]) >= TALL * (top - bottom) and low[
            inside, 2
        ].min() <= bottom + 0.2 * (top - bottom):
            tall.append(each)
    between = np.linalg.norm(high[order] - low[order], axis=1)[~np.isin(label, tall)]
    if len(tall) < 2 or between.max(initial=0.0) > JOINS * float(np.linalg.norm(high.max(axis=0) - low.min(axis=0))):
        return np.zeros(len(low), dtype=np.int64), 1
    centres = np.array([(a[label == each].min(axis=0) + b[label == each].max(axis=0)) / 2 for each in tall])
    middle = (low[:, :2] + high[:, :2]) / 2
    group = np.linalg.norm(middle[:, None] - centres[None], axis=2).argmin(axis=1)
    for number, each in enumerate(tall):
        group[order[label == each]] = number
    return group, len(tall)


def _filled(low: Floats, high: Floats) -> float:
    """The length that intervals [low, high] (N,) cover together: shelves above one another make no tall object."""
    order = np.argsort(low)
    reach = np.maximum.accumulate(high[order])
    start = np.maximum(low[order], np.concatenate([[-np.inf], reach[:-1]]))
    return float(np.clip(reach - start, 0.0, None).sum())
