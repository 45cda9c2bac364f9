"""Built-in people: adults in a close motion-capture suit, in many poses, standing on z = 0 and facing -Y."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.core.scene.scene import Vector
from scenegen.parametric.people.body import Limbs, band, hand, phone, shoe, suit
from scenegen.parametric.people.colours import HAIRS, SKINS, STRAPS, SUITS
from scenegen.parametric.people.head import HAIR_STYLES, head
from scenegen.parametric.people.poses import TEST_POSES, TRAIN_POSES, Poser
from scenegen.parametric.people.skeleton import LEFT, SIDES, Build, Skeleton, solve
from scenegen.parametric.shapes.shapes import Families, Model, Part, join
from scenegen.parametric.shapes.solids import Solid, polygonise

SUIT, SKIN, HAIR, SHOE, SOLE, MARKER, EYE, PUPIL, LIP, STRAP, CASE, SCREEN = range(12)

# Linear RGB.
_SHOES: tuple[Vector, ...] = ((0.012, 0.012, 0.014), (0.55, 0.55, 0.54), (0.03, 0.035, 0.05), (0.20, 0.20, 0.21))


def _person(rng: random.Random, poser: Poser, *, unseen: bool) -> Model:
    build = _build(rng, unseen=unseen)
    pose = poser(rng)
    materials = _materials(rng, build, unseen=unseen)
    body = solve(build, pose)
    limbs = suit(body)
    parts = [
        _mesh(limbs.whole, 0.0085, 7000, SUIT),
        *_head_parts(body, choose(rng, HAIR_STYLES[1:] if build.female > 0.5 else ("short", "crew", "short", "swept"))),
    ]
    for side in SIDES:
        arm = pose.left if side == LEFT else pose.right
        upper, sole = shoe(body, side)
        parts.append(_mesh(upper, 0.006, 600, SHOE))
        parts.append(_mesh(sole, 0.006, 260, SOLE))
        parts.append(_mesh(hand(body, side, arm.fingers), 0.0042, 1100, SKIN))
    if pose.phone is not None:
        case, screen = phone(body, pose.phone)
        parts += [case.of(CASE), screen.of(SCREEN)]
    parts += _straps(rng, body, limbs)
    parts += list(_markers(body, parts[0].vertices))
    return join(parts, materials, smooth_angle_deg=60.0)


def _build(rng: random.Random, *, unseen: bool) -> Build:
    """Test people are shorter or taller, and thinner or heavier, than all training people."""
    female = choose(rng, (0.0, 1.0))
    low, high = (1.62, 1.74) if female else (1.70, 1.86)
    girth = uniform(rng, -0.6, 0.6)
    height = uniform(rng, low, high)
    if unseen:
        height = uniform(rng, low - 0.07, low) if rng.random() < 0.5 else uniform(rng, high, high + 0.09)
        girth = uniform(rng, 0.6, 1.0) if rng.random() < 0.5 else uniform(rng, -1.0, -0.6)
    return Build(height, female, girth)


def _head_parts(body: Skeleton, style: str) -> list[Part]:
    face = head(body, style)
    parts = [
        _mesh(face.skin, 0.0040, 3000, SKIN),
        _mesh(face.hair, 0.0055, 900, HAIR),
        _mesh(face.brows, 0.0024, 160, HAIR),
        _mesh(face.lips, 0.0028, 160, LIP),
    ]
    parts += [_ball(center, radius, EYE) for center, radius in face.whites]
    return parts + [_ball(center, radius, PUPIL) for center, radius in face.pupils]


def _straps(rng: random.Random, body: Skeleton, limbs: Limbs) -> list[Part]:
    """Marker straps of one of three harnesses."""
    harness = choose(rng, ("limbs", "joints", "belt"))
    thick = 0.004 * body.scale
    parts = []
    for side in SIDES:
        upper, fore = body.frame(f"upper_arm_{side}"), body.frame(f"forearm_{side}")
        thigh, shank = body.frame(f"thigh_{side}"), body.frame(f"shank_{side}")
        rings = [
            (limbs.arms[side, "upper"], upper, 1.225, "limbs joints"),
            (limbs.arms[side, "fore"], fore, 0.885, "limbs joints belt"),
            (limbs.legs[side, "thigh"], thigh, 0.69, "limbs joints"),
            (limbs.legs[side, "shank"], shank, 0.30, "limbs joints"),
            (limbs.legs[side, "shank"], shank, 0.125, "belt joints"),
        ]
        parts += [
            _mesh(band(solid, frame, z, 0.042, thick), 0.0065, 260, STRAP)
            for solid, frame, z, harnesses in rings
            if harness in harnesses
        ]
    if harness != "limbs":
        parts.append(_mesh(band(limbs.torso, body.frame("pelvis"), 1.00, 0.045, thick), 0.008, 500, STRAP))
    return parts


def _markers(body: Skeleton, skin: NDArray[np.float64]) -> Iterator[Part]:
    """White reflective balls at the places of motion-capture systems, each on the nearest point of the suit."""
    spots: list[tuple[str, float, float, float]] = [
        ("chest", 0, -0.2, 1.37),
        ("chest", 0, -0.2, 1.22),
        ("chest", 0, 0.2, 1.38),
        ("chest", 0.06, 0.2, 1.24),
    ]
    for side, sign in SIDES.items():
        s, h = sign * body.build.shoulder, sign * body.build.hip
        spots += [
            ("chest", s * 0.85, 0.02, 1.50),
            (f"upper_arm_{side}", s + sign * 0.1, 0.01, 1.29),
            (f"forearm_{side}", s + sign * 0.1, 0.01, 1.105),
            (f"forearm_{side}", s + sign * 0.1, -0.03, 0.95),
            ("pelvis", sign * 0.12, -0.2, 1.02),
            ("pelvis", sign * 0.05, 0.2, 1.0),
            (f"thigh_{side}", h + sign * 0.2, -0.05, 0.76),
            (f"thigh_{side}", h, -0.2, 0.60),
            (f"shank_{side}", h + sign * 0.2, 0.0, 0.49),
            (f"shank_{side}", h, -0.2, 0.25),
        ]
    for bone, x, y, z in spots:
        wanted = body.frame(bone).at(x, y, z)
        yield _ball(skin[np.argmin(((skin - wanted) ** 2).sum(axis=1))], 0.0125, MARKER)


def _materials(rng: random.Random, build: Build, *, unseen: bool) -> tuple[Material, ...]:
    suit_color = choose(rng, SUITS["test" if unseen else "train"])
    accent = choose(rng, STRAPS)
    skin = choose(rng, SKINS)
    dark = skin[0] < 0.2
    hair = choose(rng, HAIRS[:2] if dark else HAIRS)
    shoe_color = choose(rng, _SHOES)
    lip = (
        (skin[0] * 0.85, skin[1] * 0.58, skin[2] * 0.58)
        if build.female
        else (skin[0] * 0.85, skin[1] * 0.7, skin[2] * 0.7)
    )
    return (
        Material("suit", base_color=suit_color, roughness=0.62),
        Material("skin", base_color=skin, roughness=0.48),
        Material("hair", base_color=hair, roughness=0.55),
        Material("shoe", base_color=shoe_color, roughness=0.55),
        Material("sole", base_color=choose(rng, ((0.6, 0.6, 0.58), (0.02, 0.02, 0.02))), roughness=0.7),
        Material("marker", base_color=(0.85, 0.85, 0.85), roughness=0.4),
        Material("eye", base_color=(0.72, 0.70, 0.68), roughness=0.15),
        Material("pupil", base_color=(0.02, 0.012, 0.008), roughness=0.1),
        Material("lips", base_color=lip, roughness=0.4),
        Material("strap", base_color=accent, roughness=0.8),
        Material("phone", base_color=(0.015, 0.015, 0.018), roughness=0.25),
        Material("phone screen", base_color=(0.3, 0.4, 0.6), emission=(0.35, 0.5, 0.8), emission_strength=1.0),
    )


def _mesh(solid: Solid, cell: float, triangles: int, material: int) -> Part:
    return Part(*polygonise(solid, cell, triangles), material)


def _ball(center: NDArray[np.float64], radius: float, material: int) -> Part:
    return Part(_BALL.vertices * radius + center, _BALL.faces, material)


def _octahedral_ball() -> Part:
    """An octahedron split once: 18 vertices, 32 faces, radius 1."""
    corners = [np.array(v, float) for v in ((1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))]
    faces = []
    middle: dict[tuple[int, int], int] = {}

    def between(a: int, b: int) -> int:
        key = (min(a, b), max(a, b))
        if key not in middle:
            middle[key] = len(corners)
            corners.append((corners[a] + corners[b]) / np.linalg.norm(corners[a] + corners[b]))
        return middle[key]

    for k in range(4):
        for a, b, c in ((k, (k + 1) % 4, 4), ((k + 1) % 4, k, 5)):
            ab, bc, ca = between(a, b), between(b, c), between(c, a)
            faces += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return Part(np.array(corners), np.array(faces, np.int64))


_BALL = _octahedral_ball()


def _family(poser: Poser, *, unseen: bool) -> Callable[[random.Random], Model]:
    def make(rng: random.Random) -> Model:
        return _person(rng, poser, unseen=unseen)

    return make


TRAIN_FAMILIES: Families = {n: _family(p, unseen=False) for n, p in TRAIN_POSES.items()}
TEST_FAMILIES: Families = {n: _family(p, unseen=True) for n, p in TEST_POSES.items()}
