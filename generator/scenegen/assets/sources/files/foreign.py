"""Parts that by their names are other objects than the model's class: the chairs of a table, the lamp on a desk."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST, MOST = 0.02, 0.9  # of the triangles: less is a detail, more a model of another class
_SEATS = ("chair", "armchair", "stool", "ottoman", "footstool", "pouf")
_ON_TOP = (
    "lamp",
    "laptop",
    "monitor",
    "keyboard",
    "computer",
    "book",
    "books",
    "mug",
    "cup",
    "vase",
    "plant",
    "bottle",
)
_PEOPLE = ("man", "woman", "person", "human", "driver", "rider", "character")
_OTHERS: dict[str, tuple[str, ...]] = {
    "chair": ("ottoman", "footstool", "pouf", "table", "desk", *_PEOPLE, *_ON_TOP),
    "table": (*_SEATS, *_PEOPLE, *_ON_TOP),
    "nightstand": (*_SEATS, *_ON_TOP, "clock"),
    "laptop": ("table", "desk", "mouse", "mug", "cup", "chair"),
    "tree": ("house", "rock", "fence", "bench"),
    "bicycle": _PEOPLE,
}


def foreign_parts(part_sizes: Sequence[tuple[str, int]], class_name: str) -> tuple[NDArray[np.bool_], tuple[str, ...]]:
    """Which faces (F,) belong to parts whose names tell another object, and those words; none where that is not clear.

    `part_sizes` gives each part's name and number of faces, in the order of the faces. A part whose name has the word
    of the class too, such as "desk_chair_table", tells nothing.
    """
    others = _OTHERS.get(class_name, ())
    found: list[str | None] = []
    for name, _ in part_sizes:
        tokens = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
        own = class_name in tokens or (class_name == "table" and "desk" in tokens)
        found.append(None if own else next((token for token in tokens if token in others), None))
    sizes = [size for _, size in part_sizes]
    chosen = np.repeat(np.array([word is not None for word in found], dtype=bool), sizes)
    if not len(chosen) or not LEAST <= chosen.mean() <= MOST:
        return np.zeros(len(chosen), dtype=bool), ()
    return chosen, tuple(dict.fromkeys(word for word in found if word))
