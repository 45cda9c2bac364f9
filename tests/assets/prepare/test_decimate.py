"""Decimation keeps every piece: volumes, extents and outlines, measured by trimesh."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import trimesh
from helpers.fine_meshes import as_triangles, fine_table, grid_box
from numpy.typing import NDArray
from scenegen.assets.prepare.clean import Triangles
from scenegen.assets.prepare.decimate import decimate
from scenegen.assets.prepare.flat import dissolve_flat
from scenegen.assets.prepare.shape import alike, shape_of


def pieces_of(mesh: Triangles) -> list[trimesh.Trimesh]:
    """The connected pieces by where they are."""
    whole = trimesh.Trimesh(mesh.vertices, mesh.faces)
    return sorted(whole.split(only_watertight=False), key=lambda piece: tuple(piece.bounds.mean(axis=0).round(3)))


@pytest.mark.parametrize("budget", [30_000, 1_000])
def test_a_table_of_five_closed_boxes_stays_five_boxes(budget: int) -> None:
    parts = fine_table(30)
    simple, warning = decimate(as_triangles(trimesh.util.concatenate(parts)), budget)
    assert warning is None
    assert len(simple.faces) == 5 * 12
    made = pieces_of(simple)
    true = sorted(parts, key=lambda piece: tuple(piece.bounds.mean(axis=0).round(3)))
    assert len(made) == 5
    for piece, original in zip(made, true, strict=True):
        assert piece.is_watertight
        assert piece.volume == pytest.approx(original.volume, rel=1e-6)
        np.testing.assert_allclose(piece.bounds, original.bounds, atol=1e-9)


def bent_cards(count: int, steps: int) -> Triangles:
    """Bent square cards of .3 m, card n at x = n: a place's distances from its card's corner are .3 times its UV."""
    u, v = (part.reshape(-1) for part in np.meshgrid(*[np.linspace(0, 1, steps + 1)] * 2, indexing="ij"))
    card = 0.3 * np.stack([u, v, 0.2 * np.sin(np.pi * u)], axis=1)
    index = np.arange(len(u)).reshape(steps + 1, steps + 1)
    a, b, c, d = (part.reshape(-1) for part in (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    all_faces = np.concatenate([faces + n * len(u) for n in range(count)])
    places = np.concatenate([np.add(card, (n, 0, 0)) for n in range(count)])
    uvs = np.tile(np.stack([u, v], axis=1)[faces], (count, 1, 1))
    return Triangles(places, all_faces, np.zeros(len(all_faces), dtype=np.int64), uvs, None)


def test_cards_keep_their_texture_in_place_for_the_alpha_of_leaves() -> None:
    simple, _ = decimate(bent_cards(6, 16), 1200)
    assert len(simple.faces) < 0.7 * 6 * 512 and simple.uvs is not None
    places = simple.vertices[simple.faces]
    expected = (places[..., :2] - np.floor(places[..., :2] + [1e-6, 0.0]) * [1, 0]) / 0.3
    assert np.abs(simple.uvs - expected).max() < 0.01  # less than a texel of a map of 64


def test_curved_pieces_share_the_budget_and_keep_their_shape() -> None:
    ring = trimesh.creation.torus(0.4, 0.03, major_sections=300, minor_sections=40)
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.1)
    small = trimesh.creation.cylinder(radius=0.01, height=0.3, sections=400)
    small.apply_translation([0.8, 0, 0])
    simple, warning = decimate(as_triangles(trimesh.util.concatenate([ring, ball, small])), 8_000)
    assert warning is None
    assert 4_000 < len(simple.faces) <= 8_000
    made = sorted(pieces_of(simple), key=lambda piece: piece.extents.max())
    for piece, original in zip(made, [ball, small, ring], strict=True):
        assert piece.volume == pytest.approx(original.volume, rel=0.02)
        np.testing.assert_allclose(piece.extents, original.extents, rtol=0.02)


def test_what_needs_more_triangles_is_kept_larger_with_a_word() -> None:
    ring = trimesh.creation.torus(0.4, 0.03, major_sections=200, minor_sections=40)
    simple, warning = decimate(as_triangles(ring), 40)
    assert warning is not None
    assert "instead of 40" in warning
    assert 40 < len(simple.faces) < len(ring.faces) / 2
    assert trimesh.Trimesh(simple.vertices, simple.faces).volume == pytest.approx(ring.volume, rel=0.02)


def test_faces_turned_inward_and_holes_do_not_stop_it() -> None:
    """Downloads are neither closed nor of one orientation."""
    ball = trimesh.creation.icosphere(subdivisions=5, radius=0.4)
    mesh = as_triangles(ball)
    faces = mesh.faces[50:].copy()
    turned = np.random.default_rng(0).random(len(faces)) < 0.2
    faces[turned] = faces[turned][:, ::-1]
    simple, warning = decimate(dataclasses.replace(mesh.keep(np.arange(50, len(mesh.faces))), faces=faces), 8_000)
    assert warning is None
    assert len(simple.faces) <= 8_000
    np.testing.assert_allclose(np.ptp(simple.vertices, axis=0), ball.extents, rtol=0.02)


def test_flat_patches_dissolve_without_moving_a_texture() -> None:
    """A box whose sides are drawn from above: after it, each corner has the UV that belongs to its place."""
    box = grid_box((-0.5, -0.3, 0.0), (0.5, 0.3, 0.4), 20)
    corners = box.vertices[box.faces]
    mesh = dataclasses.replace(as_triangles(box), uvs=corners[..., :2] * 0.7 + 0.5)
    halves = (corners[..., 0].mean(axis=1) > 0).astype(np.int64)
    simple = dissolve_flat(dataclasses.replace(mesh, material_index=halves))
    assert simple.uvs is not None
    places = simple.vertices[simple.faces]
    np.testing.assert_allclose(simple.uvs, places[..., :2] * 0.7 + 0.5, atol=1e-9)
    assert len(simple.faces) == 2 * 2 * 5  # each half keeps its border: two triangles on each of five sides
    assert np.array_equal(simple.material_index, (places[..., 0].mean(axis=1) > 0).astype(np.int64))
    whole = trimesh.Trimesh(simple.vertices, simple.faces)
    assert whole.is_watertight
    assert whole.volume == pytest.approx(box.volume)


def test_a_plate_with_a_hole_keeps_the_hole() -> None:
    plate = as_triangles(grid_box((0.0, 0.0, 0.0), (1.0, 1.0, 0.1), 10))
    corners = plate.vertices[plate.faces]
    top_and_bottom = np.ptp(corners[..., 2], axis=1) < 1e-9
    middle = corners.mean(axis=1)
    inside = top_and_bottom & (np.abs(middle[:, :2] - 0.5) < 0.2).all(axis=1)
    simple = dissolve_flat(plate.keep(np.flatnonzero(~inside)))
    whole = trimesh.Trimesh(simple.vertices, simple.faces)
    assert whole.area == pytest.approx(2 * (1 - 0.16) + 0.4)
    assert whole.euler_number == 0  # a tube
    assert len(simple.faces) == 8 + 8 + 8  # each square ring takes eight triangles, the four outer sides two each


def test_a_roof_is_no_leaf() -> None:
    """Of many loose cards the small ones are thinned; two triangles that are the roof stay."""
    rng = np.random.default_rng(0)
    card = np.array([[-0.01, -0.01, 0.0], [0.01, -0.01, 0.0], [0.01, 0.01, 0.0], [-0.01, 0.01, 0.0]])
    cards = (card + rng.uniform(-1, 1, (500, 1, 3))).reshape(-1, 3)
    roof = np.array([[-1.5, -1.5, 1.2], [1.5, -1.5, 1.2], [1.5, 1.5, 1.2], [-1.5, 1.5, 1.2]])
    two = np.array([[0, 1, 2], [0, 2, 3]])
    faces = (two + 4 * np.arange(501)[:, None, None]).reshape(-1, 3)
    mesh = as_triangles(trimesh.Trimesh(np.concatenate([cards, roof]), faces, process=False))
    simple, _ = decimate(mesh, 200)
    assert len(simple.faces) <= 200
    corners = simple.vertices[simple.faces]
    assert np.isclose(corners[..., 2], 1.2).all(axis=1).sum() == 2


def test_shapes_that_differ_are_told_apart() -> None:
    box = as_triangles(trimesh.creation.box(bounds=[(0.0, 0.0, 0.0), (1.0, 0.6, 0.3)]))
    before = shape_of(box.vertices, box.faces)
    assert before.closed
    assert before.volume == pytest.approx(0.18)
    frame = (before.low, before.high)

    def close_to_before(vertices: NDArray[Any], faces: NDArray[Any] = box.faces) -> bool:
        return alike(before, shape_of(vertices, faces, frame), 0.02)

    assert close_to_before(box.vertices * [1.01, 1.0, 1.0])
    assert not close_to_before(box.vertices * [1.05, 1.0, 1.0])
    corner = box.vertices.copy()
    corner[np.argmin(corner.sum(axis=1))] += [0.4, 0.2, 0.1]
    assert not close_to_before(corner)
    assert not close_to_before(box.vertices, box.faces[: len(box.faces) // 2])


def test_thousands_of_pieces_come_near_the_budget_without_a_word() -> None:
    """900 screws, each turned and placed at random, in a budget of eleven triangles for each."""
    rng = np.random.default_rng(0)
    screws = []
    for _ in range(900):
        screw = trimesh.creation.capsule(height=0.012, radius=0.004, count=[8, 8])
        screw.apply_transform(trimesh.transformations.random_rotation_matrix(rng.random(3)))
        screw.apply_translation(rng.uniform(-0.5, 0.5, 3))
        screws.append(screw)
    mesh = as_triangles(trimesh.util.concatenate(screws))
    simple, warning = decimate(dataclasses.replace(mesh, uvs=mesh.vertices[mesh.faces][..., :2]), 10_000)
    assert warning is None
    assert len(simple.faces) <= 12_500
    made = pieces_of(simple)
    assert len(made) == len(pieces_of(mesh)), "each piece is kept"
    assert simple.uvs is not None
    np.testing.assert_allclose(simple.uvs, simple.vertices[simple.faces][..., :2], atol=0.002)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_silhouette_is_the_shadow(axis: int) -> None:
    """A ring's shadow along its axis has the area of a ring, along the others that of what its tube covers."""
    ring = as_triangles(trimesh.creation.torus(0.4, 0.1, major_sections=128, minor_sections=64))
    shape = shape_of(ring.vertices, ring.faces)
    pixel = (np.delete(shape.extent, axis) * 1.1 / shape.silhouettes.shape[1]).prod()
    area = shape.silhouettes[axis].sum() * pixel
    true = np.pi * (0.5**2 - 0.3**2) if axis == 2 else 0.8 * 0.2 + np.pi * 0.1**2
    assert area == pytest.approx(true, rel=0.02)
