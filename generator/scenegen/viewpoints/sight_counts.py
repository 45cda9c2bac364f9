"""Sets of samples as bits, so that thousands of cameras can be compared."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled

Words = NDArray[np.uint64]
BITS = 64


def pack(seen: NDArray[np.bool_]) -> Words:
    """A set of samples, bool of any shape, as words of 64."""
    flat = seen.reshape(-1)
    return np.packbits(np.pad(flat, (0, -len(flat) % BITS))).view(np.uint64)


def union(rows: Words) -> Words:
    """(K, W) to (W,): what is in any row; nothing for no rows."""
    together: Words = np.bitwise_or.reduce(rows, axis=0, initial=0)
    return together


@compiled
def gains(rows: Words, known: Words) -> NDArray[np.int64]:
    """How many samples each row (K, W) has that are not `known` (W,): (K,)."""
    found = np.zeros(len(rows), dtype=np.int64)
    for k in range(len(rows)):
        for w in range(len(known)):
            left = rows[k, w] & ~known[w]
            while left:
                left &= left - np.uint64(1)
                found[k] += 1
    return found
