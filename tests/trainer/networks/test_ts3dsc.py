"""TS3DSC: SSCNet's count, depth images of known surfaces, lifting against world coordinates, its losses, a run."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.trainer_boxes import CLASSES, write_boxes
from numpy.typing import NDArray
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec
from scenetrain.data.reads import Extras, voxels_to_image
from scenetrain.data.scenes import open_split
from scenetrain.evaluation.evaluate import evaluate
from scenetrain.networks.contract import Inputs, Step
from scenetrain.networks.settings import load_config
from scenetrain.networks.ts3dsc.body import SscNet
from scenetrain.networks.ts3dsc.family import FAMILY, build
from scenetrain.networks.ts3dsc.losses import chosen_voxels, first_classes, pixel_labels, pixel_loss, voxel_loss
from scenetrain.networks.ts3dsc.network import Ts3dsc, class_codes
from scenetrain.networks.ts3dsc.settings import Ts3dscConfig
from scenetrain.networks.ts3dsc.stages import completion_loss
from scenetrain.networks.ts3dsc.volumes import LEAST, Hits, find_hits, flipped_tsdf, lift_pixels
from scenetrain.training.fit import fit
from scenetrain.training.hardware import Hardware
from scenetrain.training.run_folder import load_model
from torch import nn

GRID = GridSpec((-0.8, -1.0, 0.1), 0.1, (18, 22, 14))
CELL, MARGIN, PIXELS = GRID.voxel_size, 5, 128
LARGE = GridSpec((-2.0, -2.4, 0.0), 0.2, (20, 24, 16))


def camera(eye: tuple[float, float, float], aim: tuple[float, float, float] = (0.1, 0.05, 0.6)) -> Camera:
    place = np.array(eye)
    forward = (np.array(aim) - place) / np.linalg.norm(np.array(aim) - place)
    right = np.cross(forward, (0.0, 1.0, 0.0) if abs(forward[2]) > 0.9 else (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    matrix[:3, 3] = -matrix[:3, :3] @ place
    K = ((100.0, 0.0, 66.0), (0.0, 90.0, 62.0), (0.0, 0.0, 1.0))
    rows = tuple(tuple(float(x) for x in row) for row in matrix)
    return Camera("c", PIXELS, PIXELS, K, rows, FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0))  # type: ignore[arg-type]


def lines_of_sight(one: Camera) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """In the world: the eye (3,), and the way per metre of depth (H, W, 3)."""
    v, u = np.mgrid[:PIXELS, :PIXELS] + 0.5
    K, matrix = np.array(one.K), np.array(one.world_to_camera)
    there = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], -1)
    return -matrix[:3, :3].T @ matrix[:3, 3], there @ matrix[:3, :3]


def plane_depth(one: Camera, height: float) -> NDArray[np.float64]:
    eye, way = lines_of_sight(one)
    with np.errstate(divide="ignore"):
        depth = (height - eye[2]) / way[..., 2]
    return np.where(depth > 0, depth, 0)


def sphere_depth(one: Camera, centre: NDArray[np.float64], radius: float) -> NDArray[np.float64]:
    eye, way = lines_of_sight(one)
    a, b, c = (way**2).sum(-1), way @ (eye - centre), ((eye - centre) ** 2).sum() - radius**2
    inside = b**2 - a * c
    return np.where(inside > 0, (-b - np.sqrt(np.maximum(inside, 0))) / a, 0)


def as_tensors(cameras: list[Camera], depths: list[NDArray[np.float64]]) -> tuple[torch.Tensor, torch.Tensor]:
    matrices = np.stack([voxels_to_image(one, GRID) for one in cameras])
    return torch.from_numpy(np.stack(depths)).float().unsqueeze(0), torch.from_numpy(matrices).unsqueeze(0)


def centres() -> NDArray[np.float64]:
    """(X, Y, Z, 3), metres."""
    cells = np.stack(np.meshgrid(*[np.arange(n) + 0.5 for n in GRID.shape], indexing="ij"), -1)
    return np.array(GRID.origin) + CELL * cells


def tsdf(cameras: list[Camera], depths: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    depth, matrices = as_tensors(cameras, depths)
    hits = find_hits(depth, matrices, GRID.shape)
    return flipped_tsdf(depth, matrices, hits, GRID.shape, MARGIN)[0, 0].numpy()


def test_a_plane_seen_from_above_is_1_there_and_falls_by_a_fifth_per_cell() -> None:
    above = camera((0.1, 0.1, 3.5), (0.1, 0.1, 0.0))
    level = 6
    found = tsdf([above], [plane_depth(above, GRID.origin[2] + (level + 0.4) * CELL)])
    inner = found[6:-6, 6:-6]
    steps = np.arange(GRID.shape[2]) - level
    expected = np.where(steps >= 0, 1, -1) * np.maximum(1 - np.abs(steps) / MARGIN, LEAST)
    np.testing.assert_allclose(inner, np.broadcast_to(expected, inner.shape), atol=1e-6)


def test_a_sphere_s_visible_side_is_its_formula() -> None:
    """To a cell: the distance counts from the centres of cells that are hit, .87 of a cell's edge from the surface."""
    eye, centre, radius = (0.1, 0.2, 4.0), np.array([0.1, 0.05, 0.75]), 0.45
    one = camera(eye, tuple(centre.tolist()))
    found = tsdf([one], [sphere_depth(one, centre, radius)])
    away = centres() - centre
    exact = (np.linalg.norm(away, axis=-1) - radius) / CELL
    toward = (away @ ((np.array(eye) - centre) / np.linalg.norm(np.array(eye) - centre))) / np.linalg.norm(
        away, axis=-1
    )
    near = (np.abs(exact) < 3) & (toward > 0.7)
    assert near.sum() > 100
    assert np.abs((1 - np.abs(found)) * MARGIN - np.abs(exact))[near].max() < 1
    # cells that are hit count as before the surface
    assert (found[near & (exact > 0)] > 0).all()
    assert (found[near & (exact < -1)] < 0).all()


def test_a_cell_is_hidden_where_every_view_that_sees_it_sees_a_surface_before_it() -> None:
    above, below = camera((0.1, 0.1, 3.5), (0.1, 0.1, 0.0)), camera((0.1, 0.1, -3.5), (0.1, 0.1, 0.0))
    high, low = GRID.origin[2] + 10.5 * CELL, GRID.origin[2] + 3.5 * CELL
    one = tsdf([above], [plane_depth(above, high)])[9, 11]
    both = tsdf([above, below], [plane_depth(above, high), plane_depth(below, low)])[9, 11]
    assert (np.sign(one) == np.where(np.arange(14) >= 10, 1, -1)).all()
    assert (np.sign(both) == np.where((np.arange(14) >= 10) | (np.arange(14) <= 3), 1, -1)).all()
    nothing = tsdf([above], [np.zeros((PIXELS, PIXELS))])
    far = tsdf([above], [np.full((PIXELS, PIXELS), np.inf)])
    assert np.allclose(nothing, LEAST) and np.allclose(far, LEAST)
    aside = camera((0.1, 0.1, 3.5), (9.0, 0.1, 3.5))
    assert np.allclose(tsdf([aside], [np.full((PIXELS, PIXELS), 1.0)]), LEAST)


def test_pixels_are_lifted_to_the_cells_of_their_points_in_the_world() -> None:
    random = np.random.default_rng(0)
    cameras = [camera((-1.5, -1.0, 1.9)), camera((1.2, -1.6, 0.9))]
    depths = [random.uniform(0.5, 3.0, (PIXELS, PIXELS)) for _ in cameras]
    depths[0][1::2], depths[1][1::2] = 0, np.inf  # the loop below takes a second for a quarter of the pixels
    depths[0][:, 1::2], depths[1][:, 7] = 0, np.inf
    depth, matrices = as_tensors(cameras, depths)
    features = torch.from_numpy(random.normal(size=(1, 2, 3, PIXELS, PIXELS))).float()
    total, count = np.zeros((*GRID.shape, 3)), np.zeros(GRID.shape)
    for number, (one, own) in enumerate(zip(cameras, depth[0].double().numpy(), strict=True)):
        eye, way = lines_of_sight(one)
        for row, column in np.ndindex(PIXELS, PIXELS):
            if own[row, column] == 0 or np.isinf(own[row, column]):
                continue
            place = eye + way[row, column] * own[row, column]
            cell = tuple(np.floor((place - GRID.origin) / CELL).astype(int))
            if all(0 <= c < n for c, n in zip(cell, GRID.shape, strict=True)):
                total[cell] += features[0, number, :, row, column].numpy()
                count[cell] += 1
    hits = find_hits(depth, matrices, GRID.shape)
    found = lift_pixels(features, hits, GRID.shape)[0].movedim(0, -1).numpy()
    # matrices are float32: a point within a ten thousandth of a cell of a side may be on either
    same = np.isclose(found, total / np.maximum(count, 1)[..., None], atol=1e-5).all(-1)
    assert same.mean() > 0.999 and count.astype(bool).mean() > 0.3
    assert abs(int(hits.known.sum()) - int(count.sum())) <= 2


def test_lifting_has_the_gradients_of_small_changes() -> None:
    hits = Hits(
        torch.tensor([[0, 3, 3, 1, 0, 7, 7, 7]]), torch.tensor([[True, True, True, True, False, True, True, True]])
    )
    features = torch.rand(1, 2, 3, 2, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: lift_pixels(x, hits, (2, 2, 2)), (features,))


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_body_is_sscnet_s() -> None:
    """Of depth alone, to 12 labels at a quarter: 0.93 million parameters, as published."""
    with torch.device("meta"):
        body = SscNet(1, 12)
    assert count(body) == 930_604
    found = body(torch.zeros(1, 1, 240, 144, 240, device="meta"))
    assert found.logits.shape == (1, 12, 60, 36, 60)
    assert body.conv4[0].in_channels == 4 * 64
    assert [tuple(r[0].dilation) for r in body.residuals] == [(1, 1, 1), (2, 2, 2), (2, 2, 2)]


def test_classes_lie_evenly_on_a_sphere_and_background_in_its_middle() -> None:
    codes = class_codes(6)
    assert codes.shape == (7, 3) and torch.equal(codes[0], torch.zeros(3))
    torch.testing.assert_close(codes[1:].norm(dim=1), torch.ones(6))
    distances = torch.cdist(codes[1:], codes[1:]) + 9 * torch.eye(6)
    assert distances.min() > 1


def config(*changes: str) -> Ts3dscConfig:
    trunk = ("model.backbone=test_efficientnet", "model.weights=none", "model.width=0.1")
    found = load_config("tiny", (*trunk, *changes), "ts3dsc")
    assert isinstance(found, Ts3dscConfig)
    return found


def network(shape: tuple[int, int, int] = GRID.shape) -> Ts3dsc:
    torch.manual_seed(0)
    return build(config(), 2, shape, pretrained=False).eval()


def scene(views: int = 2) -> Inputs:
    cameras = [camera((-1.5, -1.0, 1.9)), camera((1.2, -1.6, 0.9))][:views]
    depth, matrices = as_tensors(cameras, [plane_depth(one, 0.55) for one in cameras])
    images = torch.rand(1, views, 3, PIXELS, PIXELS, generator=torch.Generator().manual_seed(1))
    return Inputs(images, extras=Extras(depth=depth, voxels_to_image=matrices))


def test_outputs_are_probabilities_on_any_grid_and_order_of_views_is_nothing() -> None:
    """The grid's sides are no multiples of 4."""
    model, inputs = network(), scene()
    extras = inputs.extras
    turned = Inputs(
        inputs.images.flip(1), extras=Extras(depth=extras.depth.flip(1), voxels_to_image=extras.voxels_to_image.flip(1))
    )
    with torch.no_grad():
        one, other = model(inputs), model(turned)
    occupancy, masks = one["occupancy"].occupancy(), one["masks"].masks()
    assert occupancy.shape == (1, 1, *GRID.shape) and masks.shape == (1, 2, *GRID.shape)
    torch.testing.assert_close(masks.sum(1, keepdim=True), occupancy)
    torch.testing.assert_close(other["masks"].masks(), masks, atol=1e-5, rtol=1e-4)


def test_so_many_free_voxels_count_for_each_occupied_one() -> None:
    labels = torch.zeros(2, 20, 20, 20, dtype=torch.long)
    labels[0, :5, :5, :4], labels[1, :10, :10, :5] = 1, 2
    chosen = chosen_voxels(labels, 2.0, torch.Generator().manual_seed(0))
    assert chosen[labels > 0].all()
    free = (chosen & (labels == 0)).flatten(1).sum(1)
    assert free[0].item() == pytest.approx(200, abs=60) and free[1].item() == pytest.approx(1000, abs=120)
    nothing = chosen_voxels(torch.zeros(1, 4, 4, 4, dtype=torch.long), 2.0)
    assert nothing.dtype == torch.bool


def test_losses_by_hand() -> None:
    logits = torch.zeros(1, 3, 2, 1, 1)
    logits[0, 1, 1] = math.log(2)
    labels = torch.tensor([0, 1]).view(1, 2, 1, 1)
    assert voxel_loss(logits, labels, labels > 0).item() == pytest.approx(math.log(2))
    both = torch.ones_like(labels, dtype=torch.bool)
    assert voxel_loss(logits, labels, both).item() == pytest.approx((math.log(3) + math.log(2)) / 2)
    hits = Hits(torch.tensor([[1, 0, 1, 1]]), torch.tensor([[True, True, True, False]]))
    assert pixel_labels(labels, hits).tolist() == [[1, 0, 1, 0]]
    of_pixels = torch.zeros(1, 1, 3, 2, 2)
    of_pixels[0, 0, 1, 0, 0] = math.log(2)
    expected = (math.log(2) + 3 * math.log(3)) / 4
    assert pixel_loss(of_pixels, pixel_labels(labels, hits)).item() == pytest.approx(expected)
    masks = torch.tensor([[False, True, True], [True, True, False]]).view(1, 2, 3, 1, 1)
    assert first_classes(masks).flatten().tolist() == [2, 1, 1]


def test_voxels_train_the_body_and_pixels_the_segmentation() -> None:
    model, inputs = network(), scene()
    masks = torch.zeros(1, 2, *GRID.shape, dtype=torch.bool)
    masks[:, 0, 2:6, 2:6, :5] = True
    step = Step(model, inputs, model(inputs), torch.zeros(0), {"masks": masks})
    loss = completion_loss(step, config().ts3dsc)
    loss.parts["voxels"].backward(retain_graph=True)
    of_image = [p for p in model.segmenter.parameters() if p.requires_grad]
    of_volume = [*model.body.parameters(), *model.head.parameters()]
    assert all(p.grad is None for p in of_image) and all(p.grad is not None for p in of_volume)
    loss.parts["pixels"].backward()
    assert all(p.grad is not None for p in of_image)
    trained = sum(len(list(part.parameters())) for part in model.trained())
    assert trained == len(of_image) + len(of_volume)


def test_fit_evaluate_and_load(tmp_path: Path) -> None:
    data = write_boxes(tmp_path / "data", 12, grid=LARGE)
    small = config("ts3dsc.batch_size=2", "training.epochs=2", "training.train_scenes=4")
    fit(small, data, tmp_path / "run", Hardware("cpu", workers=0), lambda line: None)
    trained = load_model(tmp_path / "run", torch.device("cpu"))
    assert trained.config == small and trained.classes == CLASSES
    result = evaluate(trained, open_split(data, "validation", FAMILY.reads, 3), torch.device("cpu"))
    assert set(result.outputs) == {"occupancy", "masks"}
