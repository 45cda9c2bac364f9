"""Z-GAN: what every family must do, the authors' counts and sizes, the copies along depth, the judge and the losses."""

from __future__ import annotations

import pytest
import torch
from helpers import small_zgan_family
from helpers.trainer_boxes import View
from scenegen.core.errors import UsageError
from scenetrain.blocks.coarse_cells import label_shares, repeat_blocks
from scenetrain.config import Config
from scenetrain.networks.contract import Inputs, Step
from scenetrain.networks.settings import load_config
from scenetrain.networks.zgan.family import FAMILY, build
from scenetrain.networks.zgan.generator import ZganGenerator
from scenetrain.networks.zgan.judge import PatchJudge
from scenetrain.networks.zgan.losses import judged, l1_loss
from scenetrain.networks.zgan.network import ZganVolume
from scenetrain.networks.zgan.stages import generator_loss, judge_loss, stages
from torch import nn
from torch.nn import functional
from trainer.networks.base import FrustumFamilyTests

VIEW = View(small_zgan_family.PIXELS, small_zgan_family.SHAPE)


def config(*changes: str) -> Config:
    return load_config("tiny", ("model.detail=1", *changes), "zgan")


class TestZgan(FrustumFamilyTests):
    family = small_zgan_family.FAMILY
    module = "helpers.small_zgan_family"
    shape = small_zgan_family.SHAPE
    view = VIEW
    parameters = 48_382

    @classmethod
    def small(cls) -> Config:
        return config("model.channels=2", "training.epochs=3", "training.train_scenes=3", "training.average=0.5")

    @classmethod
    def by_heart(cls) -> Config:
        return config("model.channels=16", "zgan.learning_rate=5e-3", "training.epochs=80", "zgan.decay_epochs=30")


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_the_authors_of_one_output_and_65_and_2048_more_for_each_other() -> None:
    assert (count(ZganGenerator(1, 32, 128, 1)), count(PatchJudge(1, 32))) == (39_754_113, 666_017)
    network = build(load_config("zgan", (), "zgan"), 9, (128, 128, 128), pretrained=False)
    assert (count(network.generator), count(network.judge)) == (39_754_698, 684_449)
    assert 39_754_698 - 39_754_113 == 9 * 65 and 684_449 - 666_017 == 9 * 2_048


def test_eight_halvings_seven_doublings_and_three_dropouts_as_published() -> None:
    generator = ZganGenerator(1, 2, 128, 1).eval()
    seen: list[tuple[int, ...]] = []
    for part in (*generator.downs, *generator.ups, generator.head):
        part.register_forward_hook(lambda module, given, found: seen.append(tuple(found.shape[1:])))
    with torch.no_grad():
        generator(torch.rand(1, 3, 256, 256))
    channels = (2, 4, 8, 16, 16, 16, 16, 16)
    assert seen[:8] == [(c, 128 >> level, 128 >> level) for level, c in enumerate(channels)]
    assert seen[8:15] == [(c, *(128 >> level,) * 3) for level, c in reversed(list(enumerate(channels[:7])))]
    assert seen[15:] == [(1, 128, 128, 128)]
    dropped = [any(isinstance(layer, nn.Dropout) for layer in up) for up in generator.ups]
    assert dropped == [False, True, True, True, False, False, False]


def test_the_decoder_sees_the_image_s_map_in_every_slice() -> None:
    torch.manual_seed(0)
    generator, given = ZganGenerator(1, 2, 32, 1).eval(), []
    generator.head.register_forward_pre_hook(lambda module, volumes: given.append(volumes[0].clone()))
    image = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        generator(image)
        first = generator.downs[0]((2 * image - 1).transpose(-1, -2))
    (volume,) = given
    assert volume.shape == (2, 4, 32, 32, 32)
    assert all(torch.equal(volume[:, 2:, ..., depth], first) for depth in range(32))
    assert volume[:, :2].std(-1).max() > 0


def test_the_grid_s_first_axis_is_the_image_s_columns() -> None:
    torch.manual_seed(0)
    generator = ZganGenerator(1, 2, 32, 1).eval()
    for up in generator.ups:
        nn.init.zeros_(up[1].weight)
    image = torch.rand(1, 3, 64, 64)
    changed = image.clone()
    changed[..., 20:22] = 1 - changed[..., 20:22]
    with torch.no_grad():
        differs = (generator(image) != generator(changed))[0, 0]
    assert set(differs.any(2).any(1).nonzero().flatten().tolist()) <= {9, 10, 11}
    assert differs[10].any()


def test_the_judge_sees_three_slices_of_the_image_s_means_before_the_frustum() -> None:
    judge, given = PatchJudge(3, 2), []
    judge.body.register_forward_pre_hook(lambda module, volumes: given.append(volumes[0]))
    images, frustum = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 32, 32, 32)
    logits = judge(images, frustum)
    (volume,) = given
    assert volume.shape == (2, 3, 32, 32, 35) and torch.equal(volume[..., 3:], frustum)
    means = functional.avg_pool2d(2 * images - 1, 2)
    for channel in range(3):
        torch.testing.assert_close(volume[:, channel, ..., :3], means.permute(0, 3, 2, 1))
    assert logits.shape == (2, 6, 6, 6)


def test_labels_are_the_largest_output() -> None:
    volume = ZganVolume(torch.tensor([0.2, 0.6, -0.4]).view(1, 3, 1, 1, 1), 2)
    found = volume.probabilities()
    assert found.shape == (1, 3, 2, 2, 2)
    assert found[0, :, 1, 0, 1].tolist() == pytest.approx([0.2 / 0.801, 0.6 / 0.801, 0.001 / 0.801])
    assert volume.likeliest().tolist() == [[[[1, 1], [1, 1]], [[1, 1], [1, 1]]]]
    nothing = ZganVolume(torch.tensor([-0.3, -0.1, -0.4]).view(1, 3, 1, 1, 1), 1)
    assert nothing.likeliest().item() == nothing.probabilities().argmax(1).item() == 0


@pytest.mark.parametrize("detail", [1, 2, 4])
def test_l1_is_the_distance_of_every_cell_from_its_label(detail: int) -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (2, 8, 8, 8), dtype=torch.uint8)
    found = torch.randn(2, 3, *[8 // detail] * 3).tanh()
    one_hot = functional.one_hot(labels.long(), 3).movedim(-1, 1).float()
    expected = sum(functional.l1_loss(repeat_blocks(found, detail)[:, c], one_hot[:, c]) for c in range(3))
    torch.testing.assert_close(l1_loss(found, label_shares(labels, 2, detail)), expected)


def test_judged_is_binary_cross_entropy_of_the_judge_s_probability() -> None:
    logits = torch.randn(2, 6, 6, 6)
    for real in (True, False):
        expected = functional.binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, float(real)))
        torch.testing.assert_close(judged(logits, real=real), expected)


@pytest.fixture
def step() -> Step:
    torch.manual_seed(0)
    network = build(config("model.channels=2"), 2, small_zgan_family.SHAPE, pretrained=False).train()
    inputs = Inputs(images=torch.rand(2, 1, 3, 32, 32))
    labels = torch.randint(0, 3, (2, *small_zgan_family.SHAPE), dtype=torch.uint8)
    return Step(network, inputs, network(inputs, ("labels",)), labels, {})


@pytest.mark.parametrize("part", ["l1", "real"])
def test_both_parts_of_the_generator_s_loss_reach_its_first_layer(step: Step, part: str) -> None:
    step.network.judge.requires_grad_(requires_grad=False)
    losses = generator_loss(step, config().losses)
    losses.parts[part].backward()
    gradient = step.network.generator.downs[0].weight.grad
    assert gradient.isfinite().all() and gradient.abs().max() > 0
    assert all(p.grad is None for p in step.network.judge.parameters())


def test_the_judge_s_loss_leaves_the_generator_alone(step: Step) -> None:
    losses = judge_loss(step)
    losses.total.backward()
    assert set(losses.parts) == {"true", "fake"} and 0 <= losses.shown["accuracy"] <= 1
    assert all(p.grad is None for p in step.network.generator.parameters())
    assert all(p.grad is not None for p in step.network.judge.parameters())


def test_a_detail_that_is_no_power_of_two_is_refused() -> None:
    with pytest.raises(UsageError, match=r"tiny\.toml with --set: model\.detail: 3 is not 1, 2, 4 or 8$"):
        config("model.detail=3")


def test_published_settings() -> None:
    """Batch of one, L1 times 200, Adam 2e-4 (.5, .999), constant for 100 epochs of 200."""
    published = load_config("zgan", (), "zgan")
    (stage,) = stages(published)
    optimizer = stage.turns[0].optimizer([nn.Parameter(torch.zeros(1))])
    schedule = stage.turns[0].schedule(optimizer)
    rates = []
    for _ in range(200):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[:100] == [2e-4] * 100 and rates[-1] == pytest.approx(2e-4 / 101)
    assert optimizer.param_groups[0]["betas"] == (0.5, 0.999)
    assert (stage.batch_size, published.losses.l1_weight) == (1, 200) and FAMILY.reads.images_alone
