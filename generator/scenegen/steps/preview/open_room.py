"""Rooms without their walls and ceiling, which would hide from outside all that stands in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scenegen.core.scene.scene import have_room_surfaces


def open_masks(masks: NDArray[np.bool_], names: Sequence[str]) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """The masks (X, Y, Z, C) and names of the classes that are drawn."""
    hiding = _hiding(names)
    kept = [c for c in range(len(names)) if c not in hiding]
    return (masks[..., kept] if hiding else masks), tuple(names[c] for c in kept)


def open_labels(labels: NDArray[np.uint8], names: Sequence[str]) -> NDArray[np.uint8]:
    """Labels of a frustum (w, h, d), 0 = air, else class index + 1: cells of classes that are not drawn are air."""
    hiding = [c + 1 for c in _hiding(names)]
    return np.where(np.isin(labels, hiding), np.uint8(0), labels) if hiding else labels


def _hiding(names: Sequence[str]) -> list[int]:
    """The indices of walls and ceiling, of a data set that has a room's surfaces as classes."""
    return [names.index("wall"), names.index("ceiling")] if have_room_surfaces(names) else []
