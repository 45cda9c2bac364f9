"""Trees: tapered branches and foliage of closed clumps, so that a crown is solid to a voxelizer. They grow along Z."""

from __future__ import annotations

import random

import numpy as np

from scenegen.core.asset_library import Material
from scenegen.core.rng import integer, uniform
from scenegen.parametric.shapes.shapes import Families, Model, Part, join, mirrored, rod
from scenegen.parametric.street import palette
from scenegen.parametric.street.tree_parts import (
    BARK,
    LEAF,
    Branch,
    Growth,
    bark_part,
    branches,
    clump,
    crown,
    leaves,
    trunk,
)

SMOOTH = 25.0
_UP = np.array([0.0, 0.0, 0.04])


def round_crown(rng: random.Random) -> Model:
    """Broad-leaved tree with a round crown."""
    height = uniform(rng, 6.0, 9.5)
    stem = trunk(rng, uniform(rng, 0.24, 0.34) * height, 0.032 * height, lean=0.02)
    limbs = branches(rng, stem, Growth(count=integer(rng, 4, 6), length=0.36 * height, rise=50, depth=3))
    middle, radii = (0.0, 0.0, 0.64 * height), (uniform(rng, 0.28, 0.36) * height,) * 2 + (0.34 * height,)
    return _tree(rng, [stem, *limbs], crown(rng, middle, radii, 40, 0.36), _broad(rng), 1900, 0.26)


def columnar(rng: random.Random) -> Model:
    """Poplar or hornbeam: a narrow, tall crown from near the ground."""
    height = uniform(rng, 7.0, 11.0)
    stem = trunk(rng, 0.75 * height, 0.02 * height, lean=0.01)
    radius = uniform(rng, 0.1, 0.14) * height
    clumps = crown(rng, (0, 0, 0.55 * height), (radius, radius, 0.44 * height), 30, 0.5, taper=0.6)
    return _tree(rng, [stem], clumps, _broad(rng), 1800, 0.2)


def conifer(rng: random.Random) -> Model:
    """Spruce or fir: tiers of drooping boughs about a straight stem."""
    height = uniform(rng, 6.5, 11.0)
    stem = trunk(rng, 0.97 * height, 0.022 * height, lean=0.0)
    wide, start = uniform(rng, 0.19, 0.26) * height, uniform(rng, 0.08, 0.16)
    boughs: list[Part] = []
    tiers = integer(rng, 12, 15)
    for tier in range(tiers):
        t = 1 - (1 - tier / (tiers - 1)) ** 1.4
        z, reach = (start + (0.97 - start) * t) * height, wide * (1 - t) ** 0.85 + 0.12
        count = max(5, round(13 * (1 - 0.6 * t)))
        turn = uniform(rng, 0.0, 360.0)
        for k in range(count):
            length = reach * uniform(rng, 0.82, 1.12)
            bough = clump(rng, (0.5 * length, 0.5 * length * 0.5, 0.1 * length + 0.09), 0.35)
            bough = bough.moved(x=0.5 * length).rotated("y", uniform(rng, 12.0, 24.0) * (1 - 0.5 * t))
            boughs.append(bough.rotated("z", turn + 360 * k / count + uniform(rng, -9, 9)).moved(0, 0, z))
    top = clump(rng, (0.14, 0.14, 0.09 * height), 0.2).moved(z=0.955 * height)
    green = palette.needle(rng)
    foliage = [part.of(LEAF + k % 2) for k, part in enumerate([*boughs, top])]
    return join([*bark_part([stem]), *foliage], (palette.bark(rng), green, palette.lighter(green, 0.72)), SMOOTH)


def spreading(rng: random.Random) -> Model:
    """Plane or lime of a street: a clear stem, flat limbs, a broad crown."""
    height = uniform(rng, 6.5, 9.0)
    stem = trunk(rng, 0.36 * height, 0.036 * height, lean=0.03)
    limbs = branches(rng, stem, Growth(count=5, length=0.32 * height, rise=36, depth=3))
    middle, radii = (0.0, 0.0, 0.68 * height), (0.44 * height, 0.42 * height, 0.26 * height)
    return _tree(rng, [stem, *limbs], crown(rng, middle, radii, 42, 0.3), _broad(rng, 0.35), 2000, 0.28)


def bare(rng: random.Random) -> Model:
    """Winter tree without leaves: branches down to the twigs."""
    height = uniform(rng, 6.0, 9.0)
    stem = trunk(rng, 0.32 * height, 0.03 * height, lean=0.03)
    limbs = branches(rng, stem, Growth(count=5, length=0.36 * height, rise=56, depth=4))
    return join(bark_part([stem, *limbs]), (palette.bark(rng),), 60.0)


def birch(rng: random.Random) -> Model:
    """White stem with dark scars, a loose light crown that hangs."""
    height = uniform(rng, 7.0, 10.0)
    stem = trunk(rng, 0.86 * height, 0.017 * height, lean=0.05)
    limbs = branches(rng, stem, Growth(count=9, length=0.24 * height, rise=48, depth=2, along=(0.35, 0.95)))
    clumps = []
    for limb in limbs:
        tip = np.asarray(limb.path[-1])
        radius = uniform(rng, 0.035, 0.06) * height
        clumps.append(clump(rng, (radius, radius, 1.5 * radius), 0.35).moved(*(tip - [0, 0, 0.6 * radius])))
    clumps.append(clump(rng, (0.08 * height, 0.08 * height, 0.12 * height), 0.35).moved(*stem.path[-1]))
    green = palette.leaf(rng, 0.4)
    white = Material(
        "birch bark",
        "concrete",
        palette.linear((222, 218, 208)),
        palette.linear((178, 172, 162)),
        roughness=0.8,
        scale=0.2,
    )
    scars = []
    for _ in range(26):
        t = uniform(rng, 0.03, 0.75)
        place, radius = stem.at(t)
        angle = uniform(rng, 0.0, 360.0)
        scar = rod((0.0, 0.0, 0.0), (0.0, 0.0, uniform(rng, 0.02, 0.05)), 0.5 * radius, 0.0, 7)
        scars.append(scar.scaled(1.6, 0.5, 1.0).moved(y=-0.86 * radius).rotated("z", angle).moved(*place))
    parts = [*bark_part([stem]), *(p.of(3) for p in scars), *(p.of(4) for p in bark_part(limbs))]
    parts += [p.of(LEAF + 1) for p in clumps]
    parts += [p.of((LEAF, LEAF, 5)[k]) for k, p in enumerate(leaves(rng, clumps, 1900, 0.2))]
    twig = Material(
        "twig", "concrete", palette.linear((88, 70, 62)), palette.linear((60, 48, 44)), roughness=0.9, scale=0.2
    )
    dark = Material("scar", "plain", palette.linear((46, 42, 40)), roughness=0.9)
    return join(parts, (white, green, palette.lighter(green, 0.55), dark, twig, palette.lighter(green, 1.7)), SMOOTH)


def palm(rng: random.Random) -> Model:
    """Ringed stem with a head of arching fronds."""
    height = uniform(rng, 5.0, 8.5)
    stem = trunk(rng, 0.86 * height, 0.17, lean=uniform(rng, 0.02, 0.09), taper=0.72)
    head = np.asarray(stem.path[-1])
    rings = []
    for t in np.linspace(0.02, 0.98, 20):
        place, radius = stem.at(float(t))
        rings.append(rod(place - _UP, place + _UP, (1.02 * radius, 1.16 * radius), 0.0, 10))
    fronds: list[Part] = []
    count = integer(rng, 15, 20)
    for k in range(count):
        length, rise = uniform(rng, 1.7, 2.3), (5.0 + 70.0 * ((k * 0.618) % 1.0))
        fronds += [p.rotated("z", 360 * k / count + uniform(rng, -8, 8)).moved(*head) for p in _frond(length, rise)]
    bulb = clump(rng, (0.26, 0.26, 0.34), 0.2).moved(*head)
    green = palette.leaf(rng)
    parts = [
        *bark_part([stem]),
        *(p.of(BARK) for p in rings),
        bulb.of(BARK),
        *(p.of(LEAF + k % 2) for k, p in enumerate(fronds)),
    ]
    return join(parts, (palette.bark(rng), green, palette.lighter(green, 0.8)), 40.0)


def _frond(length: float, rise: float) -> list[Part]:
    """A leaf of a palm along +x that sets out at `rise` degrees: its rib and two rows of thin blades."""
    t = np.linspace(0.0, 1.0, 9)
    bend = np.radians(rise - 95.0 * t)
    step = length / 8
    x = np.concatenate([[0.0], np.cumsum(np.cos(bend[:-1]) * step)])
    z = np.concatenate([[0.0], np.cumsum(np.sin(bend[:-1]) * step)])
    parts = [
        rod((x[k], 0, z[k]), (x[k + 1], 0, z[k + 1]), (0.03 * (1.1 - t[k]), 0.03 * (1.1 - t[k + 1])), 0.0, 5)
        for k in range(8)
    ]
    blades = []
    for k in range(1, 8):
        reach = 0.62 * np.sin(np.pi * (0.12 + 0.8 * t[k])) * (length / 2.0)
        for forward in (0.0, 0.5):
            at = (x[k] + forward * (x[min(k + 1, 8)] - x[k]), 0.0, z[k] + forward * (z[min(k + 1, 8)] - z[k]))
            tip = (at[0] + 0.45 * reach, reach, at[2] - 0.35 * reach)
            blades.append(rod(at, tip, ((0.0, 0.012), (0.35, 0.05), (1.0, 0.004)), 0.0, 3))
    return [*parts, *mirrored(blades, "y")]


def multi_stem(rng: random.Random) -> Model:
    """Several stems from one root, each with a small crown: rowan, magnolia, tall shrub."""
    height, stems = uniform(rng, 4.0, 6.0), integer(rng, 3, 5)
    wood: list[Branch] = []
    clumps: list[Part] = []
    turn = uniform(rng, 0.0, 360.0)
    for k in range(stems):
        angle = np.radians(turn + 360 * k / stems)
        out = np.array([np.cos(angle), np.sin(angle), 0.0])
        tall = height * uniform(rng, 0.6, 0.78)
        path = np.array([out * (0.06 + 0.3 * s**1.4 * tall * 0.9) + [0, 0, s * tall] for s in np.linspace(0, 1, 7)])
        stem = Branch(path, np.linspace(0.075, 0.03, 7))
        wood += [stem, *branches(rng, stem, Growth(count=3, length=0.2 * height, rise=50, depth=2, along=(0.55, 0.95)))]
        radius = uniform(rng, 0.15, 0.2) * height
        clumps += crown(rng, tuple(path[-1]), (radius, radius, 0.9 * radius), 10, 0.42)
    return _tree(rng, wood, clumps, _broad(rng, 0.3), 1700, 0.19)


def _broad(rng: random.Random, autumn: float = 0.15) -> tuple[Material, ...]:
    green = palette.leaf(rng, autumn)
    return (palette.bark(rng), green, palette.lighter(green, 0.55), palette.lighter(green, 1.7))


def _tree(
    rng: random.Random, wood: list[Branch], clumps: list[Part], made: tuple[Material, ...], sprays: int, size: float
) -> Model:
    """Wood, clumps of foliage and the sprays of leaves about them."""
    parts = [*bark_part(wood), *(part.of(LEAF + 1) for part in clumps)]
    parts += [part.of(LEAF + k) for k, part in enumerate(leaves(rng, clumps, sprays, size))]
    return join(parts, made, SMOOTH)


TRAIN_FAMILIES: Families = {
    "round": round_crown,
    "columnar": columnar,
    "conifer": conifer,
    "spreading": spreading,
    "bare": bare,
}
TEST_FAMILIES: Families = {"birch": birch, "palm": palm, "multi-stem": multi_stem}
