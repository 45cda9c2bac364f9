"""Cases of boards with drawers in them, and the materials that go together on one."""

from __future__ import annotations

import random
from collections.abc import Sequence

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose
from scenegen.parametric.furniture import palette
from scenegen.parametric.shapes.curves import rectangle, rounded_path
from scenegen.parametric.shapes.joinery import HANDLES, drawer_front, handle
from scenegen.parametric.shapes.shapes import Part, beam, mirrored, sweep

FRONT, METAL = 2, 3


def case(x: float, y: float, low: float, high: float) -> list[Part]:
    """Sides, floor, back and the filled inside of a case; fronts fill the 20 mm before the filling."""
    sides = mirrored([beam((x - 0.02, -y, low), (x, y, high), 0.002)])
    floor = beam((-x + 0.01, -y, low), (x - 0.01, y - 0.002, low + 0.018), 0.002)
    head = beam((-x + 0.01, -y + 0.004, high - 0.003), (x - 0.01, y - 0.002, high + 0.004), 0.001)
    return [*sides, floor, head, beam((-x + 0.01, -y + 0.019, low + 0.005), (x - 0.01, y - 0.001, high), 0.002)]


def tunnel(x: float, depth: float, low: float, high: float, thick: float, radius: float) -> Part:
    """Four boards around a hole that runs front to back, the corners mitred or bent to `radius`."""
    h = thick / 2
    corners = [(-x + h, 0, low + h), (x - h, 0, low + h), (x - h, 0, high - h), (-x + h, 0, high - h)]
    path = rounded_path(corners, radius, 6, closed=True)
    return sweep(path, rectangle(thick, depth, 0.003), up=(0, 1, 0), closed=True)


def drawer_stack(
    rng: random.Random, count: int, x: float, y: float, heights: tuple[float, float], lip: float = 0.02
) -> list[Part]:
    """`count` drawer fronts with handles between two `heights` and two walls at +-x (20 mm thick).

    Below the lowest drawer is a floor of thickness `lip`.
    """
    low, high = heights
    kind, panelled = choose(rng, HANDLES), rng.random() < 0.25
    twin = x > 0.23 and kind in ("knob", "wood knob", "ring") and rng.random() < 0.4
    pitch = (high - low - lip) / count
    parts: list[Part] = []
    for i in range(count):
        a, b = low + lip + i * pitch + 0.0025, low + lip + (i + 1) * pitch - 0.0025
        parts += [
            p.of(FRONT)
            for p in drawer_front((-x + 0.0225, a), (x - 0.0225, b), y + 0.001, panelled=panelled and b - a > 0.09)
        ]
        for at in (-0.45 * x, 0.45 * x) if twin else (0.0,):
            parts += [
                p.moved(at, y + 0.001 - 0.006 * (panelled and b - a > 0.09), (a + b) / 2).of(METAL)
                for p in handle(kind, 0.55 * x)
            ]
    return parts


def matching(rng: random.Random, stone: float = 0.08) -> Sequence[Material]:
    """Body, top, fronts and handles that go together."""
    body = palette.wood_or_paint(rng, 0.4)
    top = palette.stone(rng) if rng.random() < stone else body if rng.random() < 0.65 else palette.wood(rng)
    front = body if rng.random() < 0.7 else palette.wood_or_paint(rng, 0.5)
    pull = palette.metal(rng) if rng.random() < 0.6 else choose(rng, (palette.coated_metal, palette.wood))(rng)
    return (body, top, front, pull)
