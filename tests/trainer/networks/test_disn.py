"""DISN: the published counts, the field at points of known projection, its losses, and a run from end to end."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers.trainer_boxes import CLASSES, write_boxes
from scenegen.core.scene.scene import GridSpec
from scenetrain.config import Config
from scenetrain.data.reads import Extras
from scenetrain.data.scenes import open_split
from scenetrain.evaluation.evaluate import evaluate
from scenetrain.networks.contract import Inputs, Step
from scenetrain.networks.disn.family import FAMILY, build
from scenetrain.networks.disn.losses import class_loss, distance_loss, distances, draw_cells
from scenetrain.networks.disn.network import CELLS_PER_UNIT, Disn, Field, PointStream, cell_places
from scenetrain.networks.disn.settings import DisnConfig, DisnPoints
from scenetrain.networks.disn.stages import field_loss, stages
from scenetrain.networks.settings import load_config
from scenetrain.training.fit import fit
from scenetrain.training.hardware import Hardware
from scenetrain.training.run_folder import load_model
from torch import nn

SHAPE = (12, 16, 8)
GRID = GridSpec((-2.0, -2.4, 0.0), 0.2, (20, 24, 16))
TRUNK = ("model.backbone=test_efficientnet", "model.weights=none", "model.width=0.1", "model.map_size=28")


def config(*changes: str) -> DisnConfig:
    found = load_config("tiny", (*TRUNK, *changes), "disn")
    assert isinstance(found, DisnConfig)
    return found


def network(classes: int = 2) -> Disn:
    torch.manual_seed(0)
    return build(config(), classes, SHAPE, pretrained=False).eval()


def matrices(*heights: float) -> torch.Tensor:
    """Cameras that look down at the grid, from its corner and these heights in voxels; a voxel is a metre."""
    # u = x / 12 and v = y / 16 on the plane z = 0
    rows = [torch.tensor([[h / 12, 0, 0, 0], [0, h / 16, 0, 0], [0, 0, -1, h]]) for h in heights]
    return torch.stack(rows).unsqueeze(0)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_published_network_has_140_8_million_parameters_and_1472_local_features() -> None:
    """VGG16 with a 1024-way fc8 138,455,872, the streams 1,067,009 and 1,296,385."""
    published = load_config("disn", (), "disn")
    with torch.device("meta"):
        model = Disn(published, 0, (80, 96, 64), None)
    assert (model.encoder.local_channels, model.encoder.global_channels) == (1472, 1024)
    assert (count(model.encoder), count(model.of_all), count(model.of_place)) == (138_455_872, 1_067_009, 1_296_385)
    assert count(model) == 140_819_266
    with torch.device("meta"):
        six = Disn(published, 6, (80, 96, 64), None)
    assert count(six) == 140_819_266 + 2 * 6 * 257
    images = torch.zeros(1, 3, 224, 224, device="meta")
    feature, levels = model.encoder(images)
    assert feature.shape == (1, 1024)
    assert [m.shape[1:] for m in levels] == [
        (64, 224, 224), (128, 112, 112), (256, 56, 56), (512, 28, 28), (512, 14, 14)
    ]  # fmt: skip


def test_a_stream_reads_its_point_beside_its_feature() -> None:
    torch.manual_seed(0)
    stream = PointStream(10, 3, 0.1)
    points, feature = torch.randn(2, 7, 3), torch.randn(2, 7, 10)
    expected = stream.after(stream.join(torch.cat([stream.point(points), feature], -1)))
    torch.testing.assert_close(stream(points, feature), expected)
    torch.testing.assert_close(stream(points, feature[:, :1]), stream(points, feature[:, :1].expand(-1, 7, -1)))


def test_a_point_reads_the_map_where_it_appears_and_nothing_where_it_is_not_seen() -> None:
    """The local stream is replaced by the feature itself; one camera sees x in [0, 12] and y in [0, 16]."""
    model = network(0)
    model.of_all.after = nn.Sequential(nn.Linear(model.of_all.join.out_features, 1))
    for parameter in model.of_all.after.parameters():
        nn.init.zeros_(parameter)
    seen: list[torch.Tensor] = []
    model.of_place.register_forward_pre_hook(lambda module, given: seen.extend(given))
    u = (torch.arange(24) + 0.5) / 24
    maps = torch.zeros(1, 2, model.encoder.local_channels, 24, 24)
    maps[0, 0, 0], maps[0, 0, 1], maps[0, 1, 2] = u.expand(24, 24), u.view(-1, 1).expand(24, 24), 1
    field = Field(model, torch.zeros(1, model.encoder.global_channels), maps, matrices(30.0, 40.0))
    places = torch.tensor([[[3.0, 4.0, 0.0], [6.0, 12.0, 0.0], [3.0, 4.0, 15.0], [13.0, 4.0, 0.0], [6.0, 6.0, 41.0]]])
    with torch.no_grad():
        field.at(places)
    points, feature = seen
    torch.testing.assert_close(points, (places - torch.tensor(SHAPE) / 2) / CELLS_PER_UNIT)
    expected = [[0.25, 0.25, 1], [0.5, 0.75, 1], [0.5, 0.5, 1], [0, 0, 0], [0, 0, 0]]
    torch.testing.assert_close(feature[0, :, :3], torch.tensor(expected).float(), atol=1e-5, rtol=0)


def test_neither_the_order_of_views_nor_a_view_shown_twice_changes_the_field() -> None:
    model, images = network(), torch.rand(2, 3, 3, 64, 64)
    cameras = matrices(20.0, 30.0, 40.0).expand(2, -1, -1, -1)
    with torch.no_grad():
        answers = [
            model(Inputs(images=images[:, order], extras=Extras(voxels_to_image=cameras[:, order])))["masks"].volume
            for order in ([0, 1, 2], [2, 0, 1], [0, 1, 1, 2])
        ]
    assert answers[0].shape == (2, 3, *SHAPE)
    for other in answers[1:]:
        torch.testing.assert_close(other, answers[0], atol=1e-5, rtol=1e-5)


def test_half_is_where_the_distance_is_0_and_masks_share_it() -> None:
    field = Field(network(), torch.zeros(1, 1), torch.zeros(1), torch.zeros(1))
    field.volume = torch.tensor([[-5.0, 1.0, 2.0], [0.0, 1.0, 1.0], [0.5, 0.0, 0.0]]).view(3, 3, 1, 1, 1)
    occupancy, masks = field.occupancy().flatten(), field.masks()
    assert occupancy[1] == 0.5
    # half a unit inside is ten cells, a twentieth outside one
    torch.testing.assert_close(occupancy[[0, 2]], torch.tensor([10.0, -1.0]).sigmoid())
    torch.testing.assert_close(masks.sum(1).flatten(), occupancy)
    torch.testing.assert_close(masks[0].flatten(), occupancy[0] * torch.tensor([1.0, 2.0]).softmax(0))


def test_cells_are_numbered_as_labels_lie() -> None:
    cells = torch.arange(12 * 16 * 8)
    places = cell_places(cells, SHAPE)
    assert torch.equal(places, (torch.stack(torch.unravel_index(cells, SHAPE), -1) + 0.5).float())


def test_points_are_drawn_by_a_gaussian_of_their_distance_and_from_the_whole_grid() -> None:
    distance = torch.tensor([0.0, 0.1, 0.2, 3.0]).view(1, 4, 1, 1).expand(2, 4, 1, 1)
    drawn = draw_cells(distance, DisnPoints(count=40_000, near_width=0.1, uniform=0.0))
    expected = torch.exp(-torch.tensor([0.0, 1.0, 4.0, 900.0]) / 2)
    for scene in drawn:
        shares = torch.bincount(scene, minlength=4) / 40_000
        torch.testing.assert_close(shares, expected / expected.sum(), atol=0.02, rtol=0)
    alike = torch.bincount(draw_cells(distance, DisnPoints(count=40_000, uniform=1.0))[0], minlength=4) / 40_000
    torch.testing.assert_close(alike, torch.full((4,), 0.25), atol=0.02, rtol=0)


def test_losses_by_hand() -> None:
    distance = torch.tensor([[-0.05, 0.01, 0.02]])
    found = torch.tensor([[0.0, 0.0, 0.0]])
    assert distance_loss(found, distance).item() == pytest.approx(1000 * (4 * 0.5 + 4 * 0.1 + 0.2) / 3)
    logits = torch.tensor([[[2.0, 0.0], [0.0, 0.0], [5.0, 1.0]]])
    masks = torch.tensor([[[True, False], [True, True], [False, False]]])
    first, second = -torch.tensor([2.0, 0.0]).log_softmax(0)[0], torch.tensor(2.0).log()
    assert class_loss(logits, masks).item() == pytest.approx(1000 * (first + second).item() / 2)
    assert class_loss(logits, torch.zeros_like(masks)).item() == 0


def test_targets_are_distances_from_the_voxels_surface_in_the_network_s_unit() -> None:
    """A wall of two layers: 1.5, .5, -.5, -.5, .5 cells."""
    occupied = torch.zeros(1, 6, 5, 5, dtype=torch.bool)
    occupied[:, 2:4] = True
    found = distances(occupied)[0, :, 2, 2] * CELLS_PER_UNIT
    torch.testing.assert_close(found, torch.tensor([1.5, 0.5, -0.5, -0.5, 0.5, 1.5]))


def test_validation_sees_the_same_points_every_time_and_gradients_reach_all_that_trains() -> None:
    model, settings = network(), config("points.count=200")
    inputs = Inputs(torch.rand(1, 2, 3, 64, 64), extras=Extras(voxels_to_image=matrices(20.0, 30.0)))
    masks = torch.zeros(1, 2, *SHAPE, dtype=torch.bool)
    masks[:, 0, 2:6, 2:6, :3], masks[:, 1, 7:10, 8:12, :5] = True, True
    truth = {"occupancy": masks.any(1, keepdim=True), "masks": masks}
    losses = [field_loss(Step(model, inputs, model(inputs), torch.zeros(0), truth), settings).total for _ in range(2)]
    assert losses[0] == losses[1]
    losses[0].backward()
    trained = [p for part in model.trained() for p in part.parameters()]
    assert all(p.grad is not None for p in trained)
    assert len(trained) + len(list(model.encoder.trunk.parameters())) == len(list(model.parameters()))


def small(*changes: str) -> Config:
    return config("points.count=512", "disn.batch_size=2", "training.epochs=2", "training.train_scenes=4", *changes)


def test_fit_evaluate_and_load(tmp_path: Path) -> None:
    data = write_boxes(tmp_path / "data", 12, grid=GRID)
    fit(small(), data, tmp_path / "run", Hardware("cpu", workers=0), lambda line: None)
    trained = load_model(tmp_path / "run", torch.device("cpu"))
    assert trained.config == small() and trained.classes == CLASSES
    scenes = open_split(data, "validation", FAMILY.reads, 3)
    result = evaluate(trained, scenes, torch.device("cpu"))
    assert set(result.outputs) == {"occupancy", "masks"}
    assert 0 <= result.outputs["occupancy"].scores.overall <= 1


def test_stage_trains_on_all_views() -> None:
    (stage,) = stages(config("training.views=2"))
    assert (stage.views, stage.wanted, stage.scored) == (2, ("occupancy", "masks"), "masks")
