"""Lift: what every family must do, and what it alone promises."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from scenegen.core.errors import UsageError
from scenegen.core.scene.scene import Camera, FrustumSpec, GridSpec
from scenetrain.cli.main import cli
from scenetrain.config import Config
from scenetrain.data.batches import Batch
from scenetrain.data.labels import unpack_masks
from scenetrain.data.mirrored_rooms import draw_mirrors, mirror_rooms
from scenetrain.data.moved_rooms import draw_moves, move_rooms
from scenetrain.data.reads import Extras, voxels_to_image
from scenetrain.evaluation.evaluate import evaluate, open_scenes
from scenetrain.networks.contract import Inputs, Step
from scenetrain.networks.lift.family import FAMILY
from scenetrain.networks.lift.losses import class_weights, depth_loss, dice, first_classes
from scenetrain.networks.lift.network import Answer, Lift, unfold_cells
from scenetrain.networks.lift.pixels import cast_labels, depths_of_grid, line_of_sight
from scenetrain.networks.lift.settings import LiftConfig
from scenetrain.networks.lift.stages import by_cells, lift_loss
from scenetrain.networks.lift.views import BoxViews
from scenetrain.networks.settings import load_config
from scenetrain.training.run_folder import load_model
from torch import Tensor

SMALL = ("model.backbone=test_efficientnet", "model.weights=none", "model.width=0.25", "model.depth_bins=12")
SHAPE = (16, 24, 16)
GRID = GridSpec((-0.8, -1.2, 0.0), 0.1, SHAPE)
PIXELS = 64
EYES = ((-1.7, -2.0, 1.9), (1.7, -2.0, 1.8), (1.6, 2.1, 1.9))
COLOURS = ((200, 60, 40), (40, 80, 210))


def small(*changes: str) -> LiftConfig:
    config = load_config("tiny", (*SMALL, *changes), "lift")
    assert isinstance(config, LiftConfig)
    return config


def network(*changes: str, classes: int = 2) -> Lift:
    torch.manual_seed(0)
    return FAMILY.build(small(*changes), classes, SHAPE, pretrained=False).eval()  # type: ignore[return-value]


def camera(eye: Sequence[float], aim: Sequence[float] = (0.0, 0.0, 0.6)) -> Camera:
    place = np.array(eye, float)
    forward = np.array(aim) - place
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, np.cross(forward, right), forward])
    matrix[:3, 3] = -matrix[:3, :3] @ place
    K = ((60.0, 0.0, 32.0), (0.0, 60.0, 32.0), (0.0, 0.0, 1.0))
    rows = tuple(tuple(float(x) for x in row) for row in matrix)
    return Camera("c", PIXELS, PIXELS, K, rows, FrustumSpec(0.5, 7.0, (8, 8, 8), 60.0))  # type: ignore[arg-type]


def picture(labels: NDArray[np.uint8], one: Camera) -> NDArray[np.uint8]:
    """Lines of sight walked in steps of a fifth of a voxel, in world coordinates: (3, H, W); the floor is grey."""
    v, u = np.mgrid[:PIXELS, :PIXELS] + 0.5
    K, matrix = np.array(one.K), np.array(one.world_to_camera)
    directions = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u)], -1) @ matrix[:3, :3]
    eye = -matrix[:3, :3].T @ matrix[:3, 3]
    image = np.full((PIXELS, PIXELS, 3), 90, np.uint8)
    open_pixels = np.ones((PIXELS, PIXELS), bool)
    for depth in np.arange(0.3, 6.0, 0.02):
        cells = np.floor((eye + directions * depth - GRID.origin) / GRID.voxel_size).astype(int)
        inside = ((cells >= 0) & (cells < SHAPE)).all(-1) & open_pixels
        kinds = np.zeros((PIXELS, PIXELS), int)
        kinds[inside] = labels[tuple(cells[inside].T)]
        for number, colour in enumerate(COLOURS):
            image[kinds == 1 << number] = colour
        open_pixels &= kinds == 0
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def room(seed: int, eyes: Sequence[Sequence[float]] = EYES) -> tuple[Tensor, Tensor, Tensor]:
    """Images uint8 (1, V, 3, H, W), labels (1, X, Y, Z) of two boxes of 4 x 4 x 4 voxels, matrices (1, V, 3, 4)."""
    random = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.uint8)
    for number, low in enumerate(((1, 2), (1, 14))):
        x, y = low[0] + random.integers(0, 10), low[1] + random.integers(0, 5)
        labels[x : x + 4, y : y + 4, 0:4] = 1 << number
    cameras = [camera(eye) for eye in eyes]
    images = np.stack([picture(labels, one) for one in cameras])
    matrices = np.stack([voxels_to_image(one, GRID) for one in cameras])
    return tuple(torch.from_numpy(a)[None] for a in (images, labels, matrices))  # type: ignore[return-value]


def turned(eyes: Sequence[Sequence[float]], seed: int) -> list[list[float]]:
    """The same places, turned about the room's middle by any angle, and a little higher or lower."""
    random = np.random.default_rng(1000 + seed)
    angle, rise = random.uniform(0, 2 * np.pi), random.uniform(-0.2, 0.2)
    c, s = np.cos(angle), np.sin(angle)
    return [[x * c - y * s, x * s + y * c, z + rise] for x, y, z in eyes]


def ask(net: Lift, images: Tensor, matrices: Tensor) -> Answer:
    return net(Inputs(images=images.float() / 255, extras=Extras(voxels_to_image=matrices)))["masks"]


def loss_of(net: Lift, config: LiftConfig, scene: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    images, labels, matrices = scene
    inputs = Inputs(images=images.float() / 255, extras=Extras(voxels_to_image=matrices))
    step = Step(net, inputs, net(inputs), labels, {"masks": unpack_masks(labels, 2)})
    return lift_loss(step, config.losses).total


@pytest.fixture(scope="module")
def learnt() -> Lift:
    """It has seen a dozen rooms, each from three cameras of its own."""
    config, net = small(), network()
    scenes = [room(seed, turned(EYES, seed)) for seed in range(12)]
    optimizer = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], 5e-3)
    torch.manual_seed(0)
    for step in range(STEPS):
        net.train()
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * (1 - step / STEPS) + 1e-4
        picked = [scenes[int(k)] for k in torch.randint(len(scenes), (2,))]
        scene = tuple(torch.cat(parts) for parts in zip(*picked, strict=True))
        optimizer.zero_grad()
        loss_of(net, config, scene).backward()  # type: ignore[arg-type]
        optimizer.step()
    return net.eval()


STEPS = 120


MOVED = ((-1.2, 2.4, 1.7), (2.2, 0.3, 2.1), (-2.3, -0.5, 1.6))


@pytest.mark.parametrize(("eyes", "least"), [(EYES, 0.5), (MOVED, 0.3)])
def test_boxes_of_new_rooms_are_found_at_their_voxels(
    learnt: Lift, eyes: Sequence[Sequence[float]], least: float
) -> None:
    """Also by cameras in places that training never had."""
    hits, all_of = 0, 0
    for seed in (100, 101, 102):
        images, labels, matrices = room(seed, eyes)
        with torch.no_grad():
            probabilities = ask(learnt, images, matrices).masks()
        found = probabilities > 0.3
        truth = unpack_masks(labels, 2)
        hits, all_of = hits + int((found & truth).sum()), all_of + int((found | truth).sum())
        for number in range(2):
            likeliest = probabilities[0, number].flatten().topk(32).indices
            centre = torch.stack(torch.unravel_index(likeliest, SHAPE), 1).float().mean(0)
            assert (centre - truth[0, number].nonzero().float().mean(0)).norm() < 2
    assert hits / all_of > least


def test_one_view_and_many_in_any_order(learnt: Lift) -> None:
    images, _, matrices = room(200)
    with torch.no_grad():
        first = ask(learnt, images, matrices)
        turned = ask(learnt, images[:, [2, 0, 1]], matrices[:, [2, 0, 1]])
        torch.testing.assert_close(turned.coarse, first.coarse, atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(turned.occupancy(), first.occupancy(), atol=1e-3, rtol=1e-3)
        assert ask(learnt, images[:, :1], matrices[:, :1]).occupancy().shape == (1, 1, *SHAPE)


def test_half_precision_answers_nearly_the_same(learnt: Lift) -> None:
    """Places are never in 16 bits."""
    images, _, matrices = room(200)
    with torch.no_grad():
        exact = ask(learnt, images, matrices).masks()
        with torch.autocast("cpu", torch.bfloat16):
            rounded = ask(learnt, images, matrices).masks()
    assert (exact - rounded).abs().mean() < 0.002
    assert ((exact > 0.5) != (rounded > 0.5)).sum() < 0.1 * (exact > 0.5).sum()


def test_gradients_are_those_of_small_changes() -> None:
    """Of every trained tensor, along a random direction, in double precision; the trunk has none."""
    config = small("model.refined=1.0")
    net = network("model.refined=1.0").double()
    images, labels, matrices = room(0)
    scene = (images, labels, matrices.double())
    loss_of(_Double(net), config, scene).backward()  # type: ignore[arg-type]
    assert all(p.grad is None for p in net.pyramid.trunk.parameters())
    generator = torch.Generator().manual_seed(1)
    for name in ("pyramid.lateral.0.weight", "pixels.head.weight", "to_pull.weight", "join.0.weight", "split.weight"):
        parameter = net.get_parameter(name)
        assert parameter.grad is not None
        way = torch.randn(parameter.shape, generator=generator, dtype=torch.double)
        with torch.no_grad():
            ends = []
            for sign in (1, -1):
                parameter.add_(way, alpha=sign * 1e-6)
                ends.append(loss_of(_Double(net), config, scene))  # type: ignore[arg-type]
                parameter.sub_(way, alpha=sign * 1e-6)
        assert float((parameter.grad * way).sum()) == pytest.approx(float(ends[0] - ends[1]) / 2e-6, rel=1e-3, abs=1e-6)


class _Double:
    """The network, asked in double precision."""

    def __init__(self, net: Lift) -> None:
        self.net = net
        self.weights = net.weights
        self.grid = net.grid

    def __call__(self, inputs: Inputs) -> dict[str, Answer]:
        assert inputs.images is not None and inputs.extras.voxels_to_image is not None
        answer = self.net.answer(inputs.images.double(), BoxViews(inputs.extras.voxels_to_image.double(), SHAPE))
        return {"masks": answer}


@pytest.mark.parametrize(("name", "count"), [("lift", 5529901), ("tiny", 1318061)])
def test_number_of_trained_parameters(name: str, count: int) -> None:
    config = load_config(name, ("model.weights=none",), "lift")
    net = FAMILY.build(config, 6, (80, 96, 64), pretrained=False)
    assert sum(p.numel() for p in net.parameters() if p.requires_grad) == count


def test_pixels_truth_is_what_the_camera_sees() -> None:
    images, labels, matrices = room(3)
    shown = cast_labels(first_classes(unpack_masks(labels, 2)), matrices, (32, 32))
    for view, eye in enumerate(EYES):
        seen = torch.from_numpy(np.stack([(images[0, view].movedim(0, -1).numpy() == c).all(-1) for c in COLOURS]))
        for number in range(2):
            true = seen[number].view(32, 2, 32, 2).any(3).any(1)
            drawn = shown.labels[0, view] == number + 1
            assert int((true & drawn).sum()) > 0.8 * int((true | drawn).sum()) > 0
        corners = torch.cartesian_prod(*[torch.tensor((0.25, 0.75))] * 3)
        nearest = (labels[0].nonzero().unsqueeze(1) + corners).flatten(0, 1) * GRID.voxel_size + torch.tensor(
            GRID.origin
        )
        least = (torch.from_numpy(np.array(camera(eye).world_to_camera))[2, :3] @ nearest.double().T).min()
        least = least + camera(eye).world_to_camera[2][3]
        assert float(shown.depth[0, view].min()) == pytest.approx(float(least), abs=1e-4)
    assert torch.isinf(shown.depth[shown.labels == 0]).all()


def test_lines_of_sight_meet_the_floor_and_the_grid_s_end() -> None:
    found = line_of_sight(room(0)[2], SHAPE, (8, 8))
    for view, eye in enumerate(EYES):
        height, rise, floor, leaves = found[0, view]
        torch.testing.assert_close(height, torch.full((8, 8), eye[2]), atol=1e-4, rtol=0)
        down = rise < 0
        torch.testing.assert_close((1 / floor - 1)[down] * -rise[down], height[down], atol=1e-3, rtol=0)
        assert (leaves >= floor - 1e-4).all()
    near, far = depths_of_grid(room(0)[2], SHAPE)
    assert ((near > 0) & (far - near < 5) & (far > near + 1)).all()


def test_mirrored_rooms_show_what_mirrored_cameras_see() -> None:
    images, labels, matrices = room(5)
    batch = Batch(None, images, labels, torch.tensor([0]), torch.tensor([0]), Extras(voxels_to_image=matrices))
    for number in range(4):
        found = mirror_rooms(batch, torch.tensor([number]))
        assert found.images is not None and found.extras.voxels_to_image is not None
        shown = cast_labels(first_classes(unpack_masks(found.labels, 2)), found.extras.voxels_to_image, (32, 32))
        colours = torch.tensor(((90,) * 3, *COLOURS), dtype=torch.uint8)[shown.labels].movedim(-1, 2)
        small_images = found.images[..., ::2, ::2]
        assert (colours == small_images).all(2).float().mean() > 0.9
        assert (shown.labels > 0).float().mean() > 0.02
    assert set(draw_mirrors(torch.arange(50), 0, 1).tolist()) == {0, 1, 2, 3}
    assert torch.equal(draw_mirrors(torch.arange(9), 3, 1), draw_mirrors(torch.arange(9), 3, 1))


def test_moved_rooms_show_what_turned_cameras_see() -> None:
    """Of moved labels and cameras a picture is drawn again; where it shows an object, the moved image does too."""
    images, labels, matrices = room(5)
    K = torch.tensor([[camera(eye).K for eye in EYES]])
    batch = Batch(None, images, labels, torch.tensor([7]), torch.tensor([0]), Extras(K=K, voxels_to_image=matrices))
    palette = torch.tensor(((90,) * 3, *COLOURS), dtype=torch.uint8)
    differences = []
    for epoch in range(6):
        moves = draw_moves(batch.positions, len(EYES), 1.0, 0, epoch)
        found = move_rooms(batch, moves)
        assert found.images is not None and found.extras.voxels_to_image is not None
        kept = (found.labels > 0).sum() > 0.9 * (labels > 0).sum()
        if not kept:  # an object has left the grid, and is in the image alone
            continue
        shown = cast_labels(first_classes(unpack_masks(found.labels, 2)), found.extras.voxels_to_image, (32, 32))
        drawn = palette[shown.labels].movedim(-1, 2).float()
        wrong = (drawn - found.images[..., ::2, ::2].float()).abs().amax(2) > 60
        inside = (found.images[..., ::2, ::2] > 0).any(2)  # not beyond the image's edge
        assert (wrong & inside).sum() < 0.1 * inside.sum()
        differences.append((wrong & inside & (shown.labels > 0)).sum() / ((shown.labels > 0) & inside).sum())
        assert not torch.equal(found.labels, labels)
    assert len(differences) > 2 and max(differences) < 0.35  # edges, and voxels turned within voxels
    stays = move_rooms(batch, draw_moves(batch.positions, len(EYES), 0.0, 0, 0))
    assert torch.equal(stays.labels, labels)
    torch.testing.assert_close(stays.extras.voxels_to_image, matrices)
    assert stays.images is not None and (stays.images.int() - images.int()).abs().max() <= 1
    for one, other in zip(moves, draw_moves(batch.positions, len(EYES), 1.0, 0, 5), strict=True):
        assert torch.equal(one, other)


def test_rooms_are_moved_for_networks_that_read_their_cameras_alone(boxes: Path, tmp_path: Path) -> None:
    words = ["fit", "--model", "everted", "--config", "tiny", "--data", str(boxes), "--out", str(tmp_path / "run")]
    words += ["--device", "cpu", "--workers", "0", "--set", "training.moved_rooms=0.5"]
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, UsageError) and "everted does not label rooms from images and their cameras" in str(error)


def test_voxels_of_refined_cells_are_their_own() -> None:
    """The others are as their cell; cells beyond the grid are cut off."""
    torch.manual_seed(0)
    shape = (7, 6, 4)
    coarse, fine = torch.randn(2, 3, 4, 3, 2), torch.randn(2, 3, 5, 8)
    chosen = torch.stack([torch.randperm(24)[:5] for _ in range(2)])
    empty = torch.empty(0)
    found = Answer(coarse, fine, chosen, shape, empty, empty, 2).probabilities()
    expected = coarse.softmax(1).repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
    for b, k in np.ndindex(2, 5):
        x, y, z = np.unravel_index(int(chosen[b, k]), (4, 3, 2))
        cell = fine[b, :, k].softmax(0).view(3, 2, 2, 2)
        expected[b, :, 2 * x : 2 * x + 2, 2 * y : 2 * y + 2, 2 * z : 2 * z + 2] = cell
    torch.testing.assert_close(found, expected[:, :, :7])
    labels = torch.randint(0, 3, (2, *shape))
    cells = by_cells(labels, (4, 3, 2), 2)
    full = torch.nn.functional.pad(labels, (0, 0, 0, 0, 0, 1))
    assert torch.equal(unfold_cells(cells.transpose(1, 2).reshape(2, 8, 4, 3, 2), 2)[:, 0], full)


def test_losses_against_plain_sums() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 30), torch.randint(0, 3, (2, 30))
    p = logits.softmax(1)
    one_hot = torch.nn.functional.one_hot(labels, 4).movedim(-1, 1)
    missed = torch.tensor([9.0, 2.0, 0.0, 0.0])
    by_class = [
        (2 * (p[:, c] * one_hot[:, c]).sum() + 1) / (p[:, c].sum() + one_hot[:, c].sum() + missed[c] + 1)
        for c in (1, 2)
    ]
    any_class = (2 * ((1 - p[:, 0]) * (labels > 0)).sum() + 1) / ((1 - p[:, 0]).sum() + (labels > 0).sum() + 2 + 1)
    torch.testing.assert_close(dice(logits, labels, missed), 2 - sum(by_class) / 2 - any_class)
    weights = class_weights(torch.tensor([900, 25, 100, 400, 0]))
    torch.testing.assert_close(weights, torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0]))
    depth = torch.randn(1, 1, 5, 1, 3)
    level = torch.tensor([1.25, torch.inf, 9.0]).view(1, 1, 1, 3)
    chance = depth[0, 0, :, 0].log_softmax(0)
    expected = -(0.75 * chance[1, 0] + 0.25 * chance[2, 0] + chance[4, 2]) / 2
    torch.testing.assert_close(depth_loss(depth, level), expected)


def test_fit_evaluate_and_report(boxes: Path, test_boxes: Path, tmp_path: Path) -> None:
    """Also the threshold of occupancy, by which no stage is scored."""
    words = [
        "fit",
        "--model",
        "lift",
        "--config",
        "tiny",
        "--data",
        boxes,
        "--test-data",
        test_boxes,
        "--out",
        tmp_path,
    ]
    words += ["--device", "cpu", "--workers", 0]
    changes = (*SMALL, "training.epochs=2", "training.train_scenes=4", "lift.batch_size=2", "training.views=2")
    for change in changes:
        words += ["--set", change]
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "Lift" in (tmp_path / "report.html").read_text()
    trained = load_model(tmp_path, torch.device("cpu"))
    scored = evaluate(trained, open_scenes(trained, boxes, "validation"), torch.device("cpu"))
    for name, one in scored.outputs.items():
        assert one.curve is not None
        assert trained.thresholds[name] == pytest.approx(int(np.argmax(one.curve)) / 100)
    words = ["evaluate", str(tmp_path), "--data", str(test_boxes), "--device", "cpu", "--json"]
    body = json.loads(CliRunner().invoke(cli, words, catch_exceptions=False).stdout)
    assert {"reconstructor", "segmenter"} <= set(body) and set(body["segmenter"]["classes"]) == set(trained.classes)


def test_settings_are_described() -> None:
    assert FAMILY.describe(small()) == "test_efficientnet, 0.25 of the channels"
    assert "no depths" in FAMILY.describe(small("model.depth_bins=0"))
    config: Config = small("model.depth_bins=0")
    images, labels, matrices = room(0)
    net = network("model.depth_bins=0").train()
    loss_of(net, config, tuple(torch.cat([t, t]) for t in (images, labels, matrices))).backward()  # type: ignore[arg-type]
