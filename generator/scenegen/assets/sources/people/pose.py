"""Puts MakeHuman's body into the poses of the built-in people: measures its lengths, moves its skin with its bones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenegen.assets.sources.people.body import BaseMesh, Floats
from scenegen.parametric.people.rotations import about_z, across, bone_frame, hinge_frame, unit
from scenegen.parametric.people.skeleton import LEFT, REFERENCE_HEIGHT, SIDES, Build, Pose, Skeleton, solve

_SUFFIX = {side: ".L" if side == LEFT else ".R" for side in SIDES}
# Shares of the arm's swing that collar bone and shoulder blade take, beyond _FREE degrees from the side.
_COLLAR, _BLADE, _FREE = 0.22, 0.38, 25.0
# Shares of the forearm's turn, spread from the elbow to the wrist so that the skin is not wrung.
_WRING = {"lowerarm01": 0.3, "lowerarm02": 0.75}
# Degrees at the three joints of a finger, added to the slightly bent rest pose; then of each joint of the thumb.
_CURLS: Mapping[str, tuple[tuple[float, float, float], float]] = {
    "relaxed": ((16.0, 14.0, 8.0), 4.0),
    "flat": ((-6.0, -8.0, -6.0), -4.0),
    "fist": ((68.0, 78.0, 48.0), 26.0),
    "grip": ((34.0, 42.0, 22.0), 14.0),
    "point": ((66.0, 76.0, 48.0), 24.0),
}


@dataclass(frozen=True)
class PosedBody:
    """A posed body: its skeleton, and how each bone moves the skin: turns (B, 3, 3) and shifts (B, 3) in metres."""

    skeleton: Skeleton
    turns: Floats
    shifts: Floats

    def carry(self, points: Floats, skin: NDArray[np.float32]) -> Floats:
        """Points (N, 3) of the rest pose, moved by the bones with weights `skin` (N, B)."""
        weights = skin.astype(np.float64)
        turns = (weights @ self.turns.reshape(-1, 9)).reshape(-1, 3, 3)
        return np.asarray(np.einsum("nij,nj->ni", turns, points) + weights @ self.shifts)


def measure(base: BaseMesh, vertices: Floats, height: float, sole: float) -> Build:
    """The lengths and joints of a body in the rest pose, scaled to the reference body, in metres.

    `height` is the body's own, `sole` the height of the underside of its shoes.
    """
    scale = height / REFERENCE_HEIGHT
    heads = joints(base, vertices)

    def head(bone: str, side: str = "") -> Floats:
        return np.asarray(heads[base.bones.index(bone + _SUFFIX.get(side, ""))] / scale)

    def length(a: str, b: str) -> float:
        return float(np.mean([np.linalg.norm(head(a, side) - head(b, side)) for side in SIDES]))

    thigh, shank = length("upperleg01", "lowerleg01"), length("lowerleg01", "foot")
    upper_arm, forearm = length("upperarm01", "lowerarm01"), length("lowerarm01", "wrist")
    ankle = float(head("foot", LEFT)[2]) - sole / scale
    toes = np.mean([head(f"toe{n}-1", LEFT) for n in range(1, 6)], axis=0)
    ball = float(np.linalg.norm((toes - head("foot", LEFT))[:2]))
    hip = (head("upperleg01", LEFT) + head("upperleg01", "right")) / 2
    lift = np.array([0.0, -hip[1], ankle + shank + thigh - hip[2]])
    rest = {"pelvis": hip + lift}
    rest |= {name: head(bone) + lift for name, bone in _SPINE.items()}
    for side, sign in SIDES.items():
        top = head("upperarm01", side) + lift
        out = sign * abs(float(head("upperleg01", side)[0]))
        knee = ankle + shank
        rest |= {
            f"upper_arm_{side}": top,
            f"forearm_{side}": top - (0, 0, upper_arm),
            f"hand_{side}": top - (0, 0, upper_arm + forearm),
            f"thigh_{side}": np.array([out, 0.0, knee + thigh]),
            f"shank_{side}": np.array([out, 0.0, knee]),
            f"foot_{side}": np.array([out, 0.0, ankle]),
            f"toes_{side}": np.array([out, -ball, 0.0]),
        }
    return Build(
        height=height,
        thigh=thigh,
        shank=shank,
        upper_arm=upper_arm,
        forearm=forearm,
        ankle=ankle,
        ball=(0.0, -ball, 0.0),
        joints=rest,
    )


_SPINE = {"lumbar": "spine03", "chest": "spine02", "neck": "neck01", "head": "head"}
_CARRIED_BY = {"root": "pelvis", "spine03": "lumbar", "spine02": "chest", "neck01": "neck", "head": "head"}


def joints(base: BaseMesh, vertices: Floats) -> Floats:
    """Where each bone begins (B, 3), for vertices (V, 3) of the rest pose."""
    return np.stack([vertices[index].mean(axis=0) for index in base.heads])


def place(base: BaseMesh, vertices: Floats, build: Build, pose: Pose) -> PosedBody:
    """Solve a pose for a measured body, twice: raised arms move the shoulders, and these the arms."""
    heads = joints(base, vertices)
    skeleton = solve(build, pose)
    raised = {side: _shoulder(base, heads, skeleton, side) for side in SIDES}
    moved = dict(build.joints or {})
    for side in SIDES:
        inside = raised[side].arm @ (skeleton.turns["chest"]) / skeleton.scale
        moved[f"upper_arm_{side}"] = skeleton.rest["chest"] + inside
    skeleton = solve(replace(build, joints=moved), pose)
    turns = np.tile(np.eye(3), (len(base.bones), 1, 1))
    origins = np.zeros((len(base.bones), 3))
    fixed: dict[str, tuple[Floats, Floats]] = {
        bone: (skeleton.turns[name], skeleton.origins[name]) for bone, name in _CARRIED_BY.items() if bone != "root"
    }
    hip = (heads[base.bones.index("upperleg01.L")] + heads[base.bones.index("upperleg01.R")]) / 2
    pelvis = skeleton.turns["pelvis"]
    fixed["root"] = (pelvis, skeleton.origins["pelvis"] + pelvis @ (heads[base.bones.index("root")] - hip))
    for side in SIDES:
        fixed |= _leg(base, heads, skeleton, side)
        fixed |= _arm(base, heads, skeleton, side, raised[side])
        fixed |= _fingers(base, heads, fixed, side, (pose.left if side == LEFT else pose.right).fingers)
    for number, (bone, parent) in enumerate(zip(base.bones, base.parents, strict=True)):
        if bone in fixed:
            turns[number] = fixed[bone][0]
        elif parent >= 0:
            turns[number] = turns[parent]
        if bone in fixed and not np.isnan(fixed[bone][1]).any():
            origins[number] = fixed[bone][1]
        else:
            origins[number] = origins[parent] + turns[parent] @ (heads[number] - heads[parent])
    return PosedBody(skeleton, turns, origins - np.einsum("bij,bj->bi", turns, heads))


_FOLLOWS = np.full(3, np.nan)  # marks the origin of a bone that follows its parent


def _head(base: BaseMesh, heads: Floats, bone: str, side: str) -> Floats:
    return np.asarray(heads[base.bones.index(bone + _SUFFIX[side])])


def _leg(base: BaseMesh, heads: Floats, body: Skeleton, side: str) -> dict[str, tuple[Floats, Floats]]:
    hip, knee, ankle = (_head(base, heads, bone, side) for bone in ("upperleg01", "lowerleg01", "foot"))
    toes = np.mean([_head(base, heads, f"toe{n}-1", side) for n in range(1, 6)], axis=0)
    ahead = np.array([0.0, -1.0, 0.0])
    yaw = math.atan2(float((toes - ankle)[0]), -float((toes - ankle)[1]))
    thigh = body.turns[f"thigh_{side}"] @ hinge_frame(hip, knee, None, ahead).T
    shank = body.turns[f"shank_{side}"] @ hinge_frame(knee, ankle, None, ahead).T
    flat = about_z(yaw).T
    suffix = _SUFFIX[side]
    fixed = {
        f"upperleg01{suffix}": (thigh, body.origins[f"thigh_{side}"]),
        f"lowerleg01{suffix}": (shank, body.origins[f"shank_{side}"]),
        f"foot{suffix}": (body.turns[f"foot_{side}"] @ flat, body.origins[f"foot_{side}"]),
    }
    turn = body.turns[f"toes_{side}"] @ flat
    return fixed | {f"toe{n}-1{suffix}": (turn, _FOLLOWS) for n in range(1, 6)}


class _Shoulder(NamedTuple):
    """Rotations (3, 3) of collar bone and shoulder blade, and the arm's joint (3,) relative to the chest's, world."""

    collar: Floats
    blade: Floats
    arm: Floats


def _shoulder(base: BaseMesh, heads: Floats, body: Skeleton, side: str) -> _Shoulder:
    chest = body.turns["chest"]
    down = body.turns[f"upper_arm_{side}"] @ np.array([0.0, 0.0, -1.0])
    swing = _swing(chest @ np.array([0.0, 0.0, -1.0]), down)
    angle = math.degrees(float(np.linalg.norm(swing)))
    share = max(0.0, angle - _FREE) / max(angle, 1e-9)
    collar = _rotation(swing * share * _COLLAR) @ chest
    blade = _rotation(swing * share * _BLADE) @ chest
    names = ("spine02", "clavicle", "shoulder01", "upperarm01")
    top, start, middle, end = (
        heads[base.bones.index(n)] if n == "spine02" else _head(base, heads, n, side) for n in names
    )
    return _Shoulder(collar, blade, chest @ (start - top) + collar @ (middle - start) + blade @ (end - middle))


def _arm(
    base: BaseMesh, heads: Floats, body: Skeleton, side: str, raised: _Shoulder
) -> dict[str, tuple[Floats, Floats]]:
    shoulder, elbow, wrist = (_head(base, heads, bone, side) for bone in ("upperarm01", "lowerarm01", "wrist"))
    palm, fingers = _palm(base, heads, side)
    back = -palm * SIDES[side]
    upper = (
        body.turns[f"upper_arm_{side}"] @ hinge_frame(shoulder, elbow, None, across(wrist - elbow, elbow - shoulder)).T
    )
    fore = body.turns[f"forearm_{side}"] @ bone_frame(wrist - elbow, back).T
    hand = body.turns[f"hand_{side}"] @ bone_frame(fingers, back).T
    collar, blade, _ = raised
    # Without the forearm's own turn: the shortest way from the upper arm to where the forearm points.
    plain = _rotation(_swing(upper @ (wrist - elbow), fore @ (wrist - elbow))) @ upper
    hung = _rotation(_swing(blade @ (elbow - shoulder), upper @ (elbow - shoulder))) @ blade
    suffix = _SUFFIX[side]
    fixed = {
        f"clavicle{suffix}": (collar, _FOLLOWS),
        f"shoulder01{suffix}": (blade, _FOLLOWS),
        f"upperarm01{suffix}": (_between(hung, upper, 0.5), body.origins[f"upper_arm_{side}"]),
        f"upperarm02{suffix}": (upper, _FOLLOWS),
        f"wrist{suffix}": (hand, body.origins[f"hand_{side}"]),
    }
    for bone, share in _WRING.items():
        start = body.origins[f"forearm_{side}"] if bone == "lowerarm01" else _FOLLOWS
        fixed[bone + suffix] = (_between(plain, fore, share), start)
    return fixed


def _palm(base: BaseMesh, heads: Floats, side: str) -> tuple[Floats, Floats]:
    """The directions that the palm faces and the fingers point to, in the rest pose."""
    fingers = unit(_head(base, heads, "finger3-1", side) - _head(base, heads, "wrist", side))
    row = _head(base, heads, "finger5-1", side) - _head(base, heads, "finger2-1", side)
    return unit(np.cross(row, fingers)) * SIDES[side], fingers


def _fingers(
    base: BaseMesh, heads: Floats, fixed: Mapping[str, tuple[Floats, Floats]], side: str, how: str
) -> dict[str, tuple[Floats, Floats]]:
    palm, _ = _palm(base, heads, side)
    hand = fixed["wrist" + _SUFFIX[side]][0]
    curls, thumb = _CURLS[how]
    bent: dict[str, tuple[Floats, Floats]] = {}
    for finger in range(1, 6):
        first = _head(base, heads, f"finger{finger}-1", side)
        along = unit(_head(base, heads, f"finger{finger}-2", side) - first)
        if finger == 1:
            toward = unit(_head(base, heads, "finger4-1", side) + 0.02 * palm - first)
            axis, steps = unit(np.cross(along, toward)), (thumb, thumb, thumb)
        else:
            axis, steps = unit(np.cross(along, palm)), curls
            if how == "point" and finger == 2:
                steps = (2.0, -4.0, -4.0)
        turn = hand
        for joint, degrees in enumerate(steps, start=1):
            turn = turn @ _rotation(axis * math.radians(degrees))
            bent[f"finger{finger}-{joint}{_SUFFIX[side]}"] = (turn, _FOLLOWS)
    return bent


def _swing(a: Floats, b: Floats) -> Floats:
    """The shortest rotation that takes direction `a` to `b`, as axis times angle."""
    normal = np.cross(unit(a), unit(b))
    length = float(np.linalg.norm(normal))
    return np.asarray(normal / max(length, 1e-12) * math.atan2(length, float(unit(a) @ unit(b))))


def _rotation(turn: Floats) -> Floats:
    """Rotation (3, 3) of an axis times angle in radians."""
    return np.asarray(Rotation.from_rotvec(turn).as_matrix())


def _between(a: Floats, b: Floats, share: float) -> Floats:
    """The rotation (3, 3) that lies `share` of the shortest way from `a` to `b`."""
    return np.asarray(_rotation(share * Rotation.from_matrix(b @ a.T).as_rotvec()) @ a)
