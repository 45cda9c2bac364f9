"""Mirrored rooms: pictures and labels, as the first camera would see them, belong together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trainer_boxes import BOX, build, enliven, small_config
from scenegen.core.errors import UsageError
from scenegen.core.layout.cameras import make_cameras
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.scene import Camera
from scenetrain.data.batches import PlanRequest, ResidentBatches, streaming_batches, training_plan
from scenetrain.data.features import ResidentSplit, trunk_features
from scenetrain.data.mirror import AXES, is_turned, mirror_labels, mirror_volumes, mirrors_to_first, turn_images
from scenetrain.data.scenes import open_split
from scenetrain.networks.contract import Inputs
from scenetrain.networks.everted.network import EvertedUNet
from scenetrain.training.fit import train_stages
from scenetrain.training.hardware import Hardware

STUDIO = load_preset("studio")
MIRRORS = (0, 1, 3)


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    inside = points @ np.array(camera.world_to_camera)[:3, :3].T + np.array(camera.world_to_camera)[:3, 3]
    pixels = inside @ np.array(camera.K).T
    return np.asarray(pixels[:, :2] / pixels[:, 2:])


def test_the_first_camera_sees_a_mirrored_room_as_another_cameras_picture_shows_it() -> None:
    """Points, mirrored and seen from the first camera, lie where another's picture, turned or not, has them."""
    cameras = make_cameras(STUDIO, None)
    assert STUDIO.grid is not None
    assert mirrors_to_first(cameras, STUDIO.grid) == MIRRORS
    points = np.random.default_rng(0).uniform((-1, -1, 0), (1, 1, 2), (50, 3))
    for camera, number in zip(cameras, MIRRORS, strict=True):
        there = points.copy()
        there[:, list(AXES[number])] *= -1
        wanted = project(camera, points)
        if is_turned(torch.tensor([number])):
            wanted[:, 0] = camera.width - wanted[:, 0]
        assert np.abs(project(cameras[0], there) - wanted).max() < 0.01


def test_cameras_that_are_no_mirror_images_are_refused() -> None:
    assert STUDIO.grid is not None
    grid = replace(STUDIO.grid, origin=(0.0, 0.0, 0.0))
    with pytest.raises(UsageError, match=r"model\.mirror: the place of south_east is no mirror image of south_west's"):
        mirrors_to_first(make_cameras(STUDIO, None), grid)


def test_training_finds_the_cameras_places_and_shows_mirrored_rooms(boxes: Path, tmp_path: Path) -> None:
    config = small_config("model.mirror=true")
    model, run, _ = train_stages(config, boxes, tmp_path, Hardware("cpu", workers=0), print, stages=())
    assert isinstance(model, EvertedUNet) and model.mirrors is not None
    assert model.mirrors.tolist() == [*MIRRORS, 0, 0, 0, 0, 0]
    assert run.train.resident is not None
    assert run.train.resident.mirrors.tolist() == list(MIRRORS)
    scene, backbone = open_split(boxes, "train", BOX, 3)[0], model.backbone
    shown = turn_images(scene.images, torch.tensor(MIRRORS)).unsqueeze(0)
    assert not torch.equal(shown[0], scene.images)
    torch.testing.assert_close(run.train.resident.shown[0, :1], trunk_features(backbone, shown, torch.float32))


def test_labels_and_volumes_are_mirrored_alike() -> None:
    labels = torch.randint(0, 64, (4, 5, 6, 3), dtype=torch.uint8)
    found = mirror_labels(labels, torch.arange(4))
    for number, axes in enumerate(AXES):
        assert torch.equal(found[number], labels[number].flip(axes))
    volumes = mirror_volumes(labels.view(1, 4, 1, 5, 6, 3), torch.arange(4))
    assert torch.equal(volumes[0, :, 0], found)
    assert torch.equal(mirror_volumes(volumes, torch.arange(4))[0, :, 0], labels)


@pytest.mark.parametrize("one_view", [True, False])
def test_memory_and_disk_show_the_same_mirrored_scenes(boxes: Path, one_view: bool) -> None:
    """Pictures stand in for features, so that both ways can be compared."""
    scenes = open_split(boxes, "train", BOX, 3, limit=4)
    mirrored = scenes.mirrored(MIRRORS)
    plan = training_plan(PlanRequest(4, 3, one_view, 2), 1, 0, 0)
    split = ResidentSplit(
        torch.stack([mirrored[i].images for i in range(4)]).unsqueeze(0),
        torch.stack([mirrored[i].labels for i in range(4)]),
        mirrored.mirrors,
    )
    for kept, read in zip(ResidentBatches(split, plan), streaming_batches(mirrored, plan, 0), strict=True):
        assert kept.features is not None and read.images is not None
        assert torch.equal(kept.features, read.images)
        assert torch.equal(kept.labels, read.labels)
    for view, number in enumerate(MIRRORS):
        shown = mirrored[0, view, 0]
        assert torch.equal(shown.labels, scenes[0].labels.flip(AXES[number]))
        assert torch.equal(shown.images[0], scenes[0].images[view].flip((-1,) if number == 1 else ()))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_mirrored_room_is_rebuilt_as_the_mirror_image(number: int) -> None:
    """The first camera's picture, taken for one of a place that is its mirror image: the same volumes, mirrored."""
    torch.manual_seed(0)
    model = build(small_config("model.mirror=true", "model.prior=0.5")).eval()
    assert isinstance(model, EvertedUNet)
    enliven(model)
    picture = torch.rand(1, 1, 3, 224, 224)
    with torch.no_grad():
        plain = model(Inputs(images=picture))
        model.set_mirrors((number,))
        mirrored = model(Inputs(images=picture.flip(-1) if number != 3 else picture))
    for name in ("occupancy", "masks"):
        expected, found = plain[name].occupied.exp(), mirrored[name].occupied.exp()
        assert expected.std() > 3e-4
        torch.testing.assert_close(found, expected.flip([axis - 3 for axis in AXES[number]]))
