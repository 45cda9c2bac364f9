"""Rays through a box grid against small steps along them, and RayIoU of a room that is known."""

from __future__ import annotations

import numpy as np
import pytest
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec
from scenegen.metrics.box_rays import BoxRays, camera_rays, first_cells_of_rays, one_class

GRID = GridSpec((-1.0, -1.5, 0.0), 0.25, (8, 12, 6))
FRUSTUM = FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0)


def look(eye: tuple[float, float, float], at: tuple[float, float, float]) -> Camera:
    """A camera at `eye` that looks at a place, level."""
    forward = np.array(at) - np.array(eye)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, -turn @ np.array(eye)
    K = ((90.0, 0.0, 60.0), (0.0, 80.0, 40.0), (0.0, 0.0, 1.0))
    return Camera("camera", 120, 80, K, tuple(map(tuple, pose.tolist())), FRUSTUM)  # type: ignore[arg-type]


CAMERAS = [look((-3.0, 0.4, 1.1), (0, 0, 0.6)), look((0.1, 0.1, 0.7), (1, 1, 0.4)), look((2.0, 3.0, 2.5), (0, 0, 0))]


def test_directions_meet_the_pixels_that_they_are_of() -> None:
    eye, directions = camera_rays(CAMERAS[0], 4)
    assert eye == pytest.approx((-3.0, 0.4, 1.1))
    pose, K = np.array(CAMERAS[0].world_to_camera), np.array(CAMERAS[0].K)
    shown = (eye + 2.7 * directions) @ pose[:3, :3].T + pose[:3, 3]
    pixels = shown @ K.T / shown[:, 2:]
    assert pixels[:, :2].reshape(4, 4, 2)[1, 2] == pytest.approx((75.0, 30.0))
    assert pixels[-1, :2] == pytest.approx((105.0, 70.0))


@pytest.mark.parametrize("number", range(3))
def test_first_cells_are_those_of_small_steps(number: int) -> None:
    """From outside, from inside and from above a corner."""
    random = np.random.default_rng(number)
    labels = (random.integers(1, 5, GRID.shape) * (random.random(GRID.shape) < 0.06)).astype(np.uint8)
    eye, directions = camera_rays(CAMERAS[number], 24)
    found, metres = first_cells_of_rays(labels, GRID, eye, directions)
    steps = np.arange(0.0, 6.0, 0.002)
    points = eye + steps[None, :, None] * directions[:, None]
    cells = np.floor((points - np.array(GRID.origin)) / GRID.voxel_size).astype(int)
    inside = ((cells >= 0) & (cells < GRID.shape)).all(-1)
    met = np.where(inside, labels[tuple(np.moveaxis(np.where(inside[..., None], cells, 0), -1, 0))], 0)
    first = (met > 0).argmax(1)
    there = (met > 0).any(1)
    expected = met[np.arange(len(met)), first]
    # a step may jump over a corner that the ray just touches
    same = found == expected
    assert same.mean() > 0.995 and there.mean() > 0.1 and not there.all()
    assert np.isnan(metres[found == 0]).all()
    both = same & there
    assert np.abs(metres[both] - steps[first[both]]).max() < 0.003


def test_rays_along_the_axes_stop_at_the_wall() -> None:
    """Directions with zeros, the corner case of the walk."""
    labels = np.zeros(GRID.shape, np.uint8)
    labels[7] = 3
    eye = np.array([-2.0, 0.1, 0.3])
    directions = np.array([[1.0, 0, 0], [0, 1.0, 0], [-1.0, 0, 0], [0, 0, 1.0]])
    found, metres = first_cells_of_rays(labels, GRID, eye, directions)
    assert found.tolist() == [3, 0, 0, 0]
    assert metres[0] == pytest.approx(2.75)


def test_a_cell_of_two_classes_is_of_the_predicted_one() -> None:
    bits = np.array([0b0110, 0b0110, 0b0110, 0, 0b1000], np.uint8)
    assert one_class(bits, np.array([3, 2, 1, 1, 0], np.uint8)).tolist() == [3, 2, 2, 0, 4]


def test_a_wall_that_stands_too_far_back_counts_from_its_distance_on() -> None:
    """A wall of class 0 at x = 0 and a prediction 1.5 m behind it: a miss within 1 m, a hit within 4 m."""
    grid = GridSpec((-2.0, -4.0, -4.0), 0.5, (8, 16, 16))
    truth, mine, constant = (np.zeros(grid.shape, np.uint8) for _ in range(3))
    truth[4], mine[7] = 0b01, 1
    camera = look((-2.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    rays = BoxRays(("wall", "floor"), constant)
    rays.count([camera], grid, truth, mine)
    at_1, _, at_4 = (ious[0] for ious in rays.rays.ious())
    assert at_1 == 0 and at_4 == 1
    table = rays.table()
    assert [row.name for row in table.rows] == ["wall", "floor", "mean of classes"]
    assert table.rows[1].values[0] is None and table.rows[0].values[-1] == 0
