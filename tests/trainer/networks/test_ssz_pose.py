"""SSZ's poses: what a certificate must say is what scenegen says of the same scene, there and back."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scenegen.core.labels.grids import frustum_grid, to_grid_space
from scenegen.core.labels.object_poses import objects_in_view
from scenegen.core.scene.scene import Bounds, Camera, FrustumSpec, LightLook, Look, PlacedObject, Scene, SurfaceLook
from scenetrain.data.reads import NO_OBJECT, Extras, Reads, read_extras, stack_extras
from scenetrain.networks.ssz.judge import Certificate
from scenetrain.networks.ssz.pose import box_corners, pose_targets, poses_at, rotation_matrix, to_camera, to_frustum
from scipy.spatial.transform import Rotation

READS = Reads("frustum", cameras=True, poses=True)
CELLS = (8, 8, 8)
CLASSES = ("car", "tree")
FRUSTUM = FrustumSpec(2.0, 12.0, (128, 128, 128), 40.0)


def look_at(eye: tuple[float, ...], target: tuple[float, ...]) -> np.ndarray:
    """World to camera, OpenCV axes, z of the world up."""
    forward = np.subtract(target, eye) / np.linalg.norm(np.subtract(target, eye))
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(forward, right), forward])
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, -turn @ np.array(eye)
    return matrix


def nested(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(map(tuple, matrix.tolist()))


def camera(eye: tuple[float, ...], target: tuple[float, ...]) -> Camera:
    focal = 128 / math.tan(math.radians(20))
    K = ((focal, 0.0, 128.0), (0.0, focal, 128.0), (0.0, 0.0, 1.0))
    return Camera("camera", 256, 256, K, nested(look_at(eye, target)), FRUSTUM)  # type: ignore[arg-type]


def placed(number: int, at: tuple[float, ...], turn: float, scale: float, pixels: tuple[int, ...]) -> PlacedObject:
    """An object at a place, turned about the vertical axis by degrees."""
    matrix = np.eye(4)
    matrix[:3, :3] = scale * Rotation.from_euler("z", turn, degrees=True).as_matrix()
    matrix[:3, 3] = at
    box = Bounds((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    name = CLASSES[number % 2]
    return PlacedObject(number, name, "a", None, nested(matrix), box, (1.0, 0.5, 0.8), pixels)  # type: ignore[arg-type]


def make_scene() -> Scene:
    """Two cameras; six objects: two in one cell, one cut by the frustum, one behind the first camera, one unseen."""
    cameras = (camera((0, -6, 1.6), (0, 0, 0.5)), camera((5, 5, 3), (0, 0, 0)))
    objects = (
        placed(0, (0.0, 0.0, 0.0), 30, 1.0, (500, 300)),
        placed(1, (0.05, 0.05, 0.0), 200, 1.0, (900, 30)),  # in the first one's cell
        placed(2, (-1.9, 0.0, 0.0), -100, 2.0, (50, 40)),  # cut by the left side of the first frustum
        placed(3, (0.0, -8.0, 0.0), 0, 1.0, (0, 0)),  # behind the first camera
        placed(4, (0.8, 3.0, 0.0), 170, 0.5, (0, 20)),  # hidden from the first camera
        placed(5, (-4.0, 1.0, 0.0), 10, 1.5, (0, 0)),  # outside both
    )
    surface = SurfaceLook("plain", (0.7, 0.7, 0.7), (0.6, 0.6, 0.6), 0.5, 1.0)
    light = LightLook((0.0, 0.0, 3.1), (0.0, 0.0, 0.0), 1.0, 100.0, (1.0, 1.0, 1.0))
    look = Look(surface, surface, surface, (light,), "none", 0.0, 0.0, 0.0)
    return Scene(0, 0, "made", "train", CLASSES, None, (9.0, 9.0, 3.0), cameras, objects, (), look, {"credits": []})


@pytest.fixture
def scene() -> Scene:
    return make_scene()


def extras_of(scene: Scene, k: int) -> Extras:
    """As training has them: one view of one scene, beside a scene without objects."""
    stored = SimpleNamespace(cameras=scene.cameras, objects=scene.objects, classes=scene.classes)
    empty = SimpleNamespace(cameras=scene.cameras, objects=(), classes=scene.classes)
    return stack_extras([read_extras(stored, [k], READS), read_extras(empty, [k], READS)])  # type: ignore[arg-type]


@pytest.mark.parametrize("k", [0, 1])
def test_the_objects_are_those_whose_centres_are_in_the_frustum(scene: Scene, k: int) -> None:
    """By scenegen's own grid: centres in cells, of two in a cell the one that shows more pixels."""
    targets = pose_targets(extras_of(scene, k), CELLS)
    grid = replace(frustum_grid(scene.cameras[k]), shape=CELLS)
    expected: dict[tuple[int, ...], PlacedObject] = {}
    for item in scene.objects:
        middle = (np.array(item.matrix) @ (0, 0, item.size[2] / 2, 1))[:3]
        uz, vz, z = to_grid_space(grid, middle[None])[0]
        place = np.array([uz / z, vz / z, (z - 2) / 10 * 8])
        if z > 0 and (place >= 0).all() and (place < 8).all():
            cell = tuple(np.floor(place).astype(int).tolist())
            if cell not in expected or item.visible_pixels[k] > expected[cell].visible_pixels[k]:
                expected[cell] = item
    found = {
        tuple(cell): scene.objects[row]
        for cell, row in zip(targets.cells.tolist(), targets.objects.tolist(), strict=True)
    }
    assert found == expected and len(found) == len(targets.views)
    assert not targets.views.any(), "the scene without objects has none"
    assert targets.classes.tolist() == [item.id % 2 for item in found.values()]


def test_of_two_in_a_cell_the_more_visible_counts_and_a_cut_one_by_its_centre(scene: Scene) -> None:
    rows = pose_targets(extras_of(scene, 0), CELLS).objects.tolist()
    assert sorted(rows) == [1, 2, 4]
    moved = (*scene.objects[:2], placed(2, (-2.6, 0.0, 0.0), -100, 2.0, (50, 40)), *scene.objects[3:])
    cut = next(seen for seen in objects_in_view(replace(scene, objects=moved), 0) if seen.id == 2)
    assert cut.in_frustum, "its box still reaches into the frustum"
    assert sorted(pose_targets(extras_of(replace(scene, objects=moved), 0), CELLS).objects.tolist()) == [1, 4]


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_right_certificate_gives_scenegen_s_poses_back(scene: Scene, k: int, sign: int) -> None:
    """The certificate is written from objects_in_view with scipy's quaternions, of either sign."""
    extras = extras_of(scene, k)
    targets = pose_targets(extras, CELLS)
    seen = {item.id: item for item in objects_in_view(scene, k)}
    offset, rotation = torch.zeros(2, 3, *CELLS), torch.zeros(2, 4, *CELLS)
    grid = replace(frustum_grid(scene.cameras[k]), shape=CELLS)
    matrices = []
    for row, cell in zip(targets.objects.tolist(), targets.cells.tolist(), strict=True):
        item, matrix = scene.objects[row], np.array(seen[row].camera_from_object)
        middle = (np.array(item.matrix) @ (0, 0, item.size[2] / 2, 1))[:3]
        uz, vz, z = to_grid_space(grid, middle[None])[0]
        place = np.array([uz / z, vz / z, (z - 2) / 10 * 8]) - cell
        quaternion = sign * Rotation.from_matrix(matrix[:3, :3] / seen[row].scale).as_quat(scalar_first=True)
        offset[(0, slice(None), *cell)] = torch.tensor(place, dtype=torch.float)
        rotation[(0, slice(None), *cell)] = torch.tensor(quaternion, dtype=torch.float)
        matrices.append((matrix, (matrix @ (0, 0, item.size[2] / 2, 1))[:3], seen[row].scale))
    certificate = Certificate(offset, rotation, torch.zeros(2, *CELLS))
    found = poses_at(certificate, targets, extras.frustum)
    for n, (matrix, centre, scale) in enumerate(matrices):
        np.testing.assert_allclose(found.centre[n], centre, atol=2e-5)
        np.testing.assert_allclose(targets.centre[n], centre, atol=2e-5)
        np.testing.assert_allclose(found.rotation[n], matrix[:3, :3] / scale, atol=2e-5)
        np.testing.assert_allclose(targets.rotation[n], matrix[:3, :3] / scale, atol=2e-5)
        np.testing.assert_allclose(
            targets.size[n], np.multiply(scene.objects[targets.objects[n]].size, scale), atol=1e-5
        )


def test_corners_are_those_of_the_object_s_box(scene: Scene) -> None:
    targets = pose_targets(extras_of(scene, 0), CELLS)
    seen = {item.id: item for item in objects_in_view(scene, 0)}
    for n, row in enumerate(targets.objects.tolist()):
        x, y, z = scene.objects[row].size
        own = np.array([(a * x, b * y, c * z, 1) for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (0, 1)])
        expected = (own @ np.array(seen[row].camera_from_object).T)[:, :3]
        found = box_corners(targets.centre, targets.rotation, targets.size)[n]
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_to_camera_is_the_inverse_of_to_frustum() -> None:
    generator = torch.Generator().manual_seed(0)
    places = torch.rand(2, 50, 3, generator=generator, dtype=torch.float64)
    frusta = torch.tensor([[1.3, 1.2, 0.5, 0.5, 2.0, 12.0], [0.9, 1.8, 0.4, 0.7, 3.0, 10.0]]).double().unsqueeze(1)
    torch.testing.assert_close(to_frustum(to_camera(places, frusta), frusta), places)


def test_matrices_of_quaternions_are_scipy_s() -> None:
    turns = Rotation.random(20, rng=np.random.default_rng(0))
    found = rotation_matrix(torch.tensor(turns.as_quat(scalar_first=True)))
    np.testing.assert_allclose(found, turns.as_matrix(), atol=1e-12)


def test_scenes_without_objects_have_no_targets(scene: Scene) -> None:
    empty = SimpleNamespace(cameras=scene.cameras, objects=(), classes=scene.classes)
    targets = pose_targets(stack_extras([read_extras(empty, [0], READS)] * 2), CELLS)  # type: ignore[arg-type]
    assert len(targets.views) == 0
    assert NO_OBJECT not in pose_targets(extras_of(scene, 0), CELLS).classes


def test_half_precision_moves_no_target_and_no_corner(scene: Scene) -> None:
    extras = extras_of(scene, 0)
    exact = pose_targets(extras, (8, 8, 8))
    corners = box_corners(exact.centre, exact.rotation, exact.size)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = pose_targets(extras, (8, 8, 8))
        rounded_corners = box_corners(rounded.centre, rounded.rotation, rounded.size)
    assert len(exact.views) > 1
    assert all(torch.equal(one, other) for one, other in zip(exact, rounded, strict=True))
    assert torch.equal(corners, rounded_corners)
