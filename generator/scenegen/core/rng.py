"""Seeded random streams that give the same numbers on every host.

Only `random.Random.random()` is used: Python documents that it gives the same sequence for the same seed in every
version, which neither `random.choice` nor numpy's `Generator` promises. numpy does keep the raw bits of its generators.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def stream(seed: int, index: int, name: str) -> random.Random:
    """Random stream of one scene for one purpose, independent of every other stream."""
    return random.Random(f"{seed}/{index}/{name}")


def raw_bits(seed: Sequence[int], count: int) -> NDArray[np.uint64]:
    """Random bits for a whole image, uint64 (count,): fast, and the same for the same seed everywhere."""
    bits: NDArray[np.uint64] = np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count)
    return bits


def uniform(rng: random.Random, low: float, high: float) -> float:
    """A float in [low, high)."""
    return low + (high - low) * rng.random()


def integer(rng: random.Random, low: int, high: int) -> int:
    """An integer in [low, high], both ends included."""
    return low + int(rng.random() * (high - low + 1))


def choose(rng: random.Random, options: Sequence[T]) -> T:
    """One of `options`, all equally likely."""
    return options[int(rng.random() * len(options))]


def shuffled(rng: random.Random, items: Sequence[T]) -> list[T]:
    """`items` in random order (Fisher-Yates)."""
    result = list(items)
    for last in range(len(result) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        result[last], result[other] = result[other], result[last]
    return result


def number(rng: random.Random, low: float, high: float) -> float:
    """A float in [low, high] rounded to six decimals, for values that are stored."""
    return round(uniform(rng, low, high), 6)
