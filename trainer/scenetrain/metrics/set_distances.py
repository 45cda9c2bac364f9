"""How far two sets of feature vectors are from one another.

Each figure is of a network's features, and says nothing without the network's name: with those of Inception-2015 the
first two are known as KID and FID; with others, values differ and must not be compared with published ones.
All functions take float64 arrays (N, D) and (M, D), images in rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]
Kernel = NDArray[np.float64]

MOST_IN_SUBSET = 1000
"""Images of each set in a subset of KID, as in the authors' code."""
NEIGHBOURS = 3
"""Of precision and recall, as published."""
DENSITY_NEIGHBOURS = 5
"""Of density and coverage, as published."""


class Spread(NamedTuple):
    """A mean over subsets, and their standard deviation."""

    mean: float
    deviation: float


class Manifold(NamedTuple):
    """How far each set lies where the other does."""

    precision: float
    """Share of the rendered images that lie among the photographs."""
    recall: float
    """Share of the photographs that lie among the rendered images."""
    density: float
    """In how many photographs' neighbourhoods a rendered image lies, over what is expected; 1 for equal sets."""
    coverage: float
    """Share of the photographs that have a rendered image in their neighbourhood."""


def kernel_distance(
    rendered: Features, real: Features, subsets: int = 100, subset_size: int | None = None, seed: int = 2020
) -> Spread:
    """Squared maximum mean discrepancy with the kernel (x.y / D + 1)^3, unbiased, of random subsets.

    Bińkowski et al., Demystifying MMD GANs, 2018, section 4; near 0, and as often below it as above, for sets of one
    distribution. A subset has half of the smaller set and at most 1,000 images, so that subsets differ.
    """
    size = subset_size or max(2, min(MOST_IN_SUBSET, min(len(rendered), len(real)) // 2))
    draw = np.random.RandomState(seed)  # torch-fidelity's subsets, for equal figures; numpy keeps this stream as it is
    values = []
    for _ in range(subsets):
        x = rendered[draw.choice(len(rendered), size, replace=False)]
        y = real[draw.choice(len(real), size, replace=False)]
        values.append(_unbiased(_cubic(x, x), _cubic(x, y), _cubic(y, y)))
    return Spread(float(np.mean(values)), float(np.std(values)))


def rbf_discrepancy(rendered: Features, real: Features, bandwidth: float | None = None) -> float:
    """Squared maximum mean discrepancy with a Gaussian kernel, unbiased, of all images.

    Jayasumana et al., Rethinking FID, 2024, equation 4. `bandwidth` None takes the median distance between two real
    images, so that figures against one set of photographs can be compared.
    """
    width = bandwidth or median_distance(real)
    xx, xy, yy = (
        np.exp(-_squared_distances(a, b) / (2 * width**2))
        for a, b in ((rendered, rendered), (rendered, real), (real, real))
    )
    return _unbiased(xx, xy, yy)


def median_distance(features: Features) -> float:
    """The median Euclidean distance between two different images; 1 where all are alike."""
    pairs = np.triu_indices(len(features), 1)
    return float(np.median(np.sqrt(_squared_distances(features, features)[pairs]))) or 1.0


def frechet_distance(rendered: Features, real: Features) -> float:
    """Squared Fréchet distance between the normal distributions with the sets' means and covariances.

    Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017, equation 6. Biased upwards, the more the fewer
    images: compare only sets of equal numbers. The trace of the root of the product of covariances A'A and B'B is the
    sum of the singular values of A B', which needs neither of them.
    """
    difference = rendered.mean(0) - real.mean(0)
    a, b = _covariance_root(rendered), _covariance_root(real)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(difference @ difference + (a**2).sum() + (b**2).sum() - 2 * cross)


def manifold_scores(rendered: Features, real: Features) -> Manifold:
    """Precision and recall (Kynkäänniemi et al., 2019, equations 1 and 2), density and coverage (Naeem et al., 2020,
    equations 4 and 6): an image's neighbourhood is the ball that its 3rd, and 5th, nearest of its own set lies on.
    """
    between = np.sqrt(_squared_distances(rendered, real))
    in_real, in_rendered = _radii(real, NEIGHBOURS), _radii(rendered, NEIGHBOURS)
    wide = _radii(real, DENSITY_NEIGHBOURS)
    inside = between < wide
    return Manifold(
        precision=float((between <= in_real).any(1).mean()),
        recall=float((between <= in_rendered[:, None]).any(0).mean()),
        density=float(inside.sum() / (min(DENSITY_NEIGHBOURS, len(real) - 1) * len(rendered))),
        coverage=float(inside.any(0).mean()),
    )


def _radii(features: Features, neighbours: int) -> NDArray[np.float64]:
    """The distance of each image's n-th nearest other one (N,)."""
    distances = np.sqrt(_squared_distances(features, features))
    np.fill_diagonal(distances, 0.0)
    n = min(neighbours, len(features) - 1)
    return np.partition(distances, n, axis=1)[:, n]


def _covariance_root(features: Features) -> Features:
    """A matrix R with R'R the covariance."""
    centred = (features - features.mean(0)) / np.sqrt(len(features) - 1)
    return np.asarray(np.linalg.qr(centred, mode="r")) if len(features) > features.shape[1] else centred


def _cubic(x: Features, y: Features) -> Kernel:
    return np.asarray((x @ y.T / x.shape[1] + 1) ** 3)


def _unbiased(xx: Kernel, xy: Kernel, yy: Kernel) -> float:
    n, m = xy.shape
    own = (xx.sum() - np.trace(xx)) / (n * (n - 1)) + (yy.sum() - np.trace(yy)) / (m * (m - 1))
    return float(own - 2 * xy.mean())


def _squared_distances(x: Features, y: Features) -> NDArray[np.float64]:
    """(N, M)."""
    squares = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
    return np.maximum(squares, 0.0)
