"""SSZ: what every family must do, the specification's table, the alignment with the image, losses and turns."""

from __future__ import annotations

import pytest
import torch
from helpers import small_ssz_family
from helpers.trainer_boxes import View
from scenegen.core.errors import UsageError
from scenetrain.blocks.coarse_cells import label_shares
from scenetrain.config import Config
from scenetrain.data.reads import NO_EXTRAS, Extras
from scenetrain.networks.contract import Inputs, Step
from scenetrain.networks.settings import load_config
from scenetrain.networks.ssz.family import FAMILY, build
from scenetrain.networks.ssz.generator import Generator
from scenetrain.networks.ssz.judge import Judge
from scenetrain.networks.ssz.losses import class_weights, judged, label_loss, pose_loss
from scenetrain.networks.ssz.network import Logits
from scenetrain.networks.ssz.pose import Poses, PoseTargets
from scenetrain.networks.ssz.stages import generator_loss, judge_loss, stages
from torch import nn
from torch.nn import functional
from trainer.networks.base import FrustumFamilyTests

VIEW = View(small_ssz_family.PIXELS, small_ssz_family.SHAPE)


def config(*changes: str) -> Config:
    return load_config("tiny", ("model.detail=4", *changes), "ssz")


class TestSsz(FrustumFamilyTests):
    family = small_ssz_family.FAMILY
    module = "helpers.small_ssz_family"
    shape = small_ssz_family.SHAPE
    view = VIEW
    parameters = 90_723

    @classmethod
    def small(cls) -> Config:
        return config("model.width=0.125", "training.epochs=3", "training.train_scenes=3", "training.average=0.5")

    @classmethod
    def by_heart(cls) -> Config:
        return config(
            "training.epochs=120",
            "ssz.decay_epochs=60",
            "ssz.learning_rate=0.005",
            "model.initial=normal",
            "losses.balance=1.0",
        )


def count(module: nn.Module | None) -> int:
    return sum(p.numel() for p in module.parameters()) if module is not None else 0


@pytest.mark.parametrize(
    ("name", "generator", "judge"),
    [
        ("ssz", 3_835_954, 714_088),
        ("no_6d", 3_835_954, 0),
        ("no_ir2d", 3_480_106, 714_088),
        ("no_ir2d3d", 8_282_026, 714_088),
    ],
)
def test_parameters_of_every_configuration(name: str, generator: int, judge: int) -> None:
    """Of nine classes: the specification says about 3.8 M and about 0.8 M."""
    network = build(load_config(name, (), "ssz"), 9, (128, 128, 128), pretrained=False)
    assert (count(network.generator), count(network.judge)) == (generator, judge)


def test_channels_and_sizes_are_the_specification_s_table() -> None:
    """At a quarter of its image: sizes are a quarter of the table's, but for depth."""
    generator = Generator(9, 1.0, "2d+3d", 0.0, 1).eval()
    seen: list[tuple[int, ...]] = []
    for part in (generator.stem, *generator.downs, generator.inflate, *generator.ups, generator.head):
        part.register_forward_hook(lambda module, given, found: seen.append(tuple(found.shape[1:])))
    with torch.no_grad():
        generator(torch.rand(1, 3, 64, 64))
    assert seen[:6] == [(16, 32, 32), (24, 16, 16), (32, 8, 8), (64, 4, 4), (128, 2, 2), (256, 1, 1)]
    assert seen[6:9] == [(256, 1, 1, 4), (128, 2, 2, 8), (64, 4, 4, 16)]
    assert seen[9:] == [(48, 8, 8, 32), (24, 16, 16, 64), (16, 32, 32, 128), (10, 32, 32, 128)]


def test_weights_drawn_by_fan_in_keep_the_variance_through_every_doubling() -> None:
    torch.manual_seed(0)
    network = build(config("model.width=0.5"), 9, (128, 128, 128), pretrained=False).train()
    gains: list[float] = []
    for up in network.generator.ups:
        doubling = next(m for m in up.modules() if isinstance(m, nn.ConvTranspose3d))
        doubling.register_forward_hook(
            lambda module, given, found: gains.append(float(found.detach().std() / given[0].detach().std()))
        )
    network.generator(torch.rand(2, 3, 256, 256))
    assert len(gains) == 3 and all(0.5 < gain < 2 for gain in gains)
    published = build(load_config("ssz", (), "ssz"), 9, (128, 128, 128), pretrained=False)
    assert float(published.generator.head.volume.weight.detach().std()) == pytest.approx(0.02, rel=0.3)


def cut_generator(residuals: str) -> Generator:
    """A generator whose volume says nothing, so that only the skip into its head is left."""
    torch.manual_seed(0)
    generator = Generator(2, 0.25, residuals, 0.0, 1).eval()  # type: ignore[arg-type]
    nn.init.zeros_(generator.head.volume.weight)
    return generator


@pytest.mark.parametrize("residuals", ["2d+3d", "3d", "none"])
def test_through_the_last_skip_a_column_of_the_image_meets_its_own_cells(residuals: str) -> None:
    """Two kernels of 3 see columns 2i - 3 to 2i + 3 from cell i: cell 16's, 32 and 33, from cells 15 to 18."""
    generator = cut_generator(residuals)
    image = torch.rand(1, 3, 64, 64)
    changed = image.clone()
    changed[..., 32:34] = 1 - changed[..., 32:34]
    with torch.no_grad():
        differs = (generator(image) != generator(changed)).any(1)[0]
    columns = differs.any(2).any(1).nonzero().flatten().tolist()
    assert columns == [15, 16, 17, 18] and differs[16].all()


def test_the_grid_s_second_axis_is_the_image_s_rows() -> None:
    generator = cut_generator("2d+3d")
    image = torch.rand(1, 3, 64, 64)
    changed = image.clone()
    changed[:, :, 10:12] = 1 - changed[:, :, 10:12]
    with torch.no_grad():
        differs = (generator(image) != generator(changed)).any(1)[0]
    assert differs.any(2).any(0).nonzero().flatten().tolist() == [4, 5, 6, 7]


def test_the_decoder_tells_near_from_far() -> None:
    """By the learned inflation alone: copies along depth are the same everywhere."""
    torch.manual_seed(0)
    found = Generator(2, 0.25, "2d+3d", 0.0, 4).eval()(torch.rand(1, 3, 64, 64))
    assert found.std(-1).max() > 0
    assert not torch.allclose(found, found.flip(-1))


@pytest.mark.parametrize("condition", ["channels", "slices"])
def test_the_judge_s_certificate(condition: str) -> None:
    torch.manual_seed(0)
    judge = Judge(2, 0.25, condition, 1)  # type: ignore[arg-type]
    certificate = judge(torch.rand(2, 3, 64, 64), torch.rand(2, 3, 32, 32, 128).softmax(1))
    depth = 8
    assert certificate.offset.shape == (2, 3, 2, 2, depth) and certificate.real.shape == (2, 2, 2, depth)
    assert certificate.offset.min() >= 0 and certificate.offset.max() <= 1
    torch.testing.assert_close(certificate.rotation.norm(dim=1), torch.ones(2, 2, 2, depth))


def test_a_detail_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(UsageError, match=r"tiny\.toml with --set: model\.detail: 3 is not 1, 2, 4, 8 or 16$"):
        config("model.detail=3")


# Losses


def test_shares_are_means_of_the_labels_as_masks() -> None:
    labels = torch.randint(0, 4, (2, 8, 16, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    masks = label_shares(labels, 3, 1)
    assert torch.equal(masks.argmax(1), labels.long()) and torch.equal(masks.sum(1), torch.ones(2, 8, 16, 8))
    for detail in (2, 4, 8):
        torch.testing.assert_close(label_shares(labels, 3, detail), functional.avg_pool3d(masks, detail))


@pytest.mark.parametrize("detail", [1, 2, 4])
def test_the_loss_of_labels_is_cross_entropy_of_every_cell(detail: int) -> None:
    """torch's own loss of the logits repeated over their blocks; its mean is over weights, ours over cells."""
    torch.manual_seed(0)
    labels, weights = torch.randint(0, 4, (2, 8, 8, 8), dtype=torch.uint8), torch.tensor([0.1, 1.0, 3.0, 0.5])
    logits = torch.randn(2, 4, *[8 // detail] * 3)
    full = functional.interpolate(logits, scale_factor=detail)
    expected = functional.cross_entropy(full, labels.long(), weights, reduction="sum") / labels.numel()
    torch.testing.assert_close(label_loss(logits, label_shares(labels, 3, detail), weights), expected)


def test_weights_are_median_frequency_within_limits() -> None:
    found = class_weights(torch.tensor([1_000_000, 100, 400, 200, 0, 1]))
    assert found.tolist() == pytest.approx([0.05, 2.0, 0.5, 1.0, 1.0, 10.0])


def test_balance_is_the_power_of_the_weights() -> None:
    counts = torch.tensor([1_000_000, 100, 400, 200, 0, 1])
    assert class_weights(counts, 0.5).tolist() == pytest.approx([0.05, 2**0.5, 0.5**0.5, 1.0, 1.0, 10.0])
    assert class_weights(counts, 0.0).tolist() == [1.0] * 6


def pose_targets_of(objects: int) -> PoseTargets:
    rows = torch.arange(objects)
    return PoseTargets(
        rows,
        torch.stack([rows, rows, rows], 1),
        torch.randn(objects, 3),
        torch.linalg.qr(torch.randn(objects, 3, 3)).Q,
        torch.rand(objects, 3) + 0.5,
        rows,
        rows,
        torch.zeros(objects, dtype=torch.bool),
    )


def test_poses_that_are_right_cost_nothing() -> None:
    torch.manual_seed(0)
    targets = pose_targets_of(3)
    right = Poses(targets.centre, targets.rotation)
    assert pose_loss(right, targets, "corners") == 0 and pose_loss(right, targets, "eq3") == 0
    moved = Poses(targets.centre + torch.tensor([0.3, 0.4, 0.0]), targets.rotation)
    assert pose_loss(moved, targets, "corners") == pytest.approx(0.5)
    assert pose_loss(right, pose_targets_of(0), "corners") == 0


def test_cells_with_an_object_weigh_ten_times_the_others() -> None:
    judge = Judge(2, 0.25, "channels", 4)
    certificate = judge(torch.rand(1, 3, 64, 64), torch.rand(1, 3, 8, 8, 32))._replace(real=torch.zeros(1, 2, 2, 8))
    logits = certificate.real
    logits[0, 0, 0, 0], logits[0, 1, 1, 7] = 20.0, -20.0
    targets = pose_targets_of(1)
    zero, soft = torch.tensor(2.0).log(), 20.0
    weight = 1 + 0.1 * 31
    assert judged(certificate, targets, real=True) == pytest.approx(float(0.1 * (30 * zero + soft)) / weight, rel=1e-4)
    assert judged(certificate, targets, real=False) == pytest.approx(float(soft + 3 * zero) / weight, rel=1e-4)


# Turns


@pytest.fixture
def step() -> Step:
    torch.manual_seed(0)
    network = build(config("model.width=0.125"), 2, (128, 128, 128), pretrained=False).train()
    extras = Extras(
        world_to_camera=torch.eye(4).expand(2, 1, 4, 4),
        frustum=torch.tensor([1.0, 1.0, 0.5, 0.5, 1.0, 5.0]).expand(2, 1, 6),
        poses=torch.eye(4).expand(2, 1, 4, 4) + torch.tensor([0, 0, 3.0, 0]).diag().roll(1, 1).expand(2, 1, 4, 4),
        sizes=torch.ones(2, 1, 3),
        object_classes=torch.zeros(2, 1, dtype=torch.long),
        is_round=torch.zeros(2, 1, dtype=torch.bool),
        visible=torch.ones(2, 1, 1, dtype=torch.long),
    )
    inputs = Inputs(images=torch.rand(2, 1, 3, 64, 64), extras=extras)
    labels = torch.randint(0, 3, (2, 32, 32, 128), dtype=torch.uint8)
    return Step(network, inputs, network(inputs, ("labels",)), labels, {})


@pytest.mark.parametrize("part", ["labels", "real", "pose"])
def test_every_part_of_the_generator_s_loss_reaches_its_first_layer(step: Step, part: str) -> None:
    step.network.judge.requires_grad_(requires_grad=False)
    losses = generator_loss(step, config().losses)
    losses.parts[part].backward()
    gradient = step.network.generator.stem[0].weight.grad
    assert gradient.isfinite().all() and gradient.abs().max() > 0
    assert all(p.grad is None for p in step.network.judge.parameters())


def test_the_judge_s_loss_leaves_the_generator_alone(step: Step) -> None:
    losses = judge_loss(step, config().losses)
    losses.total.backward()
    assert set(losses.parts) == {"true", "fake", "pose"} and 0 <= losses.shown["accuracy"] <= 1
    assert all(p.grad is None for p in step.network.generator.parameters())
    assert all(p.grad is not None for p in step.network.judge.parameters())


def test_without_a_judge_there_is_one_turn_of_labels_alone(step: Step) -> None:
    plain = load_config("no_6d", (), "ssz")
    (stage,) = stages(plain)
    network = build(plain, 2, (128, 128, 128), pretrained=False)
    assert [turn.name for turn in stage.turns] == ["generator"] and network.judge is None
    losses = generator_loss(
        step._replace(network=network, inputs=Inputs(step.inputs.images, extras=NO_EXTRAS)), plain.losses
    )
    assert set(losses.parts) == {"labels"}


def test_the_learning_rate_is_constant_then_falls_to_almost_nothing() -> None:
    (stage,) = stages(load_config("ssz", (), "ssz"))
    optimizer = stage.turns[0].optimizer([nn.Parameter(torch.zeros(1))])
    schedule = stage.turns[0].schedule(optimizer)
    rates = []
    for _ in range(200):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    judge = stage.turns[1].optimizer([nn.Parameter(torch.zeros(1))])
    assert judge.param_groups[0]["lr"] == pytest.approx(2e-4)
    assert rates[:100] == [2e-4] * 100 and rates[150] == pytest.approx(2e-4 * 50 / 101)
    assert rates[-1] == pytest.approx(2e-4 / 101) and optimizer.param_groups[0]["betas"] == (0.5, 0.999)


def test_the_judge_s_rate_is_a_share_of_the_generator_s() -> None:
    (stage,) = stages(config("ssz.judge_rate=0.25", "ssz.learning_rate=0.01"))
    rates = [turn.optimizer([nn.Parameter(torch.zeros(1))]).param_groups[0]["lr"] for turn in stage.turns]
    assert rates == pytest.approx([0.01, 0.0025])


def test_likeliest_labels_are_those_of_the_probabilities() -> None:
    torch.manual_seed(0)
    for detail in (1, 2):
        logits = Logits(torch.randn(2, 4, 3, 4, 5), detail)
        assert torch.equal(logits.likeliest(), logits.probabilities().argmax(1).to(torch.uint8))


def test_its_record_answers_from_images_alone() -> None:
    assert FAMILY.reads.images_alone and FAMILY.reads.cameras and FAMILY.reads.poses
