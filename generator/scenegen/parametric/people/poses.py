"""Poses of people, each drawn with some variation; `skeleton.Pose` explains the numbers."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from scenegen.core.rng import choose, uniform
from scenegen.parametric.people.skeleton import Arm, Foot, Pose

Poser = Callable[[random.Random], Pose]


def _hanging(rng: random.Random, swing: float = 0.0) -> Arm:
    """An arm at the side; `swing` moves it forward."""
    out = uniform(rng, 0.16, 0.24)
    return Arm(
        upper=(out, 0.04 - swing, -1.0),
        fore=(out - 0.08, -uniform(rng, 0.18, 0.32) - 1.3 * max(swing, 0), -1.0),
        palm=(-1.0, uniform(rng, 0.15, 0.5), 0.0),
    )


def _stance(rng: random.Random, pose: Pose) -> Pose:
    """Feet side by side, the weight on both; head and trunk vary."""
    apart = uniform(rng, 0.08, 0.14)
    return replace(
        pose,
        left_foot=Foot(apart, uniform(rng, -0.03, 0.03), uniform(rng, 6, 16)),
        right_foot=Foot(apart, uniform(rng, -0.03, 0.03), uniform(rng, 6, 16)),
        weight_left=uniform(rng, 0.4, 0.6),
        look=pose.look + uniform(rng, -18, 18),
        nod=pose.nod + uniform(rng, -4, 6),
        lean=pose.lean + uniform(rng, 0, 4),
    )


def relaxed(rng: random.Random) -> Pose:
    """Standing, arms at the sides, sometimes with one leg relaxed."""
    pose = _stance(rng, Pose(left=_hanging(rng), right=_hanging(rng), twist=uniform(rng, -6, 6)))
    if rng.random() < 0.5:
        ease = Foot(0.15, -uniform(rng, 0.06, 0.14), uniform(rng, 18, 28))
        return replace(pose, left_foot=ease, weight_left=0.3, sway=3)
    return pose


def walking(rng: random.Random) -> Pose:
    """A stride: left foot ahead flat, right heel rising, arms swinging against the legs."""
    stride = uniform(rng, 0.20, 0.30)
    return Pose(
        left=_hanging(rng, -0.42),
        right=_hanging(rng, uniform(rng, 0.32, 0.5)),
        left_foot=Foot(0.07, -stride, 5),
        right_foot=Foot(0.07, stride, 4, heel=uniform(rng, 28, 40)),
        weight_left=0.6,
        lean=uniform(rng, 2, 6),
        twist=uniform(rng, -14, -8),
        pelvis_turn=6,
        look=uniform(rng, -10, 10),
        hips=0.895,
    )


def arms_crossed(rng: random.Random) -> Pose:
    """Arms crossed over the chest."""
    up = uniform(rng, -0.01, 0.02)
    over = Arm((0.9, -0.2, -0.7), wrist=(-0.060, -0.250, 1.225 + up), palm=(0.0, 1.0, -0.1), hand=(-1.0, 0.25, 0.25))
    under = Arm((0.9, -0.1, -0.7), wrist=(-0.045, -0.178, 1.145 + up), palm=(0.0, 1.0, 0.0), hand=(-1.0, 0.10, 0.20))
    left, right = (over, under) if rng.random() < 0.5 else (under, over)
    return _stance(rng, Pose(left=left, right=right, lean=-1))


def hands_on_hips(rng: random.Random) -> Pose:
    """Elbows out, hands on the hip bones."""
    y = uniform(rng, -0.01, 0.02)
    arm = Arm(
        (1.0, 0.45, 0.1), wrist=(0.205, y, 1.035), anchor="pelvis", palm=(-1, -0.1, -0.4), hand=(-0.45, -0.8, -0.5)
    )
    return _stance(rng, Pose(left=replace(arm, fingers="relaxed"), right=arm, lean=-2))


def waving(rng: random.Random) -> Pose:
    """One hand raised beside the head, palm forward."""
    wave = Arm(
        upper=(0.92, -0.35, uniform(rng, -0.35, 0.05)),
        fore=(uniform(rng, 0.05, 0.40), -0.30, 1.0),
        palm=(-0.15, -1.0, 0.1),
        fingers="flat",
    )
    return _stance(rng, _on_a_side(rng, Pose(left=_hanging(rng), right=wave, sway=2)))


def pointing(rng: random.Random) -> Pose:
    """An arm out ahead, the forefinger straight."""
    out = uniform(rng, 0.0, 0.55)
    rise = uniform(rng, -0.15, 0.15)
    arm = Arm((out + 0.15, -1.0, rise - 0.12), (out, -1.0, rise + 0.02), palm=(-0.5, 0.1, -1.0), fingers="point")
    return _stance(rng, _on_a_side(rng, Pose(left=_hanging(rng), right=arm, twist=uniform(rng, 0, 10))))


def reaching_up(rng: random.Random) -> Pose:
    """One or both arms toward a high shelf, looking up."""
    arm = Arm((0.18, -0.55, 1.0), (0.04, -0.40, 1.0), palm=(0.0, -1.0, 0.3), fingers="relaxed")
    other = replace(arm, upper=(0.24, -0.75, 0.85)) if rng.random() < 0.5 else _hanging(rng)
    pose = _stance(rng, Pose(left=other, right=arm, nod=-uniform(rng, 14, 26), lean=-3))
    return replace(_on_a_side(rng, pose), lean=-uniform(rng, 1, 5))


def crouching(rng: random.Random) -> Pose:
    """Squatting, forearms on the thighs, one heel up."""
    low = uniform(rng, 0.36, 0.44)
    rest = Arm((0.25, -0.85, -0.9), (-0.20, -1.0, -0.10), palm=(-0.5, 0.1, -1.0))
    return Pose(
        left=rest,
        right=replace(rest, fore=(-0.35, -1.0, 0.0)),
        left_foot=Foot(0.13, -0.14, 14, knee_out=0.25),
        right_foot=Foot(0.13, 0.13, 10, heel=uniform(rng, 38, 48), knee_out=0.25),
        weight_left=0.5,
        hips=low,
        lean=uniform(rng, 22, 32),
        nod=-uniform(rng, 4, 16),
        look=uniform(rng, -15, 15),
    )


def lunging(rng: random.Random) -> Pose:
    """A deep step forward, the rear heel up."""
    step = uniform(rng, 0.36, 0.44)
    return Pose(
        left=Arm((0.35, 0.45, -1.0), (0.05, -1.0, -0.35), fingers="fist", palm=(-1.0, 0.0, 0.2)),
        right=Arm((0.25, -0.60, -1.0), (-0.1, -1.0, 0.55), fingers="fist", palm=(-1.0, 0.2, 0.0)),
        left_foot=Foot(0.10, -step, 6),
        right_foot=Foot(0.10, step, 4, heel=uniform(rng, 48, 58)),
        weight_left=0.58,
        hips=uniform(rng, 0.60, 0.68),
        lean=uniform(rng, 4, 14),
        look=uniform(rng, -8, 8),
    )


def looking_at_phone(rng: random.Random) -> Pose:
    """A telephone in front of the chest, head bent over it."""
    z = uniform(rng, 1.18, 1.26)
    arm = Arm(
        (0.55, 0.15, -1.0), wrist=(0.09, -0.29, z), palm=(-0.25, 0.85, 0.35), hand=(-0.15, -0.55, 0.85), fingers="grip"
    )
    other = replace(
        arm, wrist=(0.03, -0.26, z - 0.06), palm=(-0.6, 0.3, 0.6), hand=(-0.35, -0.8, 0.5), fingers="relaxed"
    )
    both = rng.random() < 0.35
    pose = _stance(rng, Pose(left=other if both else _hanging(rng), right=arm, phone="right"))
    return replace(pose, nod=uniform(rng, 22, 32), look=-6, lean=3)


def hand_on_chest(rng: random.Random) -> Pose:
    """One palm on the breastbone, the other arm down."""
    z = uniform(rng, 1.27, 1.31)
    arm = Arm((0.8, 0.1, -0.8), wrist=(0.085, -0.150, z), palm=(0.15, 1.0, -0.2), hand=(-1.0, -0.02, 0.25))
    return _stance(rng, _on_a_side(rng, Pose(left=_hanging(rng), right=arm)))


def talking(rng: random.Random) -> Pose:
    """Both hands in front of the body, palms up and inward, explaining."""
    lift = uniform(rng, -0.35, 0.25)
    left = Arm((0.28, -0.10, -1.0), (0.25, -1.0, lift), palm=(-0.7, 0.0, 0.8))
    right = Arm((0.28, -0.15, -1.0), (0.10, -1.0, lift + uniform(rng, -0.2, 0.3)), palm=(-0.8, 0.0, 0.6))
    return _stance(rng, Pose(left=left, right=right, look=uniform(rng, -12, 12)))


def thinking(rng: random.Random) -> Pose:
    """A hand at the chin, the other arm across the waist."""
    chin = Arm(
        (0.45, -0.35, -1.0),
        wrist=(0.048, -0.160, 1.428),
        palm=(-0.3, 0.9, 0.2),
        hand=(-0.35, 0.15, 1.0),
        fingers="fist",
    )
    waist = Arm((0.9, -0.2, -0.7), wrist=(-0.08, -0.205, 1.125), palm=(0.0, 1.0, -0.1), hand=(-1.0, 0.1, 0.1))
    return _stance(rng, _on_a_side(rng, Pose(left=waist, right=chin, nod=8)))


def hands_behind_back(rng: random.Random) -> Pose:
    """Hands joined at the small of the back."""
    left = Arm((0.9, 0.5, -0.3), wrist=(0.075, 0.155, 1.02), palm=(0.2, 1.0, 0.0), hand=(-0.8, 0.05, -0.6))
    right = replace(left, wrist=(0.070, 0.195, 1.00), palm=(0.2, 1.0, 0.1))
    return _stance(rng, Pose(left=left, right=right, lean=-2))


def kneeling(rng: random.Random) -> Pose:
    """On one knee, the forward foot flat, an arm on its thigh."""
    arm = Arm((0.30, -0.55, -1.0), (-0.15, -1.0, -0.25), palm=(-0.4, 0.1, -1.0))
    return Pose(
        left=arm,
        right=_hanging(rng, 0.1),
        left_foot=Foot(0.11, -0.30, 8),
        right_foot=Foot(0.09, 0.36, 2, heel=76),
        weight_left=0.5,
        hips=uniform(rng, 0.412, 0.417),
        lean=uniform(rng, 4, 14),
        nod=uniform(rng, -6, 10),
        look=uniform(rng, -15, 15),
    )


def knee_raised(rng: random.Random) -> Pose:
    """Balance on the left leg, the right knee lifted, arms out."""
    out = Arm(
        (1.0, -0.15, uniform(rng, -0.35, 0.05)),
        (1.0, -0.35, uniform(rng, -0.1, 0.2)),
        palm=(0.1, 0.0, -1.0),
        fingers="flat",
    )
    return Pose(
        left=out,
        right=out,
        left_foot=Foot(0.05, 0.0, 6),
        right_foot=Foot(0.09, -uniform(rng, 0.10, 0.18), 4, heel=uniform(rng, 12, 26), lift=uniform(rng, 0.34, 0.44)),
        weight_left=1.0,
        sway=2,
        look=uniform(rng, -10, 10),
    )


def stretching(rng: random.Random) -> Pose:
    """A side bend, one arm over the head."""
    over = Arm((0.25, -0.20, 1.0), (-0.55, -0.15, 1.0), palm=(-0.8, 0.0, -0.6), fingers="flat")
    hip = Arm(
        (1.0, 0.4, 0.1), wrist=(0.205, 0.0, 1.03), anchor="pelvis", palm=(-1, -0.1, -0.4), hand=(-0.45, -0.8, -0.5)
    )
    return Pose(
        left=hip,
        right=over,
        left_foot=Foot(0.20, 0.0, 14),
        right_foot=Foot(0.20, 0.0, 14),
        sway=uniform(rng, 16, 26),
        look=uniform(rng, -8, 8),
    )


def bowing(rng: random.Random) -> Pose:
    """Bent forward from the hips, hands reaching down."""
    low = Arm((0.20, -0.95, -1.0), (0.02, -1.0, -1.0), palm=(-1.0, 0.1, 0.0))
    return Pose(
        left=low,
        right=replace(low, fore=(0.05, -0.85, -1.0)),
        left_foot=Foot(0.13, -0.05, 10),
        right_foot=Foot(0.13, 0.05, 10),
        hips=uniform(rng, 0.84, 0.88),
        tilt=uniform(rng, 16, 24),
        lean=uniform(rng, 34, 46),
        nod=-uniform(rng, 10, 22),
    )


def saluting(rng: random.Random) -> Pose:
    """Fingers at the brow, heels together."""
    arm = Arm(
        (1.0, -0.25, 0.0),
        wrist=(0.155, -0.115, 1.580),
        palm=(-0.15, -0.35, -1.0),
        hand=(-0.75, 0.05, 0.62),
        fingers="flat",
    )
    heels = Foot(0.075, 0.0, uniform(rng, 18, 26))
    return Pose(left=_hanging(rng), right=arm, left_foot=heels, right_foot=heels, look=uniform(rng, -6, 6))


def running(rng: random.Random) -> Pose:
    """A runner in the start: one foot flat and far ahead, elbows bent."""
    return Pose(
        left=Arm((0.22, 0.85, -1.0), (0.05, -1.0, -0.5), fingers="fist"),
        right=Arm((0.22, -0.65, -1.0), (-0.2, -1.0, 0.6), fingers="fist"),
        left_foot=Foot(0.06, -0.22, 3),
        right_foot=Foot(0.07, 0.52, 3, heel=uniform(rng, 55, 66)),
        weight_left=0.75,
        hips=uniform(rng, 0.76, 0.82),
        lean=uniform(rng, 18, 28),
        nod=-14,
        twist=-10,
    )


def _on_a_side(rng: random.Random, pose: Pose) -> Pose:
    """The pose, or its mirror image."""
    if choose(rng, (False, True)):
        return replace(
            pose,
            left=pose.right,
            right=pose.left,
            left_foot=pose.right_foot,
            right_foot=pose.left_foot,
            weight_left=1 - pose.weight_left,
            sway=-pose.sway,
            twist=-pose.twist,
            look=-pose.look,
        )
    return pose


TRAIN_POSES: dict[str, Poser] = {
    pose.__name__: pose
    for pose in (
        relaxed,
        walking,
        arms_crossed,
        hands_on_hips,
        waving,
        pointing,
        reaching_up,
        crouching,
        lunging,
        looking_at_phone,
        hand_on_chest,
        talking,
    )
}
TEST_POSES: dict[str, Poser] = {
    pose.__name__: pose
    for pose in (thinking, hands_behind_back, kneeling, knee_raised, stretching, bowing, saluting, running)
}
