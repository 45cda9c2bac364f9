"""Mirrored views: image, labels, camera and poses stay those of one scene, by scenegen's own labels and poses of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trainer_boxes import View, small_config, write_boxes
from scenegen import FrustumGrid, voxelize
from scenegen.core.errors import UsageError
from scenegen.core.labels.object_poses import objects_in_view
from scenetrain.data.batches import Batch, PlanRequest, streaming_batches, training_plan
from scenetrain.data.mirrored_views import draw_mirrored, mirror_views
from scenetrain.data.reads import Extras, Reads
from scenetrain.data.scenes import open_split
from scenetrain.networks.ssz.pose import pose_targets, to_frustum
from scenetrain.training.fit import train_stages
from scenetrain.training.hardware import Hardware
from trainer.networks.test_ssz_pose import CELLS, extras_of, make_scene

BOTH = torch.tensor([True, True])
TURN = np.array((-1.0, 1.0, 1.0))


def batch_of(extras: Extras) -> Batch:
    images = torch.randint(0, 256, (2, 1, 3, 16, 256), dtype=torch.uint8)
    labels = torch.randint(0, 3, (2, 8, 8, 8), dtype=torch.uint8)
    return Batch(None, images, labels, torch.arange(2), torch.zeros(2, dtype=torch.long), extras)


def corners(size: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Of the box [-x/2, x/2] x [-y/2, y/2] x [0, z], moved by a 4x4 matrix: (8, 3)."""
    signs = np.array([(a, b, c) for a in (-0.5, 0.5) for b in (-0.5, 0.5) for c in (0, 1)])
    return np.asarray(signs * size @ matrix[:3, :3].T + matrix[:3, 3])


def as_rows(points: np.ndarray) -> np.ndarray:
    return np.asarray(sorted(points.round(4).tolist()))


@pytest.mark.parametrize("k", [0, 1])
def test_a_mirrored_object_s_corners_are_the_mirror_of_its_corners(k: int) -> None:
    """Against scenegen's poses in the camera; its front, -y, stays its front, and its rotation stays a rotation."""
    scene = make_scene()
    extras = extras_of(scene, k)
    found = mirror_views(batch_of(extras), BOTH).extras
    assert found.poses is not None and found.world_to_camera is not None and found.sizes is not None
    seen = {item.id: item for item in objects_in_view(scene, k)}
    assert len(seen) > 2
    for row, item in seen.items():
        true = np.array(item.camera_from_object)
        matrix = (found.world_to_camera[0, 0] @ found.poses[0, row]).double().numpy()
        size = np.array(scene.objects[row].size)
        np.testing.assert_allclose(as_rows(corners(size, matrix)), as_rows(corners(size, true) * TURN), atol=2e-4)
        np.testing.assert_allclose(matrix[:3, 1], true[:3, 1] * TURN, atol=1e-5)
        turn = matrix[:3, :3] / item.scale
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)
    cells, before = (
        dict(zip(targets.objects.tolist(), targets.cells.tolist(), strict=True))
        for targets in (pose_targets(found, CELLS), pose_targets(extras, CELLS))
    )
    inner = [row for row in before if row > 1]  # the first two stand on a cell's face, which has two sides
    assert inner
    for row in inner:
        u, v, w = before[row]
        assert cells[row] == [7 - u, v, w]


def test_a_mirrored_scene_has_mirrored_labels() -> None:
    """Boxes at mirrored poses, labelled by scenegen from the mirrored camera, off-centre: the labels turned round."""
    scene = make_scene()
    camera = scene.cameras[0]
    extras = extras_of(scene, 0)
    K = torch.tensor(camera.K).expand(2, 1, 3, 3).clone()
    K[..., 0, 2] += 20
    extras = extras._replace(K=K)
    found = mirror_views(batch_of(extras), BOTH).extras
    labels = []
    for one in (extras, found):
        assert one.K is not None and one.world_to_camera is not None and one.poses is not None
        grid = FrustumGrid(
            one.K[0, 0].double().numpy(), one.world_to_camera[0, 0].double().numpy(), (256, 256), 2.0, 12.0, (32,) * 3
        )
        cells = np.zeros((32, 32, 32), np.uint8)
        for row, item in enumerate(scene.objects):
            cells[voxelize(corners(np.array(item.size), one.poses[0, row].double().numpy()), FACES, grid)] = row + 1
        labels.append(cells)
    assert len(np.unique(labels[0])) > 3
    differs = (labels[1] != labels[0][::-1]).sum()
    assert differs <= 0.002 * (labels[0] > 0).sum(), "rounding of float32 at cells' faces alone"


FACES = np.array(
    [(0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4),
     (1, 5, 7), (1, 7, 3)]
)  # fmt: skip


def test_a_point_is_in_the_mirrored_column_of_image_and_frustum() -> None:
    extras = Extras(
        K=torch.tensor([[200.0, 0.0, 100.0], [0.0, 200.0, 128.0], [0.0, 0.0, 1.0]]).expand(2, 1, 3, 3),
        frustum=torch.tensor([1.2, 1.2, 0.4, 0.5, 2.0, 12.0]).expand(2, 1, 6),
        depth=torch.rand(2, 1, 16, 256),
    )
    batch = batch_of(extras)
    found = mirror_views(batch, BOTH)
    assert found.extras.K is not None and found.extras.frustum is not None and extras.frustum is not None
    points = torch.randn(50, 3) + torch.tensor([0.0, 0.0, 5.0])
    there = points * torch.tensor([-1.0, 1.0, 1.0])
    pixels = [(p @ K[0, 0].T)[:, 0] / p[:, 2] for p, K in ((points, extras.K), (there, found.extras.K))]  # type: ignore[index]
    torch.testing.assert_close(pixels[1], 256 - pixels[0])
    places = [to_frustum(p, f[0, 0]) for p, f in ((points, extras.frustum), (there, found.extras.frustum))]
    torch.testing.assert_close(places[1][:, 0], 1 - places[0][:, 0])
    torch.testing.assert_close(places[1][:, 1:], places[0][:, 1:])
    assert batch.images is not None and found.images is not None and found.extras.depth is not None
    assert torch.equal(found.images, batch.images.flip(-1)) and torch.equal(found.labels, batch.labels.flip(1))
    assert torch.equal(found.extras.depth, extras.depth.flip(-1))  # type: ignore[union-attr]


def test_only_the_chosen_views_are_mirrored_and_twice_is_not_at_all() -> None:
    batch = batch_of(extras_of(make_scene(), 0))
    chosen = torch.tensor([False, True])
    once = mirror_views(batch, chosen)
    assert batch.images is not None and once.images is not None
    assert torch.equal(once.images[0], batch.images[0]) and not torch.equal(once.images[1], batch.images[1])
    twice = mirror_views(once, chosen)
    assert twice.images is not None and torch.equal(twice.images, batch.images)
    for mine, theirs in zip(twice.extras, batch.extras, strict=True):
        if mine is not None:
            torch.testing.assert_close(mine, theirs)


def test_epoch_and_item_alone_decide_who_is_mirrored() -> None:
    """So that streaming, several processes and a resumed run show the same."""
    first = draw_mirrored(torch.arange(200), 0, 3)
    assert torch.equal(draw_mirrored(torch.tensor([7, 3]), 0, 3), first[[7, 3]])
    assert 70 < int(first.sum()) < 130
    assert not torch.equal(draw_mirrored(torch.arange(200), 0, 4), first)


def test_a_data_set_s_views_are_mirrored_with_their_frusta(tmp_path: Path) -> None:
    scenes = open_split(
        write_boxes(tmp_path / "data", 2, view=View(64, (8, 8, 8))),
        "train",
        Reads("frustum", None, 64, views=(1, 1), cameras=True, poses=True),
        1,
    )
    (batch,) = streaming_batches(scenes, training_plan(PlanRequest(2, 1, True, 2), 1, 0, 0), 0)
    found = mirror_views(batch, BOTH)
    for row, position in enumerate(batch.positions.tolist()):
        assert torch.equal(found.labels[row].flip(0), scenes[position].labels)


def test_families_that_read_no_frusta_refuse(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="everted reads neither frusta nor cameras; set it to false"):
        train_stages(small_config("training.mirrored_views=true"), boxes, tmp_path, Hardware("cpu", workers=0), print)
