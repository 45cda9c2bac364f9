"""The fusion of views: what runs on CUDA equals what runs elsewhere."""

from __future__ import annotations

import copy

import pytest
import torch
from scenetrain.blocks.fusion import ViewFusion, pad_channels
from torch import nn


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
