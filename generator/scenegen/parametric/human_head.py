"""Head, neck and hair of a person, in the head bone's frame; adults' heads vary less than their height."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scenegen.parametric.human_body import cone, egg
from scenegen.parametric.human_skeleton import REFERENCE_HEIGHT, SIDES, Frame, Skeleton
from scenegen.parametric.solids import Solid, blended, cut, difference, ellipsoid, grown, intersection, tube, union

HAIR_STYLES = ("short", "crew", "bob", "bun", "ponytail", "swept")


@dataclass(frozen=True)
class Head:
    """Solids of one head: skin, hair, brows and lips; `eyes` are (centre, radius) of whites and pupils."""

    skin: Solid
    hair: Solid
    brows: Solid
    lips: Solid
    whites: tuple[tuple[np.ndarray, float], ...]
    pupils: tuple[tuple[np.ndarray, float], ...]


def head_frame(body: Skeleton) -> Frame:
    """The head bone's frame with the head's own scale."""
    bone = body.frame("head")
    return Frame(bone.rest, bone.origin, bone.turn, math.sqrt(body.build.height / REFERENCE_HEIGHT))


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
        (egg(own, (0, -0.030, 1.598), (0.056 - 0.003 * f, 0.056, 0.076)), 0.035),
        (egg(own, (0, -0.066, 1.545), (0.022 - 0.003 * f, 0.022, 0.018)), 0.025),
        (egg(own, (0, -0.074, 1.568), (0.024, 0.017, 0.020)), 0.02),
        (tube([own.at(0, -0.084, 1.648), own.at(0, -0.107, 1.606)], [0.007, 0.0105]), 0.014),
        (tube([own.at(x, -0.074, 1.656) for x in (-0.036, 0.0, 0.036)], 0.012 - 0.003 * f), 0.015),
    ]
    for sign in SIDES.values():
        jaw = cone(own, (sign * (0.052 - 0.003 * f), 0.010, 1.585), (sign * 0.018, -0.062, 1.542), 0.020, 0.016)
        face += [
            (jaw, 0.025),
            (egg(own, (sign * 0.040, -0.058, 1.608), (0.022, 0.022, 0.018)), 0.02),
            (egg(own, (sign * 0.0095, -0.099, 1.602), (0.008, 0.010, 0.007)), 0.006),
        ]
    bone = blended(*face)
    for sign in SIDES.values():
        bone = difference(bone, egg(own, (sign * 0.031, -0.103, 1.635), (0.018, 0.020, 0.011)), 0.010)
    neck = body.frame("neck")
    throat = tube([neck.at(0, 0.030, 1.43), own.at(0, 0.016, 1.57)], [0.058 - 0.008 * f, 0.052 - 0.006 * f])
    ears = [_ear(own, sign) for sign in SIDES.values()]
    skin = blended((bone, 0.0), (throat, 0.02), *((ear, 0.006) for ear in ears))
    brows = union(
        [
            tube([own.at(s * 0.016, -0.088, 1.653), own.at(s * 0.032, -0.086, 1.658), own.at(s * 0.047, -0.074, 1.654)],
                 [0.0035, 0.0042, 0.003])  # fmt: skip
            for s in SIDES.values()
        ]
    )
    lips = blended(
        (tube([own.at(-0.021, -0.083, 1.5675), own.at(0, -0.0905, 1.569), own.at(0.021, -0.083, 1.5675)], 0.0045), 0),
        (egg(own, (0, -0.0885, 1.5625), (0.014, 0.005, 0.005)), 0.006),
    )
    eyes = [own.at(s * 0.031, -0.0755, 1.635) for s in SIDES.values()]
    pupils = [own.at(s * 0.0305, -0.0835, 1.6345) for s in SIDES.values()]
    return Head(
        skin,
        _hair(own, skull, style, f),
        brows,
        lips,
        tuple((eye, 0.0125 * own.scale) for eye in eyes),
        tuple((pupil, 0.0062 * own.scale) for pupil in pupils),
    )


def _ear(own: Frame, sign: float) -> Solid:
    tilt = np.array([[math.cos(0.35), -math.sin(0.35) * sign, 0], [math.sin(0.35) * sign, math.cos(0.35), 0], [0, 0, 1]])
    radii = np.array([0.0075, 0.018, 0.030]) * own.scale
    return ellipsoid(own.at(sign * 0.0775, 0.022, 1.618), radii, own.turn @ tilt)


def _hair(own: Frame, skull: Solid, style: str, female: float) -> Solid:
    thick = {"crew": 0.006, "short": 0.011, "swept": 0.013}.get(style, 0.010)
    cap = grown(skull, thick * own.scale)
    # The hairline runs from the forehead down before the ears to the nape.
    front = own.turn @ np.array([0, -0.56, -0.83])
    low = own.turn @ np.array([0, 0.0, -1.0])
    above = cut(cap, own.at(0, -0.085, 1.700), front, 0.006)
    back = cut(cut(cap, own.at(0, 0.022, 1.60), own.turn @ np.array([0, -1.0, 0.15])), own.at(0, 0.0, 1.592), low, 0.01)
    parts: list[tuple[Solid, float]] = [(above, 0.0), (back, 0.012)]
    if style in ("short", "swept"):
        parts.append((egg(own, (0.012, -0.052, 1.733), (0.052, 0.040, 0.020 if style == "short" else 0.027)), 0.02))
    if style == "bob":
        mane = egg(own, (0, 0.034, 1.625), (0.093, 0.092, 0.125))
        mane = cut(mane, own.at(0, -0.018, 1.60), own.turn @ np.array([0, -1.0, -0.12]), 0.01)
        parts.append((cut(mane, own.at(0, 0, 1.535), low, 0.012), 0.015))
    if style == "bun":
        parts.append((egg(own, (0, 0.105, 1.715), (0.036, 0.034, 0.034)), 0.008))
    if style == "ponytail":
        tail = [own.at(0, 0.108, 1.700), own.at(0, 0.150, 1.665), own.at(0, 0.155, 1.58), own.at(0, 0.135, 1.48)]
        parts.append((tube(tail, [0.020, 0.027, 0.025, 0.008], 0.01), 0.008))
    if style == "swept" and female > 0.5:
        parts.append((egg(own, (0, 0.060, 1.610), (0.076, 0.058, 0.085)), 0.02))
    return blended(*parts) if len(parts) > 1 else intersection(above, cap)
