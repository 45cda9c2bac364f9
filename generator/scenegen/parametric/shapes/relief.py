"""Slabs whose front is a grid of cells, each with its level and its material: facades with windows, streets."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenegen.parametric.shapes.curves import Points
from scenegen.parametric.shapes.shapes import Part

Patch = tuple[float, float, float, float, float, int]
"""A rectangle of a relief: u from, u to, v from, v to, level, material."""


def chequer(
    low: tuple[float, float], high: tuple[float, float], level: float, material: int, patches: Iterable[Patch]
) -> Part:
    """A slab over [low, high] in (u, v), from level 0 to `level`, with `patches` laid over it in their order.

    One closed solid in (u, v, w), w up; see `facing` and `upright` for where that may go. Patches are clipped to the
    slab, and their levels must be above 0.
    """
    listed = list(patches)
    u = _lines([low[0], high[0], *(value for patch in listed for value in patch[:2])], low[0], high[0])
    v = _lines([low[1], high[1], *(value for patch in listed for value in patch[2:4])], low[1], high[1])
    levels, materials = np.full((len(u) - 1, len(v) - 1), level), np.full((len(u) - 1, len(v) - 1), material)
    middle_u, middle_v = (u[1:] + u[:-1]) / 2, (v[1:] + v[:-1]) / 2
    for u0, u1, v0, v1, high_as, of in listed:
        chosen = np.ix_((middle_u > u0) & (middle_u < u1), (middle_v > v0) & (middle_v < v1))
        levels[chosen], materials[chosen] = high_as, of
    return relief(u, v, levels, materials)


def relief(u: ArrayLike, v: ArrayLike, levels: ArrayLike, materials: ArrayLike) -> Part:
    """Columns over the cells of a grid: `u` (N + 1,), `v` (M + 1,), `levels` and `materials` (N, M), base at w = 0.

    A wall between two columns is of the higher one's material. Two columns must not meet at a corner alone.
    """
    builder = _Builder(np.asarray(u, float), np.asarray(v, float), np.asarray(levels, float), np.asarray(materials))
    return builder.part()


def upright(part: Part) -> Part:
    """A relief stood up: u along x, v along z, its front toward -y."""
    p = part.vertices
    return Part(np.column_stack([p[:, 0], -p[:, 2], p[:, 1]]), part.faces, part.material)


def _lines(values: list[float], low: float, high: float) -> Points:
    """The values between two ends, those closer together than a tenth of a millimetre as one."""
    ordered = np.unique(np.clip(values, low, high))
    apart = np.diff(ordered, prepend=-np.inf) > 1e-4
    result: Points = ordered[apart]
    return result


class _Builder:
    def __init__(self, u: Points, v: Points, levels: Points, materials: NDArray[np.int64]) -> None:
        self.u, self.v = u, v
        self.level = np.pad(levels, 1)  # outside the slab the level is 0
        self.of = np.pad(materials, 1)
        self.index: dict[tuple[int, int, float], int] = {}
        self.places: list[tuple[float, float, float]] = []
        self.faces: list[tuple[int, int, int]] = []
        self.material: list[int] = []

    def part(self) -> Part:
        for i in range(len(self.u) - 1):
            for j in range(len(self.v) - 1):
                level, of = float(self.level[i + 1, j + 1]), int(self.of[i + 1, j + 1])
                ring = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
                self._quad([self._at(a, b, level) for a, b in ring], of)
                self._quad([self._at(a, b, 0.0) for a, b in ring[::-1]], of)
        for i in range(len(self.u)):
            for j in range(len(self.v) - 1):
                self._wall((i, j), (i, j + 1), (i, j + 1), (i + 1, j + 1))
        for i in range(len(self.u) - 1):
            for j in range(len(self.v)):
                self._wall((i + 1, j), (i, j), (i + 1, j), (i + 1, j + 1))
        vertices = np.array(self.places)
        return Part(vertices, np.array(self.faces, np.int64), np.array(self.material, np.int64))

    def _wall(self, start: tuple[int, int], end: tuple[int, int], one: tuple[int, int], two: tuple[int, int]) -> None:
        """The wall on the grid's edge start-end between the padded cells `one` on its left and `two` on its right."""
        first, second = float(self.level[one]), float(self.level[two])
        if first == second:
            return
        if first < second:  # seen from the lower side, the wall's edge runs to the right
            start, end = end, start
        low, high = min(first, second), max(first, second)
        left, right = self._chain(start, low, high), self._chain(end, low, high)
        of = int(self.of[one if first > second else two])
        a = b = 0
        while a < len(left) - 1 or b < len(right) - 1:
            if b == len(right) - 1 or (a < len(left) - 1 and left[a + 1][0] <= right[b + 1][0]):
                self._face(left[a][1], right[b][1], left[a + 1][1], of)
                a += 1
            else:
                self._face(left[a][1], right[b][1], right[b + 1][1], of)
                b += 1

    def _chain(self, node: tuple[int, int], low: float, high: float) -> list[tuple[float, int]]:
        i, j = node
        around = {float(x) for x in self.level[i : i + 2, j : j + 2].reshape(-1)}
        return [(level, self._at(i, j, level)) for level in sorted(around) if low <= level <= high]

    def _at(self, i: int, j: int, level: float) -> int:
        key = (i, j, level)
        if key not in self.index:
            self.index[key] = len(self.places)
            self.places.append((float(self.u[i]), float(self.v[j]), level))
        return self.index[key]

    def _quad(self, ring: list[int], of: int) -> None:
        self._face(ring[0], ring[1], ring[2], of)
        self._face(ring[0], ring[2], ring[3], of)

    def _face(self, a: int, b: int, c: int, of: int) -> None:
        self.faces.append((a, b, c))
        self.material.append(of)
