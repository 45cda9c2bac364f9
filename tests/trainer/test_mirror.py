"""Mirrored rooms: pictures and labels of a mirrored room belong together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import small_config
from scenegen.cameras import make_cameras
from scenegen.errors import UsageError
from scenegen.preset import load_preset
from scenegen.scene import Camera
from scenetrain.batches import ResidentBatches, streaming_batches, training_plan
from scenetrain.data import open_split
from scenetrain.features import ResidentSplit
from scenetrain.fit import Hardware, fit
from scenetrain.mirror import AXES, draw_mirrors, is_turned, mirror_labels, view_mirrors
from scenetrain.models.everted import GRID

ALLOWED = ((0, 1, 3), (0, 1, 2), (0, 2, 3))
STUDIO = load_preset("studio")


def project(camera: Camera, points: np.ndarray) -> np.ndarray:
    inside = points @ np.array(camera.world_to_camera)[:3, :3].T + np.array(camera.world_to_camera)[:3, 3]
    pixels = inside @ np.array(camera.K).T
    return np.asarray(pixels[:, :2] / pixels[:, 2:])


def test_a_mirrored_room_is_seen_where_its_picture_shows_it() -> None:
    """Every allowed mirror: points, mirrored and seen from some other camera, lie where the turned picture has them."""
    cameras = make_cameras(STUDIO, None)
    assert STUDIO.grid is not None
    assert view_mirrors(cameras, STUDIO.grid) == ALLOWED
    points = np.random.default_rng(0).uniform((-1, -1, 0), (1, 1, 2), (50, 3))
    for camera, numbers in zip(cameras, ALLOWED, strict=True):
        for number in numbers:
            there = points.copy()
            there[:, list(AXES[number])] *= -1
            wanted = project(camera, points)
            if is_turned(torch.tensor([number])):
                wanted[:, 0] = camera.width - wanted[:, 0]
            errors = [np.abs(project(other, there) - wanted).max() for other in cameras]
            assert min(errors) < 0.01


def test_cameras_that_are_no_mirror_images_have_none() -> None:
    assert STUDIO.grid is not None
    grid = replace(STUDIO.grid, origin=(0.0, 0.0, 0.0))
    assert view_mirrors(make_cameras(STUDIO, None), grid) == ((0,), (0,), (0,))


def test_labels_are_mirrored_in_place_and_by_scene() -> None:
    labels = torch.randint(0, 64, (4, 5, 6, 3), dtype=torch.uint8)
    found = mirror_labels(labels, torch.arange(4))
    assert torch.equal(found[0], labels[0])
    assert torch.equal(found[1], labels[1].flip(0))
    assert torch.equal(found[2], labels[2].flip(1))
    assert torch.equal(found[3], labels[3].flip(0, 1))
    drawn = draw_mirrors(ALLOWED, torch.arange(3).repeat(50), torch.Generator().manual_seed(0)).view(50, 3)
    assert [set(column.tolist()) for column in drawn.T] == [set(numbers) for numbers in ALLOWED]


def test_memory_and_disk_show_the_same_mirrored_scenes(boxes: Path) -> None:
    """Pictures stand in for features, so that both ways can be compared."""
    scenes = open_split(boxes, "train", 3, GRID, limit=4)
    plan = training_plan(4, 3, True, 1, 2, 0, 0, 0, 1, ALLOWED)
    assert plan.mirror.any()
    images = torch.stack([scenes[i].images for i in range(4)])
    labels = torch.stack([scenes[i].labels for i in range(4)])
    split = ResidentSplit(torch.stack([images, images.flip(-1)]), labels, 1)
    for kept, read in zip(ResidentBatches(split, plan), streaming_batches(scenes, plan, 0), strict=True):
        assert kept.features is not None
        assert torch.equal(kept.features, read.images)
        assert torch.equal(kept.labels, read.labels)
    assert not training_plan(4, 3, False, 1, 2, 0, 0, 0, 1, ALLOWED).mirror.any()


def test_mirrors_are_refused_where_there_are_none(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"training\.mirror: no camera's place"):
        fit(small_config("training.mirror=true"), boxes, tmp_path, Hardware("cpu", workers=0), print)
