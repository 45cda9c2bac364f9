"""Splits, bit masks and what reading refuses."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trainer_boxes import BOX, STUDIO, write_boxes
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.scene.scene import GridSpec
from scenetrain.data.batches import PlanRequest, training_plan, validation_plan
from scenetrain.data.labels import unpack_masks
from scenetrain.data.scenes import open_split, split_positions


def test_every_tenth_scene_validates(boxes: Path, test_boxes: Path) -> None:
    dataset = Dataset(boxes)
    assert split_positions(dataset, "validation") == (9,)
    assert split_positions(dataset, "train") == (*range(9), 10, 11)
    assert split_positions(dataset, "test") == ()
    assert split_positions(Dataset(test_boxes), "test") == (0, 1, 2)
    assert split_positions(Dataset(test_boxes), "train") == ()
    with pytest.raises(UsageError):
        split_positions(dataset, "trian")


def test_a_scene_s_split_stays_when_others_are_missing(boxes: Path, tmp_path: Path) -> None:
    shutil.copytree(boxes, tmp_path / "data")
    shutil.rmtree(tmp_path / "data" / "scenes" / "scene_000003")
    scenes = open_split(tmp_path / "data", "validation", BOX, 3)
    assert scenes.scene_index(0) == 9


def test_bit_masks_keep_every_class(boxes: Path) -> None:
    masks = Dataset(boxes)[0].masks
    labels = open_split(boxes, "train", BOX, 3)[0].labels
    assert labels.shape == STUDIO.shape
    assert np.array_equal(unpack_masks(labels[None], 6)[0].permute(1, 2, 3, 0).numpy(), masks)
    occupied = open_split(boxes, "train", BOX, 3).for_occupancy()[0].labels
    assert torch.equal(occupied != 0, labels != 0)


def test_only_the_wanted_view_is_read(boxes: Path, tmp_path: Path) -> None:
    shutil.copytree(boxes, tmp_path / "data")
    (tmp_path / "data" / "scenes" / "scene_000000" / "image_1.png").write_bytes(b"")
    scenes = open_split(tmp_path / "data", "train", BOX, 3)
    assert scenes[(0, 2, 0)].images.shape == (1, 3, 224, 224)
    with pytest.raises(ScenegenError, match=r"scene_000000/image_1\.png: damaged"):
        scenes[0]


def test_data_that_does_not_fit_is_refused(boxes: Path, test_boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"dataset\.json is missing"):
        open_split(tmp_path, "train", BOX, 3)
    with pytest.raises(ScenegenError, match="no scenes of split 'train'"):
        open_split(test_boxes, "train", BOX, 3)
    with pytest.raises(ScenegenError, match="have 3 views, the network takes 4"):
        open_split(boxes, "train", BOX, 4)
    coarse = write_boxes(tmp_path / "coarse", 1, grid=GridSpec((-2.0, -2.4, 0.0), 0.1, (40, 48, 32)))
    with pytest.raises(ScenegenError, match=r"grid is \(40, 48, 32\)"):
        open_split(coarse, "train", BOX, 3)


def test_plans_share_every_scene_among_the_ranks() -> None:
    plans = [training_plan(PlanRequest(21, 3, True, 4, rank, 2), 2, 0, 5) for rank in range(2)]
    assert [len(plan.order) for plan in plans] == [3, 3]
    assert set(torch.cat([b for plan in plans for b in plan.order]).tolist()) == set(range(21))
    assert torch.equal(plans[0].view, plans[1].view) and set(plans[0].view.tolist()) == {0, 1, 2}
    other = training_plan(PlanRequest(21, 3, True, 4, 0, 2), 2, 0, 6)
    assert not torch.equal(other.order[0], plans[0].order[0])
    assert torch.cat(validation_plan(PlanRequest(5, 3, False, 2)).order).tolist() == [0, 1, 2, 3, 4]
    assert [len(b) for b in training_plan(PlanRequest(9, 3, False, 4), 1, 0, 0).order] == [4, 4]
