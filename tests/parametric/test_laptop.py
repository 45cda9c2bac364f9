"""Built-in laptops: closed parts, size, and a screen that the user at -Y sees."""

import numpy as np
import pytest
from helpers.parametric_checks import check_closed_and_outward, check_floor_and_materials, check_same, maker, mesh_of
from scenegen.core.rng import stream
from scenegen.parametric.furniture import laptop
from scenegen.parametric.furniture.laptop_screen import SCREEN_COLORS

FAMILIES = laptop.TRAIN_FAMILIES | laptop.TEST_FAMILIES
SEEDS = range(6)
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
        assert 0.27 <= width <= 0.41
        assert 0.15 <= depth <= 0.46
        assert 0.14 <= height <= 0.32
        check_floor_and_materials(model)
        assert 1_000 <= len(model.faces) <= 12_000
        assert len(model.materials) == laptop.FIRST_SCREEN + SCREEN_COLORS


@pytest.mark.parametrize("family", FAMILIES)
def test_screen_faces_the_user(family: str) -> None:
    """What looks out of the lid is the picture: large, and turned toward -Y."""
    for seed in SEEDS:
        model = made(family, seed)
        mesh = mesh_of(model)
        lit = model.material_index >= laptop.FIRST_SCREEN
        facing = lit & (mesh.face_normals[:, 1] < -0.6)
        assert mesh.area_faces[facing].sum() > 0.4 * mesh.area_faces[lit].sum()
        assert mesh.area_faces[facing].sum() > 0.018
        middle = mesh.triangles_center[facing].mean(axis=0)
        eye = middle + np.array([0.0, -0.6, 0.25])
        hit = mesh.ray.intersects_first([eye], [middle - eye])
        assert lit[hit].all(), "nothing stands between the user and the screen"


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"tent"}))
def test_keyboard_lies_in_front_of_the_screen(family: str) -> None:
    model = made(family, 0)
    centers = mesh_of(model).triangles_center
    keys = centers[model.material_index == laptop.KEYS]
    screen = centers[model.material_index >= laptop.FIRST_SCREEN]
    assert np.median(keys[:, 1]) < np.median(screen[:, 1]) - 0.05
    assert np.median(keys[:, 2]) < 0.045 < np.median(screen[:, 2])
    assert len(keys) > 60 * 16, "a whole keyboard of separate keys"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_stream_decides_the_model(family: str) -> None:
    first = made(family, 0)
    check_same(first, FAMILIES[family](stream(0, 0, family)))
    assert np.ptp(first.vertices, axis=0).tolist() != np.ptp(made(family, 1).vertices, axis=0).tolist()


def test_splits_are_apart() -> None:
    assert not set(laptop.TRAIN_FAMILIES) & set(laptop.TEST_FAMILIES)
    assert len(laptop.TRAIN_FAMILIES) >= 4 and len(laptop.TEST_FAMILIES) >= 3
