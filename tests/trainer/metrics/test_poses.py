"""Pose errors against scipy's rotations and k-d trees."""

from __future__ import annotations

import numpy as np
import pytest
from scenetrain.metrics.poses import pose_errors
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

SIGNS = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])


def boxes(centres: np.ndarray, turns: Rotation, sizes: np.ndarray) -> np.ndarray:
    return np.stack([turn.apply(SIGNS * size) + at for at, turn, size in zip(centres, turns, sizes, strict=True)])


def test_errors_are_scipy_s() -> None:
    random = np.random.default_rng(0)
    centres, sizes = random.normal(size=(2, 30, 3)), random.uniform(0.5, 3, (30, 3))
    true = Rotation.random(30, rng=random)
    # from a quarter of a degree to half a turn
    found = true * Rotation.from_rotvec(np.linspace(0.004, np.pi, 30)[:, None] * [[0.6, 0.0, 0.8]])
    ours, theirs = boxes(centres[0], found, sizes), boxes(centres[1], true, sizes)
    errors = pose_errors(ours, theirs, found.as_matrix(), true.as_matrix())
    np.testing.assert_allclose(errors.rotation, np.degrees((true.inv() * found).magnitude()), atol=1e-6)
    np.testing.assert_allclose(errors.translation, np.linalg.norm(centres[0] - centres[1], axis=1))
    for n in range(30):
        assert errors.add[n] == pytest.approx(np.sqrt(((ours[n] - theirs[n]) ** 2).sum(1)).mean())
        assert errors.add_s[n] == pytest.approx(cKDTree(ours[n]).query(theirs[n])[0].mean())
    assert (errors.add_s <= errors.add + 1e-12).all() and (errors.add_s < errors.add - 0.1).any()


def test_a_box_turned_by_half_a_turn_is_right_for_add_s_alone() -> None:
    turn = Rotation.from_euler("z", 180, degrees=True)
    size, at = np.array([[2.0, 1.0, 1.5]]), np.array([[1.0, 2.0, 6.0]])
    true = Rotation.identity(1)
    found = true * turn
    errors = pose_errors(boxes(at, found, size), boxes(at, true, size), found.as_matrix(), true.as_matrix())
    assert errors.rotation[0] == pytest.approx(180) and errors.add[0] == pytest.approx(np.sqrt(5))
    assert errors.add_s[0] == pytest.approx(0, abs=1e-12) and errors.translation[0] == pytest.approx(0, abs=1e-12)
