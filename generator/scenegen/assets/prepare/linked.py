"""Connected parts of anything that is linked in pairs. scipy has it too, and its import alone takes half a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled


def linked_parts(first: NDArray[np.integer[Any]], second: NDArray[np.integer[Any]], count: int) -> NDArray[np.int64]:
    """The part (count,) of each of `count` items, of which first[k] and second[k] are linked; numbered from 0."""
    one, other = (np.ascontiguousarray(each, dtype=np.int64).reshape(-1) for each in (first, second))
    return _parts(one, other, count)


@compiled
def _parts(first: NDArray[np.int64], second: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Sets that are joined, with paths halved: Tarjan and van Leeuwen 1984. The least item stands for each set."""
    above = np.arange(count)
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
    parts = np.empty(count, dtype=np.int64)
    found = 0
    for item in range(count):
        if above[item] == item:
            parts[item] = found
            found += 1
        else:
            parts[item] = parts[above[item]]
    return parts
