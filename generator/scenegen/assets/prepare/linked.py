"""Connected parts of anything that is linked in pairs. scipy has it too, and its import alone takes half a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled


def linked_parts(first: NDArray[np.integer[Any]], second: NDArray[np.integer[Any]], count: int) -> NDArray[np.int64]:
    """The part (count,) of each of `count` items, of which first[k] and second[k] are linked; numbered from 0."""
    one, other = (np.ascontiguousarray(each, dtype=np.int64).reshape(-1) for each in (first, second))
    parts = np.arange(count)
    _join(one, other, parts)
    return parts


@compiled
def _join(first: NDArray[np.int64], second: NDArray[np.int64], above: NDArray[np.int64]) -> None:
    """Sets that are joined, with paths halved: Tarjan and van Leeuwen 1984. The least item stands for each set.

    `above` (count,) holds each item's own number, and its part afterwards.
    """
    for k in range(len(first)):
        a, b = first[k], second[k]
        while above[a] != a:
            above[a] = above[above[a]]
            a = above[a]
        while above[b] != b:
            above[b] = above[above[b]]
            b = above[b]
        if a < b:
            above[b] = a
        else:
            above[a] = b
    found = 0
    for item in range(len(above)):  # whatever is above an item comes before it, and has its part already
        if above[item] == item:
            above[item] = found
            found += 1
        else:
            above[item] = above[above[item]]
