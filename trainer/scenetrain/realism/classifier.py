"""A small classifier that tells rendered images from photographs, scored on images that it was not trained on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.rng import shuffled, stream
from torch import Tensor
from torch.nn import functional

FOLDS = 5
PENALTY = 1e-3
STEPS = 60


class Classified(NamedTuple):
    """How well images can be told apart, and how sure the classifier is of each."""

    accuracy: float
    """Balanced: the mean of both sets' shares that are told right; .5 is chance."""
    rendered: NDArray[np.float64]
    """The probability (N,) that each rendered image is rendered, by a classifier trained without it."""
    real: NDArray[np.float64]
    """The same of each photograph (M,)."""


def tell_apart(
    rendered: NDArray[np.float64], real: NDArray[np.float64], groups: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> Classified:
    """Cross-validate a logistic regression on features (N, D) and (M, D), 5 folds, both sets weighing the same.

    Images with the same number in `groups`, such as the views of a scene, are in one fold: a classifier that knows a
    room by heart would else know its other views.
    """
    everything = torch.from_numpy(np.nan_to_num(np.concatenate([rendered, real])))
    truth = torch.cat([torch.ones(len(rendered)), torch.zeros(len(real))]).double()
    folds = np.concatenate([_folds(numbers) for numbers in groups])
    probabilities = np.full(len(everything), 0.5)
    for fold in range(FOLDS):
        held = torch.from_numpy(folds == fold)
        if held.any() and 0 < truth[~held].sum() < (~held).sum():
            probabilities[held.numpy()] = _fit(everything[~held], truth[~held], everything[held]).numpy()
    ours, theirs = probabilities[: len(rendered)], probabilities[len(rendered) :]
    accuracy = (_above(ours) + 1 - _above(theirs)) / 2
    return Classified(float(accuracy), ours, theirs)


def _above(probabilities: NDArray[np.float64]) -> float:
    """The share above .5; of undecided ones a half."""
    return float((probabilities > 0.5).mean() + (probabilities == 0.5).mean() / 2)


def _folds(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """A fold for each image, the same within a group."""
    known, place = np.unique(groups, return_inverse=True)
    order = np.array(shuffled(stream(0, 0, "folds"), range(len(known))))
    return np.asarray(order[place] % FOLDS, dtype=np.int64)


def _fit(features: Tensor, truth: Tensor, held: Tensor) -> Tensor:
    """The probabilities of `held` by a regression on `features`, standardised, with a ridge."""
    mean, deviation = features.mean(0), features.std(0).clamp(min=1e-6) * features.shape[1] ** 0.5
    x, unseen = (features - mean) / deviation, (held - mean) / deviation
    weights = torch.where(truth > 0, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())
    w = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    bias = torch.zeros(1, dtype=x.dtype, requires_grad=True)
    optimizer = torch.optim.LBFGS([w, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        logits = x @ w + bias
        value = functional.binary_cross_entropy_with_logits(logits, truth, weights, reduction="sum")
        value = value + PENALTY / 2 * (w**2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return torch.sigmoid(unseen @ w + bias).detach()
