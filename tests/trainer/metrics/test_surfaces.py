"""Depth and RayIoU of first surfaces against their definitions, written out ray by ray."""

from __future__ import annotations

import numpy as np
import pytest
from scenegen.core.labels.grids import cell_centres, frustum_grid
from scenegen.core.scene.scene import Camera, FrustumSpec
from scenegen.metrics.rays import RayCounts, first_surface, ray_lengths
from scenetrain.metrics.surfaces import at_pixels, score_depth

EYE = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
K = ((150.0, 0.0, 70.0), (0.0, 170.0, 40.0), (0.0, 0.0, 1.0))
CAMERA = Camera("camera", 160, 96, K, EYE, FrustumSpec(2.0, 12.0, (16, 12, 20), 40.0))
NEAR, FAR = 2.0, 12.0


def labels(seed: int) -> np.ndarray:
    """Mostly air, so that some rays meet nothing."""
    random = np.random.default_rng(seed)
    return np.where(random.random((16, 12, 20)) < 0.1, random.integers(1, 4, (16, 12, 20)), 0).astype(np.uint8)


def first_cell(column: np.ndarray) -> int | None:
    cells = np.flatnonzero(column)
    return int(cells[0]) if len(cells) else None


def test_first_surfaces_and_distances_are_those_of_scenegen_s_cells() -> None:
    array = labels(0)
    found, centres, lengths = first_surface(array, NEAR, FAR), cell_centres(frustum_grid(CAMERA)), ray_lengths(CAMERA)
    for i in range(16):
        for j in range(12):
            cell = first_cell(array[i, j])
            if cell is None:
                assert found.labels[i, j] == 0 and np.isnan(found.depth[i, j])
            else:
                assert found.labels[i, j] == array[i, j, cell]
                assert found.depth[i, j] == pytest.approx(centres[i, j, cell, 2])
                distance = np.linalg.norm(centres[i, j, cell])
                assert found.depth[i, j] * lengths[i, j] == pytest.approx(distance)
    assert (found.labels == 0).any()


def test_ray_iou_is_the_definition_s() -> None:
    """SparseOcc: rays with a true surface; a hit has the right class and less than the threshold of error."""
    pairs = [(labels(1), labels(2)), (labels(3), labels(4))]
    pairs[1][1][4:] = pairs[1][0][4:]  # mostly right, so that no figure is 0
    counts, centres = RayCounts(4), cell_centres(frustum_grid(CAMERA))
    rays: list[tuple[int, int, float]] = []
    for truth, predicted in pairs:
        counts.add(first_surface(truth, NEAR, FAR), first_surface(predicted, NEAR, FAR), ray_lengths(CAMERA))
        for i in range(16):
            for j in range(12):
                true, mine = first_cell(truth[i, j]), first_cell(predicted[i, j])
                if true is None:
                    continue
                guess = 0 if mine is None else int(predicted[i, j, mine])
                apart = np.inf if mine is None else np.linalg.norm(centres[i, j, mine] - centres[i, j, true])
                rays.append((int(truth[i, j, true]), guess, float(apart)))
    for threshold, found in zip((1.0, 2.0, 4.0), counts.ious(), strict=True):
        for c in range(4):
            hit = sum(t == p == c + 1 and d < threshold for t, p, d in rays)
            union = sum(t == c + 1 for t, _, _ in rays) + sum(p == c + 1 for _, p, _ in rays) - hit
            assert found[c] == (pytest.approx(hit / union) if union else None)
    assert counts.ious()[0][3] is None and counts.ious()[2][0] > counts.ious()[0][0] > 0


def test_depth_errors_of_four_places() -> None:
    """One is not predicted, one has no truth; of the others one is right and one is 3 m instead of 2."""
    nan = float("nan")
    score = score_depth(np.array([[4.0, 3.0, nan, 5.0]]), np.array([[4.0, 2.0, 3.0, nan]]))
    assert score == pytest.approx((0.25, 0.5, np.sqrt(0.5), 2 / 3))
    assert score_depth(np.array([nan]), np.array([1.0])) == (None, None, None, 0.0)
    assert score_depth(np.array([1.0]), np.array([nan])) == (None, None, None, None)


@pytest.mark.parametrize("pixels", [(24, 32), (12, 16), (7, 9)])
def test_pixels_show_the_column_that_holds_their_centre(pixels: tuple[int, int]) -> None:
    columns = np.arange(16 * 12, dtype=float).reshape(16, 12)
    found = at_pixels(columns, pixels)
    assert found.shape == pixels
    for row in range(pixels[0]):
        for column in range(pixels[1]):
            i, j = int((column + 0.5) / pixels[1] * 16), int((row + 0.5) / pixels[0] * 12)
            assert found[row, column] == columns[i, j]
