"""What `voxelize` takes: arrays, trimesh meshes and scenes; and what it refuses, by saying what is needed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from scenegen import BoxGrid, FrustumGrid, voxelize
from scenegen.core.labels.grids import Grid, cell_centres
from trimesh.transformations import compose_matrix

GRID = BoxGrid((-1.0, -1.0, -1.0), 0.1, (20, 20, 20))
K = ((30.0, 0.0, 16.0), (0.0, 30.0, 16.0), (0.0, 0.0, 1.0))
VIEW = FrustumGrid(K, [[1, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 3], [0, 0, 0, 1]], (32, 32), 0.5, 6.0, (16, 16, 40))
BOX = trimesh.creation.box(extents=(0.4, 0.6, 0.8))
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])

Bools = NDArray[np.bool_]


def box_cells(low: NDArray[np.float64], high: NDArray[np.float64]) -> Bools:
    """The cells of GRID that a closed box along the axes meets, for bounds that no cell ends at."""
    cells = np.zeros(GRID.shape, bool)
    first = np.floor((low - GRID.origin) / GRID.voxel_size).astype(int).clip(0)
    last = np.floor((high - GRID.origin) / GRID.voxel_size).astype(int)
    cells[tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))] = True
    return cells


@settings(max_examples=50, deadline=None)
@given(
    extents=st.tuples(*[st.floats(0.011, 1.2)] * 3),
    place=st.tuples(*[st.floats(-0.9, 0.9)] * 3),
)
def test_a_box_of_trimesh_fills_the_cells_that_its_bounds_say(extents: Any, place: Any) -> None:
    mesh = trimesh.creation.box(extents=extents).apply_translation(place)
    low, high = mesh.bounds
    edges = (np.concatenate([low, high]) + 1.0) / 0.1
    if (np.abs(edges - np.rint(edges)) < 1e-6).any():
        return  # on the boundary of cells, where the last bit decides: test_voxelize.py has these
    np.testing.assert_array_equal(voxelize(mesh, GRID), box_cells(low, high))


@pytest.mark.parametrize("grid", [GRID, VIEW], ids=["box", "frustum"])
def test_a_sphere_of_trimesh_fills_the_centres_that_it_contains(grid: Grid) -> None:
    mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.77).apply_translation([0.05, 0.02, -0.03])
    occupied = voxelize(mesh, grid)
    inside = mesh.contains(cell_centres(grid).reshape(-1, 3)).reshape(grid.shape)
    assert inside.sum() > 300
    assert not (inside & ~occupied).any()
    half_diagonal = 0.25  # metres, of the largest cell that the sphere meets
    distance = np.linalg.norm(cell_centres(grid) - [0.05, 0.02, -0.03], axis=-1)
    assert not (occupied & (distance > 0.77 + half_diagonal)).any()


def a_scene() -> trimesh.Scene:
    """Two geometries, one of them in four places: turned, scaled, mirrored, and below another node of the graph."""
    scene = trimesh.Scene()
    scene.add_geometry(trimesh.creation.icosphere(subdivisions=2, radius=0.3), geom_name="ball")
    scene.graph.update(
        "ball_2", "world", geometry="ball", matrix=compose_matrix(scale=[1, 2, 0.5], translate=[0.5, 0, 0])
    )
    turn = compose_matrix(angles=[0.3, 0.5, 0.7], translate=[-0.4, -0.3, 0.2])
    scene.graph.update("arm", "world", matrix=turn)
    scene.graph.update("ball_3", "arm", geometry="ball", matrix=compose_matrix(translate=[0, 0.4, 0.1]))
    scene.graph.update("ball_4", "arm", geometry="ball", matrix=np.diag([-0.5, 0.5, 0.5, 1.0]))
    scene.add_geometry(BOX, node_name="box", geom_name="box", parent_node_name="arm")
    return scene


@pytest.mark.parametrize("grid", [GRID, VIEW], ids=["box", "frustum"])
def test_a_scene_is_the_union_of_its_meshes_where_its_graph_places_them(grid: Grid) -> None:
    scene = a_scene()
    parts = scene.dump()
    assert len(parts) == len(scene.graph.nodes_geometry) == 5
    union = np.any([voxelize(part.vertices, part.faces, grid) for part in parts], axis=0)
    occupied = voxelize(scene, grid)
    assert occupied.any()
    np.testing.assert_array_equal(occupied, union)
    np.testing.assert_array_equal(occupied, voxelize(scene, grid=grid))
    assert not voxelize(trimesh.Scene(), grid).any()


def test_overlapping_meshes_of_a_scene_do_not_cancel() -> None:
    """As one mesh, a box and the same box turned inside out would have no inside."""
    scene = trimesh.Scene([BOX, BOX.copy()])
    inverted = BOX.copy()
    inverted.invert()
    scene.add_geometry(inverted)
    np.testing.assert_array_equal(voxelize(scene, GRID), voxelize(BOX, GRID))


def test_a_mesh_is_its_arrays() -> None:
    expected = voxelize(BOX.vertices, BOX.faces, GRID)
    np.testing.assert_array_equal(voxelize(BOX, GRID), expected)
    np.testing.assert_array_equal(voxelize(BOX, grid=GRID), expected)
    np.testing.assert_array_equal(voxelize(vertices=BOX.vertices, faces=BOX.faces, grid=GRID), expected)
    np.testing.assert_array_equal(voxelize(BOX.vertices.tolist(), BOX.faces.tolist(), GRID), expected)
    for faces in (np.uint8, np.int32, np.uint64):
        np.testing.assert_array_equal(voxelize(BOX.vertices, BOX.faces.astype(faces), GRID), expected)
    assert not voxelize([], [], GRID).any()


@pytest.mark.parametrize(
    ("vertices", "faces", "message"),
    [
        (BOX.vertices, QUADS, r"faces: an array of shape \(6, 4\) given, an array \(N, 3\) .* \(split quads"),
        (BOX.vertices, QUADS.ravel(), r"faces: an array of shape \(24,\) given"),
        (BOX.vertices, BOX.faces[None], r"faces: an array of shape \(1, 12, 3\) given"),
        (np.c_[BOX.vertices, np.ones(8)], BOX.faces, r"vertices: an array of shape \(8, 4\) given, an array \(N, 3\)"),
        (BOX.vertices[:, :2], BOX.faces, r"vertices: an array of shape \(8, 2\) given"),
        (BOX.vertices, [[0, 1, 2], [0, 1]], "faces: rows of different lengths given, .* of integers is needed"),
        ([[0, 1, 2], [0, 1]], BOX.faces, "vertices: rows of different lengths given, .* of numbers is needed"),
        (BOX.vertices, BOX.faces.astype(float), "faces: an array of float64 given, .* of integers is needed"),
        (BOX.vertices, BOX.faces > 3, "faces: an array of bool given"),
        (BOX.vertices, BOX.faces.astype(str), "faces: an array of <U"),
        (BOX.vertices.astype(str), BOX.faces, "vertices: an array of <U"),
        (BOX.vertices.astype(complex), BOX.faces, "vertices: an array of complex128 given"),
        (BOX.vertices, BOX.faces - 1, r"faces: row \d+ is .*-1.*; the vertices' indices are 0 to 7"),
        (BOX.vertices, BOX.faces + 1, r"faces: row \d+ is .*8.*; the vertices' indices are 0 to 7"),
        ([], [[0, 1, 2]], r"faces: row 0 is \[0, 1, 2\]; .* none, for there are no vertices"),
        (np.where(BOX.vertices > 0, np.inf, BOX.vertices), BOX.faces, r"vertices: row \d+ is not finite"),
        (np.zeros((0, 4)), BOX.faces, r"vertices: an array of shape \(0, 4\) given"),
    ],
)
def test_what_is_no_triangle_mesh_is_refused(vertices: Any, faces: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        voxelize(vertices, faces, GRID)


def test_what_is_neither_mesh_nor_scene_is_refused() -> None:
    for wrong in (BOX.vertices, "chair.glb", None, trimesh.PointCloud(BOX.vertices)):
        with pytest.raises(ValueError, match=r"^a \w+ given, a mesh, a scene, or vertices and faces are needed"):
            voxelize(wrong, GRID)
    points = trimesh.Scene({"dots": trimesh.PointCloud(BOX.vertices)})
    with pytest.raises(ValueError, match="geometry 'dots' of the scene is a PointCloud, not a triangle mesh"):
        voxelize(points, GRID)
    with pytest.raises(TypeError, match="grid: a NoneType given, a BoxGrid or a FrustumGrid is needed"):
        voxelize(BOX.vertices, BOX.faces)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="grid: a tuple given"):
        voxelize(BOX.vertices, BOX.faces, (20, 20, 20))  # type: ignore[call-overload]


NAN, INF = float("nan"), float("inf")
POSE = np.array(VIEW.world_to_camera, float)


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (lambda: BoxGrid((0, 0), 0.1, (2, 2, 2)), r"origin: an array of shape \(2,\) given, \(3,\) is needed"),
        (lambda: BoxGrid((0, NAN, 0), 0.1, (2, 2, 2)), r"origin: \[0.0, nan, 0.0\] is not finite"),
        (lambda: BoxGrid((0, 0, 0), 0, (2, 2, 2)), "voxel_size 0: must be positive and finite"),
        (lambda: BoxGrid((0, 0, 0), INF, (2, 2, 2)), "voxel_size inf"),
        (lambda: BoxGrid((0, 0, 0), 0.1, (2, 2)), "grid shape .*: need three positive whole numbers"),  # type: ignore[arg-type]
        (lambda: BoxGrid((0, 0, 0), 0.1, (2, 2.0, 2)), "grid shape .*: need three positive"),  # type: ignore[arg-type]
        (lambda: BoxGrid((0, 0, 0), 0.1, 20), "grid shape 20: need three positive"),  # type: ignore[arg-type]
        (lambda: replace(VIEW, shape=(16, 0, 40)), "grid shape .*: need three positive"),
        (lambda: replace(VIEW, K=np.eye(4)), r"K: an array of shape \(4, 4\) given, \(3, 3\) is needed"),
        (lambda: replace(VIEW, K=2 * np.array(K)), "K .*the last row 0, 0, 1"),
        (lambda: replace(VIEW, K=np.diag([0.0, 30, 1])), "K .*focal lengths that are not 0"),
        (lambda: replace(VIEW, world_to_camera=POSE[:3, :3]), r"world_to_camera: an array of shape \(3, 3\) given"),
        (lambda: replace(VIEW, world_to_camera=POSE.T), "world_to_camera: its last row .*is it transposed?"),
        (lambda: replace(VIEW, world_to_camera=POSE * NAN), "world_to_camera: .* is not finite"),
        (lambda: replace(VIEW, image_size=(0, 32)), "image_size .*: need two positive numbers"),
        (lambda: replace(VIEW, image_size=(math.nan, 32)), "image_size .*: need two positive numbers"),
        (lambda: replace(VIEW, image_size=(32, math.inf)), "image_size .*: need two positive numbers"),
        (lambda: replace(VIEW, near=0), "near 0, far 6.0: need 0 < near < far"),
        (lambda: replace(VIEW, far=INF), "near 0.5, far inf: .* finite"),
    ],
)
def test_what_is_no_grid_is_refused(grid: Callable[[], Grid], message: str) -> None:
    """Nothing stays to be found out by labels that are empty or turned."""
    with pytest.raises(ValueError, match=f"^{message}"):
        grid()


def test_a_grid_takes_lists_and_numpy_numbers() -> None:
    expected = voxelize(BOX, GRID)
    same = BoxGrid(np.array(GRID.origin), np.float64(GRID.voxel_size), list(np.array(GRID.shape)))  # type: ignore[arg-type]
    np.testing.assert_array_equal(voxelize(BOX, same), expected)
    turned = np.linalg.inv(np.linalg.inv(POSE @ trimesh.transformations.rotation_matrix(0.3, [1, 2, 3])))
    assert voxelize(BOX, replace(VIEW, world_to_camera=turned)).any()  # whose last row may be off by the last bit


SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5)


@settings(max_examples=300, deadline=None)
@given(
    vertices=arrays.arrays(st.sampled_from([np.float64, np.float32, np.int64]), SHAPES, elements=st.integers(-2, 2)),
    faces=arrays.arrays(st.sampled_from([np.int64, np.uint8, np.float64]), SHAPES, elements=st.integers(0, 6)),
)
def test_arrays_of_any_shape_are_voxelized_or_refused(vertices: Any, faces: Any) -> None:
    """Nothing is reshaped in silence: only (V, 3) numbers and (F, 3) indices of them pass."""
    is_mesh = all(a.shape == (0,) or (a.ndim == 2 and a.shape[1] == 3) for a in (vertices, faces))
    is_mesh = is_mesh and (faces.size == 0 or (faces.dtype.kind != "f" and faces.max() < len(vertices)))
    if is_mesh:
        assert voxelize(vertices, faces, GRID).shape == GRID.shape
    else:
        with pytest.raises(ValueError, match=r"^(vertices|faces): "):
            voxelize(vertices, faces, GRID)
