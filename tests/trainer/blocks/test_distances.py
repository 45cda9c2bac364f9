"""Distances between cells: SciPy's transform, and a sphere's formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scenetrain.blocks.distances import distances_to, signed_distances
from scipy import ndimage


@pytest.mark.parametrize("share", [0.001, 0.01, 0.2, 0.9])
@pytest.mark.parametrize("reach", [1, 4, 9, 50])
def test_distances_are_scipy_s_up_to_the_reach(share: float, reach: int) -> None:
    cells = torch.rand(2, 17, 24, 9, generator=torch.Generator().manual_seed(0)) < share
    found = distances_to(cells, reach).numpy()
    for own, scene in zip(found, cells.numpy(), strict=True):
        expected = ndimage.distance_transform_edt(~scene) if scene.any() else np.full(scene.shape, np.inf)
        np.testing.assert_allclose(own, np.minimum(expected, reach), atol=1e-5)


def test_where_nothing_is_true_all_is_at_the_reach() -> None:
    assert torch.equal(distances_to(torch.zeros(1, 4, 5, 6, dtype=torch.bool), 3), torch.full((1, 4, 5, 6), 3.0))


def test_a_sphere_s_signed_distance_is_its_formula() -> None:
    """To three quarters of a cell: half the diagonal of the cells that its surface is made of is .87."""
    axes = torch.meshgrid(*[torch.arange(n) + 0.5 for n in (32, 36, 30)], indexing="ij")
    radius = 9.0
    exact = torch.stack([a - c for a, c in zip(axes, (15.0, 17.5, 14.2), strict=True)]).norm(dim=0) - radius
    found = signed_distances(exact <= 0, 8)
    assert torch.equal(found < 0, exact <= 0)
    near = exact.abs() < 7
    assert (found - exact)[near].abs().max() < 0.75
    assert (found - exact)[near].mean().abs() < 0.15
    assert found.min() >= -8 and found.max() == 8
