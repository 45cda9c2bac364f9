"""The body on a skeleton: a close suit from neck to ankles and wrists, shoes, bare hands.

Every muscle is an ellipsoid or round cone in rest coordinates of the reference body, carried by one bone. Members that
grow out of each other are blended; members that only touch (a forearm on the chest, a thigh on a calf) are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.parametric.people.skeleton import SIDES, BoneFrame, Skeleton
from scenegen.parametric.shapes.shapes import Part, box
from scenegen.parametric.shapes.solids import (
    Solid,
    blended,
    cut,
    ellipsoid,
    grown,
    round_cone,
    rounded_box,
    tube,
    union,
)

Array = NDArray[np.float64]
Xyz = tuple[float, float, float]

# How far each finger folds in: index, middle, ring and little finger, radians at the first joint.
_CURLS: dict[str, tuple[float, float, float, float]] = {
    "relaxed": (0.28, 0.36, 0.42, 0.46),
    "flat": (0.06, 0.05, 0.06, 0.1),
    "fist": (1.2, 1.25, 1.25, 1.2),
    "point": (0.05, 1.2, 1.25, 1.2),
    "grip": (0.55, 0.65, 0.7, 0.7),
}
_FINGERS = ((-0.030, -0.092, 0.072), (-0.0105, -0.096, 0.080), (0.0095, -0.093, 0.074), (0.0285, -0.085, 0.058))


@dataclass(frozen=True)
class Limbs:
    """Solids by region, world metres: `torso` without arms and legs, `arms` and `legs` by (side, segment)."""

    torso: Solid
    arms: dict[tuple[str, str], Solid]
    legs: dict[tuple[str, str], Solid]
    whole: Solid


def egg(frame: BoneFrame, center: Xyz, radii: Xyz) -> Solid:
    """An ellipsoid along the axes of a bone."""
    return ellipsoid(frame.at(*center), np.array(radii) * frame.scale, frame.turn)


def cone(frame: BoneFrame, start: Xyz, end: Xyz, radius: float, end_radius: float) -> Solid:
    """A round cone carried by a bone."""
    return round_cone(frame.at(*start), frame.at(*end), radius * frame.scale, end_radius * frame.scale)


def band(solid: Solid, frame: BoneFrame, z: float, height: float, thickness: float) -> Solid:
    """A strap around `solid` at rest height `z`, across the bone."""
    up = frame.turn[:, 2]
    half = height / 2
    ring = cut(grown(solid, thickness), frame.at(*frame.rest) + up * (z + half - frame.rest[2]) * frame.scale, up)
    return cut(ring, frame.at(*frame.rest) + up * (z - half - frame.rest[2]) * frame.scale, -up)


def suit(body: Skeleton) -> Limbs:
    """The suited body from the collar to the ankles and wrists."""
    torso_members = _torso(body)
    arms: dict[tuple[str, str], Solid] = {}
    legs: dict[tuple[str, str], Solid] = {}
    rooted = list(torso_members)
    loose: list[Solid] = []
    for side in SIDES:
        shoulder, upper, fore = _arm(body, side)
        hip, thigh, shank = _leg(body, side)
        rooted += [(shoulder, 0.035 * body.scale), (hip, 0.045 * body.scale)]
        arm = blended((shoulder, 0.0), (upper, 0.03), (fore, 0.022))
        leg = blended((hip, 0.0), (thigh, 0.03), (shank, 0.03))
        arms |= {(side, "upper"): union([shoulder, upper], 0.03), (side, "fore"): fore}
        legs |= {(side, "thigh"): union([hip, thigh], 0.03), (side, "shank"): shank}
        loose += [arm, leg]
    return Limbs(blended(*torso_members), arms, legs, union([blended(*rooted), *loose]))


def _torso(body: Skeleton) -> list[tuple[Solid, float]]:
    f, g = body.build.female, body.build.girth
    wide, deep, paunch = 1 + 0.10 * g, 1 + 0.13 * g, 0.045 * max(g, 0.0) * (1 - 0.4 * f)
    pelvis, lumbar, chest, neck = (body.frame(b) for b in ("pelvis", "lumbar", "chest", "neck"))
    shoulder, hip = body.build.shoulder, body.build.hip
    k = 0.05 * body.scale
    members = [
        (egg(pelvis, (0, 0.005, 0.955), ((0.152 + 0.016 * f) * wide, 0.104 * deep, 0.12)), 0.0),
        (egg(pelvis, (0, -0.015 - 0.5 * paunch, 1.00), (0.125 * wide, (0.088 + 0.004 * f) * deep + paunch, 0.10)), k),
        (egg(lumbar, (0, 0.008, 1.09), ((0.136 - 0.014 * f) * wide, 0.094 * deep + 0.5 * paunch, 0.11)), k),
        (egg(lumbar, (0, -0.010 - paunch, 1.10), (0.108 * wide, (0.092 - 0.006 * f) * deep + paunch, 0.12)), k),
        (egg(chest, (0, 0.010, 1.265), ((0.156 - 0.018 * f) * wide, (0.112 - 0.008 * f) * deep, 0.17)), k),
        (egg(chest, (0, 0.022, 1.355), (shoulder * 0.93, 0.082 * deep, 0.082)), k),
        (cone(neck, (0, 0.030, 1.42), (0, 0.022, 1.482), 0.070 - 0.008 * f, 0.061 - 0.007 * f), 0.03),
    ]
    for sign in SIDES.values():
        members += [
            (egg(pelvis, (sign * hip * 0.86, 0.060, 0.895), (0.084 + 0.006 * f, 0.080 * deep, 0.088)), 0.03),
            (egg(chest, (sign * shoulder * 0.56, 0.052, 1.285), (0.075, 0.062 * deep, 0.135)), k),
            (egg(chest, (sign * shoulder * 0.62, 0.000, 1.26), (0.062 - 0.012 * f, 0.085, 0.13)), k),
            (cone(chest, (sign * 0.035, 0.034, 1.462), (sign * shoulder * 0.86, 0.020, 1.412), 0.044, 0.038), 0.035),
            (cone(chest, (sign * 0.05, -0.01, 1.385), (sign * shoulder * 0.88, 0.004, 1.400), 0.052, 0.047), 0.035),
        ]
        if f < 0.5:
            members.append((egg(chest, (sign * 0.074, -0.068, 1.312), (0.082, 0.044 * deep, 0.058)), 0.03))
        else:
            r = 0.052 * (1 + 0.18 * g)
            members.append((egg(chest, (sign * 0.070, -0.088, 1.270), (r, 0.9 * r, r)), 0.028))
            members.append((egg(chest, (sign * 0.066, -0.066, 1.315), (0.9 * r, 0.034, 0.06)), 0.04))
    return members


class _Limb(NamedTuple):
    """Solids of an arm or a leg: where it grows out of the trunk, its upper and its lower segment."""

    root: Solid
    upper: Solid
    lower: Solid


def _arm(body: Skeleton, side: str) -> _Limb:
    sign, f, g = SIDES[side], body.build.female, body.build.girth
    m = (1 - 0.12 * f) * (1 + 0.13 * g)
    x = sign * body.build.shoulder
    upper, fore = body.frame(f"upper_arm_{side}"), body.frame(f"forearm_{side}")
    shoulder = union(
        [
            egg(upper, (x + sign * 0.010, 0.010, 1.372), (0.056 * m, 0.060 * m, 0.082)),
            cone(upper, (x, 0.010, 1.405), (x, 0.010, 1.32), 0.052 * m, 0.046 * m),
        ],
        0.02,
    )
    shaft = union(
        [
            cone(upper, (x, 0.010, 1.34), (x, 0.012, 1.11), 0.044 * m, 0.037 * m),
            egg(upper, (x, -0.010, 1.235), (0.040 * m, 0.044 * m, 0.085)),
            egg(upper, (x + sign * 0.004, 0.028, 1.255), (0.040 * m, 0.040 * m, 0.095)),
        ],
        0.02,
    )
    forearm = union(
        [
            cone(fore, (x, 0.012, 1.11), (x, 0.010, 0.99), 0.037 * m, 0.036 * m),
            cone(fore, (x, 0.010, 0.99), (x, 0.010, 0.862), 0.036 * m, 0.0255 * m**0.5),
            egg(fore, (x + sign * 0.006, 0.000, 1.050), (0.040 * m, 0.044 * m, 0.085)),
            egg(fore, (x, 0.010, 0.875), (0.0255, 0.032, 0.045)),
        ],
        0.02,
    )
    return _Limb(shoulder, shaft, forearm)


def _leg(body: Skeleton, side: str) -> _Limb:
    sign, f, g = SIDES[side], body.build.female, body.build.girth
    m = (1 - 0.02 * f) * (1 + 0.12 * g)
    x = sign * body.build.hip
    thigh, shank = body.frame(f"thigh_{side}"), body.frame(f"shank_{side}")
    hip = union(
        [
            cone(thigh, (x + sign * 0.006, 0.004, 0.90), (x, 0.002, 0.70), (0.088 + 0.005 * f) * m, 0.074 * m),
            egg(thigh, (x + sign * 0.012, 0.010, 0.85), (0.078 * m, 0.086 * m, 0.12)),
        ],
        0.03,
    )
    shaft = union(
        [
            cone(thigh, (x, 0.002, 0.76), (x, 0.0, 0.52), 0.076 * m, 0.052 * m),
            egg(thigh, (x + sign * 0.008, -0.026, 0.70), (0.066 * m, 0.060 * m, 0.165)),
            egg(thigh, (x - sign * 0.004, 0.034, 0.69), (0.058 * m, 0.054 * m, 0.16)),
            egg(thigh, (x - sign * 0.016, -0.022, 0.575), (0.034, 0.036, 0.055)),
        ],
        0.03,
    )
    calf = union(
        [
            egg(shank, (x, -0.012, 0.498), (0.048 * m, 0.050 * m, 0.060)),
            cone(shank, (x, 0.004, 0.49), (x, 0.004, 0.33), 0.049 * m, 0.047 * m),
            cone(shank, (x, 0.004, 0.33), (x, 0.010, 0.10), 0.046 * m, 0.034 * m**0.5),
            egg(shank, (x - sign * 0.008, 0.034, 0.365), (0.045 * m, 0.044 * m, 0.105)),
            egg(shank, (x + sign * 0.014, 0.028, 0.375), (0.038 * m, 0.038 * m, 0.095)),
        ],
        0.025,
    )
    return _Limb(hip, shaft, calf)


def shoe(body: Skeleton, side: str) -> tuple[Solid, Solid]:
    """Upper and sole of one shoe; toes to -Y, the sole's underside at the frame's floor."""
    sign = SIDES[side]
    x = sign * body.build.hip
    foot, toes = body.frame(f"foot_{side}"), body.frame(f"toes_{side}")
    upper = blended(
        (egg(foot, (x, 0.022, 0.046), (0.036, 0.048, 0.044)), 0.0),
        (cone(foot, (x, 0.008, 0.105), (x, 0.004, 0.060), 0.044, 0.040), 0.02),
        (cone(foot, (x, -0.005, 0.066), (x, -0.095, 0.040), 0.040, 0.033), 0.03),
        (egg(foot, (x + sign * 0.002, -0.105, 0.034), (0.045, 0.060, 0.032)), 0.03),
        (egg(toes, (x - sign * 0.002, -0.152, 0.030), (0.043, 0.052, 0.030)), 0.03),
    )
    sole = union(
        [
            _pad(foot, (x, 0.010), (0.036, 0.066)),
            _pad(foot, (x + sign * 0.002, -0.060), (0.037, 0.075)),
            _pad(toes, (x, -0.140), (0.046, 0.070)),
        ],
        0.012,
    )
    top = cut(upper, toes.at(x, 0, 0.010), -toes.turn[:, 2])
    return top, cut(cut(sole, toes.at(x, -0.15, 0), -toes.turn[:, 2]), foot.at(x, 0, 0), -foot.turn[:, 2])


def _pad(frame: BoneFrame, center: tuple[float, float], half: tuple[float, float]) -> Solid:
    pillar = ellipsoid(
        frame.at(center[0], center[1], 0.0), np.array([half[0], half[1], 0.08]) * frame.scale, frame.turn
    )
    return cut(pillar, frame.at(center[0], center[1], 0.022), frame.turn[:, 2], 0.006)


def hand(body: Skeleton, side: str, fingers: str) -> Solid:
    """One hand with four fingers and a thumb, from just inside the sleeve."""
    sign = SIDES[side]
    frame = body.frame(f"hand_{side}")
    size = frame.scale * (1 - 0.07 * body.build.female)
    own = BoneFrame(np.zeros(3), frame.origin, frame.turn, size)
    inward = -sign
    members: list[tuple[Solid, float]] = [
        (egg(own, (0, 0, -0.005), (0.0215, 0.029, 0.045)), 0.0),
        (rounded_box(own.at(0, 0, -0.052), np.array([0.0135, 0.041, 0.047]) * size, 0.0125 * size, own.turn), 0.02),
        (egg(own, (inward * 0.009, -0.024, -0.038), (0.016, 0.019, 0.034)), 0.012),
        (egg(own, (inward * 0.008, 0.024, -0.045), (0.013, 0.016, 0.036)), 0.012),
    ]
    spread = 0.10 if fingers == "flat" else 0.04
    for (y, z, length), curl in zip(_FINGERS, _CURLS[fingers], strict=True):
        members.append((_finger(own, (0, y, z + 0.014), inward, length + 0.014, curl, spread * y / 0.03), 0.006))
    tucked = fingers in ("fist", "point")
    thumb: Sequence[Xyz] = (
        ((0.004, -0.024, -0.022), (0.022, -0.040, -0.052), (0.034, -0.032, -0.078), (0.036, -0.012, -0.086))
        if tucked
        else ((0.004, -0.024, -0.022), (0.014, -0.048, -0.050), (0.018, -0.058, -0.076), (0.020, -0.062, -0.097))
    )
    points = [own.at(inward * a, b, c) for a, b, c in thumb]
    members.append((tube(points, [r * size for r in (0.0155, 0.012, 0.0105, 0.008)], 0.005), 0.008))
    return blended(*members)


def _finger(own: BoneFrame, base: Xyz, inward: float, length: float, curl: float, spread: float) -> Solid:
    points, radii = [own.at(*base)], [0.0095, 0.0090, 0.0082, 0.0070]
    here, angle = np.array(base), 0.0
    for share, bend in ((0.48, 1.0), (0.30, 1.15), (0.22, 0.6)):
        angle += curl * bend
        here = here + share * length * np.array([inward * np.sin(angle), spread * np.cos(angle), -np.cos(angle)])
        points.append(own.at(*here))
    return tube(points, [r * own.scale for r in radii], 0.003)


def phone(body: Skeleton, side: str) -> tuple[Part, Part]:
    """A telephone in a gripping hand: its case and its lit screen."""
    frame = body.frame(f"hand_{side}")
    inward = -SIDES[side]
    case = box(0.010, 0.074, 0.148, 0.004).moved(inward * 0.034, -0.012, -0.179)
    screen = box(0.0024, 0.066, 0.136, 0.001).moved(inward * 0.0392, -0.012, -0.173)
    held = (part.warped(lambda v: v @ frame.turn.T + frame.origin) for part in (case, screen))
    return next(held), next(held)
