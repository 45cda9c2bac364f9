"""Materials of furniture, laptops, bags and clothes, drawn from a random stream.

Every function takes a stream and returns one `Material`; colours are linear RGB.
"""

from __future__ import annotations

import colorsys
import random

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.core.scene.scene import Vector

_Colours = tuple[tuple[float, float, float], ...]
# Name, light colour and grain colour, as sRGB bytes picked from wood samples.
_WOODS = {
    "oak": ((190, 152, 104), (158, 118, 74)),
    "light oak": ((212, 180, 136), (184, 148, 102)),
    "walnut": ((106, 70, 45), (70, 44, 28)),
    "beech": ((214, 172, 128), (192, 146, 102)),
    "pine": ((222, 184, 126), (196, 146, 84)),
    "cherry": ((160, 92, 58), (128, 66, 38)),
    "teak": ((158, 108, 62), (120, 76, 40)),
    "ash": ((216, 198, 168), (188, 164, 128)),
    "mahogany": ((112, 52, 34), (80, 34, 22)),
    "wenge": ((66, 48, 38), (42, 30, 24)),
}
# Hue in degrees, saturation, value (sRGB): cloth, leather, plastic and paint as shops sell them.
_CLOTHS: _Colours = (
    (0, 0, 0.55),
    (210, 0.12, 0.38),
    (30, 0.16, 0.72),
    (38, 0.3, 0.62),
    (205, 0.5, 0.45),
    (220, 0.6, 0.32),
)
_CLOTHS += ((150, 0.35, 0.36), (90, 0.22, 0.45), (355, 0.65, 0.5), (14, 0.62, 0.62), (42, 0.72, 0.78), (275, 0.25, 0.4))
_CLOTHS += ((175, 0.45, 0.48), (340, 0.35, 0.66), (0, 0, 0.17), (40, 0.1, 0.85))
_LEATHERS: _Colours = (
    (22, 0.62, 0.36),
    (26, 0.66, 0.56),
    (18, 0.55, 0.22),
    (0, 0, 0.08),
    (35, 0.25, 0.76),
    (2, 0.7, 0.34),
)
_LEATHERS += ((215, 0.35, 0.24), (30, 0.12, 0.42), (120, 0.25, 0.22))
_PLASTICS: _Colours = ((0, 0, 0.9), (0, 0, 0.07), (0, 0, 0.4), (4, 0.78, 0.76), (26, 0.82, 0.88), (46, 0.8, 0.9))
_PLASTICS += (
    (96, 0.45, 0.6),
    (168, 0.45, 0.62),
    (205, 0.62, 0.7),
    (225, 0.6, 0.42),
    (340, 0.35, 0.8),
    (36, 0.14, 0.84),
)
_PAINTS: _Colours = (
    (0, 0, 0.92),
    (45, 0.05, 0.88),
    (210, 0.08, 0.55),
    (215, 0.3, 0.36),
    (150, 0.18, 0.55),
    (120, 0.28, 0.32),
)
_PAINTS += ((195, 0.22, 0.66), (12, 0.45, 0.58), (44, 0.3, 0.84), (0, 0, 0.12), (15, 0.13, 0.83), (358, 0.5, 0.38))
# Base colour (linear) and roughness.
_METALS = {
    "chrome": ((0.62, 0.63, 0.64), 0.08),
    "brushed steel": ((0.50, 0.50, 0.49), 0.32),
    "brass": ((0.72, 0.47, 0.17), 0.24),
    "copper": ((0.74, 0.34, 0.20), 0.26),
    "bronze": ((0.28, 0.18, 0.09), 0.36),
    "aluminium": ((0.68, 0.69, 0.70), 0.26),
    "gunmetal": ((0.12, 0.125, 0.135), 0.34),
}
_STONES = {
    "white marble": ((232, 230, 226), (150, 150, 152), 0.18),
    "black granite": ((38, 38, 42), (84, 84, 90), 0.22),
    "travertine": ((206, 188, 160), (172, 150, 120), 0.45),
    "green marble": ((48, 76, 62), (128, 150, 138), 0.16),
    "concrete": ((146, 144, 140), (120, 118, 114), 0.75),
    "terrazzo": ((216, 210, 200), (156, 120, 104), 0.35),
}


def wood(rng: random.Random, *names: str) -> Material:
    """Wood of any kind, or of one of `names` ("oak", "light oak", "walnut", "beech", "pine", ...)."""
    name = choose(rng, names or tuple(_WOODS))
    light, grain = _WOODS[name]
    shade = uniform(rng, 0.88, 1.1)
    return Material(
        name,
        "wood",
        _scaled(_linear(light), shade),
        _scaled(_linear(grain), shade),
        roughness=uniform(rng, 0.3, 0.55),
        scale=uniform(rng, 0.25, 0.45),
    )


def paint(rng: random.Random) -> Material:
    """Lacquered or painted board."""
    return _coloured(rng, "paint", _PAINTS, (0.22, 0.5), 0.3, contrast=0.96)


def wood_or_paint(rng: random.Random, painted: float = 0.25) -> Material:
    """Wood, or with the chance `painted` a paint."""
    return paint(rng) if rng.random() < painted else wood(rng)


def fabric(rng: random.Random) -> Material:
    """Upholstery or clothing cloth."""
    return _coloured(rng, "fabric", _CLOTHS, (0.8, 0.95), uniform(rng, 0.04, 0.09), contrast=0.76)


def leather(rng: random.Random) -> Material:
    """Leather or leatherette."""
    return _coloured(rng, "leather", _LEATHERS, (0.32, 0.5), uniform(rng, 0.1, 0.2), contrast=0.7)


def upholstery(rng: random.Random) -> Material:
    """Fabric twice as often as leather."""
    return leather(rng) if rng.random() < 1 / 3 else fabric(rng)


def plastic(rng: random.Random) -> Material:
    """Moulded plastic in white, black or a bright colour."""
    return _coloured(rng, "plastic", _PLASTICS, (0.25, 0.45), 0.1, contrast=0.97)


def black_plastic(rng: random.Random) -> Material:
    """Dark moulded plastic, for castors, feet and keys."""
    value = uniform(rng, 0.012, 0.03)
    return Material("black plastic", "plastic", (value, value, value), (value, value, value), roughness=0.45, scale=0.1)


def metal(rng: random.Random, *names: str) -> Material:
    """Bare metal of any kind, or of one of `names` ("chrome", "brushed steel", "brass", "aluminium", ...)."""
    name = choose(rng, names or tuple(_METALS))
    base, roughness = _METALS[name]
    base = _scaled(base, uniform(rng, 0.92, 1.05))
    return Material(
        name, "metal", base, _scaled(base, 0.85), metallic=1.0, roughness=roughness * uniform(rng, 0.85, 1.2), scale=0.1
    )


def coated_metal(rng: random.Random, *names: str) -> Material:
    """Powder-coated steel: "black steel" mostly, "white steel" or "grey steel"."""
    name = choose(rng, names or ("black steel", "black steel", "black steel", "white steel", "grey steel"))
    value = {"black steel": 0.018, "white steel": 0.72, "grey steel": 0.2}[name] * uniform(rng, 0.85, 1.15)
    grey = (value, value, value)
    return Material(name, "paint", grey, grey, roughness=uniform(rng, 0.32, 0.5), scale=0.1)


def frame_metal(rng: random.Random) -> Material:
    """Materials of tube frames: chrome, brass or another bare metal, or powder-coated steel."""
    return coated_metal(rng) if rng.random() < 0.5 else metal(rng, "chrome", "brushed steel", "brass", "gunmetal")


def glass(rng: random.Random) -> Material:
    """Table glass: clear, faintly green, or smoked; the colour is what one face lets through."""
    name, tint = choose(
        rng,
        (
            ("clear glass", (0.95, 0.975, 0.965)),
            ("clear glass", (0.95, 0.975, 0.965)),
            ("green glass", (0.84, 0.95, 0.90)),
            ("smoked glass", (0.55, 0.54, 0.53)),
        ),
    )
    return Material(name, "glass", tint, tint, roughness=0.02, transmission=1.0, ior=1.5)


def stone(rng: random.Random) -> Material:
    """Marble, granite, travertine, concrete or terrazzo."""
    name = choose(rng, tuple(_STONES))
    base, vein, roughness = _STONES[name]
    return Material(name, "stone", _linear(base), _linear(vein), roughness=roughness, scale=uniform(rng, 0.25, 0.5))


def rattan(rng: random.Random) -> Material:
    """Woven cane, rush or paper cord."""
    light, dark = choose(rng, (((214, 182, 128), (150, 112, 62)), ((228, 206, 164), (176, 146, 98))))
    return Material("woven cane", "fabric", _linear(light), _linear(dark), roughness=0.7, scale=uniform(rng, 0.1, 0.16))


def _coloured(
    rng: random.Random,
    kind: str,
    colours: _Colours,
    roughness: tuple[float, float],
    scale: float,
    contrast: float,
) -> Material:
    hue, saturation, value = choose(rng, colours)
    hue += uniform(rng, -6, 6)
    saturation *= uniform(rng, 0.85, 1.15)
    value *= uniform(rng, 0.9, 1.1)
    red, green, blue = colorsys.hsv_to_rgb(hue / 360 % 1, min(saturation, 1.0), min(value, 0.95))
    base = _linear((255 * red, 255 * green, 255 * blue))
    return Material(kind, kind, base, _scaled(base, contrast), roughness=uniform(rng, *roughness), scale=scale)


def _linear(srgb: tuple[float, float, float]) -> Vector:
    red, green, blue = (((c / 255 + 0.055) / 1.055) ** 2.4 if c > 10.3 else c / 255 / 12.92 for c in srgb)
    return (red, green, blue)


def _scaled(colour: Vector, factor: float) -> Vector:
    return (min(colour[0] * factor, 1.0), min(colour[1] * factor, 1.0), min(colour[2] * factor, 1.0))
