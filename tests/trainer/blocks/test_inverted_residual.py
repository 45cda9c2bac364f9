"""Inverted residual blocks: skips are convolutions of copies, columns keep to themselves, volumes keep their layout."""

from __future__ import annotations

import pytest
import torch
from scenetrain.blocks.inverted_residual import (
    CopyInflate,
    DepthwiseDouble,
    InvertedResidual2d,
    InvertedResidual3d,
    PlainUpsample,
    VolumetricInvertedResidual,
    laid_out,
)
from torch import nn
from torch.nn import functional


def test_copy_inflate_is_the_convolution_of_the_concatenation() -> None:
    torch.manual_seed(0)
    layer = CopyInflate(5, 3, 7, bias=True)
    volume, image = torch.randn(2, 5, 4, 6, 8), torch.randn(2, 3, 4, 6)
    copies = image.unsqueeze(-1).expand(-1, -1, -1, -1, 8)
    weight = torch.cat([layer.volume.weight, layer.image.weight.unsqueeze(-1)], 1)
    expected = functional.conv3d(torch.cat([volume, copies], 1), weight, layer.volume.bias)
    torch.testing.assert_close(layer(volume, image), expected)


def test_a_column_of_the_image_changes_its_column_of_cells_at_every_depth() -> None:
    torch.manual_seed(0)
    layer = CopyInflate(5, 3, 7)
    volume, image = torch.randn(1, 5, 4, 6, 8), torch.randn(1, 3, 4, 6)
    changed = image.clone()
    changed[:, :, 2] += 1
    differs = (layer(volume, changed) != layer(volume, image)).any(1)[0]
    assert differs[2].all() and not differs[[0, 1, 3]].any()


@pytest.mark.parametrize("kind", [VolumetricInvertedResidual, PlainUpsample])
def test_volumes_double_and_keep_their_layout(kind: type[nn.Module]) -> None:
    options = {"expansion": 2} if kind is VolumetricInvertedResidual else {}
    block = kind(volume=8, image=4, channels_out=12, **options)
    found = block(torch.randn(2, 8, 4, 6, 2), torch.randn(2, 4, 4, 6))
    assert found.shape == (2, 12, 8, 12, 4)
    assert found.is_contiguous()
    assert laid_out(found) is found


def test_doubling_by_phases_is_torch_s_transposed_convolution() -> None:
    """Numbers and gradients; float64, so that only rounding of the last bits is left."""
    torch.manual_seed(0)
    ours = DepthwiseDouble(5).double()
    theirs = nn.ConvTranspose3d(5, 5, 4, 2, 1, groups=5, bias=False).double()
    theirs.load_state_dict(ours.state_dict())
    volume = torch.randn(2, 5, 3, 4, 6, dtype=torch.float64, requires_grad=True)
    expected, found = theirs(volume), ours(volume)
    torch.testing.assert_close(found, expected)
    sent = torch.randn_like(expected)
    for mine, yours in zip(
        torch.autograd.grad(found, (volume, ours.weight), sent),
        torch.autograd.grad(expected, (volume, theirs.weight), sent),
        strict=True,
    ):
        torch.testing.assert_close(mine, yours)


def test_the_layout_changes_no_number() -> None:
    torch.manual_seed(0)
    block = VolumetricInvertedResidual(8, 4, 12, 2).eval()
    volume, image = torch.randn(2, 8, 4, 4, 4), torch.randn(2, 4, 4, 4)
    expected = block(volume, image)
    torch.testing.assert_close(block(volume.contiguous(memory_format=torch.channels_last_3d), image), expected)


@pytest.mark.parametrize(("block", "axes"), [(InvertedResidual2d(4), 2), (InvertedResidual3d(4, 3), 3)])
def test_residuals_add_to_what_they_are_given(block: nn.Module, axes: int) -> None:
    x = torch.randn(2, 4, *(6, 4, 8)[:axes])
    last = [module for module in block.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)][-1]
    nn.init.zeros_(last.weight)
    assert torch.equal(block(x), x)
    nn.init.ones_(last.weight)
    assert not torch.equal(block(x), x)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_inference_without_batch_norms_gives_the_same_numbers(dropout: float) -> None:
    torch.manual_seed(0)
    block = VolumetricInvertedResidual(5, 3, 4, 2, dropout).eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.running_mean.normal_(0, 1)
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight, 1, 0.5)
            nn.init.normal_(module.bias)
    volume, image = torch.randn(2, 5, 3, 4, 6), torch.randn(2, 3, 3, 4)
    expected = block(volume, image)
    assert expected.requires_grad
    with torch.inference_mode():
        found = block(volume, image)
    torch.testing.assert_close(found, expected.detach())
