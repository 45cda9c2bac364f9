"""The fusion of views: what runs on CUDA equals what runs elsewhere."""

from __future__ import annotations

import copy

import pytest
import torch
from scenetrain.blocks.fusion import LogProbabilities, MeanFusion, ViewFusion, pad_channels
from torch import Tensor, nn


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


@pytest.mark.parametrize("fusion", [MeanFusion(), ViewFusion(3 + 2).eval()])
@pytest.mark.parametrize("views", [1, 3])
def test_the_half_that_a_loss_needs_is_the_one_of_both(fusion: nn.Module, views: int) -> None:
    torch.manual_seed(0)
    features, logits = torch.randn(2, views, 3, 6, 5, 4), 9 * torch.randn(2, views, 2, 6, 5, 4)
    target = torch.rand(2, 2, 6, 5, 4) < 0.3

    def value_and_gradient(of: object) -> tuple[Tensor, Tensor]:
        own = logits.clone().requires_grad_()
        fused = fusion(features, own)
        both = LogProbabilities(fused.occupied, fused.free)
        value = fused.of(target) if of == "half" else both.of(target)
        torch.testing.assert_close(both.occupied.exp() + both.free.exp(), torch.ones(2, 2, 6, 5, 4))
        return value, torch.autograd.grad(value.sum(), own)[0]

    (half, gradient), (whole, wanted) = value_and_gradient("half"), value_and_gradient("both")
    assert torch.equal(half, whole)
    torch.testing.assert_close(gradient, wanted)
