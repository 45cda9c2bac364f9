"""Fix the orientation of a mesh's faces, and measure how well the mesh encloses a solid."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.inside_cells import add_votes, count_crossings

# A shell whose faces agree this well may look inward if it lies inside another: a cavity, or the lining of a bag.
UNANIMOUS = 0.9
# Below this share of area**1.5 a shell is flat: its volume does not show which side is outward.
FLAT = 1e-7
# An open shell of at most so many faces that hardly bends is a leaf or a card: its volume shows nothing either.
CARD_FACES = 16
CARD = 0.01
LEAK_CELLS = 48

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def orient_faces(vertices: ArrayLike, faces: ArrayLike) -> tuple[NDArray[np.int32], float]:
    """Turn faces to look out of the solid that they bound.

    Returns the faces, int32 (F, 3), and the share of faces that already looked outward.

    Two faces that alone share an edge get the same orientation, over the whole shell that such edges connect (vertices
    at the same place count as one). The sign of its volume then decides which side of a shell is outward. A flat shell,
    or a small sheet such as a leaf, keeps the orientation of most of its area. A shell that looks inward and lies
    inside the others stays as it is: it is the wall of a cavity.
    """
    points = np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(faces, dtype=np.int64).reshape(-1, 3)
    if len(faces) == 0:
        return faces.astype(np.int32), 1.0
    start, neighbours, turns = _by_face(_adjacency(points, faces), len(faces))
    shell, flip = np.full(len(faces), -1), np.zeros(len(faces), dtype=bool)
    shells = _spread(start, neighbours, turns, shell, flip, np.empty(len(faces), dtype=np.int64))

    corners = points[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1) / 2
    total = np.maximum(np.bincount(shell, areas, shells), 1e-300)
    middle = corners.mean(axis=1)
    centre = np.stack([np.bincount(shell, areas * middle[:, d], shells) / total for d in range(3)], axis=1)
    outward = np.einsum("fd,fd->f", middle - centre[shell], normals) / 6
    volume = np.bincount(shell, np.where(flip, -outward, outward), shells)

    # The share of each shell's area that _spread did not turn.
    kept = np.bincount(shell, np.where(flip, 0, areas), shells) / total
    looks_in = np.where(kept >= 0.5, volume, -volume) < 0
    inside_out = np.sum(np.where(looks_in, -1, 1) * np.abs(volume)) < 0
    size = np.bincount(shell, minlength=shells)
    torn = np.bincount(shell, np.diff(start), shells) < 3 * size
    card = torn & (size <= CARD_FACES) & (np.abs(volume) < CARD * total**1.5)
    flat = (np.abs(volume) < FLAT * total**1.5) | card
    turn_shell = np.where(flat, kept < 0.5, volume < 0)
    oriented = flip ^ turn_shell[shell]
    unanimous = np.maximum(kept, 1 - kept) >= UNANIMOUS
    suspects = np.flatnonzero((looks_in != inside_out) & unanimous & ~flat)
    if len(suspects):
        _turn_back(corners, oriented, _by_shell(corners, shell, shells), suspects, ~torn)
    fixed = faces.copy()
    fixed[oriented] = fixed[oriented][:, ::-1]
    return fixed.astype(np.int32), float(1 - oriented.mean())


def leaky_columns(vertices: ArrayLike, faces: ArrayLike) -> float:
    """Share of the lines through a mesh that do not leave it as often as they enter: 0 for closed, oriented shells.

    Lines run along the three axes through the cell centres of a 48^3 grid around the mesh.
    """
    points = np.asarray(vertices, dtype=np.float64)
    faces = np.asarray(faces, dtype=np.int64).reshape(-1, 3)
    if len(faces) == 0:
        return 0.0
    used = points[faces]
    low, high = used.min(axis=(0, 1)), used.max(axis=(0, 1))
    places = (points - low) * (LEAK_CELLS / np.where(high > low, high - low, 1))
    along = [np.zeros((LEAK_CELLS, LEAK_CELLS, LEAK_CELLS + 1), dtype=np.int16) for _ in range(3)]
    count_crossings(places, faces, np.zeros(3, dtype=np.int64), np.arange(LEAK_CELLS) + 0.5, *along)
    votes = np.zeros((LEAK_CELLS,) * 3, dtype=np.int8)
    counts = [add_votes(lines, votes) for lines in along]
    return sum(leaky for leaky, _ in counts) / max(sum(met for _, met in counts), 1)


class _Pairs(NamedTuple):
    """Pairs of faces that alone share an edge, `first` (P,) and `second` (P,), and whether one must be turned (P,)."""

    first: Ints
    second: Ints
    turned: NDArray[np.bool_]


class _Neighbours(NamedTuple):
    """The neighbours of face f, and whether each must be turned to agree with f: from start[f] to start[f + 1]."""

    start: Ints
    faces: Ints
    turned: NDArray[np.bool_]


def _adjacency(points: Floats, faces: Ints) -> _Pairs:
    _, places = np.unique(points, axis=0, return_inverse=True)
    corners = places.reshape(-1)[faces]
    here, there = corners.reshape(-1), np.roll(corners, -1, axis=1).reshape(-1)
    edge = np.minimum(here, there) * len(points) + np.maximum(here, there)
    order = np.argsort(edge, kind="stable")
    _, starts, counts = np.unique(edge[order], return_index=True, return_counts=True)
    pairs = starts[counts == 2]
    one, other = order[pairs], order[pairs + 1]
    apart = (one // 3 != other // 3) & (here[one] != there[one])
    one, other = one[apart], other[apart]
    return _Pairs(one // 3, other // 3, here[one] == here[other])


def _by_face(pairs: _Pairs, faces: int) -> _Neighbours:
    first, second, turned = pairs
    owner = np.concatenate([first, second])
    order = np.argsort(owner, kind="stable")
    start = np.searchsorted(owner[order], np.arange(faces + 1)).astype(np.int64)
    return _Neighbours(start, np.concatenate([second, first])[order], np.concatenate([turned, turned])[order])


@compiled
def _spread(
    start: Ints, neighbours: Ints, turns: NDArray[np.bool_], shell: Ints, flip: NDArray[np.bool_], queue: Ints
) -> int:
    """Fill the shell of each face (F,), -1 before, and whether it must be turned to agree with the first face of its
    shell (F,), False before. `queue` (F,) is for use here. Returns the number of shells."""
    shells = 0
    for seed in range(len(shell)):
        if shell[seed] >= 0:
            continue
        shell[seed] = shells
        queue[0] = seed
        done, size = 0, 1
        while done < size:
            face = queue[done]
            done += 1
            for at in range(start[face], start[face + 1]):
                other = neighbours[at]
                if shell[other] < 0:
                    shell[other] = shells
                    flip[other] = flip[face] ^ turns[at]
                    queue[size] = other
                    size += 1
        shells += 1
    return shells


class _Shells(NamedTuple):
    """The faces of shell s, from start[s] to start[s + 1] in `order`, and its box: low[s], high[s] (S, 3)."""

    start: Ints
    order: Ints
    low: Floats
    high: Floats


def _by_shell(corners: Floats, shell: Ints, shells: int) -> _Shells:
    order = np.argsort(shell, kind="stable")
    start = np.searchsorted(shell[order], np.arange(shells + 1)).astype(np.int64)
    low, high = corners.min(axis=1)[order], corners.max(axis=1)[order]
    return _Shells(start, order, np.minimum.reduceat(low, start[:-1]), np.maximum.reduceat(high, start[:-1]))


@compiled
def _turn_back(
    corners: Floats, turned: NDArray[np.bool_], shells: _Shells, suspects: Ints, closed: NDArray[np.bool_]
) -> None:
    """Turn each suspected shell whose first corner the other shells enclose, as the wall of a cavity does."""
    start, order, low, high = shells
    for cavity in suspects:
        point = corners[order[start[cavity]], 0]
        total = 0.0
        for other in range(len(closed)):
            # Outside of its box, the solid angle of a closed shell is 0.
            outside = False
            for d in range(3):
                outside |= point[d] < low[other, d] or point[d] > high[other, d]
            if other != cavity and not (closed[other] and outside):
                for at in range(start[other], start[other + 1]):
                    angle = _solid_angle(corners[order[at]], point)
                    total += -angle if turned[order[at]] else angle
        if total > 2 * np.pi:
            for at in range(start[cavity], start[cavity + 1]):
                turned[order[at]] = not turned[order[at]]


@compiled
def _solid_angle(corners: Floats, point: Floats) -> float:
    """Solid angle of a triangle (3, 3) at a point: those of a mesh that encloses the point add up to 4 pi.

    Formula: Van Oosterom and Strackee, The solid angle of a plane triangle, 1983.
    """
    ax, ay, az = corners[0, 0] - point[0], corners[0, 1] - point[1], corners[0, 2] - point[2]
    bx, by, bz = corners[1, 0] - point[0], corners[1, 1] - point[1], corners[1, 2] - point[2]
    cx, cy, cz = corners[2, 0] - point[0], corners[2, 1] - point[1], corners[2, 2] - point[2]
    la = math.sqrt(ax * ax + ay * ay + az * az)
    lb = math.sqrt(bx * bx + by * by + bz * bz)
    lc = math.sqrt(cx * cx + cy * cy + cz * cz)
    volume = ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx)
    spread = la * lb * lc + lc * (ax * bx + ay * by + az * bz)
    spread += lb * (ax * cx + ay * cy + az * cz) + la * (bx * cx + by * cy + bz * cz)
    return 2 * math.atan2(volume, spread)
