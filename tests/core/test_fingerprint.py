"""A fingerprint belongs to the shape: trimesh changes how it is stored, and other shapes, also mirrored, stay apart."""

from __future__ import annotations

import itertools

import fast_simplification
import numpy as np
import pytest
import trimesh
from helpers.model_files import chair, table
from scenegen.core.errors import ScenegenError
from scenegen.core.fingerprint import ALIKE, SAME_SHAPE, distances, fingerprint, from_text, invariants, to_text


def apart(one: trimesh.Trimesh, other: trimesh.Trimesh) -> float:
    return float(distances(fingerprint(one.vertices, one.faces), fingerprint(other.vertices, other.faces)[None])[0])


def lopsided() -> trimesh.Trimesh:
    """A chair with one armrest: no rotation makes it its mirror image."""
    arm = trimesh.creation.box(bounds=[(0.2, -0.25, 0.6), (0.25, 0.24, 0.64)])
    return trimesh.util.concatenate([chair(), arm])


def rotations() -> list[np.ndarray]:
    axes = [np.eye(3)[list(order)] * signs for order in itertools.permutations(range(3)) for signs in SIGNS]
    return [matrix for matrix in axes if np.linalg.det(matrix) > 0]


SIGNS = list(itertools.product((1, -1), repeat=3))


def test_all_24_rotations_and_units_are_one_shape() -> None:
    model = lopsided()
    assert len(rotations()) == 24
    for matrix in rotations():
        turned = trimesh.Trimesh(39.37 * model.vertices @ matrix.T + (4e3, 5e2, 7.0), model.faces, process=False)
        assert apart(model, turned) < 1e-4


def test_vertex_order_duplicates_and_cuts_are_one_shape() -> None:
    model = lopsided()
    soup = trimesh.Trimesh(
        model.triangles.reshape(-1, 3), np.arange(3 * len(model.faces)).reshape(-1, 3), process=False
    )
    shuffled = trimesh.Trimesh(model.vertices, np.random.default_rng(1).permutation(model.faces), process=False)
    flipped = trimesh.Trimesh(model.vertices, model.faces[:, ::-1], process=False)
    assert max(apart(model, soup), apart(model, shuffled), apart(model, flipped)) < 1e-4
    assert apart(model, model.subdivide().subdivide_to_size(0.07)) < 0.002, "the same surface in other triangles"
    rounded = trimesh.Trimesh(model.vertices.astype(np.float16), model.faces, process=False)
    assert apart(model, rounded) < 0.002


def test_a_decimated_copy_is_the_same_shape() -> None:
    model = trimesh.creation.torus(0.3, 0.1, major_sections=128, minor_sections=64)
    model.vertices[:, 2] += 0.4 * model.vertices[:, 0] ** 2
    points, faces = fast_simplification.simplify(model.vertices, model.faces.astype(np.int32), 0.5)
    assert len(faces) < 0.6 * len(model.faces)
    assert apart(model, trimesh.Trimesh(points, faces)) < SAME_SHAPE / 3


def test_mirrored_and_other_shapes_are_others() -> None:
    mirrored = lopsided()
    mirrored.apply_transform(np.diag([-1.0, 1.0, 1.0, 1.0]))
    assert apart(lopsided(), mirrored) > 2 * SAME_SHAPE
    symmetric = chair()
    symmetric.apply_transform(np.diag([-1.0, 1.0, 1.0, 1.0]))
    assert apart(chair(), symmetric) < 1e-4, "a symmetric shape is its own mirror image"
    assert apart(chair(), table()) > ALIKE
    assert apart(table(1.2, 0.7, 0.75), table(1.3, 0.7, 0.75)) > SAME_SHAPE, "a longer table is another one"


def test_text_keeps_the_fingerprint() -> None:
    shape = fingerprint(chair().vertices, chair().faces)
    assert distances(shape, from_text(to_text(shape))[None])[0] < 1e-3
    for text in ("", "no base64 !", to_text(shape)[:-8], to_text(0 * shape)):
        with pytest.raises(ValueError):
            from_text(text)
    with pytest.raises(ScenegenError, match="area"):
        fingerprint(np.zeros((3, 3)), np.array([[0, 1, 2]]))


def test_invariants_never_hide_a_pair() -> None:
    models = [chair(), lopsided(), table(), table(1.3), trimesh.creation.box((1, 2, 3))]
    shapes = np.stack([fingerprint(m.vertices, m.faces) for m in models])
    vectors = invariants(shapes)
    for k, shape in enumerate(shapes):
        assert (np.linalg.norm(vectors - vectors[k], axis=1) <= distances(shape, shapes) + 1e-6).all()
