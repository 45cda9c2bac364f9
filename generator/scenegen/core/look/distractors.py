"""Pictures and rugs: flat objects without a class on a room's surfaces, so they never change a label."""

from __future__ import annotations

import math
from random import Random

from scenegen.core.look.surfaces import shaded
from scenegen.core.rng import choose, integer, number, uniform
from scenegen.core.scene.scene import DistractorLook, Vector

HEIGHT = 0.001
"""Metres between a picture or rug and its wall or floor; depth labels are those of the wall and the floor."""
PICTURES = ("blocks", "bands", "landscape", "clouds", "rings")
RUGS = ("plain", "bands", "diamonds", "medallion")

_FRAMES: tuple[Vector, ...] = (
    (0.03, 0.03, 0.03),
    (0.72, 0.71, 0.68),
    (0.32, 0.19, 0.09),
    (0.13, 0.065, 0.03),
    (0.45, 0.34, 0.14),
    (0.35, 0.35, 0.36),
)
# linear RGB; three colours of prints, paintings and rugs that go together
_PALETTES: tuple[tuple[Vector, Vector, Vector], ...] = (
    ((0.62, 0.57, 0.47), (0.10, 0.16, 0.24), (0.45, 0.14, 0.07)),
    ((0.55, 0.56, 0.53), (0.16, 0.24, 0.18), (0.38, 0.30, 0.14)),
    ((0.66, 0.60, 0.50), (0.35, 0.08, 0.07), (0.09, 0.07, 0.08)),
    ((0.36, 0.46, 0.52), (0.68, 0.60, 0.46), (0.12, 0.13, 0.16)),
    ((0.60, 0.42, 0.34), (0.24, 0.30, 0.33), (0.66, 0.62, 0.55)),
    ((0.20, 0.20, 0.21), (0.58, 0.57, 0.55), (0.38, 0.37, 0.36)),
    ((0.56, 0.40, 0.12), (0.14, 0.18, 0.26), (0.62, 0.56, 0.46)),
    ((0.30, 0.20, 0.13), (0.55, 0.44, 0.30), (0.12, 0.09, 0.07)),
)
_TRIES = 8


def draw_distractors(room: Vector, rng: Random | None) -> tuple[DistractorLook, ...]:
    """Up to five pictures on the walls and one rug on the floor; none without a stream."""
    if rng is None:
        return ()
    rugs = tuple(_rug(room, rng) for _ in range(integer(rng, 0, 1)))
    pictures: list[DistractorLook] = []
    for _ in range(integer(rng, 0, 5)):
        for _ in range(_TRIES):
            picture = _picture(room, rng)
            if not any(_near(picture, other) for other in pictures):
                pictures.append(picture)
                break
    return (*rugs, *pictures)


def _picture(room: Vector, rng: Random) -> DistractorLook:
    """A framed picture or a bare poster, hung upright on one of the four walls."""
    side = integer(rng, 0, 3)  # south, east, north, west
    wide, off = (room[side % 2], room[1 - side % 2] / 2 - HEIGHT)
    area, shape = uniform(rng, 0.25, 0.9) ** 2, choose(rng, (0.67, 0.75, 1.0, 1.33, 1.5, 2.0))
    half_u, half_v = (round(0.5 * math.sqrt(part), 6) for part in (area * shape, area / shape))
    along = uniform(rng, -1.0, 1.0) * (wide / 2 - half_u - 0.05)
    height = min(max(uniform(rng, 1.2, 1.9), half_v + 0.1), room[2] - half_v - 0.1)
    turn = side * math.pi / 2
    right, out = (round(math.cos(turn)), round(math.sin(turn))), (round(math.sin(turn)), -round(math.cos(turn)))
    x, y = (round(along * r + off * o, 6) for r, o in zip(right, out, strict=True))
    return DistractorLook(
        kind="picture",
        pattern=choose(rng, PICTURES),
        center=(x, y, round(height, 6)),
        u=(0.0 - right[0] * half_u, 0.0 - right[1] * half_u, 0.0),  # to the right when one looks at the wall
        v=(0.0, 0.0, half_v),
        border=number(rng, 0.02, 0.055) if rng.random() < 0.75 else 0.0,
        colors=(choose(rng, _FRAMES), *_palette(rng)),
        seed=number(rng, 0.0, 1.0),
    )


def _rug(room: Vector, rng: Random) -> DistractorLook:
    """A rug, more or less along the walls."""
    turn = choose(rng, (0.0, math.pi / 2)) + math.radians(uniform(rng, -12.0, 12.0))
    half_u, half_v = uniform(rng, 0.5, 1.2), uniform(rng, 0.35, 0.8)
    cosine, sine = math.cos(turn), math.sin(turn)
    reach = (abs(half_u * cosine) + abs(half_v * sine), abs(half_u * sine) + abs(half_v * cosine))
    x, y = (
        round(uniform(rng, -1.0, 1.0) * max(length / 2 - far, 0.0), 6)
        for length, far in zip(room[:2], reach, strict=True)
    )
    border, *colors = _palette(rng)
    return DistractorLook(
        kind="rug",
        pattern=choose(rng, RUGS),
        center=(x, y, HEIGHT),
        u=(round(half_u * cosine, 6), round(half_u * sine, 6), 0.0),
        v=(round(-half_v * sine, 6), round(half_v * cosine, 6), 0.0),
        border=number(rng, 0.03, 0.12),
        colors=(border, *colors, colors[0]),
        seed=number(rng, 0.0, 1.0),
    )


def _palette(rng: Random) -> tuple[Vector, Vector, Vector]:
    """Three colours in any order, lighter or darker together."""
    shade, first = uniform(rng, 0.75, 1.15), integer(rng, 0, 2)
    colors = [shaded(color, shade) for color in choose(rng, _PALETTES)]
    return colors[first], colors[(first + 1) % 3], colors[(first + 2) % 3]


def _near(a: DistractorLook, b: DistractorLook) -> bool:
    """Whether two pictures overlap or nearly do, as boxes along the axes."""
    return all(
        abs(a.center[k] - b.center[k]) < abs(a.u[k]) + abs(a.v[k]) + abs(b.u[k]) + abs(b.v[k]) + 0.05 for k in range(3)
    )
