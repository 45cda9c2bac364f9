"""Surfaces in one place, against shares that are counted by hand."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import trimesh
from scenegen.assets.prepare.coincident import coincident
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.core.asset_library import Material, Provenance


def box(*bounds: tuple[float, float, float]) -> trimesh.Trimesh:
    return trimesh.creation.box(bounds=bounds)


CUBE = box((0, 0, 0), (1, 1, 1))
SHEET = trimesh.Trimesh([(0.2, 0.2, 1), (0.8, 0.2, 1), (0.8, 0.8, 1), (0.2, 0.8, 1)], [(0, 1, 2), (0, 2, 3)])
# Both surfaces count: of two cubes four faces each by half, 4 of 12; of a sheet and what it lies on 2 x 0.36 of 6.36.
CASES = {
    "alone": ([CUBE], 0.0),
    "flush on four sides": ([CUBE, box((0.5, 0, 0), (1.5, 1, 1))], 4 / 12),
    "stacked: what touches is not seen": ([CUBE, box((0, 0, 1), (1, 1, 2))], 0.0),
    "one in the other": ([CUBE, box((0.1, 0.1, 0.1), (0.9, 0.9, 0.9))], 0.0),
    "through one another": ([CUBE, box((0.3, 0.3, -0.5), (0.7, 0.7, 1.5))], 0.0),
    "a sheet on it": ([CUBE, SHEET], 0.72 / 6.36),
    "a sheet 0.1 mm above it": ([CUBE, SHEET.copy().apply_translation((0, 0, 1e-4))], 0.0),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_share_that_is_seen_and_lies_in_one_place(case: str, angle: float) -> None:
    parts, share = CASES[case]
    mesh = trimesh.util.concatenate(parts)
    turned = mesh.vertices @ trimesh.transformations.rotation_matrix(angle, (1, 2, 3))[:3, :3]
    assert coincident(turned, np.asarray(mesh.faces, dtype=np.int64)).share == pytest.approx(share, abs=0.01)


def test_notice_names_the_share_and_the_materials(tmp_path: Path) -> None:
    mesh = trimesh.util.concatenate(CASES["flush on four sides"][0])
    model = RawModel(
        name="chest",
        class_name="chest",
        split="train",
        family="chest",
        vertices=mesh.vertices,
        faces=mesh.faces,
        material_index=np.repeat([0, 1], 12),
        materials=(Material("oak"), Material("paint")),
        provenance=Provenance("t", "a", "CC0-1.0", "s", "c"),
        named_by_file=True,
    )
    (notice,) = prepare(model, tmp_path).findings["warnings"]
    assert notice.startswith("33% of its surface lies where another part of it lies, too (most: oak and paint)")
    apart = dataclasses.replace(model, vertices=mesh.vertices + np.repeat([[0, 0, 0], [0.6, 0, 0]], 8, axis=0))
    assert prepare(apart, tmp_path).findings["warnings"] == []
