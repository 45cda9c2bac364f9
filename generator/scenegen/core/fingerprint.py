"""Fingerprints of shapes: two models have the same shape when the distance of their fingerprints is small.

A fingerprint holds the low Fourier coefficients of a surface's area, about its centroid and in units of its root mean
square radius. Order and duplicates of vertices, the way it is cut into triangles, place and unit do not change it, and
the 24 rotations between axes only permute it. A mirrored shape has another one, unless it is symmetric.

trimesh.comparison.identifier_simple was tried first: it counts edges and components and is an exact hash, so a
decimated copy, or one with split vertices, gets another.

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import base64
import functools
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.errors import ScenegenError

SAME_SHAPE = 0.03
"""Below this distance, two shapes are the same. Decimation to half moves most shapes by less."""
ALIKE = 0.1
"""Below this distance, two shapes are alike: perhaps one author's versions of one model. Many desks are alike, too."""

PERIOD = 6.0  # in units of the root mean square radius; most shapes are within 2 of their centroid
ORDER = 5  # the shortest wave has a fifth of the period
LONGEST_EDGE = 0.12  # triangles are cut until their edges are shorter, a tenth of the shortest wave
CELL = 0.05  # points closer together are merged
CHUNK = 8192  # points at a time, which keeps the products of their waves in the cache
_SCALE = 32767  # a coefficient's parts lie in [-1, 1] and are kept in 16 bits

Fingerprint = NDArray[np.complex128]
Floats = NDArray[np.float64]


def fingerprint(vertices: NDArray[Any], faces: NDArray[Any]) -> Fingerprint:
    """The fingerprint (257,) of a triangle mesh: vertices (V, 3) in any unit, faces (F, 3).

    Raises ScenegenError when the mesh has no area.
    """
    points, weights = _merged(*_samples(_standard(np.asarray(vertices, dtype=np.float64)[np.asarray(faces)])))
    total = np.zeros((ORDER + 1, (2 * ORDER + 1) ** 2), dtype=np.complex128)
    step = np.exp(-2j * np.pi / PERIOD * points)
    for start in range(0, len(points), CHUNK):
        x, y, z = step[start : start + CHUNK].T
        x_waves = _powers(x) * weights[start : start + CHUNK]
        y_waves, z_waves = _both_ways(y), _both_ways(z)
        total += x_waves @ (y_waves[:, None] * z_waves[None]).reshape(-1, len(x)).T
    cube = total.reshape(ORDER + 1, 2 * ORDER + 1, 2 * ORDER + 1)
    lattice = _lattice()
    return np.ascontiguousarray(cube[lattice[:, 0], lattice[:, 1] + ORDER, lattice[:, 2] + ORDER])


def distances(one: Fingerprint, many: NDArray[np.complex128]) -> Floats:
    """The distance (N,) of a fingerprint (257,) to each of `many` (N, 257), over all rotations between axes.

    0 for the same shape, about 1.4 for shapes that share nothing.
    """
    order, conjugate = _rotations()
    turned = np.where(conjugate, one[order].conj(), one[order])
    length, lengths = np.linalg.norm(one), np.linalg.norm(many, axis=1)
    alike = (turned.conj() @ many.T).real.max(axis=0)
    squared = length**2 + lengths**2 - 2 * alike
    return np.asarray(np.sqrt(np.maximum(squared, 0.0) / (length * lengths)))


def invariants(many: NDArray[np.complex128]) -> Floats:
    """Unit vectors (N, K) that no rotation between axes changes.

    Two of them are never further apart than `distances` says of their fingerprints (N, 257), so a search tree over them
    finds every pair.
    """
    orbits = _orbits()
    squares = np.stack([(np.abs(many[:, orbits == k]) ** 2).sum(axis=1) for k in range(int(orbits.max()) + 1)], axis=1)
    return np.asarray(np.sqrt(squares / squares.sum(axis=1, keepdims=True)))


def to_text(shape: Fingerprint) -> str:
    """A fingerprint as text for JSON; a part loses at most 2e-5."""
    parts = np.round(np.stack([shape.real, shape.imag]) * _SCALE).astype("<i2")
    return base64.b64encode(parts.tobytes()).decode("ascii")


def from_text(text: str) -> Fingerprint:
    """The fingerprint that `to_text` wrote. Raises ValueError for anything else."""
    parts = np.frombuffer(base64.b64decode(text, validate=True), dtype="<i2").astype(np.float64) / _SCALE
    if parts.size != 2 * len(_lattice()):
        raise ValueError(f"expected a fingerprint of {len(_lattice())} coefficients")
    if not parts.any():
        raise ValueError("expected a fingerprint, found zeros")
    real, imaginary = parts.reshape(2, -1)
    return np.asarray(real + 1j * imaginary)


def _standard(corners: Floats) -> Floats:
    """Triangles (F, 3, 3) about the centroid of their area, in units of its root mean square distance from there."""
    area = _areas(corners)
    total = area.sum()
    if not total > 0:
        raise ScenegenError("a shape without area has no fingerprint; export the model again")
    corners = corners - (corners.mean(axis=1) * area[:, None]).sum(axis=0) / total
    second = ((corners**2).sum(axis=(1, 2)) + (corners.sum(axis=1) ** 2).sum(axis=1)) / 12  # exact, over a triangle
    return np.asarray(corners / np.sqrt((second * area).sum() / total))


def _areas(corners: Floats) -> Floats:
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2)


def _samples(corners: Floats) -> tuple[Floats, Floats]:
    """The centres (N, 3) and areas (N,) of the triangles, cut at the middle of long edges."""
    centres, areas = [], []
    while len(corners):
        edges = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)
        long = edges.max(axis=1) > LONGEST_EDGE
        centres.append(corners[~long].mean(axis=1))
        areas.append(_areas(corners[~long]))
        corners, first = corners[long], edges[long].argmax(axis=1)
        row = np.arange(len(corners))
        a, b, c = (corners[row, (first + k) % 3] for k in range(3))
        middle = (a + b) / 2
        corners = np.concatenate([np.stack([a, middle, c], axis=1), np.stack([middle, b, c], axis=1)])
    return np.concatenate(centres), np.concatenate(areas)


def _merged(points: Floats, areas: Floats) -> tuple[Floats, Floats]:
    """One point per cell, at the centroid of the cell's points, and its share of the area."""
    cells = np.floor(points / CELL).astype(np.int64)
    cells -= cells.min(axis=0)
    span = cells.max(axis=0) + 1
    _, index = np.unique((cells[:, 0] * span[1] + cells[:, 1]) * span[2] + cells[:, 2], return_inverse=True)
    weights = np.bincount(index, areas)
    sums = np.stack([np.bincount(index, areas * points[:, k]) for k in range(3)], axis=1)
    some = weights > 0
    return sums[some] / weights[some, None], weights[some] / weights.sum()


def _powers(base: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """base ** 0 to base ** ORDER, one a row."""
    rows = np.ones((ORDER + 1, len(base)), dtype=np.complex128)
    for k in range(ORDER):
        rows[k + 1] = rows[k] * base
    return rows


def _both_ways(base: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """base ** -ORDER to base ** ORDER, one a row, of numbers of length 1."""
    rows = _powers(base)
    return np.concatenate([rows[:0:-1].conj(), rows])


@functools.cache
def _lattice() -> NDArray[np.int64]:
    """The waves (257, 3) by their number of periods along x, y and z: a ball, half of each opposite pair."""
    steps = range(-ORDER, ORDER + 1)
    waves = [n for n in itertools.product(steps, repeat=3) if n > (0, 0, 0) and sum(k * k for k in n) <= ORDER**2]
    return np.array(waves, dtype=np.int64)


@functools.cache
def _rotations() -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Of each rotation (24,): which coefficient takes the place of each (257,), and whether conjugated."""
    waves = [tuple(wave) for wave in _lattice().tolist()]
    number = {wave: k for k, wave in enumerate(waves)}
    opposite = {(-x, -y, -z): k for (x, y, z), k in number.items()}
    orders, conjugates = [], []
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            matrix = np.eye(3)[list(axes)] * np.array(signs)
            if np.linalg.det(matrix) > 0:
                turned = [tuple(wave) for wave in (_lattice() @ matrix.astype(np.int64)).tolist()]
                orders.append([number.get(wave, opposite.get(wave)) for wave in turned])
                conjugates.append([wave not in number for wave in turned])
    return np.array(orders, dtype=np.int64), np.array(conjugates)


@functools.cache
def _orbits() -> NDArray[np.int64]:
    """The number of each coefficient's orbit (257,): the coefficients that rotations put in each other's place."""
    orders, _ = _rotations()
    return np.asarray(np.unique(orders.min(axis=0), return_inverse=True)[1].reshape(-1), dtype=np.int64)
