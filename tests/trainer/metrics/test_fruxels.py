"""IoU of fruxels against brute force, and their volumes against the geometry of their corners."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scenegen.core.labels.grids import FrustumGrid, affine, frustum_grid
from scenegen.core.scene.scene import Camera, FrustumSpec
from scenetrain.data.reads import NO_EXTRAS
from scenetrain.metrics.fruxels import FruxelIoU, count_by_slice, fruxel_volumes
from scenetrain.metrics.scorers import ScoredBatch, ScorerSetup
from scipy.spatial import ConvexHull

CLASSES = ("car", "tree", "ground")
EYE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def camera(size: tuple[int, int, int], near: float = 2.0, far: float = 12.0) -> Camera:
    """Wider than high, its principal point beside the middle, and its frustum 40 degrees wide."""
    K = ((150.0, 0.0, 70.0), (0.0, 170.0, 40.0), (0.0, 0.0, 1.0))
    return Camera("camera", 160, 96, K, EYE, FrustumSpec(near, far, size, 40.0))


def hull_volume(grid: FrustumGrid, low: tuple[int, ...], high: tuple[int, ...]) -> float:
    """Of the cells from `low` to `high` (not included), by their eight corners."""
    steps = [np.array([a, b]) for a, b in zip(low, high, strict=True)]
    u, v, k = (axis.ravel() for axis in np.meshgrid(*steps, indexing="ij"))
    z = grid.near + (grid.far - grid.near) * k / grid.shape[2]
    pixels = np.stack([u * grid.image_size[0] / grid.shape[0] * z, v * grid.image_size[1] / grid.shape[1] * z, z], 1)
    return float(ConvexHull(affine(np.linalg.inv(np.asarray(grid.K)), pixels)).volume)


def test_volumes_are_those_of_the_corners_and_add_up_to_the_frustum() -> None:
    seen = camera((5, 6, 7), 1.5, 9.0)
    grid, volumes = frustum_grid(seen), fruxel_volumes(seen)
    for i, j, k in ((0, 0, 0), (4, 5, 6), (2, 0, 3)):
        assert volumes[k] == pytest.approx(hull_volume(grid, (i, j, k), (i + 1, j + 1, k + 1)), rel=1e-9)
    assert 5 * 6 * volumes.sum() == pytest.approx(hull_volume(grid, (0, 0, 0), (5, 6, 7)), rel=1e-9)


def test_the_farthest_fruxel_of_a_street_is_almost_36_times_the_nearest() -> None:
    volumes = fruxel_volumes(camera((128, 128, 128)))
    assert 33 < volumes[-1] / volumes[0] < 36


def test_pairs_are_counted_slice_by_slice() -> None:
    truth, predicted = np.random.default_rng(0).integers(0, 4, (2, 5, 6, 7)).astype(np.uint8)
    counts = count_by_slice(np.asfortranarray(truth), predicted, 4)
    for t in range(4):
        for p in range(4):
            assert counts[t, p].tolist() == ((truth == t) & (predicted == p)).sum(axis=(0, 1)).tolist()


def iou(masks: list[tuple[np.ndarray, np.ndarray]], weights: np.ndarray) -> float | None:
    """Of (truth, prediction) of several images."""
    hit = sum((weights * (a & b)).sum() for a, b in masks)
    union = sum((weights * (a | b)).sum() for a, b in masks)
    return hit / union if union else None


def test_every_figure_is_that_of_brute_force() -> None:
    """Of three images; the first has no tree in truth or prediction, and none has ground."""
    shape, seen = (4, 3, 5), camera((4, 3, 5))
    labels = np.random.default_rng(0).integers(0, 3, (3, 2, *shape)).astype(np.uint8)
    labels[0][labels[0] == 2] = 0
    constant = np.zeros(shape, np.uint8)
    constant[:, :, 3:] = 1
    scorer = FruxelIoU(ScorerSetup(None, CLASSES, constant))
    empty = torch.zeros(0)
    for rows in (slice(0, 2), slice(2, 3)):
        truth, predicted = (torch.from_numpy(labels[rows, n]) for n in range(2))
        scene = type("Scene", (), {"cameras": (seen,)})()
        count = len(truth)
        scorer.count(ScoredBatch(empty, NO_EXTRAS, truth, empty, predicted, [scene] * count, [0] * count, False))
    (table,) = scorer.tables()
    rows_by_name = {row.name: row.values for row in table.rows}
    assert list(rows_by_name) == [
        "air", *CLASSES, "any class", "mean with air", "mean of classes", "mean without ground",
    ]  # fmt: skip
    ones, volumes = np.ones(shape), np.broadcast_to(fruxel_volumes(seen), shape)
    expected: dict[str, tuple[float | None, ...]] = {}
    for label, name in enumerate(("air", *CLASSES, "any class")):
        pick = (lambda x: x > 0) if name == "any class" else (lambda x, label=label: x == label)
        masks = [(pick(truth), pick(predicted)) for truth, predicted in labels]
        fixed = [(pick(truth), pick(constant)) for truth, _ in labels]
        images = [
            [value for pair in masks if (value := iou([pair], weights)) is not None] for weights in (ones, volumes)
        ]
        expected[name] = (
            iou(masks, ones), iou(masks, volumes), *(np.mean(column) if column else None for column in images),
            iou(fixed, ones), iou(fixed, volumes),
        )  # fmt: skip
    for name, values in expected.items():
        assert rows_by_name[name] == pytest.approx(values), name
    assert rows_by_name["ground"] == (None,) * 6
    for column in range(6):
        air, car, tree = (expected[name][column] for name in ("air", "car", "tree"))
        assert rows_by_name["mean with air"][column] == pytest.approx(np.mean([air, car, tree]))
        for name in ("mean of classes", "mean without ground"):
            assert rows_by_name[name][column] == pytest.approx(np.mean([car, tree]))
