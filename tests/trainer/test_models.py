"""The network against the paper's table, and its loss against the plain formula."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers.trainer_boxes import build, small_config
from scenegen.core.errors import UsageError
from scenetrain.blocks.fusion import MeanFusion, ViewFusion, pad_channels
from scenetrain.networks.contract import Inputs
from scenetrain.networks.everted.losses import fused_bce
from scenetrain.networks.everted.network import EvertedUNet
from scenetrain.networks.everted.settings import EvertedConfig
from scenetrain.networks.registry import get_family
from scenetrain.networks.settings import load_config
from torch import Tensor, nn


@pytest.fixture(scope="module")
def paper() -> EvertedUNet:
    return EvertedUNet(EvertedConfig(), classes=6)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_parameters_are_the_table_s(paper: EvertedUNet) -> None:
    assert round(count(paper.backbone.trunk) / 1e6, 3) == 1.445
    assert round(count(paper.neck) / 1e6, 3) == 4.095
    assert [count(level[0]) for level in paper.reconstructor.levels] == [
        98 * 512 * 64,
        512 * 128 * 64,
        128 * 32 * 64,
        32 * 8 * 64,
    ]
    assert count(paper.reconstructor.head) == 9
    assert [round(count(level) / 1e3) for level in paper.segmenter.levels] == [3212, 8389, 524, 33]
    assert count(paper.segmenter.head) == 102
    assert round(count(paper.volume_fusion) / 1e3) == 18
    assert round(count(paper.mask_fusion) / 1e3) == 43


def test_the_paper_s_network_maps_three_images(paper: EvertedUNet) -> None:
    with torch.no_grad():
        out = paper.eval()(Inputs(images=torch.zeros(1, 3, 3, 224, 224)))
    assert out["occupancy"].occupied.shape == (1, 1, 80, 96, 64)
    assert out["masks"].occupied.shape == (1, 6, 80, 96, 64)


def test_any_number_of_views() -> None:
    model = build(small_config("model.fusion=context")).eval()
    for views in (1, 2, 8):
        with torch.no_grad():
            out = model(Inputs(images=torch.rand(1, views, 3, 224, 224)))
        assert out["masks"].occupied.shape == (1, 6, 80, 96, 64)
        for answer in out.values():
            assert answer.occupied.exp().min() >= 0 and answer.occupied.exp().max() <= 1


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UsageError, match="known: everted"):
        get_family("inverted")
    with pytest.raises(UsageError, match=r"model\.fusion: .sum. is not context or mean"):
        load_config("first", ("model.fusion=sum",))


def direct_loss(fusion: ViewFusion, features: Tensor, logits: Tensor, target: Tensor) -> Tensor:
    """-t log p - (1 - t) log (1 - p) with p = sum of softmax times sigmoid, as written in the paper."""
    scores = []
    for v in range(logits.shape[1]):
        x, levels = torch.cat([features[:, v], logits[:, v].sigmoid()], dim=1), []
        for block in fusion.context:
            x = block(x)
            levels.append(x)
        scores.append(fusion.score(fusion.merge(torch.cat(levels, dim=1))))
    p = (torch.stack(scores, dim=1).softmax(dim=1) * logits.sigmoid()).sum(dim=1)
    return -(target * p.log() + (1 - target) * (1 - p).log()).mean()


def test_loss_and_gradient_equal_the_direct_formula() -> None:
    torch.manual_seed(0)
    fusion = ViewFusion(3 + 2).eval()
    features, logits = torch.randn(2, 3, 3, 6, 5, 4), 3 * torch.randn(2, 3, 2, 6, 5, 4)
    target = torch.rand(2, 2, 6, 5, 4) < 0.3
    logits.requires_grad_()
    loss = fused_bce(*fusion(features, logits), target)
    (gradient,) = torch.autograd.grad(loss, logits)
    exact = logits.detach().double().requires_grad_()
    wanted = direct_loss(fusion.double(), features.double(), exact, target.double())
    (wanted_gradient,) = torch.autograd.grad(wanted, exact)
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    torch.testing.assert_close(gradient.double(), wanted_gradient, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("channels", [9, 14])
def test_padding_to_sixteen_channels_changes_rounding_alone(channels: int) -> None:
    """What CUDA runs, on the CPU: scores, gradients and batch norm statistics, while training and after."""
    torch.manual_seed(0)
    plain = ViewFusion(channels)
    for module in plain.modules():
        if isinstance(module, nn.BatchNorm3d):
            nn.init.normal_(module.bias)
    padded = copy.deepcopy(plain)
    x = torch.randn(2, channels, 6, 5, 4)
    for train in (True, False):
        plain.train(train), padded.train(train)
        wanted, found = plain.plain_score(x), padded.padded_score(pad_channels(x, 1))
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
        for network, score in ((plain, wanted), (padded, found)):
            network.zero_grad()
            score.square().sum().backward()
        for (name, mine), (_, theirs) in zip(padded.named_parameters(), plain.named_parameters(), strict=True):
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-3, atol=1e-3, msg=name)
    for name, wanted in plain.state_dict().items():
        torch.testing.assert_close(padded.state_dict()[name], wanted, msg=name)


def test_an_untrained_network_answers_with_the_prior() -> None:
    torch.manual_seed(0)
    model = build(small_config("model.prior=0.03")).eval()
    with torch.no_grad():
        out = model(Inputs(images=torch.rand(1, 2, 3, 224, 224)))
    assert out["occupancy"].occupied.exp().median() == pytest.approx(0.03, rel=0.5)
    assert out["masks"].occupied.exp().median() == pytest.approx(0.03 / 6, rel=0.5)


def test_loss_stays_finite_where_probabilities_round_to_one() -> None:
    logits = torch.full((1, 2, 1, 2, 2, 2), 60.0, requires_grad=True)
    log_p, log_q = MeanFusion()(logits, logits)
    loss = fused_bce(log_p, log_q, torch.zeros(1, 1, 2, 2, 2, dtype=torch.bool))
    loss.backward()
    assert loss.item() == pytest.approx(60.0)
    assert logits.grad is not None and logits.grad.sum().item() == pytest.approx(1.0, rel=1e-5)
