"""3D-R2N2: what every family must do, the published size, and its layers against their definitions."""

from __future__ import annotations

import pytest
import torch
from scenegen.core.errors import UsageError
from scenetrain.config import Config
from scenetrain.networks.contract import Inputs, Step
from scenetrain.networks.r2n2.family import FAMILY, build
from scenetrain.networks.r2n2.losses import voxel_cross_entropy
from scenetrain.networks.r2n2.network import PUBLISHED, R2N2, DecoderBlock, EncoderBlock, Recurrence, VoxelShares
from scenetrain.networks.r2n2.stages import stages
from scenetrain.networks.settings import load_config
from torch import nn
from torch.nn import functional
from trainer.networks.base import FamilyTests

SMALL = ("model.backbone=test_efficientnet", "model.weights=none", "model.mirror=false", "training.views=1")


class TestR2N2(FamilyTests):
    family = FAMILY
    module = "scenetrain.networks.r2n2.family"
    parameters = 140_054
    least_iou = 0.4

    @classmethod
    def small(cls) -> Config:
        changes = ("training.epochs=2", "training.train_scenes=4", "model.width=0.03")
        return load_config("tiny", (*SMALL, *changes), "r2n2")

    @classmethod
    def by_heart(cls) -> Config:
        changes = ("training.epochs=60", "r2n2.learning_rate=0.01", "r2n2.tenth_after=45", "r2n2.batch_size=4")
        return load_config("tiny", (*SMALL, *changes, "model.width=0.0625"), "r2n2")


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_parameters_of_the_paper_and_of_our_form() -> None:
    config, images = load_config(None, (), "r2n2"), Inputs(images=torch.zeros(1, 2, 3, 224, 224, device="meta"))
    with torch.device("meta"):
        original = R2N2(config, PUBLISHED)
        network = build(config, 6, (80, 96, 64), pretrained=False)
        answers = original(images)["masks"], network(images)["masks"]
    assert (count(original), count(network)) == (35_968_706, 57_993_127)
    assert [answer.logarithms.shape for answer in answers] == [(1, 2, 32, 32, 32), (1, 7, 80, 96, 64)]


def test_the_encoder_sees_127_pixels_and_ends_in_nine_positions() -> None:
    sizes: list[int] = []
    with torch.device("meta"):
        network = R2N2(load_config(None, (), "r2n2"), PUBLISHED)
        blocks = [part for part in network.encoder if isinstance(part, EncoderBlock)]
        for block in blocks:
            block.register_forward_hook(
                lambda module, given, found: sizes.extend((given[0].shape[-1], found.shape[-1]))
            )
        network(Inputs(images=torch.zeros(1, 1, 3, 224, 224)))
    assert sizes[::2] == [127, 64, 33, 17, 9, 5] and sizes[-1] == 3
    kinds = [None if block.residual is None else type(block.residual) for block in blocks]
    assert kinds == [None, nn.Conv2d, nn.Conv2d, None, nn.Conv2d, nn.Identity]


def test_a_transposed_convolution_is_an_unpooling_and_a_convolution() -> None:
    torch.manual_seed(0)
    block, x = DecoderBlock(3, 2), torch.randn(2, 3, 4, 5, 3)
    unpooled = torch.zeros(2, 3, 8, 10, 6)
    unpooled[:, :, ::2, ::2, ::2] = x
    weight = block.first.weight.transpose(0, 1).flip(2, 3, 4)
    first = functional.leaky_relu(functional.conv3d(unpooled, weight, block.first.bias, padding=1))
    wanted = functional.leaky_relu(block.second(first)) + block.residual(unpooled)
    torch.testing.assert_close(block(x), wanted)


def test_the_recurrence_is_a_gru_whose_products_are_convolutions() -> None:
    """Of one cell, a 3 x 3 x 3 convolution is its middle weight: torch's own GRU cell computes the same."""
    torch.manual_seed(0)
    recurrence, cell = Recurrence(5, 4, (1, 1, 1)), nn.GRUCell(5, 4, bias=False)
    for gate in recurrence.gates:
        nn.init.zeros_(gate.bias)
    update, reset, new = recurrence.read.weight.detach().split(4)
    middle = [gate.weight.detach()[:, :, 1, 1, 1] for gate in recurrence.gates]
    x = torch.randn(2, 1, 5)
    # torch resets after the product, the paper before it: from an empty state both are the same
    cell.weight_ih = nn.Parameter(torch.cat([reset, update, new]))
    cell.weight_hh = nn.Parameter(torch.cat([middle[1], middle[0], middle[2]]))
    added = recurrence.read_views(x.flatten(0, 1)).unflatten(0, (2, 1))
    torch.testing.assert_close(recurrence(added).flatten(1), cell(x[:, 0]))


def test_later_views_change_the_state_by_the_paper_s_equations() -> None:
    torch.manual_seed(0)
    recurrence = Recurrence(5, 4, (2, 3, 2))
    added = recurrence.read_views(torch.randn(2, 5)).unflatten(0, (1, 2))
    state = torch.zeros(1, 4, 2, 3, 2)
    for view in range(2):
        to_update, to_reset, to_new = added[:, view].split(4, dim=1)
        update = (to_update + recurrence.gates[0](state)).sigmoid()
        reset = (to_reset + recurrence.gates[1](state)).sigmoid()
        state = update * state + (1 - update) * (to_new + recurrence.gates[2](reset * state)).tanh()
    torch.testing.assert_close(recurrence(added), state)
    assert not torch.allclose(recurrence(added.flip(1)), state), "the order of the views matters"


def test_the_loss_is_cross_entropy_and_shares_voxels_of_several_classes() -> None:
    torch.manual_seed(0)
    labels = torch.randint(0, 3, (2, 4, 4, 4))
    masks = functional.one_hot(labels, 3).movedim(-1, 1)[:, 1:].bool()
    logits = torch.randn(2, 3, 4, 4, 4)

    def loss(masks: torch.Tensor, logits: torch.Tensor, detail: int = 1) -> torch.Tensor:
        answers = {"masks": VoxelShares(logits.log_softmax(1), detail)}
        return voxel_cross_entropy(Step(None, Inputs(), answers, masks, {"masks": masks}))

    torch.testing.assert_close(loss(masks, logits), functional.cross_entropy(logits, labels))
    both = torch.ones(1, 2, 1, 1, 1, dtype=torch.bool)
    one = logits[:1, :, :1, :1, :1]
    torch.testing.assert_close(loss(both, one), -one.log_softmax(1)[0, 1:].mean())
    coarse = torch.randn(2, 3, 2, 2, 2)
    repeated = coarse.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)
    torch.testing.assert_close(loss(masks, coarse, 2), loss(masks, repeated))


def test_an_untrained_network_answers_with_the_prior() -> None:
    torch.manual_seed(0)
    config = load_config("tiny", (*SMALL, "model.prior=0.03", "model.norm=false", "model.width=0.25"), "r2n2")
    network = build(config, 6, (80, 96, 64), pretrained=False)
    with torch.no_grad():
        answer = network(Inputs(images=torch.rand(1, 2, 3, 224, 224)))["masks"]
    assert answer.occupancy().median() == pytest.approx(0.03, rel=0.7)
    assert answer.masks().median() == pytest.approx(0.03 / 6, rel=0.7)


def test_published_settings() -> None:
    """Adam 1e-4, a tenth after 21 of 62 epochs, batches of 36, weight decay 5e-5 of all but the biases."""
    config = load_config(None, (), "r2n2")
    (stage,) = stages(config)
    assert (stage.views, stage.batch_size, stage.epochs) == (3, 36, 62)
    weight, bias = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(2))
    optimizer = stage.turns[0].optimizer([weight, bias])
    assert [(g["params"][0].ndim, g["weight_decay"], g["lr"]) for g in optimizer.param_groups] == [
        (2, 5e-5, 1e-4),
        (1, 0, 1e-4),
    ]
    schedule = stage.turns[0].schedule(optimizer)
    for _ in range(21):
        optimizer.step()
        schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-5)


def test_mirroring_without_a_trunk_is_refused() -> None:
    with pytest.raises(UsageError, match=r"model.mirror: .* set model.backbone too"):
        build(load_config(None, ("model.mirror=true",), "r2n2"), 2, (80, 96, 64), pretrained=False)
