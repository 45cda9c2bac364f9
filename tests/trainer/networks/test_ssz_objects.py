"""SSZ's list of objects: a certificate written from the truth gives the truth back, in the camera and in the world."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from helpers.frustum_boxes import BOXES, CLASSES, make_camera, make_certificate, make_labels
from scenegen.core.scene.scene import Camera
from scenetrain.metrics.objects import match
from scenetrain.networks.settings import load_config
from scenetrain.networks.ssz.family import build
from scenetrain.networks.ssz.objects import find_objects, objects_of
from scipy.spatial.transform import Rotation


@pytest.fixture(scope="module")
def camera() -> Camera:
    return make_camera()


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return make_labels()


def test_a_right_certificate_and_true_labels_give_the_true_objects(camera: Camera, labels: np.ndarray) -> None:
    found = objects_of(make_certificate(), labels, camera, CLASSES)
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
    assert sum(counts) <= (labels > 0).sum() - (labels == 3).sum() < sum(counts) + 512


def test_the_network_s_own_list_has_the_same_places_and_no_judge_gives_none(camera: Camera, labels: np.ndarray) -> None:
    network = build(load_config("tiny", (), "ssz"), 3, (128, 128, 128), pretrained=False).eval()
    every = torch.arange(4).view(-1, 1, 1, 1)
    seen = torch.stack([(torch.from_numpy(array) == every).float() for array in (labels, np.zeros_like(labels))])
    images = torch.rand(2, 3, 256, 256)
    first, second = find_objects(network, images, seen, [camera, camera], CLASSES)
    assert len(first) == 3 and second == ()
    true = objects_of(make_certificate(), labels, camera, CLASSES)
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
