"""Built-in bags: closed parts that hold together, upright, in believable sizes."""

import numpy as np
import pytest
import trimesh
from helpers.parametric_checks import check_closed_and_outward, check_floor_and_materials, check_same, maker, mesh_of
from scenegen.core.rng import stream
from scenegen.parametric.furniture import bag
from scenegen.parametric.furniture.bag_pieces import reach, standing
from scenegen.parametric.shapes.solids import ball, cut, ellipsoid, polygonise, round_cone, rounded_box, union

FAMILIES = bag.TRAIN_FAMILIES | bag.TEST_FAMILIES
SEEDS = range(4)
made = maker(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_part_is_closed_and_outward(family: str) -> None:
    for seed in SEEDS:
        check_closed_and_outward(made(family, seed))


@pytest.mark.parametrize("family", FAMILIES)
def test_size_budget_and_floor(family: str) -> None:
    for seed in SEEDS:
        model = made(family, seed)
        width, depth, height = np.ptp(model.vertices, axis=0)
        assert 0.2 <= width <= 0.60
        assert 0.09 <= depth <= 0.42
        assert 0.25 <= height <= (0.70 if family == "suitcase" else 0.58), height
        check_floor_and_materials(model)
        assert 1_000 <= len(model.faces) <= 12_000


@pytest.mark.parametrize("family", FAMILIES)
def test_stands_upright(family: str) -> None:
    """The centre of mass is over what touches the floor."""
    for seed in SEEDS:
        mesh = mesh_of(made(family, seed))
        base = mesh.vertices[mesh.vertices[:, 2] < 0.01][:, :2]
        low, high = base.min(axis=0), base.max(axis=0)
        assert (low < mesh.center_mass[:2]).all() and (mesh.center_mass[:2] < high).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_floats(family: str) -> None:
    """From the floor every solid is reached by going from one solid to another whose box it touches."""
    for seed in SEEDS:
        boxes = np.array([s.bounds for s in mesh_of(made(family, seed)).split(only_watertight=False)])
        low, high = boxes.transpose(1, 0, 2)
        touches = (low[:, None] <= high[None] + 1e-4).all(axis=2)
        touches &= touches.T
        reached = low[:, 2] < 2e-3
        for _ in boxes:
            reached = touches[reached].any(axis=0)
        assert reached.all(), boxes[~reached]


def test_backpacks_wear_their_straps_behind() -> None:
    model = made("backpack", 0)
    body = max(mesh_of(model).split(), key=lambda s: s.volume)
    behind = model.vertices[model.vertices[:, 1] > body.bounds[1, 1] + 0.03]
    assert (behind[:, 0] > 0.02).any() and (behind[:, 0] < -0.02).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stream_decides_the_model(family: str) -> None:
    first = made(family, 0)
    check_same(first, FAMILIES[family](stream(0, 0, family)))
    assert np.ptp(first.vertices, axis=0).tolist() != np.ptp(made(family, 1).vertices, axis=0).tolist()


def test_splits_are_apart() -> None:
    assert not set(bag.TRAIN_FAMILIES) & set(bag.TEST_FAMILIES)
    assert len(bag.TRAIN_FAMILIES) >= 6 and len(bag.TEST_FAMILIES) >= 3


@pytest.mark.parametrize(
    ("solid", "volume"),
    [
        (ball((0.1, 0, 0.2), 0.1), 4 / 3 * np.pi * 0.1**3),
        (ellipsoid((0, 0, 0), (0.1, 0.15, 0.2)), 4 / 3 * np.pi * 0.1 * 0.15 * 0.2),
        (round_cone((0, 0, 0), (0, 0, 0.3), 0.08, 0.08), np.pi * 0.08**2 * 0.3 + 4 / 3 * np.pi * 0.08**3),
        (rounded_box((0, 0, 0), (0.1, 0.1, 0.1), 0.0), 0.2**3),
        (cut(ball((0, 0, 0), 0.1), (0, 0, 0), (0, 0, 1)), 2 / 3 * np.pi * 0.1**3),
        (union([ball((-0.2, 0, 0), 0.1), ball((0.2, 0, 0), 0.1)], 0.05), 8 / 3 * np.pi * 0.1**3),
    ],
)
def test_solids_have_their_volume(solid: object, volume: float) -> None:
    mesh = trimesh.Trimesh(*polygonise(solid, 0.006, 3000), process=False)  # type: ignore[arg-type]
    assert mesh.is_watertight
    assert mesh.volume == pytest.approx(volume, rel=0.02)


def test_a_fillet_adds_and_a_rotation_keeps() -> None:
    pair = [ball((-0.08, 0, 0), 0.1), ball((0.08, 0, 0), 0.1)]
    sharp, filled = (trimesh.Trimesh(*polygonise(union(pair, k), 0.006, 4000), process=False) for k in (0.0, 0.06))
    assert filled.volume > 1.02 * sharp.volume
    turn = trimesh.transformations.rotation_matrix(0.7, (1, 2, 3))[:3, :3]
    tilted = trimesh.Trimesh(*polygonise(ellipsoid((0, 0, 0), (0.05, 0.1, 0.2), turn), 0.006, 4000), process=False)
    own = tilted.vertices @ turn
    assert np.abs((own / (0.05, 0.1, 0.2)) ** 2).sum(axis=1) == pytest.approx(1.0, abs=0.06)


def test_reach_stops_on_the_surface() -> None:
    body = standing((0, 0, 0.2), (0.15, 0.1, 0.2), 6.0)
    assert reach(body, (0, 0, 0.2), (0, -1, 0)) == pytest.approx((0, -0.1, 0.2), abs=1e-3)
