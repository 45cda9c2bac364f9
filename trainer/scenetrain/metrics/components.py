"""Connected pieces of labelled grids: cells of one label that touch by a face, found by joining runs of cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scenegen.core.compiled import compiled


class Runs(NamedTuple):
    """Rows of R runs: cells (x, y, first..last) of one label, each as long as it can be."""

    cells: NDArray[np.int32]
    """(R, 4): x, y, first and last (inclusive) cell along the third axis."""
    labels: NDArray[np.uint8]
    """(R,): never 0."""
    pieces: NDArray[np.int32]
    """(R,): the number of its connected piece, from 0 on, in the order of the pieces' first runs."""

    def of_piece(self) -> list[NDArray[np.int64]]:
        """The rows of every piece."""
        order = np.argsort(self.pieces, kind="stable")
        ends = np.cumsum(np.bincount(self.pieces))
        return np.split(order, ends)[:-1]


def connected_runs(labels: NDArray[np.uint8]) -> Runs:
    """The runs of labels uint8 (X, Y, Z) that are not 0, with their connected pieces."""
    labels = np.ascontiguousarray(labels)
    cells, found, starts = _find_runs(labels, _count_runs(labels))
    roots = _join(cells, found, starts, labels.shape[0], labels.shape[1])
    return Runs(cells, found, np.unique(roots, return_inverse=True)[1].astype(np.int32))


@compiled
def _count_runs(labels: NDArray[np.uint8]) -> int:
    count = 0
    for x in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            before = np.uint8(0)
            for z in range(labels.shape[2]):
                label = labels[x, y, z]
                if label != 0 and label != before:
                    count += 1
                before = label
    return count


@compiled
def _find_runs(labels: NDArray[np.uint8], count: int) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.int64]]:
    """Cells (R, 4) and labels (R,) of the runs, and where each column's runs start (X * Y + 1,)."""
    cells, found = np.empty((count, 4), np.int32), np.empty(count, np.uint8)
    starts = np.zeros(labels.shape[0] * labels.shape[1] + 1, np.int64)
    at = 0
    for x in range(labels.shape[0]):
        for y in range(labels.shape[1]):
            before = np.uint8(0)
            for z in range(labels.shape[2]):
                label = labels[x, y, z]
                if label != 0:
                    if label != before:
                        cells[at, 0], cells[at, 1], cells[at, 2] = x, y, z
                        found[at] = label
                        at += 1
                    cells[at - 1, 3] = z
                before = label
            starts[x * labels.shape[1] + y + 1] = at
    return cells, found, starts


@compiled
def _join(
    cells: NDArray[np.int32], labels: NDArray[np.uint8], starts: NDArray[np.int64], width: int, height: int
) -> NDArray[np.int64]:
    """The first run of each run's piece (R,): union of runs that overlap in neighbouring columns."""
    root = np.arange(len(labels))
    for x in range(width):
        for y in range(height):
            column = x * height + y
            for back in range(2):
                if (x, y)[back] == 0:
                    continue
                other = column - (height, 1)[back]
                mine, theirs = starts[column], starts[other]
                while mine < starts[column + 1] and theirs < starts[other + 1]:
                    if (
                        labels[mine] == labels[theirs]
                        and cells[mine, 2] <= cells[theirs, 3]
                        and cells[theirs, 2] <= cells[mine, 3]
                    ):
                        a, b = mine, theirs
                        while root[a] != a:
                            root[a] = root[root[a]]
                            a = root[a]
                        while root[b] != b:
                            root[b] = root[root[b]]
                            b = root[b]
                        root[max(a, b)] = min(a, b)
                    if cells[mine, 3] < cells[theirs, 3]:
                        mine += 1
                    else:
                        theirs += 1
    for run in range(len(root)):
        root[run] = root[root[run]]
    return root
