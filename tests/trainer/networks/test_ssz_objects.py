"""SSZ's list of objects: a certificate written from the truth gives the truth back, in the camera and in the world."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scenegen.core.labels.grids import frustum_grid, to_grid_space
from scenegen.core.labels.voxelize import voxelize
from scenegen.core.scene.scene import Camera, FrustumSpec
from scenetrain.metrics.objects import match
from scenetrain.networks.settings import load_config
from scenetrain.networks.ssz.family import build
from scenetrain.networks.ssz.judge import Certificate
from scenetrain.networks.ssz.objects import find_objects, objects_of
from scipy.spatial.transform import Rotation

CLASSES = ("car", "tree", "ground")
CELLS = (8, 8, 8)
# class, centre in the world, degrees about the vertical, size; the second is cut by the frustum's left side
BOXES = (
    ("car", (0.3, 0.5, 0.9), 25.0, (0.9, 1.8, 0.8)),
    ("tree", (-1.9, 0.1, 1.5), 70.0, (1.0, 1.0, 2.0)),
    ("car", (1.0, 3.5, 0.8), 150.0, (0.8, 1.6, 0.7)),
    ("ground", (0.0, 0.0, -0.1), 0.0, (20.0, 20.0, 0.2)),
    ("tree", (0.9, -1.4, 1.8), 0.0, (0.05, 0.05, 0.05)),
)
CORNERS = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
FACES = [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4)]
FACES += [(1, 5, 7), (1, 7, 3)]


@pytest.fixture(scope="module")
def camera() -> Camera:
    """Six metres south of the origin and 1.6 m up, looking north and 6 degrees down."""
    focal = 128 / math.tan(math.radians(20))
    turn = Rotation.from_euler("x", -96, degrees=True).as_matrix().T
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, -turn @ (0, -6, 1.6)
    K = ((focal, 0.0, 128.0), (0.0, focal, 128.0), (0.0, 0.0, 1.0))
    pose = tuple(map(tuple, matrix.tolist()))
    return Camera("camera", 256, 256, K, pose, FrustumSpec(2.0, 12.0, (128, 128, 128), 40.0))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def labels(camera: Camera) -> np.ndarray:
    labels = np.zeros((128, 128, 128), np.uint8)
    for name, centre, degrees, size in reversed(BOXES):
        vertices = Rotation.from_euler("z", degrees, degrees=True).apply(CORNERS * size) + centre
        labels[voxelize(vertices, np.array(FACES), frustum_grid(camera))] = CLASSES.index(name) + 1
    return labels


def certificate(camera: Camera) -> Certificate:
    """Written from BOXES by scenegen's grid and scipy; cells without a box say nonsense."""
    offset, rotation = torch.full((3, *CELLS), 0.1), torch.full((4, *CELLS), 0.5)
    real = torch.full(CELLS, -9.0)
    grid = replace(frustum_grid(camera), shape=CELLS)
    turned = Rotation.from_matrix(np.array(camera.world_to_camera)[:3, :3])
    for _, centre, degrees, _ in BOXES[:3]:
        uz, vz, z = to_grid_space(grid, np.array([centre]))[0]
        place = np.array([uz / z, vz / z, (z - 2) / 10 * 8])
        cell = tuple(np.floor(place).astype(int).tolist())
        offset[(slice(None), *cell)] = torch.tensor(place - cell, dtype=torch.float)
        turn = turned * Rotation.from_euler("z", degrees, degrees=True)
        rotation[(slice(None), *cell)] = -torch.tensor(turn.as_quat(canonical=True, scalar_first=True)).float()
        real[cell] = 2.0
    return Certificate(offset, rotation, real)


def test_a_right_certificate_and_true_labels_give_the_true_objects(camera: Camera, labels: np.ndarray) -> None:
    found = objects_of(certificate(camera), labels, camera, CLASSES)
    pairs = match(
        [(item.class_name, item.centre_in_world) for item in found], [(name, centre) for name, centre, _, _ in BOXES], 5
    )
    assert len(found) == 3, "neither the ground nor the speck of 5 cm"
    assert sorted(row for _, row in pairs) == [0, 1, 2]
    matrix = np.array(camera.world_to_camera)
    for mine, row in pairs:
        item, (_, centre, degrees, size) = found[mine], BOXES[row]
        np.testing.assert_allclose(item.centre_in_world, centre, atol=1e-5)
        np.testing.assert_allclose(item.centre_in_camera, (matrix @ (*centre, 1))[:3], atol=1e-5)
        true = Rotation.from_euler("z", degrees, degrees=True)
        in_world = Rotation.from_quat(item.rotation_to_world, scalar_first=True)
        in_camera = Rotation.from_quat(item.rotation_to_camera, scalar_first=True)
        assert (in_world.inv() * true).magnitude() < 1e-5
        assert (in_camera.inv() * Rotation.from_matrix(matrix[:3, :3]) * true).magnitude() < 1e-5
        assert item.rotation_to_world[0] >= 0 and item.rotation_to_camera[0] >= 0
        assert item.confidence == pytest.approx(1 / (1 + math.exp(-2)))
        if row == 1:
            assert item.size is None, "the frustum cuts it"
        else:
            assert item.size == pytest.approx(size, abs=0.12)  # a fruxel is 8 cm deep
    counts = [item.fruxels for item in found]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) <= (labels > 0).sum() - (labels == 3).sum() < sum(counts) + 64


def test_the_network_s_own_list_has_the_same_places_and_no_judge_gives_none(camera: Camera, labels: np.ndarray) -> None:
    network = build(load_config("tiny", (), "ssz"), 3, (128, 128, 128), pretrained=False).eval()
    seen = torch.from_numpy(np.stack([labels, np.zeros_like(labels)]))
    images = torch.rand(2, 3, 256, 256)
    first, second = find_objects(network, images, seen, [camera, camera], CLASSES)
    assert len(first) == 3 and second == ()
    true = objects_of(certificate(camera), labels, camera, CLASSES)
    for mine, theirs in zip(first, true, strict=True):
        assert (mine.class_name, mine.fruxels) == (theirs.class_name, theirs.fruxels)
        assert math.dist(mine.centre_in_camera, theirs.centre_in_camera) < 2, "in the same cell"
    plain = build(load_config("no_6d", (), "ssz"), 3, (128, 128, 128), pretrained=False).eval()
    assert find_objects(plain, images, seen, [camera, camera], CLASSES) == [(), ()]


def test_pairs_are_of_one_class_near_each_other_and_as_many_as_can_be() -> None:
    found = [("car", (0.0, 0, 0)), ("car", (0.9, 0, 0)), ("tree", (5.0, 0, 0)), ("tree", (0.0, 0, 9))]
    true = [("car", (0.8, 0, 0)), ("car", (1.7, 0, 0)), ("bus", (5.0, 0, 0)), ("tree", (0.0, 0, 0))]
    # nearest first would leave the first car without a partner
    assert match(found, true, 1.0) == [(0, 0), (1, 1)]
    assert match(found, true, 0.2) == [(1, 0)]
    assert match([], true, 1.0) == match(found, [], 1.0) == []
