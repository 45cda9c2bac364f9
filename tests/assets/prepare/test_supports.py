"""Support surfaces against heights that are known by construction and by casting rays."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from helpers.model_files import box, table
from scenegen.assets.prepare.supports import CELL, find_supports


def area(mask: np.ndarray) -> float:
    return float(mask.sum()) * CELL**2


def test_a_flat_top_has_the_exact_height_and_nearly_all_the_area() -> None:
    mesh = table(1.2, 0.7, 0.75)
    vertices = mesh.vertices.astype(np.float32)
    (support,) = find_supports(vertices, mesh.faces)
    assert support.height == float(vertices[:, 2].max())
    assert area(support.mask) == pytest.approx(1.2 * 0.7, rel=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_every_cell_is_flat_and_open_to_the_sky(seed: int) -> None:
    """Boxes of random height on a table, against rays cast down by embree at random places of the claimed cells."""
    rng = np.random.default_rng(seed)
    parts = [table()]
    for _ in range(6):
        x, y = rng.uniform(-0.5, 0.4), rng.uniform(-0.3, 0.2)
        parts.append(box((x, y, 0.75), (x + rng.uniform(0.01, 0.2), y + 0.1, 0.75 + rng.uniform(0.005, 0.2))))
    mesh = trimesh.util.concatenate(parts)
    turn = trimesh.transformations.rotation_matrix(rng.uniform(0, 6), [0, 0, 1])
    mesh.apply_transform(turn)
    supports = find_supports(mesh.vertices, mesh.faces)
    assert supports
    for support in supports:
        cells = np.argwhere(support.mask)
        cells = cells[rng.integers(len(cells), size=3000)]
        places = np.array(support.origin) + (cells + rng.random((len(cells), 2))) * support.cell
        origins = np.column_stack([places, np.full(len(places), 5.0)])
        down = np.tile([0.0, 0.0, -1.0], (len(places), 1))
        hits, rays, _ = mesh.ray.intersects_location(origins, down, multiple_hits=False)
        assert len(rays) == len(places)
        assert np.abs(hits[:, 2] - support.height).max() <= 0.0031


def test_what_holds_nothing_is_no_support() -> None:
    narrow = box((-0.5, -0.04, 0), (0.5, 0.04, 0.5))
    small = box((-0.05, -0.05, 0), (0.05, 0.05, 0.5))
    roof = trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [1, 1, 1], [-1, 1, 1]], [[0, 1, 2], [0, 2, 3]])
    for mesh in (narrow, small, roof):
        assert find_supports(mesh.vertices, mesh.faces) == ()


def test_a_shelf_under_a_roof_is_not_open_and_one_beside_it_is() -> None:
    lower = box((-0.5, -0.3, 0.38), (0.5, 0.3, 0.40))
    upper = box((-0.5, -0.3, 0.68), (0.0, 0.3, 0.70))
    mesh = trimesh.util.concatenate([lower, upper])
    high, low = find_supports(mesh.vertices, mesh.faces)
    assert (high.height, low.height) == (pytest.approx(0.70), pytest.approx(0.40))
    assert not (high.mask & low.mask).any()
    assert area(low.mask) == pytest.approx(0.5 * 0.6, rel=0.05)


def test_a_round_top_with_bevel_keeps_its_disc() -> None:
    profile = [(0.0, 0.0), (0.4, 0.0), (0.4, 0.735), (0.385, 0.75), (0.0, 0.75)]
    mesh = trimesh.creation.revolve(np.array(profile), sections=64)
    (support,) = find_supports(mesh.vertices, mesh.faces)
    assert support.height == mesh.vertices[:, 2].max()
    assert 0.9 * np.pi * 0.385**2 < area(support.mask) < np.pi * 0.385**2
