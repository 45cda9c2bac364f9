"""Splits, bit masks and what reading refuses."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trainer_boxes import BOX, CLASSES, STUDIO, set_visible_pixels, write_boxes
from PIL import Image
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.scene.scene import GridSpec
from scenegen.steps.pack import pack
from scenetrain.data.batches import PlanRequest, ResidentBatches, streaming_batches, training_plan, validation_plan
from scenetrain.data.features import Encoder, make_resident
from scenetrain.data.labels import class_masks, unpack_masks
from scenetrain.data.reads import Extras, Reads, stack_extras
from scenetrain.data.scenes import open_split, split_positions

FRUSTUM = Reads("frustum", views=(1, 1))


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
    assert [len(b) for b in training_plan(PlanRequest(9, 3, False, 1), 1, 0, 0).order] == [1] * 9


def test_labels_of_a_frustum_become_masks_of_one_class() -> None:
    labels = torch.tensor([[[[0, 1], [9, 2]]]], dtype=torch.uint8)
    masks = class_masks(labels, 9, "frustum")
    assert masks.shape == (1, 9, 1, 2, 2)
    assert masks.nonzero()[:, 1].tolist() == [0, 1, 8]
    assert (class_masks(labels, 9, "frustum").sum(1) == (labels > 0)).all()


def test_an_item_of_frusta_is_one_view(boxes: Path) -> None:
    """In memory and from disk alike, whichever way a step asks for the one view."""
    scenes = open_split(boxes, "train", replace(FRUSTUM, cameras=True), 1, limit=2)
    assert (len(scenes), scenes.shape) == (6, (8, 8, 8))
    dataset = Dataset(boxes)
    for position in range(6):
        stored, k = dataset[position // 3], position % 3
        item = scenes[position]
        assert scenes.scene_index(position) == stored.index and scenes.camera(position) == k
        assert np.array_equal(item.labels.numpy(), stored.frustum(k)) and item.labels.any()
        assert np.array_equal(item.images[0].permute(1, 2, 0).numpy(), stored.image(k))
        assert item.extras.world_to_camera is not None
        assert np.allclose(item.extras.world_to_camera[0], stored.cameras[k].world_to_camera)
        one = scenes[position, 0, 0]
        assert torch.equal(one.labels, item.labels) and torch.equal(one.images, item.images)
    assert torch.equal(scenes.labels(4), scenes[4].labels)


def restyled_copy(data: Path, out: Path) -> Path:
    """A copy whose restyled images are the rendered ones in negative."""
    shutil.copytree(data, out)
    for file in sorted(out.glob("scenes/*/image_?.png")):
        Image.fromarray(255 - np.asarray(Image.open(file))).save(file.with_name(f"image_restyled_{file.stem[-1]}.png"))
    return out


@pytest.mark.parametrize(("reads", "views"), [(BOX, 3), (FRUSTUM, 1)])
def test_restyled_images_come_with_the_same_labels(boxes: Path, tmp_path: Path, reads: Reads, views: int) -> None:
    data = restyled_copy(boxes, tmp_path / "restyled")
    plain = open_split(data, "train", reads, views, limit=2)
    painted = open_split(data, "train", reads, views, limit=2, images="restyled")
    both = open_split(data, "train", reads, views, limit=2, images="both")
    assert len(painted) == len(plain) and len(both) == 2 * len(plain) and len(both.first(1)) == len(plain)
    for i in range(len(plain)):
        assert torch.equal(painted[i].images, 255 - plain[i].images) and torch.equal(painted[i].labels, plain[i].labels)
        for found, expected in ((both[2 * i], plain[i]), (both[2 * i + 1], painted[i])):
            assert torch.equal(found.images, expected.images) and torch.equal(found.labels, expected.labels)
        assert both.scene_index(2 * i + 1) == plain.scene_index(i) and both.camera(2 * i + 1) == plain.camera(i)


def test_scenes_without_restyled_images_are_told(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="has no restyled images; run `scenetrain restyle`"):
        open_split(boxes, "train", BOX, 3, images="both")
    data = restyled_copy(boxes, tmp_path / "half")
    (data / "scenes/scene_000002/image_restyled_1.png").unlink()
    with pytest.raises(ScenegenError, match=r"1 of 11 scenes have not all .* scene_000002; run the same"):
        open_split(data, "train", BOX, 3, images="restyled")
    assert len(open_split(data, "train", BOX, 1, images="restyled")) == 11  # view 1 is not asked for
    (data / "scenes/scene_000003/image_restyled_0.png").write_bytes(b"cut")
    scenes = open_split(data, "train", BOX, 1, images="restyled")
    with pytest.raises(DamageError, match=r"scene_000003/image_restyled_0.png: cannot be read"):
        scenes[3]
    pack(boxes, tmp_path / "packed", Packing("png", 95, maps=False, shard_mb=1.0))
    with pytest.raises(ScenegenError, match="is packed, and holds no restyled images"):
        open_split(tmp_path / "packed", "train", BOX, 1, images="both")


def test_images_of_frusta_are_scaled_to_the_network_s_size(boxes: Path) -> None:
    """As Pillow scales them, and where their labels stay what they are; with box labels another size is refused."""
    plain, larger = (open_split(boxes, "train", replace(FRUSTUM, image_size=n), 1, limit=1)[0] for n in (224, 256))
    picture = Image.fromarray(plain.images[0].permute(1, 2, 0).numpy()).resize((256, 256), Image.Resampling.BILINEAR)
    found = larger.images[0].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(found - np.asarray(picture)).max() <= 1 and torch.equal(larger.labels, plain.labels)
    with pytest.raises(ScenegenError, match="images are 224 x 224 pixels, the network takes 256 x 256; give data"):
        open_split(boxes, "train", replace(BOX, image_size=256), 3)


def test_of_the_largest_object_the_class_alone_is_labelled(tmp_path: Path) -> None:
    """The area is the sum over the views; where no object is seen, no voxel is labelled."""
    boxes = write_boxes(tmp_path / "boxes", 3)
    set_visible_pixels(boxes, {0: ((9, 9, 9), (8, 8, 8)), 1: ((30, 0, 0), (0, 20, 20))})
    scenes, dataset = open_split(boxes, "train", BOX, 3), Dataset(boxes)
    alone = scenes.of_largest_object()
    for position in (0, 1):
        stored = dataset[position]
        of_class = stored.classes.index(stored.objects[position].class_name)
        wanted = torch.from_numpy(stored.masks[..., of_class]).byte()
        assert scenes.largest_class(position) == of_class and wanted.any()
        assert torch.equal(alone.labels(position), wanted << of_class)
        assert torch.equal(alone[position, 1, 0].labels, wanted << of_class)
        assert torch.equal(alone.for_occupancy().labels(position), wanted)
    assert scenes.largest_class(2) is None and not alone.labels(2).any() and scenes.labels(2).any()
    with pytest.raises(UsageError, match=r"training\.largest_object: needs a network of box grids"):
        open_split(boxes, "train", FRUSTUM, 1).of_largest_object()


def test_a_network_gets_depth_cameras_and_poses(boxes: Path) -> None:
    reads = replace(BOX, depth=True, cameras=True, poses=True)
    stored = Dataset(boxes)[1]
    extras = open_split(boxes, "train", reads, 3)[1].extras
    assert extras.depth is not None and extras.K is not None and extras.poses is not None
    assert np.array_equal(extras.depth.numpy(), np.stack([stored.depth(k) for k in range(3)]))
    assert np.allclose(extras.K[2], stored.cameras[2].K)
    assert np.allclose(extras.poses, [item.matrix for item in stored.objects])
    assert extras.sizes is not None and np.allclose(extras.sizes, [item.size for item in stored.objects])
    assert extras.object_classes is not None
    assert [CLASSES[c] for c in extras.object_classes] == [item.class_name for item in stored.objects]
    assert all(tensor is None for tensor in open_split(boxes, "train", BOX, 3)[1].extras)


def test_scenes_of_fewer_objects_are_filled_up() -> None:
    few, many = (Extras(poses=torch.ones(n, 4, 4), object_classes=torch.ones(n, dtype=torch.long)) for n in (1, 3))
    stacked = stack_extras([few, many])
    assert stacked.poses is not None and stacked.poses.shape == (2, 3, 4, 4) and stacked.depth is None
    assert stacked.object_classes is not None and stacked.object_classes.tolist() == [[1, -1, -1], [1, 1, 1]]


@pytest.mark.parametrize("one_view", [True, False])
def test_extras_from_memory_and_from_disk_are_the_same(boxes: Path, one_view: bool) -> None:
    """Of a network without a trunk, so that images can be compared too."""
    reads = replace(BOX, depth=True, cameras=True, poses=True)
    scenes = open_split(boxes, "train", reads, 3, limit=4)
    split = make_resident(Encoder(None, torch.float32), scenes, 1, 0, torch.device("cpu"), workers=0)
    plan = training_plan(PlanRequest(4, 3, one_view, 2), 1, 0, 0)
    for kept, read in zip(ResidentBatches(split, plan), streaming_batches(scenes, plan, 0), strict=True):
        assert kept.images is not None and read.images is not None
        assert torch.equal(kept.images, read.images) and torch.equal(kept.labels, read.labels)
        for mine, theirs in zip(kept.extras, read.extras, strict=True):
            assert mine is not None and theirs is not None and torch.equal(mine, theirs)
        assert kept.extras.depth is not None and kept.extras.depth.shape[1] == (1 if one_view else 3)


def test_data_without_what_a_network_reads_is_refused(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"frustum grid is \(8, 8, 8\), the network's \(128, 128, 128\)"):
        open_split(boxes, "train", replace(FRUSTUM, shape=(128, 128, 128)), 1)
    pack(boxes, tmp_path / "packed", Packing("png", 95, False, 250))
    with pytest.raises(ScenegenError, match="packed without depth"):
        open_split(tmp_path / "packed", "train", replace(BOX, depth=True), 3)
    assert open_split(tmp_path / "packed", "train", FRUSTUM, 1)[0].labels.any()


def change_frusta(scene: Path, **members: object) -> None:
    """Every camera's frustum in scene.json."""
    body = json.loads((scene / "scene.json").read_text())
    for camera in body["cameras"]:
        camera["frustum"] |= members
    (scene / "scene.json").write_text(json.dumps(body))


def test_frusta_that_are_missing_or_differ_or_name_no_class_are_refused(test_boxes: Path, tmp_path: Path) -> None:
    def copied(name: str) -> tuple[Path, Path]:
        shutil.copytree(test_boxes, tmp_path / name)
        return tmp_path / name, tmp_path / name / "scenes" / "scene_000001"

    data, _ = copied("without")
    for file in data.glob("scenes/*/frustum_*.npz"):
        file.unlink()
    with pytest.raises(ScenegenError, match=r"scene_000000 has no frustum labels; run `scenegen voxelize .*--frustum"):
        open_split(data, "test", FRUSTUM, 1)
    data, scene = copied("shapes")
    change_frusta(scene, size=[4, 4, 4])
    with pytest.raises(ScenegenError, match=r"scene_000001: frustum 1 is \(4, 4, 4\) .* first \(8, 8, 8\) .*--frustum"):
        open_split(data, "test", FRUSTUM, 1)[4]
    data, scene = copied("depths")
    change_frusta(scene, far=20.0)
    with pytest.raises(ScenegenError, match=r"frustum 0 is .* to 20 m, .* to 7 m; .*--frustum"):
        open_split(data, "test", FRUSTUM, 1).labels(3)
    data, scene = copied("labels")
    np.savez_compressed(scene / "frustum_2.npz", labels=np.full((8, 8, 8), 7, np.uint8))
    with pytest.raises(ScenegenError, match=r"frustum 2 has label 7, of 6 classes; .*--frustum"):
        open_split(data, "test", FRUSTUM, 1).labels(5)
