"""Arrays of cells, most of which are 0: where they are not, and whether two are equal. Eight bytes at a time.

A frustum has two million cells and a few ten thousand labelled ones, so what is asked of each cell is asked of these.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.labels.fruxels import label_numbers, labels_of
from scenegen.core.labels.grids import Grid
from scenegen.core.labels.room_surfaces import cell_classes
from scenegen.core.scene.scene import Scene

_WORD = 8

Indices = NDArray[np.int64]


def filled(cells: NDArray[Any]) -> Indices:
    """Which entries of an array of integers or bools, in C order, are not 0: rising flat indices."""
    flat = np.ascontiguousarray(cells).reshape(-1)
    content = flat.view(np.uint8)
    whole = len(content) // _WORD * _WORD
    words = np.flatnonzero(content[:whole].view(np.uint64))
    places = (words[:, None] * _WORD + np.arange(0, _WORD, flat.itemsize)).reshape(-1) // flat.itemsize
    rest = np.arange(whole // flat.itemsize, len(flat))
    there: Indices = np.concatenate([places, rest])
    found: Indices = there[flat[there] != 0]
    return found


def occupied_cells(masks: NDArray[np.bool_]) -> Indices:
    """Which cells of masks (X, Y, Z, C) are of some class: rising flat indices of (X, Y, Z)."""
    cells = filled(masks) // masks.shape[-1]
    once: Indices = cells[np.diff(cells, prepend=-1) != 0]
    return once


def equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether two arrays are the same; where they lie alike in memory, in an eighth of numpy's time."""
    if one.flags.f_contiguous and other.flags.f_contiguous:
        one, other = one.T, other.T
    alike = (
        one.shape == other.shape and one.dtype == other.dtype and one.flags.c_contiguous and other.flags.c_contiguous
    )
    if not alike or one.nbytes % _WORD or one.dtype.kind not in "biu":
        return np.array_equal(one, other)
    return np.array_equal(one.reshape(-1).view(np.uint64), other.reshape(-1).view(np.uint64))


def wrong_classes(
    scene: Scene, labelled: tuple[NDArray[np.uint8], Indices], instances: NDArray[np.uint16], grid: Grid
) -> int:
    """In how many cells of a grid labels are not the classes of the objects in `instances`, all (w, h, d).

    `labelled` are the labels, and which are not 0, in Fortran order.
    """
    labels, which = labelled
    numbers = label_numbers(scene.objects, scene.classes)
    if not scene.has_room_surfaces and np.count_nonzero(instances) == len(which):
        right = labels_of(instances.T.reshape(-1)[which], numbers)
        if np.array_equal(labels.T.reshape(-1)[which], right):  # so that all others are 0 in both
            return 0
    return int(np.count_nonzero(cell_classes(scene, instances, grid) != labels))
