"""Dresses a body in its rest pose: motion-capture suit with markers or everyday clothes, shoes, hair, eyes, brows."""

from __future__ import annotations

import random
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.sources.people.body import BaseMesh, Floats, moved_by
from scenegen.assets.sources.people.cut import Cloth, closed, cut, from_quads, normals, puffed, refined
from scenegen.assets.sources.people.pose import joints
from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.core.scene.scene import Vector
from scenegen.parametric.people.colours import HAIRS, SKINS, STRAPS, SUITS

SKIN, LIPS, HAIR, BROW, EYE, IRIS, PUPIL, TOP, BOTTOM, SHOE, SOLE, MARKER, STRAP = range(13)
CLOTHES = ("suit", "casual")
SHOE_THICKNESS = 0.006
SOLE_THICKNESS = 0.012
_BARE_ARMS = ("upperarm", "lowerarm", "wrist", "metacarpal", "finger")

# Linear RGB. Clothes of the test split have other colours.
_TOPS: Mapping[str, tuple[Vector, ...]] = {
    "train": (
        (0.55, 0.55, 0.53),
        (0.02, 0.022, 0.03),
        (0.03, 0.08, 0.28),
        (0.33, 0.03, 0.03),
        (0.05, 0.16, 0.08),
        (0.22, 0.22, 0.23),
    ),
    "test": ((0.50, 0.28, 0.03), (0.10, 0.03, 0.16), (0.02, 0.20, 0.24), (0.42, 0.14, 0.16), (0.30, 0.33, 0.22)),
}
_BOTTOMS: Mapping[str, tuple[Vector, ...]] = {
    "train": ((0.02, 0.03, 0.075), (0.015, 0.015, 0.018), (0.22, 0.17, 0.11), (0.10, 0.10, 0.105)),
    "test": ((0.06, 0.10, 0.20), (0.075, 0.055, 0.03), (0.05, 0.06, 0.035)),
}
_SHOES: tuple[Vector, ...] = ((0.012, 0.012, 0.014), (0.55, 0.55, 0.54), (0.03, 0.035, 0.05), (0.12, 0.05, 0.022))
_IRISES: tuple[Vector, ...] = ((0.05, 0.022, 0.010), (0.02, 0.012, 0.008), (0.08, 0.13, 0.19), (0.07, 0.10, 0.04))


@dataclass(frozen=True)
class Body:
    """A shaped body in rest: the base mesh, its vertices, where its bones begin, and the height of its bare soles."""

    base: BaseMesh
    vertices: Floats
    heads: Floats
    ground: float

    def group(self, name: str) -> Cloth:
        """One of the mesh's groups."""
        return from_quads(self.vertices, self.base.skin, self.base.quads[name])

    def head(self, bone: str) -> Floats:
        """Where a bone begins."""
        return np.asarray(self.heads[self.base.bones.index(bone)])

    def share(self, cloth: Cloth, *prefixes: str) -> Floats:
        """How much of each point's weight (N,) is on bones whose names begin with one of `prefixes`."""
        chosen = [bone.startswith(prefixes) for bone in self.base.bones]
        return np.asarray(cloth.skin[:, chosen].sum(axis=1), np.float64)


def body_of(base: BaseMesh, vertices: Floats) -> Body:
    """A body from its vertices in rest."""
    ground = float(vertices[np.unique(base.quads["helper-tights"])][:, 2].min())
    return Body(base, vertices, joints(base, vertices), ground)


def dress(body: Body, rng: random.Random, clothes: str, *, female: bool) -> Iterator[Cloth]:
    """Closed pieces that make a dressed person in rest; `clothes` is one of CLOTHES."""
    tights = closed(body.group("helper-tights"))
    skin = body.group("body")
    along = {side: _arm_joints(body, side) for side in (".L", ".R")}
    if clothes == "suit":
        yield _above(body, puffed(tights, 0.002), 0.07).painted(TOP)
        yield from _straps(body, tights)
        hands = 0.86
    else:
        hands = yield from _everyday(body, rng, tights, along)
    for cloth in _bare(body, skin, along, hands):
        yield replace(cloth, material=_lips(body, cloth))
    yield from shoes(body, tights)
    yield from _eyes(body)
    yield from _hair(body, skin, rng, female=female)
    yield from _brows(body, skin)


def _above(body: Body, cloth: Cloth, height: float) -> Cloth:
    """The part more than `height` metres above the ground, closed."""
    return closed(cut(cloth, cloth.points[:, 2] - body.ground - height)[0])


class _ArmJoints(NamedTuple):
    """Where the joints of an arm are in rest, each (3,)."""

    shoulder: Floats
    elbow: Floats
    wrist: Floats


def _arm_joints(body: Body, side: str) -> _ArmJoints:
    return _ArmJoints(body.head(f"upperarm01{side}"), body.head(f"lowerarm01{side}"), body.head(f"wrist{side}"))


def _down_arm(body: Body, cloth: Cloth, side: str, arm: _ArmJoints) -> Floats:
    """How far down an arm each point is (N,): 0 at the shoulder, 1 at the elbow, 2 at the wrist; -1 off the arm."""
    shoulder, elbow, wrist = arm
    bones = tuple(f"{name}{n}{side}" for name in ("upperarm", "lowerarm") for n in ("01", "02"))
    others = tuple(b for b in body.base.bones if b.endswith(side) and b.startswith(("wrist", "metacarpal", "finger")))
    upper, fore = elbow - shoulder, wrist - elbow
    first = (cloth.points - shoulder) @ upper / (upper @ upper)
    second = (cloth.points - elbow) @ fore / (fore @ fore)
    place = np.where(second > 0, 1 + np.maximum(second, 0), np.minimum(first, 1))
    return np.where(body.share(cloth, *bones, *others) > 0.5, place, -1.0)


def _bare(body: Body, skin: Cloth, along: Mapping[str, _ArmJoints], arms: float) -> Iterator[Cloth]:
    """Head with neck, and both arms below the place 1 + `arms` of `_down_arm` (0 the elbow, 1 the hands alone)."""
    armless = np.where(body.share(skin, *_BARE_ARMS, "shoulder") < 0.3, 1.0, -1.0)
    yield closed(cut(skin, np.minimum(_above_neckline(body, skin) + 0.035, armless))[0]).painted(SKIN)
    for side, arm in along.items():
        place = _down_arm(body, skin, side, arm) - (1 + arms)
        yield closed(cut(skin, place)[0]).painted(SKIN)


def _above_neckline(body: Body, cloth: Cloth) -> Floats:
    """How far each point (N,) is above the neckline: a plane through the root of the neck that drops to the front."""
    x, y, z = (cloth.points - body.head("neck01")).T
    return np.asarray(z - 0.5 * y - 0.3 * np.abs(x) + 0.01)


_HEAD_BONES = (
    "neck", "head", "jaw", "levator", "special", "temporalis", "oculi", "oris", "risorius", "tongue", "eye",
    "orbicularis",
)  # fmt: skip


def _lips(body: Body, cloth: Cloth) -> NDArray[np.int64]:
    """The material of each face (F,) of a piece of skin: LIPS or SKIN."""
    lips = np.concatenate([moved_by(f"mouth/mouth-{which}lip-volume-incr") for which in ("lower", "upper")])
    places = {tuple(point) for point in body.vertices[lips].round(6).tolist()}
    is_lip = np.array([tuple(point) in places for point in cloth.points.round(6).tolist()])
    return np.where(is_lip[cloth.faces].all(axis=1), LIPS, SKIN)


def _everyday(
    body: Body, rng: random.Random, tights: Cloth, along: Mapping[str, _ArmJoints]
) -> Generator[Cloth, None, float]:
    """A T-shirt or a pullover over trousers; returns where the bare arms begin, as `arms` of `_bare`."""
    long_sleeves = rng.random() < 0.4
    sleeve = 1.93 if long_sleeves else uniform(rng, 0.48, 0.62)
    hip, knee = body.head("upperleg01.L")[2], body.head("lowerleg01.L")[2]
    z = tights.points[:, 2]
    hem = hip + uniform(rng, -0.06, 0.0)
    covered = np.minimum(*(sleeve - _down_arm(body, tights, side, arm) for side, arm in along.items()))
    neckline = 0.012 - _above_neckline(body, tights)
    puff = puffed(tights, 0.010 if long_sleeves else 0.008)
    top = closed(cut(puff, np.minimum(np.minimum((z - hem) * 8, covered), neckline * 8))[0])
    yield top.painted(TOP)
    waist, ankle = hip + 0.07, body.ground + uniform(rng, 0.075, 0.10)
    legs = body.share(tights, *_BARE_ARMS) < 0.3
    loose = 0.004 + 0.010 * np.clip((hip - z) / (hip - knee), 0, 1)
    trousers = cut(puffed(tights, loose), np.where(legs, np.minimum(waist - z, z - ankle), -1.0))[0]
    yield closed(trousers).painted(BOTTOM)
    socks = cut(tights, np.minimum(ankle + 0.06 - z, z - body.ground - 0.05))[0]
    yield closed(socks).painted(STRAP)
    return sleeve - 1.06


def _straps(body: Body, tights: Cloth) -> Iterator[Cloth]:
    """Straps for the markers around waist, thighs, shanks and upper arms."""
    points = tights.points
    band = puffed(tights, 0.005)
    heights = (
        (body.head("spine04")[2] + 0.02, 0.022, body.share(tights, *_BARE_ARMS) < 0.2),
        (body.head("upperleg02.L")[2] - 0.10, 0.020, body.share(tights, "upperleg") > 0.5),
        (body.head("lowerleg02.L")[2] + 0.03, 0.020, body.share(tights, "lowerleg") > 0.5),
    )
    for height, half, where in heights:
        yield closed(cut(band, np.where(where, half - np.abs(points[:, 2] - height), -1.0))[0]).painted(STRAP)
    for side in (".L", ".R"):
        place = _down_arm(body, tights, side, _arm_joints(body, side))
        yield closed(cut(band, 0.075 - np.abs(place - 0.62))[0]).painted(STRAP)


def shoes(body: Body, tights: Cloth) -> Iterator[Cloth]:
    """Two shoes with flat soles."""
    for side in (".L", ".R"):
        foot = tuple(b for b in body.base.bones if b.endswith(side) and b.startswith(("foot", "toe", "lowerleg02")))
        ankle = body.head(f"foot{side}")
        place = tights.points
        rise = body.ground + 0.085 - 0.10 * np.clip((ankle[1] - place[:, 1] - 0.01) / 0.10, 0, 0.28)
        upper = cut(tights, np.where(body.share(tights, *foot) > 0.5, rise - place[:, 2], -1.0))[0]
        fat = puffed(upper, SHOE_THICKNESS)
        down = (normals(upper.points, upper.faces)[:, 2] < -0.35) | (fat.points[:, 2] < body.ground + 0.004)
        points = fat.points.copy()
        points[down, 2] = body.ground - SOLE_THICKNESS
        shoe = closed(replace(fat, points=points))
        above = shoe.points[:, 2] - body.ground - 0.002
        yield closed(cut(shoe, above)[0]).painted(SHOE)
        yield closed(cut(shoe, -above)[0]).painted(SOLE)


def _eyes(body: Body) -> Iterator[Cloth]:
    for side in "lr":
        ball = body.group(f"helper-{side}-eye")
        ball = refined(ball, np.ones(len(ball.points), bool))
        middle = ball.points.mean(axis=0)
        radius = np.linalg.norm(ball.points - middle, axis=1).mean()
        ahead = (ball.points[ball.faces].mean(axis=1) - middle) @ np.array([0.0, -1.0, 0.0]) / radius
        yield replace(ball, material=np.select([ahead > 0.95, ahead > 0.84], [PUPIL, IRIS], EYE))


def _face(body: Body) -> tuple[Floats, float]:
    """The point midway between the eyes, and the head's size relative to the neutral body's."""
    middle = (body.head("eye.L") + body.head("eye.R")) / 2
    crown = body.vertices[np.unique(body.base.quads["body"])][:, 2].max()
    return middle, float(crown - middle[2]) / 0.105


def _hair(body: Body, skin: Cloth, rng: random.Random, *, female: bool) -> Iterator[Cloth]:
    """A cap of hair down to a hairline, close or full; women may wear it long or in a knot."""
    style = choose(rng, ("full", "bob", "knot", "long") if female else ("crew", "short", "short", "full"))
    middle, size = _face(body)
    head = (skin.points[:, 2] > middle[2] - 0.14 * size) & (body.share(skin, *_HEAD_BONES) > 0.5)
    cloth = refined(skin, head) if style in ("crew", "short", "knot") else skin
    x, y, z = ((cloth.points - middle) / size).T
    y = y + 0.02  # the forehead is in front of the point between the eyes
    # The hairline: high on the forehead, in front of the ears, low at the neck.
    back = np.clip(y / 0.10, 0, 1)
    nape = {"crew": -0.035, "short": -0.05, "full": -0.065, "bob": -0.10, "knot": -0.06, "long": -0.10}[style]
    temple = np.clip(np.abs(x) / 0.06, 0, 1) ** 3
    line = 0.066 - 0.014 * temple - back * (0.066 - nape)
    side = np.clip((y - 0.035) / 0.015, 0, 1) * np.clip((0.075 - y) / 0.02, 0, 1)
    line = np.maximum(line, np.where(style in ("bob", "long"), -1.0, 0.035 * side))
    fields = np.where(body.share(cloth, *_HEAD_BONES) > 0.5, z - line, -1.0)
    fields = np.where(_is_ear(body, cloth), -0.01, fields) if style not in ("bob", "long") else fields
    cap, depth = cut(cloth, fields)
    thick = {"crew": 0.005, "short": 0.010, "full": 0.020, "bob": 0.024, "knot": 0.012, "long": 0.022}[style]
    ease = np.clip(depth / 0.03, 0, 1)
    yield closed(puffed(cap, size * (0.0015 + thick * ease * (2 - ease)))).painted(HAIR)
    if style == "knot":
        yield _ball_on(body, middle + size * np.array([0.0, 0.135, 0.055]), 0.034 * size, "head", HAIR)


def _is_ear(body: Body, cloth: Cloth) -> NDArray[np.bool_]:
    """Points that lie on an ear's vertices or between them."""
    found = np.zeros(len(cloth.points), bool)
    for side in "lr":
        ear = body.vertices[moved_by(f"ears/{side}-ear-scale-incr")]
        low, high = ear.min(axis=0), ear.max(axis=0)
        inside = ((cloth.points >= low) & (cloth.points <= high)).all(axis=1)
        head = abs(float(ear[:, 0].mean())) - 0.004
        found |= inside & (np.abs(cloth.points[:, 0]) > head)
    return found


def _brows(body: Body, skin: Cloth) -> Iterator[Cloth]:
    middle, size = _face(body)
    place = (skin.points - middle) / size
    near = (np.abs(place[:, 2] - 0.025) < 0.02) & (place[:, 1] < 0.02) & (np.abs(place[:, 0]) < 0.07)
    cloth = refined(skin, near)
    place = (cloth.points - middle) / size
    cloth = refined(cloth, (np.abs(place[:, 2] - 0.025) < 0.018) & (place[:, 1] < 0.02) & (np.abs(place[:, 0]) < 0.065))
    x, y, z = ((cloth.points - middle) / size).T
    along = (np.abs(x) - 0.033) / 0.021
    arch = 0.0245 + 0.003 * along - 0.005 * along**2
    field = 0.0042 * (1 - 0.35 * along) - np.abs(z - arch)
    field = np.minimum(field, (1 - np.abs(along)) * 0.02)
    field = np.where(y < 0.03, field, -1.0)
    for sign in (1.0, -1.0):
        brow = cut(cloth, np.where(x * sign > 0, field, -1.0))[0]
        yield closed(puffed(brow, 0.0014)).painted(BROW)


def _ball_on(body: Body, center: Floats, radius: float, bone: str, material: int) -> Cloth:
    """A ball that moves with a bone."""
    points, faces = ball()
    skin = np.zeros((len(points), len(body.base.bones)), np.float32)
    skin[:, body.base.bones.index(bone)] = 1.0
    return Cloth(points * radius + center, skin, faces, np.full(len(faces), material))


def ball(cuts: int = 2) -> tuple[Floats, NDArray[np.int64]]:
    """A unit sphere from an octahedron whose faces were cut in four `cuts` times: points (N, 3), faces (F, 3)."""
    corners = np.array([(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], np.float64)
    faces = np.array([t for k in range(4) for t in ((k, (k + 1) % 4, 4), ((k + 1) % 4, k, 5))])
    sphere = Cloth(corners, np.zeros((6, 1), np.float32), faces, np.zeros(8, np.int64))
    for _ in range(cuts):
        sphere = refined(sphere, np.ones(len(sphere.points), bool))
        sphere = replace(sphere, points=sphere.points / np.linalg.norm(sphere.points, axis=1, keepdims=True))
    return sphere.points, sphere.faces


class Marker(NamedTuple):
    """A place on the suit in rest: point (3,), outward normal (3,), weights of the bones (B,)."""

    point: Floats
    normal: Floats
    skin: NDArray[np.float32]


def markers(body: Body, tights: Cloth, rng: random.Random) -> Iterator[Marker]:
    """Where the reflective balls of the motion-capture suit are."""
    outward = normals(tights.points, tights.faces)
    for spot, ahead in _spots(body, rng):
        near = np.linalg.norm(tights.points - spot, axis=1) - 0.08 * (outward @ np.asarray(ahead))
        found = int(np.argmin(near))
        yield Marker(tights.points[found], outward[found], tights.skin[found])


def _spots(body: Body, rng: random.Random) -> Iterator[tuple[Floats, Vector]]:
    """Points (3,) near the places of a usual optical marker set, and the direction that the skin faces there."""
    front, back = (0.0, -1.0, 0.0), (0.0, 1.0, 0.0)
    chest, belly = body.head("spine01"), body.head("spine04")
    yield chest + np.array((0, -0.15, 0.04)), front
    yield chest + np.array((0, -0.15, -0.10)), front
    yield chest + np.array((0, 0.12, 0.05)), back
    yield chest + np.array((0.06, 0.12, -0.10)), back
    for side, sign in ((".L", 1.0), (".R", -1.0)):
        out = (sign, 0.0, 0.0)
        shoulder, elbow, wrist = _arm_joints(body, side)
        hip, knee, ankle = (body.head(bone + side) for bone in ("upperleg01", "lowerleg01", "foot"))
        yield shoulder + np.array((0, 0, 0.06)), (0.0, 0.0, 1.0)
        yield (shoulder + elbow) / 2 + np.array((sign * 0.04, uniform(rng, -0.01, 0.03), 0.04)), out
        yield elbow + np.array((sign * 0.04, 0.02, 0.02)), out
        yield elbow * 0.12 + wrist * 0.88 + np.array((sign * 0.03, 0, 0.03)), out
        yield belly + np.array((sign * 0.12, -0.12, -0.02)), front
        yield belly + np.array((sign * 0.06, 0.12, -0.02)), back
        yield (hip * 0.45 + knee * 0.55) + np.array((sign * 0.03, -0.09, uniform(rng, -0.03, 0.03))), front
        yield knee + np.array((sign * 0.07, 0, 0)), out
        yield (knee + ankle) / 2 + np.array((0, -0.07, uniform(rng, -0.03, 0.03))), front
        yield ankle + np.array((sign * 0.05, 0, 0.09)), out


def materials(rng: random.Random, clothes: str, split: str, races: tuple[float, float, float]) -> tuple[Material, ...]:
    """The materials, in the order of SKIN ... STRAP; the colours of skin and hair depend on `races`."""
    african, asian, _ = races
    skin = choose(rng, SKINS[3:] if african > 0.5 else SKINS[1:4] if asian > 0.5 else SKINS[:4])
    hair = choose(rng, HAIRS[:2] if african > 0.5 or asian > 0.5 else HAIRS)
    suit = clothes == "suit"
    top = choose(rng, (SUITS if suit else _TOPS)[split])
    shoe = choose(rng, _SHOES)
    strap = choose(rng, STRAPS)
    return (
        Material("skin", base_color=skin, roughness=0.48),
        Material("lips", base_color=(skin[0] * 0.86, skin[1] * 0.62, skin[2] * 0.62), roughness=0.4),
        Material("hair", base_color=hair, roughness=0.6),
        Material("brow", base_color=hair, roughness=0.7),
        Material("eye", base_color=(0.72, 0.70, 0.68), roughness=0.15),
        Material("iris", base_color=choose(rng, _IRISES), roughness=0.1),
        Material("pupil", base_color=(0.01, 0.01, 0.01), roughness=0.1),
        Material("suit" if suit else "shirt", base_color=top, roughness=0.65),
        Material("trousers", base_color=choose(rng, _BOTTOMS[split]), roughness=0.75),
        Material("shoe", base_color=shoe, roughness=0.55),
        Material("sole", base_color=choose(rng, ((0.6, 0.6, 0.58), (0.02, 0.02, 0.02))), roughness=0.7),
        Material("marker", base_color=(0.85, 0.85, 0.85), roughness=0.4),
        Material("strap" if suit else "sock", base_color=strap if suit else (0.3, 0.3, 0.3), roughness=0.8),
    )
