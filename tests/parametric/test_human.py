"""Built-in people: closed meshes, believable joints, feet on the floor, balance, arms outside the body."""

from functools import cache

import numpy as np
import pytest
from helpers.parametric_checks import check_closed_and_outward, check_floor_and_materials, check_same, maker, mesh_of
from scenegen.core.rng import stream, uniform
from scenegen.parametric.people import human
from scenegen.parametric.people.body import suit
from scenegen.parametric.people.poses import TEST_POSES, TRAIN_POSES
from scenegen.parametric.people.skeleton import FOREARM, SHANK, SIDES, THIGH, UPPER_ARM, Build, Pose, Skeleton, solve
from scenegen.parametric.shapes.solids import Solid
from scipy.spatial import Delaunay

POSES = TRAIN_POSES | TEST_POSES
FAMILIES = human.TRAIN_FAMILIES | human.TEST_FAMILIES
SEEDS = range(2)
made = maker(FAMILIES)
# The widest that adults reach, degrees: knees and hips in a deep squat, elbows, wrists, the forearm's turn.
LIMITS = {"knee": 155.0, "hip": 125.0, "elbow": 150.0, "wrist": 75.0, "twist": 95.0}


@cache
def posed(family: str, seed: int) -> tuple[Pose, Skeleton]:
    rng = stream(1, seed, family)
    build = Build(uniform(rng, 1.55, 1.95), float(seed % 2), uniform(rng, -1, 1))
    pose = POSES[family](rng)
    return pose, solve(build, pose)


def distance(solid: Solid, point: np.ndarray) -> float:
    x, y, z = np.asarray(point, np.float32).reshape(3, 1, 1, 1)
    return float(solid.sample(x, y, z).item())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_region_is_closed_and_outward(family: str) -> None:
    for seed in SEEDS:
        check_closed_and_outward(made(family, seed))


@pytest.mark.parametrize("family", FAMILIES)
def test_size_budget_and_floor(family: str) -> None:
    for seed in SEEDS:
        model = made(family, seed)
        assert 8_000 <= len(model.faces) <= 20_000
        check_floor_and_materials(model)
        volume = mesh_of(model).volume
        assert 0.035 < volume < 0.125, "cubic metres of an adult of 35 to 120 kg"
        soles = model.vertices[np.unique(model.faces[model.material_index == human.SOLE])]
        standing = soles[soles[:, 2] < 0.004]
        assert np.ptp(standing[:, :2], axis=0).max() > 0.18, "a whole sole on the floor"


@pytest.mark.parametrize("family", ["relaxed", "hands_on_hips", "hands_behind_back", "saluting"])
def test_upright_height_is_the_build_s(family: str) -> None:
    for seed in range(4):
        body = posed(family, seed)[1]
        top = body.frame("head").at(0, 0.02, 1.748)[2]
        assert top == pytest.approx(body.build.height, rel=0.025)


def test_people_of_both_splits_have_adult_heights_and_differ() -> None:
    train = [human._build(stream(0, n, "build"), unseen=False) for n in range(200)]
    test = [human._build(stream(0, n, "build"), unseen=True) for n in range(200)]
    assert all(1.55 <= b.height <= 1.95 for b in train + test)
    assert max(abs(b.girth) for b in train) <= 0.6 <= min(abs(b.girth) for b in test)
    assert not set(human.TRAIN_FAMILIES) & set(human.TEST_FAMILIES)
    assert len(human.TRAIN_FAMILIES) >= 10 and len(human.TEST_FAMILIES) >= 5


@pytest.mark.parametrize("family", POSES)
def test_joints_stay_within_human_limits_and_bones_keep_their_length(family: str) -> None:
    for seed in range(5):
        body = posed(family, seed)[1]
        for side in SIDES:
            for joint, limit in LIMITS.items():
                assert body.angles[f"{joint}_{side}"] <= limit, (joint, seed)
            at = body.origins
            for start, end, length in (
                (f"thigh_{side}", f"shank_{side}", THIGH),
                (f"shank_{side}", f"foot_{side}", SHANK),
                (f"upper_arm_{side}", f"forearm_{side}", UPPER_ARM),
                (f"forearm_{side}", f"hand_{side}", FOREARM),
            ):
                assert np.linalg.norm(at[end] - at[start]) == pytest.approx(length * body.scale, rel=1e-3)
        for turn in body.turns.values():
            assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-9) and np.linalg.det(turn) > 0


@pytest.mark.parametrize("family", POSES)
def test_balance(family: str) -> None:
    """The centre of mass lies over the area that the feet on the floor span."""
    for seed in range(5):
        pose, body = posed(family, seed)
        support = []
        for side, foot in (("left", pose.left_foot), ("right", pose.right_foot)):
            if foot.lift > 0:
                continue
            toes, ball, heel = body.frame(f"toes_{side}"), body.rest[f"toes_{side}"], body.rest[f"foot_{side}"]
            support += [toes.at(ball[0] + x, ball[1] + y, 0) for x in (-0.04, 0.04) for y in (0.0, -0.07)]
            if foot.heel == 0:
                support += [body.frame(f"foot_{side}").at(heel[0] + x, heel[1] + 0.05, 0) for x in (-0.03, 0.03)]
        assert Delaunay(np.array(support)[:, :2]).find_simplex(body.centre_of_mass()[:2]) >= 0


@pytest.mark.parametrize("family", POSES)
def test_arms_do_not_pass_through_the_body(family: str) -> None:
    """Forearm axes and palms stay outside the torso, and the forearms apart."""
    for seed in range(4):
        body = posed(family, seed)[1]
        torso = suit(body).torso
        axes = []
        for side in SIDES:
            elbow, wrist = body.origins[f"forearm_{side}"], body.origins[f"hand_{side}"]
            axes.append(elbow + (wrist - elbow) * np.linspace(0, 1, 16)[:, None])
            palm = wrist - body.turns[f"hand_{side}"][:, 2] * 0.09 * body.scale
            assert min(distance(torso, p) for p in (*axes[-1], palm)) > -0.025, (side, seed)
        apart = np.linalg.norm(axes[0][:, None] - axes[1][None], axis=2).min()
        assert apart > 0.05


@pytest.mark.parametrize("family", POSES)
def test_knees_stay_above_the_floor(family: str) -> None:
    for seed in range(5):
        body = posed(family, seed)[1]
        assert min(body.origins[f"shank_{side}"][2] for side in SIDES) > 0.045 * body.scale


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stream_decides_the_person(family: str) -> None:
    first = made(family, 0)
    check_same(first, FAMILIES[family](stream(0, 0, family)))
    assert not np.array_equal(first.vertices[:50], made(family, 1).vertices[:50])
