"""Images of frusta: a box at a known place is drawn on the right pixels and at the right metres."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scenegen import FrustumGrid, voxelize
from scenegen.core.dataset.reading import Dataset
from scenegen.core.labels.grids import affine, frustum_grid, to_grid_space
from scenegen.core.labels.object_poses import objects_in_view
from scenegen.core.scene.classes import class_color
from scenegen.core.scene.scene import Camera, FrustumSpec
from scenetrain.report.frusta import contours, draw_from_above, draw_from_camera, first_cells, lay_plan
from scenetrain.report.frustum_sheets import (
    GAP,
    HEAD_HEIGHT,
    PANEL,
    SMALL,
    Frustum,
    comparison_sheet,
    photograph_sheet,
)
from scenetrain.report.poses import AXES, SeenPose, draw_poses, project, true_poses
from trimesh.creation import box

RED, GREEN = (255, 0, 0), (0, 255, 0)
SIZE = 320
NAMES = ("car", "tree")


def camera(width: int = 320, height: int = 240, hfov_deg: float = 60.0) -> Camera:
    """Not square, its principal point beside the middle: what a drawing must not take for granted."""
    focal = width / 2 / math.tan(math.radians(hfov_deg) / 2)
    K = ((focal, 0.0, width / 2 + 10), (0.0, 1.1 * focal, height / 2 - 6), (0.0, 0.0, 1.0))
    pose = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    return Camera("c", width, height, K, pose, FrustumSpec(2.0, 12.0, (80, 60, 100), hfov_deg))


def with_box(grid: FrustumGrid, low: tuple[float, ...], high: tuple[float, ...], label: int) -> NDArray[np.uint8]:
    """The labels of one box, its corners in camera metres, as scenegen's own voxelizer makes them."""
    mesh = box(bounds=(low, high))
    return voxelize(mesh.vertices, mesh.faces, grid).astype(np.uint8) * np.uint8(label)


LOW, HIGH = (-1.0, -0.5, 6.0), (0.5, 0.7, 7.5)


def has_color(image: Image.Image, color: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Pixels of a pure colour, dark or light: (rows, columns)."""
    strongest = int(np.argmax(color))
    pixels = np.asarray(image).astype(int)
    return (pixels[..., strongest] > 100) & (np.delete(pixels, strongest, axis=2) == 0).all(axis=-1)


def span(found: NDArray[np.bool_], axis: int) -> tuple[int, int]:
    places = np.flatnonzero(found.any(axis=1 - axis))
    return int(places[0]), int(places[-1]) + 1


def test_from_the_camera_a_box_covers_the_pixels_of_its_front() -> None:
    grid = frustum_grid(camera())
    image = draw_from_camera(with_box(grid, LOW, HIGH, 1), grid, (RED, GREEN), SIZE)
    red = has_color(image, RED)
    K, (w, h, _) = np.asarray(grid.K), grid.shape
    left, right = ((K[0, 0] * x / LOW[2] + K[0, 2]) / 320 * SIZE for x in (LOW[0], HIGH[0]))
    top, bottom = ((K[1, 1] * y / LOW[2] + K[1, 2]) / 240 * SIZE for y in (LOW[1], HIGH[1]))
    assert span(red, 1) == pytest.approx((left, right), abs=SIZE / w + 1)
    assert span(red, 0) == pytest.approx((top, bottom), abs=SIZE / h + 1)


def test_from_above_a_box_lies_at_its_metres() -> None:
    grid = frustum_grid(camera())
    red = has_color(draw_from_above(with_box(grid, LOW, HIGH, 1), grid, (RED, GREEN), SIZE), RED)
    plan = lay_plan(grid, SIZE)
    near, far = ((plan.bottom - row) / plan.scale for row in reversed(span(red, 0)))
    cell = (12 - 2) / 100
    assert (near, far) == pytest.approx((LOW[2], HIGH[2]), abs=cell + 1 / plan.scale)
    row = round(plan.bottom - plan.scale * 7.0)
    left, right = ((column - plan.left) / plan.scale for column in span(red[row : row + 1], 1))
    cell = 320 / 80 / np.asarray(grid.K)[0, 0] * 7.0
    assert (left, right) == pytest.approx((LOW[0], HIGH[0]), abs=cell + 1 / plan.scale)


def test_from_above_the_higher_of_two_is_shown() -> None:
    """y points down: the green box floats over the red one and hides its middle."""
    grid = frustum_grid(camera())
    labels = with_box(grid, LOW, HIGH, 1)
    over = with_box(grid, (-0.5, -1.5, 6.5), (0.0, -1.2, 7.0), 2)
    image = draw_from_above(np.maximum(labels, over), grid, (RED, GREEN), SIZE)
    plan = lay_plan(grid, SIZE)
    column, row = (round(value) for value in plan.pixel(-0.25, 6.75))
    assert has_color(image, GREEN)[row, column]
    column, row = (round(value) for value in plan.pixel(0.3, 6.75))
    assert has_color(image, RED)[row, column]


def test_contours_follow_the_cells_edges() -> None:
    """Between two classes, beside air, and where a class stands before itself; nowhere along a slope."""
    labels = np.zeros((6, 4, 10), np.uint8)
    labels[2:4, 1:3, 2:] = 1
    lines = contours(first_cells(labels, 1.0, 11.0), 60)
    assert {label for _, label in lines} == {1} and len(lines) == 8
    assert {line for line, _ in lines if line[0] == line[2]} == {
        (20, 15, 20, 30),
        (20, 30, 20, 45),
        (40, 15, 40, 30),
        (40, 30, 40, 45),
    }
    labels[3, 1:3] = 0
    labels[3, 1:3, 8:] = 1  # a car behind the car
    behind = contours(first_cells(labels, 1.0, 11.0), 60)
    assert {line for line, _ in behind if line[0] == line[2] == 30} == {(30, 15, 30, 30), (30, 30, 30, 45)}
    labels[3, 1:3, 2:] = 1
    labels[3, 1:3, 2] = 0
    assert not [line for line, _ in contours(first_cells(labels, 10.0, 20.0), 60) if line[0] == line[2] == 30]


def test_a_ray_through_air_meets_nothing() -> None:
    labels = np.zeros((2, 2, 5), np.uint8)
    labels[0, 1, 3] = 2
    first = first_cells(labels, 1.0, 6.0)
    assert first.labels.tolist() == [[0, 2], [0, 0]]
    assert first.depth[0, 1] == 4.0 and np.isinf(first.depth).sum() == 3


def test_the_sheet_of_a_photograph() -> None:
    """Its photograph is not changed, the panels lie side by side, and the legend has every class."""
    shown = camera(256, 256)
    grid = frustum_grid(shown)
    labels = with_box(grid, LOW, HIGH, 1)
    photograph = np.full((256, 256, 3), (90, 120, 150), np.uint8)
    sheet = photograph_sheet(photograph, labels, shown, NAMES)
    assert sheet.width == 3 * PANEL + 4 * GAP
    pixels = np.asarray(sheet)
    assert (pixels[HEAD_HEIGHT : HEAD_HEIGHT + PANEL, GAP : GAP + PANEL] == (90, 120, 150)).all()
    empty = np.asarray(photograph_sheet(photograph, np.zeros_like(labels), shown, NAMES))
    low, third = 2 * HEAD_HEIGHT + PANEL, GAP + 2 * (PANEL + GAP)
    panels = [
        (HEAD_HEIGHT, PANEL + 2 * GAP, PANEL),
        (HEAD_HEIGHT, third, PANEL),
        (low, GAP, third - 2 * GAP),
        (low, third, PANEL),
    ]
    for top, left, width in panels:  # every other panel shows the car
        part = np.s_[top : top + PANEL, left : left + width]
        assert (pixels[part] != empty[part]).any()
    poses = [SeenPose("car", np.array([0.0, 0.0, 5.0]), np.eye(3), None)]
    marked = photograph_sheet(photograph, labels, shown, NAMES, poses)
    assert marked.size == sheet.size
    x, y = project(grid, poses[0].centre[None], PANEL)[0].round().astype(int)
    assert tuple(np.asarray(marked)[low + y, GAP + x]) == class_color("car")


def test_truth_and_predictions_side_by_side() -> None:
    """The cells of the left half are a car: they are drawn left of the middle; a frustum of air has no red."""
    shown = camera(256, 256)
    labels = np.zeros((80, 60, 100), np.uint8)
    labels[:40] = 1
    frusta = [Frustum("truth", "", labels), Frustum("a run of a long name " * 9, "IoU 0.1", np.zeros_like(labels))]
    sheet = np.asarray(comparison_sheet(np.full((256, 256, 3), 90, np.uint8), frusta, shown, NAMES)).astype(int)
    assert sheet.shape[1] == 3 * SMALL + 4 * GAP
    red = sheet[..., 0] > sheet[..., 1:].max(axis=-1) + 60
    for row in range(3):
        top = HEAD_HEIGHT + row * (HEAD_HEIGHT + SMALL)
        truth, empty = (red[top : top + SMALL, GAP + n * (SMALL + GAP) :][:, :SMALL] for n in (1, 2))
        assert truth.mean() > 0.05 and not empty.any()
        assert np.argwhere(truth)[:, 1].mean() < SMALL / 2


def test_axes_are_drawn_where_scenegen_s_grid_has_them() -> None:
    """An object turned a quarter about its own z: its x points down the camera's y. What is behind is not drawn."""
    grid = frustum_grid(camera())
    turn = np.array([(0.0, -1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)])
    pose = SeenPose("car", np.array([0.4, -0.2, 5.0]), turn, np.array([1.2, 0.8, 0.6]))
    black = np.zeros((240, 320, 3), np.uint8)
    image = np.asarray(draw_poses(black, grid, (), [pose], SIZE))
    for n, color in enumerate(AXES[:2]):
        end = pose.centre + turn[:, n] * (0.6, 0.4)[n]
        middle = to_grid_space(grid, np.array([(pose.centre + end) / 2]))[0]
        column, row = (middle[:2] / middle[2] / grid.shape[:2] * SIZE).round().astype(int)
        near = image[row - 2 : row + 3, column - 2 : column + 3].reshape(-1, 3)
        assert (near == color).all(axis=1).any()
    behind = SeenPose("car", np.array([0.0, 0.0, -3.0]), turn, np.array([1.2, 0.8, 0.6]))
    assert not np.asarray(draw_poses(black, grid, [behind], [behind], SIZE)).any()
    beside = SeenPose("car", np.array([0.0, 0.5, 0.1]), turn, np.array([0.5, 0.5, 4.0]))
    assert np.asarray(draw_poses(black, grid, (), [beside], SIZE)).any(), "the half before the camera"


def test_true_poses_are_those_of_scene_json(test_boxes: Path) -> None:
    """Of what is seen: the second object of a scene shows no pixel."""
    seen = 0
    for stored in Dataset(test_boxes):
        objects = tuple(replace(item, visible_pixels=(9 - 9 * n,) * 3) for n, item in enumerate(stored.objects))
        scene = replace(stored.scene, objects=objects)
        view = SimpleNamespace(
            objects=objects, cameras=scene.cameras, objects_in_view=lambda k, s=scene: objects_in_view(s, k)
        )
        for k, shown in enumerate(scene.cameras):
            bounds = np.array([objects[0].bbox.min, objects[0].bbox.max])
            centre = affine(shown.world_to_camera, bounds.mean(axis=0)[None])[0]
            found = true_poses(view, k)
            assert len(found) == (objects_in_view(scene, k)[0].in_frustum and centre[2] >= shown.frustum.near)
            for pose in found:
                np.testing.assert_allclose(pose.centre, centre, atol=1e-9)
                np.testing.assert_allclose(pose.size, np.ptp(bounds, axis=0), atol=1e-9)
                np.testing.assert_array_equal(pose.rotation, np.eye(3))
                seen += 1
    assert seen > 2
