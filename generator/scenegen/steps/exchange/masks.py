"""Masks of one object in one image: their bounding boxes and their run lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class PixelBox:
    """First and last column, first and last row; all four belong to the box."""

    left: int
    top: int
    right: int
    bottom: int


def box_of(mask: Mask) -> PixelBox:
    """The bounding box of a mask's (H, W) true pixels; it must have some."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return PixelBox(int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1]))


def encode_mask(mask: Mask) -> dict[str, Any]:
    """A mask (H, W) as COCO's compressed run lengths, {"size": [H, W], "counts": text}."""
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {"size": [int(n) for n in encoded["size"]], "counts": encoded["counts"].decode("ascii")}
