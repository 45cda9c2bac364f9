"""One answer for blocks of cells; shares of labels are tested with SSZ's loss."""

from __future__ import annotations

import torch
from scenetrain.blocks.coarse_cells import first_largest, repeat_blocks


def test_the_first_of_the_largest_is_argmax() -> None:
    values = torch.randint(0, 4, (2, 10, 5, 6, 7), generator=torch.Generator().manual_seed(0)).float()
    assert torch.equal(first_largest(values), values.argmax(1).to(torch.uint8))


def test_blocks_are_repeated_along_the_last_three_axes() -> None:
    blocks = torch.arange(8).view(1, 2, 2, 2)
    found = repeat_blocks(blocks, 3)
    assert found.shape == (1, 6, 6, 6) and torch.equal(found[:, ::3, 1::3, 2::3], blocks)
    assert torch.equal(repeat_blocks(blocks, 1), blocks)
