"""Ground of streets: flat slabs of class `ground`, their base at z = 0, their top all at one height.

An asset's `family` says what the slab is: "ground/<form>_<look>", such as "ground/road7_asphalt". Its size is exact;
x runs across the street and y along it:

    form                                 x, y, z in metres              what lies where
    road7, road10, road14                7.0 | 10.5 | 14.0, 10.0, 0.10  2, 3 or 4 lanes of 3.5 m
    crossing7, crossing10, crossing14    7.0 | 10.5 | 14.0, 4.0, 0.10   a zebra crossing: people walk along x
    pavement3, pavement4                 3.0 | 4.0, 10.0, 0.25          the kerb is the long side at -x
    lot                                  12.0, 10.0, 0.25               grass, gravel or paving; its front is at -x

Looks for training are asphalt, worn, concrete (roads, crossings), flags, setts, slabs (pavements), grass, gravel, paved
(lots); for testing dark, patched, tiles, cobbles, meadow, yard. Every form exists in each look of its kind.
"""

from __future__ import annotations

import random
from functools import partial

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.parametric.shapes.relief import Patch, chequer
from scenegen.parametric.shapes.shapes import Families, Model, join
from scenegen.parametric.street.palette import linear

Tone = tuple[float, float, float]
LANE = 3.5
ROADS = {"7": 7.0, "10": 10.5, "14": 14.0}
PAVEMENTS = {"3": 3.0, "4": 4.0}
ROAD_HEIGHT, PAVEMENT_HEIGHT = 0.10, 0.25
LENGTH, CROSSING_LENGTH, LOT_DEPTH = 10.0, 4.0, 12.0
_KERB = 0.15
_BASE, _PAINT, _SECOND = 0, 1, 2


def _road(rng: random.Random, width: float, look: str, *, crossing: bool = False) -> Model:
    """A slab of carriageway with its markings, flush with its top."""
    base, paint = _tarmac(rng, look), _flat("road marking", (226, 224, 214), 0.7)
    length = CROSSING_LENGTH if crossing else LENGTH
    half, end = width / 2, length / 2
    patches: list[Patch] = []
    if look in ("worn", "patched"):
        patches += _repairs(rng, half, end)
    if crossing:
        count = int((width - 0.6) / 1.0)
        for n in range(count):
            x = (n - (count - 1) / 2) * 1.0
            patches.append((x - 0.25, x + 0.25, -end + 0.5, end - 0.5, ROAD_HEIGHT, _PAINT))
    else:
        for side in (-1, 1):
            edge = side * (half - 0.25)
            patches.append((edge - 0.06, edge + 0.06, -end, end, ROAD_HEIGHT, _PAINT))
        for lane in range(1, round(width / LANE)):
            x = lane * LANE - half
            if abs(x) < 1e-9 and round(width / LANE) == 4:
                patches += [(x + s * 0.15 - 0.06, x + s * 0.15 + 0.06, -end, end, ROAD_HEIGHT, _PAINT) for s in (-1, 1)]
            else:
                patches += [(x - 0.06, x + 0.06, y - 1.5, y + 1.5, ROAD_HEIGHT, _PAINT) for y in (-2.5, 2.5)]
    slab = chequer((-half, -end), (half, end), ROAD_HEIGHT, _BASE, patches)
    return join([slab], (base, paint, _darker(base, 0.6)))


def _repairs(rng: random.Random, half: float, end: float) -> list[Patch]:
    """Rectangles of newer asphalt where the road was dug up."""
    repairs: list[Patch] = []
    for _ in range(3):
        x, y = uniform(rng, -half + 0.8, half - 2.4), uniform(rng, -end + 0.3, end - 1.6)
        repairs.append((x, x + uniform(rng, 0.6, 1.6), y, y + uniform(rng, 0.7, 1.3), ROAD_HEIGHT, _SECOND))
    return repairs


def _pavement(rng: random.Random, width: float, look: str) -> Model:
    """A slab of pavement whose kerb stands along its -x side."""
    half, end = width / 2, LENGTH / 2
    tones: dict[str, tuple[Tone, float]] = {
        "flags": ((164, 160, 152), 0.5),
        "setts": ((118, 112, 106), 0.2),
        "slabs": ((180, 172, 158), 1.0),
        "tiles": ((170, 124, 100), 0.25),
        "cobbles": ((138, 132, 128), 0.125),
    }
    tone, size = tones[look]
    shade = uniform(rng, 0.9, 1.1)
    paving = Material(look, "tiles", linear(tone, shade), linear(tone, 0.5 * shade), roughness=0.85, scale=size)
    kerb = Material("kerb", "concrete", linear((190, 188, 182)), linear((160, 158, 152)), roughness=0.85, scale=0.8)
    joint = _flat("joint", (70, 68, 66), 0.95)
    patches: list[Patch] = [(-half, -half + _KERB, -end, end, PAVEMENT_HEIGHT, _PAINT)]
    patches += [(-half, -half + _KERB, y - 0.008, y + 0.008, PAVEMENT_HEIGHT, _SECOND) for y in (-4, -2, 0, 2, 4)]
    gutter = -half + _KERB
    patches.append((gutter, gutter + 0.012, -end, end, PAVEMENT_HEIGHT, _SECOND))
    slab = chequer((-half, -end), (half, end), PAVEMENT_HEIGHT, _BASE, patches)
    return join([slab], (paving, kerb, joint))


def _lot(rng: random.Random, look: str) -> Model:
    """A slab of ground behind the pavement, under and around a building."""
    tones: dict[str, tuple[str, Tone, Tone, float]] = {
        "grass": ("concrete", (84, 106, 50), (60, 82, 38), 0.8),
        "gravel": ("concrete", (168, 158, 142), (128, 120, 108), 0.25),
        "paved": ("tiles", (156, 150, 142), (96, 92, 88), 0.4),
        "meadow": ("concrete", (122, 124, 62), (78, 92, 44), 0.6),
        "yard": ("brick", (150, 104, 84), (112, 100, 90), 0.2),
    }
    kind, tone, other, size = tones[look]
    shade = uniform(rng, 0.88, 1.12)
    surface = Material(look, kind, linear(tone, shade), linear(other, shade), roughness=0.95, scale=size)
    edge = Material("edging", "concrete", linear((150, 146, 140)), linear((124, 120, 116)), roughness=0.9, scale=0.6)
    half, end = LOT_DEPTH / 2, LENGTH / 2
    border: list[Patch] = [(-half, -half + 0.1, -end, end, PAVEMENT_HEIGHT, _PAINT)]
    return join([chequer((-half, -end), (half, end), PAVEMENT_HEIGHT, _BASE, border)], (surface, edge))


def _tarmac(rng: random.Random, look: str) -> Material:
    tones: dict[str, Tone] = {
        "asphalt": (74, 74, 76),
        "worn": (98, 96, 94),
        "concrete": (150, 148, 142),
        "dark": (52, 53, 56),
        "patched": (86, 82, 80),
    }
    tone, shade = tones[look], uniform(rng, 0.92, 1.08)
    scale = choose(rng, (1.2, 1.8, 2.6))
    return Material(look, "concrete", linear(tone, shade), linear(tone, 0.72 * shade), roughness=0.9, scale=scale)


def _flat(name: str, tone: Tone, roughness: float) -> Material:
    return Material(name, "plain", linear(tone), linear(tone), roughness=roughness)


def _darker(material: Material, factor: float) -> Material:
    r, g, b = material.base_color
    dark = (r * factor, g * factor, b * factor)
    return Material("mended", material.kind, dark, dark, roughness=0.9, scale=material.scale)


def _families(roads: tuple[str, ...], pavements: tuple[str, ...], lots: tuple[str, ...]) -> Families:
    families: Families = {}
    for look in roads:
        for name, width in ROADS.items():
            families[f"road{name}_{look}"] = partial(_road, width=width, look=look)
            families[f"crossing{name}_{look}"] = partial(_road, width=width, look=look, crossing=True)
    for look in pavements:
        families |= {f"pavement{n}_{look}": partial(_pavement, width=w, look=look) for n, w in PAVEMENTS.items()}
    return families | {f"lot_{look}": partial(_lot, look=look) for look in lots}


TRAIN_FAMILIES = _families(("asphalt", "worn", "concrete"), ("flags", "setts", "slabs"), ("grass", "gravel", "paved"))
TEST_FAMILIES = _families(("dark", "patched"), ("tiles", "cobbles"), ("meadow", "yard"))
