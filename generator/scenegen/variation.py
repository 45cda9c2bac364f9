"""How a room looks: floor, walls, lamps, world light. Drawn apart from the layout, it never changes a label."""

from __future__ import annotations

import math
from random import Random

from scenegen.preset import Preset
from scenegen.rng import choose, integer, uniform
from scenegen.scene import LightLook, Look, SunLook, SurfaceLook, Vector

# world images that every Blender ships in datafiles/studiolights/world
HDRIS = ("city", "courtyard", "forest", "interior", "night", "studio", "sunrise", "sunset")
SKIES = ("city", "courtyard", "forest", "sunrise", "sunset")
KELVIN = (2700.0, 6500.0)
WHITE_BALANCE = 4600.0  # kelvin that the cameras show as white, as a photographer would set them in such rooms

_DECIMALS = 6
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
_FLOORS: dict[str, _Kind] = {
    "planks": (_WOODS, (0.25, 0.55), (0.08, 0.20)),
    "parquet": (_WOODS, (0.20, 0.50), (0.25, 0.48)),
    "tiles": (_TILES, (0.10, 0.45), (0.25, 0.60)),
    "carpet": (_CARPETS, (0.90, 1.00), (0.05, 0.30)),
    "concrete": (_CONCRETES, (0.35, 0.75), (0.40, 1.20)),
}
_WALLS: dict[str, _Kind] = {
    "paint": (_PAINTS, (0.55, 0.90), (0.50, 1.50)),
    "plaster": (_PAINTS, (0.75, 0.95), (0.30, 1.00)),
    "brick": (_BRICKS, (0.75, 0.95), (0.20, 0.26)),
    "wallpaper": (_WALLPAPERS, (0.60, 0.90), (0.10, 0.36)),
}


def draw_look(preset: Preset, rng: Random) -> Look:
    """The look of one scene, for the preset's room or in the open."""
    if preset.room is None:
        return _outdoors(rng)
    room = preset.room
    return Look(
        floor=_surface(_FLOORS, rng),
        walls=_surface(_WALLS, rng),
        ceiling=_surface({"paint": (_CEILINGS, (0.80, 0.95), (0.50, 1.50))}, rng),
        lights=tuple(_light(room, rng) for _ in range(integer(rng, 1, 3))),
        hdri=choose(rng, HDRIS),
        hdri_strength=_number(rng, 0.3, 1.2),
        hdri_rotation=_number(rng, 0.0, 2 * math.pi),
        exposure=_number(rng, -0.1, 0.5),
    )


def _outdoors(rng: Random) -> Look:
    """A sky and a sun."""
    height, around = math.radians(uniform(rng, 25.0, 65.0)), uniform(rng, 0.0, 2 * math.pi)
    direction = (math.cos(height) * math.cos(around), math.cos(height) * math.sin(around), math.sin(height))
    x, y, z = (round(value, _DECIMALS) for value in direction)
    return Look(
        floor=None,
        walls=None,
        ceiling=None,
        lights=(),
        hdri=choose(rng, SKIES),
        hdri_strength=_number(rng, 0.6, 1.2),
        hdri_rotation=_number(rng, 0.0, 2 * math.pi),
        exposure=_number(rng, -0.2, 0.3),
        sun=SunLook((x, y, z), _number(rng, 0.01, 0.05), _number(rng, 1.5, 5.0), (1.0, 0.95, 0.88)),
    )


def _surface(kinds: dict[str, _Kind], rng: Random) -> SurfaceLook:
    kind = choose(rng, tuple(kinds))
    colors, roughness, repeat = kinds[kind]
    shade = uniform(rng, 0.85, 1.1)
    color, color_2 = choose(rng, colors)
    return SurfaceLook(
        kind, _shaded(color, shade), _shaded(color_2, shade), _number(rng, *roughness), _number(rng, *repeat)
    )


def _shaded(color: Vector, shade: float) -> Vector:
    red, green, blue = (round(min(channel * shade, 0.85), _DECIMALS) for channel in color)
    return red, green, blue


def _light(room: Vector, rng: Random) -> LightLook:
    """A lamp below the ceiling, aimed at the floor around its foot."""
    x, y = (_number(rng, -0.35 * length, 0.35 * length) for length in room[:2])
    aim_x, aim_y = (round(middle + uniform(rng, -0.6, 0.6), _DECIMALS) for middle in (x, y))
    return LightLook(
        location=(x, y, _number(rng, 0.88 * room[2], 0.97 * room[2])),
        target=(aim_x, aim_y, 0.0),
        size=_number(rng, 0.3, 1.2),
        power=_number(rng, 40.0, 120.0),
        color=lamp_color(uniform(rng, *KELVIN)),
    )


def lamp_color(kelvin: float) -> Vector:
    """Linear sRGB of a black body as cameras balanced to WHITE_BALANCE see it; its largest channel is 1."""
    lamp, white = _black_body(kelvin), _black_body(WHITE_BALANCE)
    balanced = [channel / neutral for channel, neutral in zip(lamp, white, strict=True)]
    red, green, blue = (round(channel / max(balanced), _DECIMALS) for channel in balanced)
    return red, green, blue


def _black_body(kelvin: float) -> Vector:
    """Linear sRGB at luminance 1 of a black body between 2,222 and 25,000 kelvin.

    Planckian locus by Kim et al.'s cubics (US patent 7024034), then CIE XYZ to sRGB (IEC 61966-2-1).
    """
    t = 1000.0 / kelvin
    if kelvin < 4000.0:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    big_x, big_z = x / y, (1.0 - x - y) / y
    return (
        3.2404542 * big_x - 1.5371385 - 0.4985314 * big_z,
        -0.9692660 * big_x + 1.8760108 + 0.0415560 * big_z,
        0.0556434 * big_x - 0.2040259 + 1.0572252 * big_z,
    )


def _number(rng: Random, low: float, high: float) -> float:
    return round(uniform(rng, low, high), _DECIMALS)
