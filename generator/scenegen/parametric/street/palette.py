"""Materials of streets: walls, roofs, glass, asphalt, leaves, car paint. Colours are linear RGB."""

from __future__ import annotations

import random
from dataclasses import replace

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.core.scene.scene import Vector

_Tones = tuple[tuple[int, int, int], ...]
_BRICKS: _Tones = ((150, 74, 56), (126, 62, 50), (172, 104, 74), (188, 148, 104), (112, 70, 62), (196, 178, 150))
_PLASTERS: _Tones = (
    (226, 214, 190),
    (214, 186, 142),
    (196, 154, 124),
    (190, 202, 206),
    (228, 226, 220),
    (206, 196, 168),
)
_PLASTERS += ((186, 172, 190), (204, 192, 170), (220, 196, 188), (160, 164, 170))
_STONES = ((196, 184, 162), (172, 164, 152), (208, 202, 190), (150, 140, 126))
_ROOFS = ((138, 66, 46), (110, 52, 42), (84, 80, 80), (66, 68, 74), (96, 74, 60))
_TRIMS = ((236, 234, 228), (220, 212, 196), (90, 92, 96), (60, 44, 36))
_DOORS = ((40, 66, 52), (96, 32, 30), (36, 50, 84), (84, 58, 38), (34, 34, 38), (150, 146, 136))
_SIGNS = ((160, 36, 34), (30, 84, 60), (28, 62, 120), (220, 160, 40), (40, 40, 44), (226, 220, 206))
_CARS: _Tones = (
    (196, 198, 202),
    (230, 230, 230),
    (22, 23, 26),
    (92, 96, 102),
    (142, 22, 26),
    (26, 54, 104),
    (34, 70, 52),
)
_CARS += ((168, 160, 144), (60, 66, 76), (196, 120, 34), (88, 116, 140), (110, 30, 40))
_FLEETS = (
    (236, 236, 234),
    (236, 236, 234),
    (228, 190, 44),
    (170, 34, 36),
    (34, 76, 140),
    (60, 110, 78),
    (120, 124, 130),
)
_BUSES = ((176, 34, 38), (32, 82, 150), (46, 120, 84), (232, 186, 50), (232, 232, 230), (222, 116, 38))
_LEAVES = ((70, 96, 40), (54, 84, 42), (92, 112, 48), (60, 92, 58), (104, 116, 60), (46, 72, 36))
_NEEDLES = ((40, 66, 46), (34, 58, 36), (58, 82, 74), (48, 72, 40))
_BARKS = ((92, 76, 62), (76, 62, 52), (112, 98, 84), (66, 54, 44))


def linear(srgb: tuple[float, float, float], factor: float = 1.0) -> Vector:
    """sRGB bytes as linear RGB, times a factor."""
    red, green, blue = (((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10.3 else c / 255 / 12.92 for c in srgb)
    return (min(red * factor, 1.0), min(green * factor, 1.0), min(blue * factor, 1.0))


def brick(rng: random.Random) -> Material:
    """A wall of bricks in their bond."""
    tone, joint = choose(rng, _BRICKS), choose(rng, ((168, 160, 148), (120, 114, 106), (196, 190, 178)))
    return Material("brick", "brick", linear(tone, uniform(rng, 0.85, 1.15)), linear(joint), roughness=0.9, scale=0.25)


def plaster(rng: random.Random) -> Material:
    """Rendered wall in a house colour."""
    tone = choose(rng, _PLASTERS)
    shade = uniform(rng, 0.85, 1.1)
    return Material("plaster", "concrete", linear(tone, shade), linear(tone, 0.8 * shade), roughness=0.9, scale=1.6)


def ashlar(rng: random.Random) -> Material:
    """Cut stone in courses."""
    tone = choose(rng, _STONES)
    scale = uniform(rng, 0.7, 1.1)
    return Material("ashlar", "brick", linear(tone), linear(tone, 0.5), roughness=0.85, scale=scale)


def concrete(rng: random.Random) -> Material:
    """Bare or painted concrete."""
    tone = choose(rng, ((168, 166, 160), (190, 188, 182), (140, 140, 138), (206, 200, 188)))
    return Material("concrete", "concrete", linear(tone), linear(tone, 0.75), roughness=0.85, scale=1.2)


def wall(rng: random.Random) -> Material:
    """Brick, plaster or stone."""
    return choose(rng, (brick, brick, plaster, plaster, plaster, ashlar))(rng)


def roof(rng: random.Random) -> Material:
    """Clay tiles or slates in courses."""
    tone = choose(rng, _ROOFS)
    return Material("roof tiles", "brick", linear(tone), linear(tone, 0.35), roughness=0.8, scale=0.55)


def flat_roof() -> Material:
    """Tarred felt or gravel on a flat roof."""
    return Material("roof felt", "concrete", linear((88, 86, 84)), linear((70, 69, 68)), roughness=0.95, scale=1.5)


def _flat(name: str, tone: tuple[float, float, float], roughness: float, kind: str = "plain") -> Material:
    return Material(name, kind, linear(tone), linear(tone, 0.9), roughness=roughness, scale=0.3)


def trim(rng: random.Random) -> Material:
    """Painted frames, cornices and sills."""
    return _flat("trim", choose(rng, _TRIMS), 0.5)


def door(rng: random.Random) -> Material:
    """A painted street door."""
    return _flat("door", choose(rng, _DOORS), 0.35)


def sign(rng: random.Random) -> Material:
    """Shop boards and awnings."""
    return _flat("sign", choose(rng, _SIGNS), 0.45)


def window(rng: random.Random) -> Material:
    """Opaque window panes, dark as an unlit room, that reflect the sky."""
    tone = choose(rng, ((38, 46, 54), (30, 34, 40), (52, 62, 70), (44, 52, 52)))
    return Material("window", "plain", linear(tone), linear(tone), roughness=0.06, ior=1.8)


def mirror_glass(rng: random.Random) -> Material:
    """The coated panes of office towers."""
    tone = choose(rng, ((96, 124, 140), (110, 120, 124), (84, 110, 104), (132, 120, 98)))
    return Material("coated glass", "plain", linear(tone), linear(tone), metallic=0.75, roughness=0.08)


def car_glass(rng: random.Random) -> Material:
    """Tinted panes of a vehicle."""
    value = uniform(rng, 16, 34)
    return Material("car glass", "plain", linear((value, value + 3, value + 5)), roughness=0.08, ior=1.5)


def _lacquer(rng: random.Random, tones: _Tones) -> Material:
    tone = choose(rng, tones)
    flake = 0.35 if rng.random() < 0.4 else 0.0
    return Material("car paint", "plain", linear(tone, uniform(rng, 0.9, 1.1)), metallic=flake, roughness=0.22)


def car_paint(rng: random.Random) -> Material:
    """Lacquer of private cars."""
    return _lacquer(rng, _CARS)


def fleet_paint(rng: random.Random) -> Material:
    """Lacquer of vans and trucks: white most often."""
    return _lacquer(rng, _FLEETS)


def bus_paint(rng: random.Random) -> Material:
    """A bus company's colour."""
    return _lacquer(rng, _BUSES)


def rubber() -> Material:
    """Tyres."""
    return _flat("rubber", (30, 30, 31), 0.85)


def dark_plastic() -> Material:
    """Bumpers, wheel wells, wiper wells, grilles."""
    return _flat("dark plastic", (38, 39, 41), 0.6)


def alloy(rng: random.Random) -> Material:
    """Wheel rims and bright trim."""
    tone = choose(rng, ((190, 192, 196), (160, 162, 166), (110, 112, 116)))
    return Material("alloy", "metal", linear(tone), linear(tone, 0.85), metallic=1.0, roughness=0.28, scale=0.3)


def steel() -> Material:
    """Grey coated steel of chassis, railings and lamp posts."""
    return _flat("steel", (84, 86, 90), 0.45)


def headlamp() -> Material:
    """Clear lamps, not lit."""
    return _flat("headlamp", (186, 192, 198), 0.1)


def tail_lamp() -> Material:
    """Red lamps, not lit."""
    return _flat("tail lamp", (150, 14, 16), 0.12)


def amber() -> Material:
    """Indicators."""
    return _flat("indicator", (226, 128, 24), 0.12)


def plate(rng: random.Random) -> Material:
    """Number plates."""
    return _flat("plate", choose(rng, ((236, 236, 230), (230, 196, 60))), 0.4)


def leaf(rng: random.Random, autumn: float = 0.0) -> Material:
    """Foliage of a broad-leaved tree, with the chance `autumn` in autumn colours."""
    tones = ((176, 118, 36), (168, 78, 34), (190, 152, 52)) if rng.random() < autumn else _LEAVES
    return _foliage(choose(rng, tones), uniform(rng, 0.85, 1.15))


def needle(rng: random.Random) -> Material:
    """Foliage of a conifer."""
    return _foliage(choose(rng, _NEEDLES), uniform(rng, 0.85, 1.15))


def lighter(material: Material, factor: float) -> Material:
    """The same material in a lighter or darker shade."""
    base, other = (_times(colour, factor) for colour in (material.base_color, material.color_2))
    return replace(material, name=f"{material.name} {factor:g}", base_color=base, color_2=other)


def _times(colour: Vector, factor: float) -> Vector:
    return (min(colour[0] * factor, 1.0), min(colour[1] * factor, 1.0), min(colour[2] * factor, 1.0))


def _foliage(tone: tuple[int, int, int], shade: float) -> Material:
    return Material("foliage", "concrete", linear(tone, shade), linear(tone, 0.55 * shade), roughness=0.7, scale=0.35)


def bark(rng: random.Random) -> Material:
    """Bark of most trees."""
    tone = choose(rng, _BARKS)
    return Material("bark", "concrete", linear(tone), linear(tone, 0.6), roughness=0.95, scale=0.15)
