"""Connected parts and wide parts of a height map are those that SciPy finds; a file is prepared without its import."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from scenegen.assets.prepare.linked import linked_parts
from scenegen.assets.prepare.supports import CELL, MIN_AREA, MIN_EDGE_CELLS, _wide_parts
from scenegen.core.import_path import child_environment
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def test_parts_are_those_of_scipy() -> None:
    random = np.random.default_rng(0)
    for _ in range(100):
        count, links = int(random.integers(1, 60)), int(random.integers(0, 80))
        first, second = random.integers(0, count, (2, links))
        graph = coo_matrix((np.ones(links), (first, second)), shape=(count, count))
        np.testing.assert_array_equal(
            linked_parts(first, second, count), connected_components(graph, directed=False)[1]
        )


def test_wide_parts_of_a_level_are_those_of_scipy() -> None:
    random = np.random.default_rng(0)
    some = 0
    for _ in range(100):
        noise = ndimage.gaussian_filter(random.random(tuple(random.integers(5, 80, 2))), random.uniform(0.5, 6))
        level = noise > np.quantile(noise, random.uniform(0.05, 0.6))
        parts, count = ndimage.label(level)
        areas = np.bincount(parts.reshape(-1), minlength=count + 1) * CELL**2
        wide = np.unique(parts[ndimage.binary_erosion(level, np.ones((MIN_EDGE_CELLS, MIN_EDGE_CELLS)))])
        expected = np.isin(parts, wide[areas[wide] >= MIN_AREA]) & level
        np.testing.assert_array_equal(_wide_parts(level), expected if level.sum() * CELL**2 >= MIN_AREA else False)
        some += bool(0 < expected.sum() < level.sum())
    assert some > 5


def test_a_file_is_prepared_without_scipy() -> None:
    """Its import takes half a second, as long as all else that is imported for it."""
    code = """
import sys
import numpy as np
from scenegen.assets.curate import placing
from scenegen.assets.sources.files import files, reading
from scenegen.assets.prepare.linked import linked_parts
linked_parts(np.array([0]), np.array([1]), 3)
print(sorted(name for name in sys.modules if name.startswith("scipy.")))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=child_environment(), check=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stdout
