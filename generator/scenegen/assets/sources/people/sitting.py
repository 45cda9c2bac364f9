"""Further poses of people: sitting on a stool, and reaching over a table."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from scenegen.assets.sources.people.body import Floats
from scenegen.core.asset_library import Material
from scenegen.core.rng import choose, uniform
from scenegen.parametric.people.poses import TEST_POSES, TRAIN_POSES, Poser
from scenegen.parametric.people.skeleton import Arm, Foot, Pose
from scenegen.parametric.shapes.shapes import Part, beam, cylinder


def sitting(rng: random.Random) -> Pose:
    """Upright on a stool, hands on the thighs."""
    arm = Arm(
        (0.5, 0.5, -1.0), wrist=(0.135, -0.25, 1.04), anchor="pelvis", palm=(0.0, 0.0, -1.0), hand=(-0.15, -1.0, -0.1)
    )
    return _seated(rng, Pose(left=arm, right=arm, lean=uniform(rng, 2, 8)))


def sitting_with_phone(rng: random.Random) -> Pose:
    """On a stool, a telephone in front of the chest, the other hand on the thigh."""
    z = uniform(rng, 1.16, 1.22)
    holds = Arm(
        (0.55, 0.15, -1.0), wrist=(0.09, -0.28, z), palm=(-0.25, 0.85, 0.35), hand=(-0.15, -0.55, 0.85), fingers="grip"
    )
    rests = Arm(
        (0.5, 0.5, -1.0), wrist=(0.135, -0.24, 1.04), anchor="pelvis", palm=(0.0, 0.0, -1.0), hand=(-0.2, -1.0, -0.1)
    )
    pose = _seated(rng, Pose(left=rests, right=holds, phone="right", lean=6))
    return replace(pose, nod=uniform(rng, 18, 26), look=-6)


def sitting_talking(rng: random.Random) -> Pose:
    """On a stool, leaning a little forward, both hands in front of the body."""
    left = Arm((0.28, -0.10, -1.0), (0.20, -1.0, uniform(rng, -0.1, 0.3)), palm=(-0.7, 0.0, 0.8))
    right = Arm((0.28, -0.15, -1.0), (0.08, -1.0, uniform(rng, -0.1, 0.4)), palm=(-0.8, 0.0, 0.6))
    return _seated(rng, Pose(left=left, right=right, lean=uniform(rng, 6, 14)))


def sitting_bent_forward(rng: random.Random) -> Pose:
    """On a stool, forearms on the thighs, hands between the knees."""
    arm = Arm((0.22, -0.62, -1.0), (-0.32, -1.0, -0.42), palm=(-1.0, 0.1, -0.2))
    return replace(
        _seated(rng, Pose(left=arm, right=replace(arm, fore=(-0.34, -1.0, -0.34)), lean=uniform(rng, 32, 40))),
        nod=-uniform(rng, 6, 16),
    )


def reaching_forward(rng: random.Random) -> Pose:
    """One arm stretched out at table height, the body leaning after it."""
    arm = Arm((0.12, -1.0, -uniform(rng, 0.3, 0.6)), (0.0, -1.0, -0.15), palm=(-0.6, 0.1, -1.0))
    other = Arm((0.22, 0.12, -1.0), (0.12, -0.30, -1.0), palm=(-1.0, 0.3, 0.0))
    right = rng.random() < 0.5
    return Pose(
        left=other if right else arm,
        right=arm if right else other,
        left_foot=Foot(0.10, 0.10 if right else -0.12, 10),
        right_foot=Foot(0.10, -0.12 if right else 0.10, 10),
        lean=uniform(rng, 12, 20),
        nod=uniform(rng, 2, 10),
        twist=(1 if right else -1) * uniform(rng, 6, 14),
    )


def _seated(rng: random.Random, pose: Pose) -> Pose:
    """Hips on a stool, knees apart and bent, feet flat."""
    return replace(
        pose,
        seat=uniform(rng, 0.40, 0.44),
        hips=uniform(rng, 0.53, 0.56),
        tilt=-4.0,
        left_foot=Foot(uniform(rng, 0.13, 0.17), uniform(rng, -0.06, 0.04), uniform(rng, 4, 12)),
        right_foot=Foot(uniform(rng, 0.13, 0.17), uniform(rng, -0.06, 0.04), uniform(rng, 4, 12)),
        look=pose.look + uniform(rng, -18, 18),
    )


POSES: dict[str, dict[str, Poser]] = {
    "train": TRAIN_POSES | {pose.__name__: pose for pose in (sitting, sitting_with_phone, reaching_forward)},
    "test": TEST_POSES | {pose.__name__: pose for pose in (sitting_talking, sitting_bent_forward)},
}


def stool(rng: random.Random, hips: Floats, height: float, top: int, legs: int) -> list[Part]:
    """A stool below the `hips` (3,), its seat at `height` metres; `top` and `legs` are material indices."""
    thick = 0.045
    x, y = float(hips[0]), float(hips[1]) - 0.06
    if choose(rng, ("round", "square")) == "round":
        seat = cylinder(0.20, thick, bevel=0.012).moved(x, y, height - thick)
    else:
        seat = beam((x - 0.20, y - 0.19, height - thick), (x + 0.20, y + 0.19, height), 0.012)
    parts = [seat.of(top)]
    for a in (-0.13, 0.13):
        for b in (-0.13, 0.13):
            parts.append(cylinder(0.016, height - thick + 0.005).moved(x + a, y + b, 0.0).of(legs))
    for a in (-0.13, 0.13):
        parts.append(beam((x - 0.13, y + a - 0.010, 0.15), (x + 0.13, y + a + 0.010, 0.17), 0.003).of(legs))
        parts.append(beam((x + a - 0.010, y - 0.13, 0.20), (x + a + 0.010, y + 0.13, 0.22), 0.003).of(legs))
    return parts


def stool_materials(rng: random.Random) -> tuple[Material, Material]:
    """The materials of seat and legs."""
    wood = choose(rng, ((0.35, 0.20, 0.09), (0.52, 0.36, 0.20), (0.12, 0.07, 0.04), (0.05, 0.05, 0.055)))
    legs = choose(rng, (wood, (0.02, 0.02, 0.022), (0.45, 0.45, 0.46)))
    return Material("stool", base_color=wood, roughness=0.5), Material("stool legs", base_color=legs, roughness=0.45)


def seat_height(points: Floats, hips: Floats) -> float:
    """The height of a seat that touches the underside of points (N, 3) of pelvis and thighs, pressed in a little."""
    under = np.linalg.norm((points - hips)[:, :2] - (0.0, -0.03), axis=1) < 0.16
    return float(np.percentile(points[under, 2], 2)) + 0.012
