"""COCO's compressed run lengths of a mask.

Runs go down the columns, false first. From the fourth on, a run is written as its difference to the one before the
last. Each number is cut into groups of five bits, lowest first, with a sixth that says whether more follow; a group
plus 48 is an ASCII character.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def encode_mask(mask: NDArray[np.bool_]) -> dict[str, Any]:
    """A mask bool (H, W) as COCO's {"size": [H, W], "counts": text}."""
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff(np.concatenate([[0], changes, [flat.size]])).tolist()
    if flat.size and flat[0]:
        runs.insert(0, 0)
    numbers = [run - runs[k - 2] if k > 2 else run for k, run in enumerate(runs)]
    return {"size": list(mask.shape), "counts": "".join(map(_characters, numbers))}


def _characters(number: int) -> str:
    text = ""
    while True:
        group, number = number & 31, number >> 5
        # The last group's top bit is the sign.
        more = number != (-1 if group & 16 else 0)
        text += chr(48 + group + (32 if more else 0))
        if not more:
            return text
