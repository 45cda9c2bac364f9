"""Numbers in the text of an XML element."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

NO_NUMBER = -1


def floats_of(text: str | None) -> NDArray[np.float64]:
    """The numbers (N,) of a text; NaN for a word that is none."""
    words = (text or "").split()
    try:
        return np.array(words, dtype=np.float64)
    except ValueError:
        return np.array([_float(word) for word in words], dtype=np.float64)


def whole_numbers(text: str | None) -> NDArray[np.int64]:
    """The whole numbers (N,) of a text; NO_NUMBER for a word that is none, or one that is negative."""
    words = (text or "").split()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # numpy < 2.3 stops at a word that is no number
        try:
            numbers = np.fromstring(text or "", dtype=np.int64, sep=" ")
        except ValueError:
            numbers = np.zeros(0, dtype=np.int64)
    if len(numbers) != len(words):
        numbers = np.array([_whole(word) for word in words], dtype=np.int64)
    return np.maximum(numbers, NO_NUMBER)


def _float(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _whole(word: str) -> int:
    try:
        return min(max(int(word), NO_NUMBER), 1 << 62)
    except ValueError:
        return NO_NUMBER
