"""Connected pieces of labels against scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scenetrain.metrics.components import connected_runs
from scipy import ndimage


@pytest.mark.parametrize("seed", range(8))
def test_pieces_are_scipy_s(seed: int) -> None:
    """Of three labels side by side: the same cells belong together, and every run is as long as it can be."""
    labels = np.random.default_rng(seed).integers(0, 4, (9, 7, 11)).astype(np.uint8)
    runs = connected_runs(np.asfortranarray(labels) if seed % 2 else labels)
    found = np.zeros(labels.shape, int)
    for (x, y, first, last), label, piece in zip(*runs, strict=True):
        assert not found[x, y, first : last + 1].any() and (labels[x, y, first : last + 1] == label).all()
        assert first == 0 or labels[x, y, first - 1] != label
        assert last == 10 or labels[x, y, last + 1] != label
        found[x, y, first : last + 1] = piece + 1
    expected, count = np.zeros(labels.shape, int), 0
    for label in (1, 2, 3):
        pieces, more = ndimage.label(labels == label)
        expected[pieces > 0] = pieces[pieces > 0] + count
        count += more
    assert ((found > 0) == (labels > 0)).all()
    assert len(set(zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True))) == count + 1
    assert [len(rows) for rows in runs.of_piece()] == np.bincount(runs.pieces).tolist()


def test_air_has_no_pieces() -> None:
    runs = connected_runs(np.zeros((3, 4, 5), np.uint8))
    assert len(runs.labels) == 0 and runs.of_piece() == []
