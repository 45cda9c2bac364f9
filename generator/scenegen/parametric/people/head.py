"""Head, neck and hair of a person in the frame of the head bone; heads of adults vary less than their heights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenegen.parametric.people.body import cone, egg
from scenegen.parametric.people.skeleton import REFERENCE_HEIGHT, SIDES, BoneFrame, Skeleton
from scenegen.parametric.shapes.solids import Solid, blended, cut, difference, ellipsoid, grown, tube, union

Array = NDArray[np.float64]
HAIR_STYLES = ("short", "crew", "bob", "bun", "ponytail", "swept")


@dataclass(frozen=True)
class Head:
    """Solids of one head: skin, hair, brows and lips; `eyes` are (centre, radius) of whites and pupils."""

    skin: Solid
    hair: Solid
    brows: Solid
    lips: Solid
    whites: tuple[tuple[Array, float], ...]
    pupils: tuple[tuple[Array, float], ...]


def head_frame(body: Skeleton) -> BoneFrame:
    """The frame of the head bone, with the scale of the head."""
    bone = body.frame("head")
    return BoneFrame(bone.rest, bone.origin, bone.turn, math.sqrt(body.build.height / REFERENCE_HEIGHT))


def head(body: Skeleton, style: str) -> Head:
    """The head with hair of one of `HAIR_STYLES`."""
    own = head_frame(body)
    f = body.build.female
    skull = blended(
        (egg(own, (0, 0.022, 1.660), (0.0745, 0.094, 0.088)), 0.0),
        (egg(own, (0, -0.020, 1.668), (0.066, 0.068, 0.070)), 0.03),
    )
    face: list[tuple[Solid, float]] = [
        (skull, 0.0),
        (egg(own, (0, -0.032, 1.600), (0.053 - 0.003 * f, 0.054, 0.074)), 0.035),
        (egg(own, (0, -0.068, 1.543), (0.020 - 0.003 * f, 0.021, 0.017)), 0.025),
        (egg(own, (0, -0.074, 1.568), (0.022, 0.016, 0.018)), 0.02),
        (tube([own.at(0, -0.084, 1.648), own.at(0, -0.108, 1.607)], [0.007, 0.0105 - 0.0015 * f]), 0.012),
        (tube([own.at(x, -0.074, 1.656) for x in (-0.036, 0.0, 0.036)], 0.012 - 0.003 * f), 0.015),
    ]
    for sign in SIDES.values():
        jaw = cone(own, (sign * (0.047 - 0.004 * f), 0.010, 1.588), (sign * 0.015, -0.062, 1.541), 0.018, 0.014)
        face += [
            (jaw, 0.025),
            (egg(own, (sign * 0.039, -0.058, 1.608), (0.022, 0.022, 0.017)), 0.02),
            (egg(own, (sign * 0.0095, -0.100, 1.603), (0.008, 0.010, 0.007)), 0.006),
        ]
    bone = blended(*face)
    for sign in SIDES.values():
        bone = difference(bone, egg(own, (sign * 0.031, -0.100, 1.634), (0.016, 0.020, 0.0085)), 0.008)
    neck = body.frame("neck")
    throat = tube([neck.at(0, 0.030, 1.43), own.at(0, 0.016, 1.57)], [0.058 - 0.008 * f, 0.052 - 0.006 * f])
    ears = [_ear(own, sign) for sign in SIDES.values()]
    skin = blended((bone, 0.0), (throat, 0.02), *((ear, 0.006) for ear in ears))
    arch = ((0.017, -0.091, 1.655), (0.031, -0.089, 1.661), (0.046, -0.077, 1.656))
    brows = union([tube([own.at(s * x, y, z) for x, y, z in arch], [0.0032, 0.0042, 0.0028]) for s in SIDES.values()])
    smile = [own.at(-0.022, -0.0845, 1.5695), own.at(0, -0.0945, 1.568), own.at(0.022, -0.0845, 1.5695)]
    lips = blended(
        (tube(smile, [0.003, 0.0048, 0.003]), 0), (egg(own, (0, -0.092, 1.562), (0.014, 0.006, 0.005)), 0.006)
    )
    eyes = [own.at(s * 0.031, -0.0735, 1.634) for s in SIDES.values()]
    pupils = [own.at(s * 0.0305, -0.0800, 1.634) for s in SIDES.values()]
    return Head(
        skin,
        _hair(own, skull, style, f),
        brows,
        lips,
        tuple((eye, 0.0120 * own.scale) for eye in eyes),
        tuple((pupil, 0.0070 * own.scale) for pupil in pupils),
    )


def _ear(own: BoneFrame, sign: float) -> Solid:
    c, s = math.cos(0.35), math.sin(0.35) * sign
    tilt = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    radii = np.array([0.0085, 0.018, 0.030]) * own.scale
    return ellipsoid(own.at(sign * 0.0800, 0.020, 1.618), radii, own.turn @ tilt)


def _hair(own: BoneFrame, skull: Solid, style: str, female: float) -> Solid:
    thick = {"crew": 0.006, "short": 0.010, "swept": 0.012}.get(style, 0.009)
    cap = grown(skull, thick * own.scale)
    down = own.turn @ np.array([0, 0.0, -1.0])
    # The face is cut out as an arch from the forehead to the front of the ears; below them only the nape has hair.
    arch = egg(own, (0, -0.110, 1.610), (0.069, 0.097, 0.112))
    above = cut(difference(cap, arch, 0.010), own.at(0, 0, 1.612), down, 0.008)
    nape = cut(
        cut(cap, own.at(0, 0.036, 1.60), own.turn @ np.array([0, -1.0, 0.15])), own.at(0, 0.0, 1.582), down, 0.01
    )
    parts: list[tuple[Solid, float]] = [(above, 0.0), (nape, 0.012)]
    if style == "short":
        parts.append((egg(own, (0.010, -0.030, 1.738), (0.054, 0.052, 0.020)), 0.025))
    if style == "swept":
        parts.append((egg(own, (0.014, -0.045, 1.738), (0.054, 0.046, 0.024)), 0.025))
    if style == "bob" or (style == "swept" and female > 0.5):
        mane = egg(own, (0, 0.036, 1.628), (0.094, 0.088, 0.122))
        mane = cut(mane, own.at(0, -0.006, 1.60), own.turn @ np.array([0, -1.0, -0.15]), 0.015)
        parts.append((cut(mane, own.at(0, 0, 1.530 if style == "bob" else 1.560), down, 0.015), 0.02))
    if style == "bun":
        parts.append((egg(own, (0, 0.110, 1.712), (0.036, 0.034, 0.034)), 0.008))
    if style == "ponytail":
        tail = [own.at(0, 0.108, 1.700), own.at(0, 0.150, 1.665), own.at(0, 0.155, 1.58), own.at(0, 0.135, 1.48)]
        parts.append((tube(tail, [0.020, 0.027, 0.025, 0.008], 0.01), 0.008))
    return blended(*parts)
