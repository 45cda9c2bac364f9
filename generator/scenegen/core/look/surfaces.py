"""Floors, walls and ceilings to choose from: materials that blender_scripts can build, in colours that rooms have."""

from __future__ import annotations

from random import Random

from scenegen.core.rng import choose, number, uniform
from scenegen.core.scene.scene import SurfaceLook, Vector

_Colors = tuple[tuple[Vector, Vector], ...]

# linear RGB pairs: the main colour and the one it is mixed with
_WOODS: _Colors = (
    ((0.42, 0.25, 0.12), (0.33, 0.18, 0.08)),  # oak
    ((0.55, 0.38, 0.21), (0.46, 0.30, 0.16)),  # pale oak
    ((0.60, 0.45, 0.28), (0.52, 0.37, 0.22)),  # maple
    ((0.20, 0.095, 0.045), (0.14, 0.062, 0.03)),  # walnut
    ((0.30, 0.115, 0.05), (0.23, 0.08, 0.035)),  # cherry
    ((0.33, 0.28, 0.23), (0.26, 0.22, 0.18)),  # greyed oak
    ((0.085, 0.055, 0.04), (0.06, 0.038, 0.028)),  # wenge
)
_TILES: _Colors = (
    ((0.66, 0.64, 0.60), (0.40, 0.38, 0.35)),
    ((0.48, 0.42, 0.34), (0.30, 0.26, 0.21)),
    ((0.24, 0.24, 0.25), (0.40, 0.40, 0.40)),
    ((0.36, 0.15, 0.08), (0.42, 0.38, 0.33)),  # terracotta
    ((0.30, 0.36, 0.38), (0.50, 0.50, 0.48)),
    ((0.055, 0.058, 0.065), (0.25, 0.25, 0.25)),
)
_CARPETS: _Colors = (
    ((0.34, 0.30, 0.25), (0.28, 0.245, 0.20)),
    ((0.20, 0.20, 0.21), (0.15, 0.15, 0.16)),
    ((0.09, 0.12, 0.19), (0.07, 0.09, 0.145)),
    ((0.20, 0.055, 0.05), (0.15, 0.04, 0.037)),
    ((0.11, 0.15, 0.09), (0.085, 0.115, 0.07)),
    ((0.50, 0.46, 0.40), (0.43, 0.39, 0.33)),
)
_CONCRETES: _Colors = (
    ((0.32, 0.31, 0.30), (0.24, 0.235, 0.225)),
    ((0.42, 0.41, 0.385), (0.34, 0.33, 0.31)),
    ((0.17, 0.17, 0.175), (0.125, 0.125, 0.13)),
)
_PAINTS: _Colors = (
    ((0.76, 0.75, 0.72), (0.72, 0.71, 0.68)),  # off-white
    ((0.68, 0.63, 0.54), (0.64, 0.59, 0.50)),  # cream
    ((0.55, 0.54, 0.53), (0.51, 0.50, 0.49)),  # light grey
    ((0.47, 0.39, 0.31), (0.43, 0.355, 0.28)),  # taupe
    ((0.39, 0.47, 0.39), (0.355, 0.43, 0.355)),  # sage
    ((0.36, 0.46, 0.54), (0.33, 0.42, 0.50)),  # pale blue
    ((0.60, 0.42, 0.37), (0.56, 0.39, 0.34)),  # blush
    ((0.64, 0.51, 0.24), (0.60, 0.475, 0.22)),  # straw
    ((0.16, 0.22, 0.27), (0.145, 0.20, 0.245)),  # slate
    ((0.42, 0.19, 0.12), (0.39, 0.175, 0.11)),  # clay
)
_BRICKS: _Colors = (
    ((0.30, 0.105, 0.065), (0.22, 0.075, 0.05)),
    ((0.42, 0.22, 0.13), (0.33, 0.16, 0.095)),
    ((0.60, 0.58, 0.55), (0.52, 0.50, 0.47)),  # whitewashed
    ((0.28, 0.25, 0.225), (0.21, 0.19, 0.17)),
)
_WALLPAPERS: _Colors = (
    ((0.68, 0.65, 0.58), (0.53, 0.48, 0.39)),
    ((0.60, 0.63, 0.64), (0.37, 0.44, 0.48)),
    ((0.62, 0.60, 0.52), (0.40, 0.46, 0.33)),
    ((0.66, 0.57, 0.54), (0.52, 0.35, 0.33)),
    ((0.33, 0.36, 0.42), (0.25, 0.28, 0.34)),
)
_CEILINGS: _Colors = (((0.80, 0.80, 0.78), (0.77, 0.77, 0.75)), ((0.74, 0.72, 0.67), (0.71, 0.69, 0.64)))

_Kind = tuple[_Colors, tuple[float, float], tuple[float, float]]  # colours, roughness, metres a repeat
FLOORS: dict[str, _Kind] = {
    "planks": (_WOODS, (0.25, 0.55), (0.08, 0.20)),
    "parquet": (_WOODS, (0.20, 0.50), (0.25, 0.48)),
    "tiles": (_TILES, (0.10, 0.45), (0.25, 0.60)),
    "carpet": (_CARPETS, (0.90, 1.00), (0.05, 0.30)),
    "concrete": (_CONCRETES, (0.35, 0.75), (0.40, 1.20)),
}
WALLS: dict[str, _Kind] = {
    "paint": (_PAINTS, (0.55, 0.90), (0.50, 1.50)),
    "plaster": (_PAINTS, (0.75, 0.95), (0.30, 1.00)),
    "brick": (_BRICKS, (0.75, 0.95), (0.20, 0.26)),
    "wallpaper": (_WALLPAPERS, (0.60, 0.90), (0.10, 0.36)),
}
CEILINGS: dict[str, _Kind] = {"paint": (_CEILINGS, (0.80, 0.95), (0.50, 1.50))}


def draw_surface(kinds: dict[str, _Kind], rng: Random) -> SurfaceLook:
    """One of `kinds` in one of its colours, a little lighter or darker."""
    kind = choose(rng, tuple(kinds))
    colors, roughness, repeat = kinds[kind]
    shade = uniform(rng, 0.85, 1.1)
    color, color_2 = choose(rng, colors)
    return SurfaceLook(
        kind, shaded(color, shade), shaded(color_2, shade), number(rng, *roughness), number(rng, *repeat)
    )


def shaded(color: Vector, shade: float) -> Vector:
    """A colour times `shade`, no channel above 0.85: nothing in a room is whiter than paint."""
    red, green, blue = (round(min(channel * shade, 0.85), 6) for channel in color)
    return red, green, blue
