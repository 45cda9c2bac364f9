"""Materials and UVs of a simplified mesh, against trimesh's nearest points and what the UVs were made from."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray
from scenegen.assets.prepare.clean import Triangles
from scenegen.assets.prepare.nearest_face import face_tree, nearest_point
from scenegen.assets.prepare.resample import _facing, resample


def test_the_nearest_face_is_trimeshs() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.8, 0.8, (200, 1, 3)).repeat(3, axis=1)
    tree = face_tree(np.asarray(ball.triangles))
    outward = places[:, 0] / np.linalg.norm(places[:, 0], axis=1, keepdims=True)
    found = _facing(tree, places, np.asarray(ball.face_normals), outward, 2.0)
    _, distance, _ = trimesh.proximity.closest_point(ball, places[:, 0])
    ours = [
        nearest_point(place, ball.triangles[face])[0] ** 0.5 for place, face in zip(places[:, 0], found, strict=True)
    ]
    np.testing.assert_allclose(ours, distance, atol=1e-9)


def test_a_thin_sheet_keeps_its_two_sides() -> None:
    """A disc of two sides .1 mm apart, one red and one blue."""
    top = trimesh.creation.icosphere(subdivisions=4, radius=1.0)
    top.vertices *= [0.5, 0.5, 0.0001]
    material = (top.face_normals[:, 2] > 0).astype(np.int64)
    mesh = Triangles(np.asarray(top.vertices), np.asarray(top.faces, dtype=np.int64), material, None, None)
    coarse = trimesh.creation.icosphere(subdivisions=2, radius=1.0)
    coarse.vertices *= [0.5, 0.5, 0.0001]
    made = resample(mesh, np.asarray(coarse.vertices), np.asarray(coarse.faces, dtype=np.int64))
    up = coarse.face_normals[:, 2]
    flat = np.abs(up) > 0.5  # faces on the rim stand on their edge
    assert flat.sum() > 200
    assert np.array_equal(made.material_index[flat], (up[flat] > 0).astype(np.int64))


def test_no_texture_smears_across_a_seam() -> None:
    """A tube whose texture goes once around it: u is the angle, and jumps from 1 to 0 at the seam."""

    def tube(sections: int, rings: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        turn, height = (x.reshape(-1) for x in np.meshgrid(np.arange(sections), np.arange(rings + 1), indexing="ij"))
        angle = 2 * np.pi * turn / sections
        points = np.stack([np.cos(angle), np.sin(angle), height / rings], axis=1)
        i, j = (x.reshape(-1) for x in np.meshgrid(np.arange(sections), np.arange(rings), indexing="ij"))
        a, b = i * (rings + 1) + j, (i + 1) % sections * (rings + 1) + j
        faces = np.concatenate([np.stack([a, b, b + 1], 1), np.stack([a, b + 1, a + 1], 1)])
        u = np.stack([i / sections, (i + 1) / sections], 1)
        v = np.stack([j / rings, (j + 1) / rings], 1)
        uvs = np.stack(
            [
                np.concatenate([u[:, [0, 1, 1]], u[:, [0, 1, 0]]]),
                np.concatenate([v[:, [0, 0, 1]], v[:, [0, 1, 1]]]),
            ],
            axis=2,
        )
        return points, faces, uvs

    points, faces, uvs = tube(96, 20)
    mesh = Triangles(points, faces, np.zeros(len(faces), dtype=np.int64), uvs, None)
    coarse_points, coarse_faces, true = tube(24, 5)
    made = resample(mesh, coarse_points, coarse_faces)
    assert made.uvs is not None
    np.testing.assert_allclose(made.uvs, true, atol=0.01)
