"""The skeleton of a person: bones, a pose, and where each bone goes when the feet stand on the floor in balance.

Rest pose: standing at the origin, arms hanging, facing -Y, the person's left at +X, all bone axes parallel to the
world's. Lengths are those of a body 1.75 m tall and scale with `Build.height`; segment lengths and masses follow
Winter, Biomechanics and Motor Control of Human Movement, tables 4.1 and 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.parametric.people.rotations import (
    about_x,
    about_y,
    about_z,
    across,
    angle_between,
    bend_between,
    bone_frame,
    hinge_frame,
    unit,
)

Array = NDArray[np.float64]
Triple = tuple[float, float, float]

REFERENCE_HEIGHT = 1.75
LEFT, RIGHT = "left", "right"
SIDES: Mapping[str, float] = {LEFT: 1.0, RIGHT: -1.0}
THIGH, SHANK, UPPER_ARM, FOREARM = 0.42, 0.425, 0.295, 0.255
ANKLE_HEIGHT = 0.075
BALL = (0.0, -0.125, 0.0)
"""The ball of the foot, where it bends and stands when the heel is up, from the floor point below the ankle; metres."""
STRAIGHTEST_LEG = 0.998

# Bone: (share of the body's mass, its centre in rest coordinates); the x of a limb is the left one's.
MASSES: Mapping[str, tuple[float, Triple]] = {
    "pelvis": (0.142, (0.0, 0.01, 0.97)),
    "lumbar": (0.139, (0.0, 0.0, 1.10)),
    "chest": (0.216, (0.0, 0.0, 1.31)),
    "head": (0.081, (0.0, 0.0, 1.61)),
    "upper_arm": (0.028, (0.18, 0.01, 1.28)),
    "forearm": (0.016, (0.18, 0.01, 1.01)),
    "hand": (0.006, (0.18, 0.01, 0.77)),
    "thigh": (0.100, (0.088, 0.0, 0.74)),
    "shank": (0.0465, (0.088, 0.0, 0.32)),
    "foot": (0.0145, (0.088, -0.05, 0.03)),
}


@dataclass(frozen=True)
class Build:
    """A body's shape: `height` in metres, `female` 0 to 1, `girth` -1 (thin) to 1 (heavy).

    Lengths are the reference body's, in its metres; a body that was measured brings its own, and `joints`, the
    origins of its bones in rest.
    """

    height: float = 1.75
    female: float = 0.0
    girth: float = 0.0
    thigh: float = THIGH
    shank: float = SHANK
    upper_arm: float = UPPER_ARM
    forearm: float = FOREARM
    ankle: float = ANKLE_HEIGHT
    ball: Triple = BALL
    joints: Mapping[str, Array] | None = None

    @property
    def shoulder(self) -> float:
        """Half the distance between the shoulder joints of the reference body, metres."""
        return 0.178 - 0.022 * self.female + 0.006 * self.girth

    @property
    def hip(self) -> float:
        """Half the distance between the hip joints of the reference body, metres."""
        if self.joints is not None:
            return float(self.joints["thigh_left"][0])
        return 0.086 + 0.006 * self.female + 0.003 * self.girth


@dataclass(frozen=True)
class Arm:
    """One arm, in the chest's axes with x pointing outward, so that the same numbers serve both sides.

    `upper`, `fore` and `hand` are the directions of the bones (`hand` None: in line with the forearm); with a
    `wrist` (a point of the reference body in rest coordinates, moving with `anchor`) the elbow is found instead and
    `upper` says where it points. `palm` is the direction that the palm faces. `fingers`: relaxed, flat, fist, point or
    grip.
    """

    upper: Triple = (0.16, 0.03, -1.0)
    fore: Triple = (0.10, -0.24, -1.0)
    palm: Triple = (-1.0, 0.25, 0.0)
    hand: Triple | None = None
    wrist: Triple | None = None
    anchor: str = "chest"
    fingers: str = "relaxed"


@dataclass(frozen=True)
class Foot:
    """Where a foot is: the point below the ankle in metres of the reference body, outward and backward positive.

    `turn` and `heel` in degrees: toes outward, and the heel's rise about the ball; `lift` raises the whole foot.
    """

    outward: float = 0.10
    back: float = 0.0
    turn: float = 10.0
    heel: float = 0.0
    lift: float = 0.0
    knee_out: float = 0.0


@dataclass(frozen=True)
class Pose:
    """A pose; angles in degrees. `lean` is forward, `sway` to the left, `twist` of chest over pelvis to the left.

    `weight_left` is the share of the weight on the left foot; `hips` is the height of the hip joints on the
    reference body, or as high as the legs allow. A sitting person has the hips `seat` behind the origin and
    is not balanced.
    """

    left: Arm = Arm()
    right: Arm = Arm()
    left_foot: Foot = Foot()
    right_foot: Foot = Foot()
    weight_left: float = 0.5
    hips: float = 9.0
    pelvis_turn: float = 0.0
    tilt: float = 0.0
    lean: float = 0.0
    sway: float = 0.0
    twist: float = 0.0
    nod: float = 0.0
    look: float = 0.0
    phone: str | None = None
    seat: float | None = None


@dataclass(frozen=True)
class BoneFrame:
    """One bone's axes in the world, for shapes given in rest coordinates of the reference body."""

    rest: Array
    origin: Array
    turn: Array
    scale: float

    def at(self, x: float, y: float, z: float) -> Array:
        """World position of a rest point."""
        return np.asarray(self.origin + self.turn @ (np.array([x, y, z]) - self.rest) * self.scale)


@dataclass(frozen=True)
class Skeleton:
    """Bones placed in the world: `rest` and `origins` (3,) in reference and world metres, `turns` (3, 3)."""

    build: Build
    rest: Mapping[str, Array]
    origins: Mapping[str, Array]
    turns: Mapping[str, Array]
    angles: Mapping[str, float] = field(default_factory=dict)

    @property
    def scale(self) -> float:
        """World metres per reference metre."""
        return self.build.height / REFERENCE_HEIGHT

    def frame(self, bone: str) -> BoneFrame:
        """The frame of a bone."""
        return BoneFrame(self.rest[bone], self.origins[bone], self.turns[bone], self.scale)

    def centre_of_mass(self) -> Array:
        """Centre of mass, world metres."""
        total = np.zeros(3)
        for part, (mass, (x, y, z)) in MASSES.items():
            if part in self.rest:
                total += mass * self.frame(part).at(x, y, z)
                continue
            for side, sign in SIDES.items():
                total += mass * self.frame(f"{part}_{side}").at(sign * x, y, z)
        return np.asarray(total / sum(m * (1 if p in self.rest else 2) for p, (m, _) in MASSES.items()))


def rest_joints(build: Build) -> dict[str, Array]:
    """Origins of all bones of the reference body in rest."""
    if build.joints is not None:
        return dict(build.joints)
    joints: dict[str, Triple] = {
        "pelvis": (0, 0, 0.92),
        "lumbar": (0, 0.01, 1.03),
        "chest": (0, 0.01, 1.17),
        "neck": (0, 0.025, 1.455),
        "head": (0, 0.012, 1.555),
    }
    for side, sign in SIDES.items():
        x, h = sign * build.shoulder, sign * build.hip
        joints |= {
            f"upper_arm_{side}": (x, 0.01, 1.405),
            f"forearm_{side}": (x, 0.01, 1.405 - UPPER_ARM),
            f"hand_{side}": (x, 0.01, 1.405 - UPPER_ARM - FOREARM),
            f"thigh_{side}": (h, 0, 0.92),
            f"shank_{side}": (h, 0, 0.92 - THIGH),
            f"foot_{side}": (h, 0, ANKLE_HEIGHT),
            f"toes_{side}": (h, BALL[1], BALL[2]),
        }
    return {name: np.array(joint, float) for name, joint in joints.items()}


def solve(build: Build, pose: Pose) -> Skeleton:
    """Pose a body on the floor z = 0 with its centre of mass over its feet (x, y free: the feet stay near 0)."""
    rest = rest_joints(build)
    scale = build.height / REFERENCE_HEIGHT
    feet = {side: _place_foot(build, pose, side, scale) for side in SIDES}
    stand = np.zeros(3)
    for side, share, foot in (
        (LEFT, pose.weight_left, pose.left_foot),
        (RIGHT, 1 - pose.weight_left, pose.right_foot),
    ):
        ankle, ball = feet[side].ankle, feet[side].ball
        stand += share * (ball if foot.heel > 20 else (ankle + ball) / 2)
    root = np.array([stand[0], stand[1], 0.0] if pose.seat is None else [0.0, pose.seat * scale, 0.0])
    for _ in range(12 if pose.seat is None else 0):
        root[2] = _root_height(build, pose, root, feet, scale)
        skeleton = _assemble(build, pose, rest, root, feet)
        root[:2] += (stand - skeleton.centre_of_mass())[:2]
    root[2] = _root_height(build, pose, root, feet, scale)
    return _assemble(build, pose, rest, root, feet)


class _PlacedFoot(NamedTuple):
    """Ankle and ball (3,) in world metres, and the rotations (3, 3) of the foot behind the ball and of the toes."""

    ankle: Array
    ball: Array
    rear: Array
    toes: Array


def _place_foot(build: Build, pose: Pose, side: str, scale: float) -> _PlacedFoot:
    foot = pose.left_foot if side == LEFT else pose.right_foot
    sign = SIDES[side]
    flat = about_z(math.radians(sign * foot.turn))
    base = np.array([sign * foot.outward, foot.back, foot.lift])
    ball = base + flat @ np.array(build.ball)
    rear = flat @ about_x(math.radians(foot.heel))
    ankle = ball + rear @ (np.array([0, 0, build.ankle]) - np.array(build.ball))
    toes = rear if foot.lift > 0 else flat
    return _PlacedFoot(ankle * scale, ball * scale, rear, toes)


def _root_height(build: Build, pose: Pose, root: Array, feet: Mapping[str, _PlacedFoot], scale: float) -> float:
    reach = STRAIGHTEST_LEG * (build.thigh + build.shank) * scale
    turn = _pelvis_turn(pose)
    height = pose.hips * scale
    for side, sign in SIDES.items():
        offset = turn @ np.array([sign * build.hip, 0, 0]) * scale
        gap = feet[side].ankle - root - offset
        flat = math.hypot(gap[0], gap[1])
        height = min(height, float(feet[side].ankle[2] - offset[2] + math.sqrt(max(reach**2 - flat**2, 0.01))))
    return height


def _pelvis_turn(pose: Pose) -> Array:
    return about_z(math.radians(pose.pelvis_turn)) @ about_x(math.radians(pose.tilt + 0.25 * pose.lean))


def _assemble(
    build: Build,
    pose: Pose,
    rest: Mapping[str, Array],
    root: Array,
    feet: Mapping[str, _PlacedFoot],
) -> Skeleton:
    scale = build.height / REFERENCE_HEIGHT
    bend = about_x(math.radians(0.375 * pose.lean)) @ about_y(math.radians(0.5 * pose.sway))
    bend = bend @ about_z(math.radians(0.5 * pose.twist))
    neck = about_z(math.radians(0.5 * pose.look)) @ about_x(math.radians(0.5 * pose.nod))
    turns = {"pelvis": _pelvis_turn(pose)}
    origins = {"pelvis": np.array(root)}
    angles: dict[str, float] = {}
    chain = (("lumbar", "pelvis", bend), ("chest", "lumbar", bend), ("neck", "chest", neck), ("head", "neck", neck))
    for bone, parent, turn in chain:
        origins[bone] = origins[parent] + turns[parent] @ (rest[bone] - rest[parent]) * scale
        turns[bone] = turns[parent] @ turn
    for side, sign in SIDES.items():
        hip = origins["pelvis"] + turns["pelvis"] @ (rest[f"thigh_{side}"] - rest["pelvis"]) * scale
        foot = pose.left_foot if side == LEFT else pose.right_foot
        ankle, ball, rear, toes = feet[side]
        forward = rear @ np.array([0, -1.0, 0]) + turns["pelvis"] @ np.array([sign * foot.knee_out, -0.6, 0])
        knee = bend_between(hip, ankle, build.thigh * scale, build.shank * scale, forward)
        turns[f"thigh_{side}"] = hinge_frame(hip, knee, ankle, forward)
        turns[f"shank_{side}"] = hinge_frame(knee, ankle, None, turns[f"thigh_{side}"] @ np.array([0, -1.0, 0]))
        turns[f"foot_{side}"], turns[f"toes_{side}"] = rear, toes
        origins |= {f"thigh_{side}": hip, f"shank_{side}": knee, f"foot_{side}": ankle, f"toes_{side}": ball}
        angles[f"knee_{side}"] = angle_between(knee - hip, ankle - knee)
        angles[f"hip_{side}"] = angle_between(knee - hip, turns["pelvis"] @ np.array([0, 0, -1.0]))
        _pose_arm(build, pose, side, _Bones(rest, origins, turns, angles))
    return Skeleton(build, rest, origins, turns, angles)


@dataclass(frozen=True)
class _Bones:
    """A skeleton that is being posed: as in Skeleton, but each bone is added in its turn."""

    rest: Mapping[str, Array]
    origins: dict[str, Array]
    turns: dict[str, Array]
    angles: dict[str, float]


def _pose_arm(build: Build, pose: Pose, side: str, bones: _Bones) -> None:
    """Add the bones of one arm; the chest is posed."""
    rest, origins, turns, angles = bones.rest, bones.origins, bones.turns, bones.angles
    scale = build.height / REFERENCE_HEIGHT
    arm = pose.left if side == LEFT else pose.right
    mirror = np.array([SIDES[side], 1, 1])
    chest = turns["chest"]

    def world(direction: Triple) -> Array:
        return np.asarray(chest @ (np.array(direction) * mirror))

    shoulder = origins["chest"] + chest @ (rest[f"upper_arm_{side}"] - rest["chest"]) * scale
    if arm.wrist is None:
        elbow = shoulder + unit(world(arm.upper)) * build.upper_arm * scale
        wrist = elbow + unit(world(arm.fore)) * build.forearm * scale
    else:
        goal = np.array(arm.wrist) * mirror - rest[arm.anchor]
        wrist = origins[arm.anchor] + turns[arm.anchor] @ goal * scale
        away = wrist - shoulder
        reach = 0.99 * (build.upper_arm + build.forearm) * scale
        wrist = shoulder + away * min(1.0, reach / float(np.linalg.norm(away)))
        elbow = bend_between(shoulder, wrist, build.upper_arm * scale, build.forearm * scale, world(arm.upper))
    along = unit(wrist - elbow)
    fingers = along if arm.hand is None else unit(world(arm.hand))
    inward = unit(across(world(arm.palm), fingers))
    hand = bone_frame(fingers, -inward * SIDES[side])
    # The inside of the elbow faces the direction the forearm folds to; that of an almost straight arm follows the palm.
    fold = across(wrist - shoulder, elbow - shoulder)
    crease = unit(unit(fold) if np.linalg.norm(fold) > 0.06 * scale else np.cross(inward, along) * SIDES[side])
    turns[f"upper_arm_{side}"] = hinge_frame(shoulder, elbow, None, crease)
    turns[f"forearm_{side}"] = bone_frame(along, -inward * SIDES[side])
    hinge = turns[f"upper_arm_{side}"][:, 0]
    angles[f"twist_{side}"] = angle_between(across(hinge, along), turns[f"forearm_{side}"][:, 0])
    turns[f"hand_{side}"] = hand
    origins.update({f"upper_arm_{side}": shoulder, f"forearm_{side}": elbow, f"hand_{side}": wrist})
    angles[f"elbow_{side}"] = angle_between(elbow - shoulder, wrist - elbow)
    angles[f"wrist_{side}"] = angle_between(along, fingers)
