"""Distances of feature sets against torch-fidelity on the same features, and against the papers' formulas in loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scenetrain.metrics.set_distances import (
    Features,
    frechet_distance,
    kernel_distance,
    manifold_scores,
    median_distance,
    rbf_discrepancy,
)
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric


@pytest.fixture(scope="module")
def sets() -> tuple[Features, Features]:
    draw = np.random.default_rng(7)
    mix = draw.normal(size=(24, 24))
    return draw.normal(size=(150, 24)) @ mix + 0.4, draw.standard_t(5, size=(120, 24)) @ mix


def test_kid_and_rbf_are_those_of_torch_fidelity(sets: tuple[Features, Features]) -> None:
    ours, theirs = sets
    tensors = [torch.from_numpy(features) for features in sets]
    expected = kid_features_to_metric(*tensors, kid_subsets=20, kid_subset_size=50, rng_seed=2020, verbose=False)
    found = kernel_distance(ours, theirs, subsets=20, subset_size=50)
    assert found.mean == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-6)
    assert found.deviation == pytest.approx(expected["kernel_inception_distance_std"], rel=1e-6)
    width = median_distance(theirs)
    expected = kid_features_to_metric(
        *(tensor[:120] for tensor in tensors),
        kid_kernel="rbf",
        kid_kernel_rbf_sigma=width,
        kid_subsets=1,
        kid_subset_size=120,
        verbose=False,
    )
    assert rbf_discrepancy(ours[:120], theirs) == pytest.approx(expected["kernel_inception_distance_mean"], abs=1e-6)


@pytest.mark.parametrize("images", [120, 20])
def test_frechet_and_precision_are_those_of_torch_fidelity(sets: tuple[Features, Features], images: int) -> None:
    """With fewer images than features too, where covariances have no inverse."""
    ours, theirs = sets[0][:images], sets[1][:images]
    tensors = [torch.from_numpy(ours), torch.from_numpy(theirs)]
    expected = fid_statistics_to_metric(*map(fid_features_to_statistics, tensors), verbose=False)
    assert frechet_distance(ours, theirs) == pytest.approx(expected["frechet_inception_distance"], rel=1e-6)
    prc = prc_features_to_metric(*tensors, verbose=False)
    found = manifold_scores(ours, theirs)
    assert (found.precision, found.recall) == pytest.approx((prc["precision"], prc["recall"]), abs=1e-6)


def test_density_and_coverage_are_the_papers(sets: tuple[Features, Features]) -> None:
    """Naeem et al., equations 4 and 6, one image after another."""
    ours, theirs = sets[0][:8], sets[1][:30]
    inside = np.zeros((8, 30), bool)
    for j, real in enumerate(theirs):
        others = sorted(float(np.linalg.norm(real - other)) for i, other in enumerate(theirs) if i != j)
        for i, rendered in enumerate(ours):
            inside[i, j] = np.linalg.norm(real - rendered) < others[4]
    found = manifold_scores(ours, theirs)
    assert found.density == pytest.approx(inside.sum() / (5 * 8))
    assert found.coverage == pytest.approx(inside.any(0).mean())
    assert 0 < found.coverage < 1


def test_equal_sets_are_not_apart(sets: tuple[Features, Features]) -> None:
    features = sets[0]
    kid = kernel_distance(features[::2], features[1::2])
    assert abs(kid.mean) < kid.deviation
    assert kernel_distance(features, features).mean < 0  # an image that is in both is nearer than chance has it
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert manifold_scores(features, features).precision == 1
    apart = kernel_distance(features, sets[0] + 2)
    assert apart.mean > 3 * apart.deviation
