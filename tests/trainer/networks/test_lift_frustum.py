"""Lift on the frustum of one view: its geometry against cameras of scenegen, and what it learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.small_lift_frustum_family import FAMILY, PIXELS, SHAPE
from helpers.trainer_boxes import CLASSES, View, write_boxes
from scenegen.core.labels.grids import cell_centres, frustum_grid
from scenegen.core.scene.camera import camera_matrix, look_at
from scenegen.core.scene.scene import Camera, FrustumSpec
from scenetrain.data.given_cameras import frustum_extras
from scenetrain.data.scenes import SceneList, open_split
from scenetrain.evaluation.evaluate import evaluate
from scenetrain.networks.lift.losses import cross_entropy, shared_cross_entropy
from scenetrain.networks.lift.network import Answer, Lift
from scenetrain.networks.lift.pixels import Depths, first_of_columns
from scenetrain.networks.lift.settings import LiftConfig
from scenetrain.networks.lift.views import FrustumViews, points_of_cells, views_of
from scenetrain.networks.registry import FAMILIES
from scenetrain.networks.settings import load_config
from trainer.networks.base import CPU, overfit

SMALL = ("model.backbone=test_efficientnet", "model.weights=none", "model.width=0.25", "model.depth_bins=8")
CAMERA = Camera(
    "c",
    320,
    256,
    camera_matrix(320, 256, 50.0),
    look_at((1.0, 2.0, 1.5), (0.0, 0.3, 0.4)),
    FrustumSpec(0.5, 7.0, (8, 4, 12), 50.0),
)


def small(*changes: str) -> LiftConfig:
    config = load_config("tiny", (*SMALL, *changes), "lift_frustum")
    assert isinstance(config, LiftConfig)
    return config


def views(shape: tuple[int, int, int] = (8, 4, 12)) -> FrustumViews:
    found = views_of(frustum_extras(CAMERA), "frustum", shape)
    assert isinstance(found, FrustumViews)
    return found


def test_fruxels_are_where_their_camera_shows_them() -> None:
    """The centres that scenegen labels, projected by the camera's own matrices."""
    world = cell_centres(frustum_grid(CAMERA)).reshape(-1, 3)
    pose = np.array(CAMERA.world_to_camera)
    there = world @ pose[:3, :3].T + pose[:3, 3]
    pixels = there @ np.array(CAMERA.K).T
    found = points_of_cells(views(), (8, 4, 12), 1)
    np.testing.assert_allclose(found.places[0, 0], pixels[:, :2] / pixels[:, 2:] / (320, 256), atol=1e-5)
    np.testing.assert_allclose(found.depth[0, 0], there[:, 2], atol=1e-5)
    assert found.seen.all()


def test_geometry_of_pixels_is_the_slope_of_their_lines_of_sight() -> None:
    found = views().geometry((4, 8))[0, 0].numpy()
    for row, column in np.ndindex(4, 8):
        u, v = (column + 0.5) / 8, (row + 0.5) / 4
        line = np.linalg.inv(np.array(CAMERA.K)) @ (u * 320, v * 256, 1.0)
        np.testing.assert_allclose(found[:, row, column], (*line[:2], u - 0.5, v - 0.5), atol=1e-5)


def test_pixels_truth_is_the_first_fruxel_of_their_column() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 4, (2, 8, 4, 12)) * (rng.random((2, 8, 4, 12)) < 0.1)
    shown = first_of_columns(
        torch.from_numpy(labels), Depths(torch.tensor([0.5, 1.0]), torch.tensor([6.5, 13.0])), (4, 8)
    )
    for item, row, column in np.ndindex(2, 4, 8):
        line = labels[item, column, row]
        hit = np.flatnonzero(line)
        near, step = ((0.5, 0.5), (1.0, 1.0))[item]
        assert int(shown.labels[item, 0, row, column]) == (line[hit[0]] if len(hit) else 0)
        expected = near + (hit[0] + 0.5) * step if len(hit) else np.inf
        assert float(shown.depth[item, 0, row, column]) == pytest.approx(expected)


def test_cells_of_one_label_are_as_without_shares() -> None:
    torch.manual_seed(0)
    logits, labels, weights = torch.randn(2, 4, 30), torch.randint(0, 4, (2, 30)), torch.tensor([1.0, 0.5, 2.0, 4.0])
    shares = torch.nn.functional.one_hot(labels, 4).movedim(-1, 1).float()
    torch.testing.assert_close(shared_cross_entropy(logits, shares, weights), cross_entropy(logits, labels, weights))


def test_cells_in_doubt_are_told_apart() -> None:
    net = FAMILY.build(small(), 2, SHAPE, pretrained=False)
    assert isinstance(net, Lift)
    coarse = torch.tensor([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [1.0, 0.9, 0.0], [0.0, 3.0, 1.0]]).T.view(1, 3, 4, 1, 1)
    order = net.worth_refining(coarse)[0]
    assert order[2] > order[3] > order[0] and order[3] > order[1]


def test_the_likeliest_label_is_that_of_the_probabilities() -> None:
    torch.manual_seed(0)
    empty, chosen = torch.empty(0), torch.stack([torch.randperm(8)[:3] for _ in range(2)])
    answer = Answer(torch.randn(2, 4, 2, 2, 2), torch.randn(2, 4, 3, 64), chosen, (7, 8, 5), empty, empty, 4)
    assert answer.likeliest().shape == (2, 7, 8, 5)
    assert torch.equal(answer.likeliest(), answer.probabilities().argmax(1).to(torch.uint8))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> SceneList:
    folder = tmp_path_factory.mktemp("frusta") / "data"
    data: Path = write_boxes(folder, 5, classes=CLASSES[:2], view=View(PIXELS, SHAPE))
    return open_split(data, "train", FAMILY.reads, 1, limit=4)


def test_views_are_learnt_by_heart(scenes: SceneList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, FAMILY.name, "helpers.small_lift_frustum_family")
    config = small("training.epochs=40", "lift.learning_rate=0.01", "training.mirrored_views=false", "model.detail=2")
    learnt = overfit(FAMILY, config, scenes)
    scores = evaluate(learnt, scenes, CPU).outputs["labels"].scores
    assert scores.overall > 0.6
