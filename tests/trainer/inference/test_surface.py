"""Voxel surfaces: closed, of the voxels' volume, in place and in glTF's axes, as trimesh reads them back."""

from __future__ import annotations

import io

import numpy as np
import pytest
import trimesh
from numpy.typing import NDArray
from scenegen import FrustumGrid, voxelize
from scenegen.core.scene.scene import FrustumSpec, GridSpec
from scenetrain.inference.surface import voxel_surface, voxels_to_glb

GRID = GridSpec((-2.0, -2.4, 0.0), 0.05, (12, 10, 8))


def read(content: bytes) -> trimesh.Scene:
    return trimesh.load(io.BytesIO(content), file_type="glb", process=False)


def some_voxels(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.random.default_rng(0).random(shape) < 0.4


def test_every_class_has_the_volume_of_its_voxels() -> None:
    masks = some_voxels((*GRID.shape, 3))
    masks[..., 1] = False
    scene = read(voxels_to_glb(masks, GRID, ("chair", "table", "bag")))
    assert set(scene.geometry) == {"chair", "bag"}
    for number, name in ((0, "chair"), (2, "bag")):
        assert scene.geometry[name].volume == pytest.approx(masks[..., number].sum() * 0.05**3, rel=1e-4)
    colors = [scene.geometry[name].visual.material.baseColorFactor for name in ("chair", "bag")]
    assert not np.array_equal(*colors)


def test_one_voxel_is_a_closed_box_in_its_place() -> None:
    masks = np.zeros((*GRID.shape, 1), bool)
    masks[3, 4, 5] = True
    mesh = read(voxels_to_glb(masks, GRID, ("chair",))).geometry["chair"]
    assert mesh.is_watertight and len(mesh.faces) == 12 and mesh.volume > 0
    low, high = np.array((-1.85, -2.2, 0.25)), np.array((-1.8, -2.15, 0.3))
    np.testing.assert_allclose(mesh.bounds, [(low[0], low[2], -high[1]), (high[0], high[2], -low[1])], atol=1e-6)


def test_no_face_lies_between_two_voxels() -> None:
    corners, faces = voxel_surface(np.ones((3, 4, 5), bool))
    assert len(faces) == 4 * (3 * 4 + 4 * 5 + 3 * 5)
    mesh = trimesh.Trimesh(corners, faces, process=False)
    assert mesh.is_watertight and mesh.volume == pytest.approx(60)


def test_a_fruxel_lies_where_the_voxelizer_finds_it() -> None:
    """The mesh of one cell, a little smaller and in the camera's frame, occupies that cell alone."""
    spec = FrustumSpec(2.0, 12.0, (8, 8, 4), 40.0)
    masks = np.zeros((8, 8, 4, 1), bool)
    masks[1, 6, 2] = True
    mesh = read(voxels_to_glb(masks, spec, ("car",))).geometry["car"]
    assert mesh.is_watertight and mesh.volume > 0
    vertices = mesh.vertices * (1, -1, -1)
    centre = vertices.mean(axis=0)
    focal = 112 / np.tan(np.radians(spec.hfov_deg / 2))
    K = ((focal, 0.0, 112.0), (0.0, focal, 112.0), (0.0, 0.0, 1.0))
    grid = FrustumGrid(K, np.eye(4), (224, 224), spec.near, spec.far, spec.size)
    found = voxelize(centre + 0.8 * (vertices - centre), mesh.faces, grid)
    assert np.argwhere(found).tolist() == [[1, 6, 2]]
