"""Colours of people, built-in ones and those of anny's bodies: linear RGB."""

from __future__ import annotations

from collections.abc import Mapping

from scenegen.core.scene.scene import Vector

SKINS: tuple[Vector, ...] = (
    (0.62, 0.37, 0.26),
    (0.52, 0.29, 0.19),
    (0.42, 0.21, 0.125),
    (0.28, 0.13, 0.07),
    (0.16, 0.07, 0.038),
    (0.085, 0.038, 0.022),
)
HAIRS: tuple[Vector, ...] = (
    (0.008, 0.007, 0.006),
    (0.022, 0.012, 0.007),
    (0.055, 0.026, 0.012),
    (0.24, 0.14, 0.05),
    (0.13, 0.12, 0.11),
)
SUITS: Mapping[str, tuple[Vector, ...]] = {
    "train": (
        (0.012, 0.012, 0.014),
        (0.020, 0.022, 0.026),
        (0.010, 0.014, 0.034),
        (0.030, 0.030, 0.032),
    ),
    "test": ((0.008, 0.022, 0.020), (0.030, 0.010, 0.014), (0.045, 0.045, 0.050)),
}
"""Motion-capture suits by split."""
STRAPS: tuple[Vector, ...] = (
    (0.06, 0.06, 0.065),
    (0.02, 0.07, 0.20),
    (0.22, 0.03, 0.03),
    (0.02, 0.13, 0.12),
    (0.30, 0.12, 0.02),
    (0.10, 0.11, 0.12),
)
"""What holds a suit's markers."""
