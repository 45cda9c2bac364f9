"""The voxelizer against exact arithmetic, libigl's winding numbers, and damage of every kind."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import product

import igl
import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scenegen.assets.prepare.orient import leaky_columns, orient_faces
from scenegen.core.labels.grids import Grid, cell_centres, cell_edges
from scenegen.core.labels.voxelize import BoxGrid, FrustumGrid, voxelize, voxelize_part

Mesh = tuple[NDArray[np.float64], NDArray[np.int64]]
Bools = NDArray[np.bool_]

STUDIO = BoxGrid((-2.0, -2.4, 0.0), 0.05, (80, 96, 64))


def camera_at(place: tuple[float, float, float], target: tuple[float, float, float]) -> NDArray[np.float64]:
    forward = np.array(target, dtype=float) - place
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = [right, np.cross(forward, right), forward]
    pose[:3, 3] = -pose[:3, :3] @ place
    return pose


K = ((190.0, 0.0, 112.0), (0.0, 185.0, 108.0), (0.0, 0.0, 1.0))
FRUSTUM = FrustumGrid(K, camera_at((1.9, -2.3, 2.6), (0, 0, 1.0)), (224, 224), 0.5, 7.0, (96, 96, 96))


def arrays(mesh: trimesh.Trimesh) -> Mesh:
    return np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces, dtype=np.int64)


def box(low: tuple[float, ...], high: tuple[float, ...], subdivisions: int = 3) -> trimesh.Trimesh:
    mesh = trimesh.creation.box(bounds=[low, high])
    for _ in range(subdivisions):
        mesh = mesh.subdivide()
    return mesh


def sphere() -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=1.4)
    return mesh.apply_translation([0.1, -0.2, 1.6])


def torus() -> trimesh.Trimesh:
    mesh = trimesh.creation.torus(1.3, 0.5, major_sections=90, minor_sections=45)
    mesh.apply_transform(trimesh.transformations.euler_matrix(0.3, 0.5, 0.7))
    return mesh.apply_translation([0.1, 0.1, 1.6])


def six_boxes() -> trimesh.Trimesh:
    parts = []
    for step in range(6):
        low = np.array([-1.2, -1.2, -1.4]) + 0.35 * step * np.array([1, 1, 0.8])
        parts.append(box(tuple(low), tuple(np.add(low, [0.6, 0.66, 0.72]))))
    mesh = trimesh.util.concatenate(parts)
    mesh.apply_transform(trimesh.transformations.euler_matrix(0.3, 0.5, 0.7))
    return mesh.apply_translation([0, 0, 1.6])


def chair() -> trimesh.Trimesh:
    parts = [box((-1.2, -1.2, 1.2), (1.2, 1.2, 1.5)), box((-1.2, 0.95, 1.4), (1.2, 1.2, 3.0))]
    parts += [box((x, y, 0.03), (x + 0.25, y + 0.25, 1.3)) for x in (-1.2, 0.95) for y in (-1.2, 0.95)]
    return trimesh.util.concatenate(parts)


SOLIDS: dict[str, Callable[[], trimesh.Trimesh]] = {
    "sphere": sphere,
    "torus": torus,
    "six boxes": six_boxes,
    "chair": chair,
}


def small(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The size of a thing in a room, standing anyhow."""
    mesh.apply_scale(0.3)
    mesh.apply_transform(trimesh.transformations.rotation_matrix(0.4, [0, 0, 1]))
    return mesh.apply_translation([0.5, 0.3, 0.013])


def damaged(mesh: Mesh, missing: float, flipped: float, seed: int = 0) -> Mesh:
    order = np.random.default_rng(seed).permutation(len(mesh[1]))
    faces = mesh[1][order].copy()
    faces[: int(flipped * len(faces))] = faces[: int(flipped * len(faces)), ::-1]
    return mesh[0], faces[: len(faces) - int(missing * len(faces))]


def iou(a: Bools, b: Bools) -> float:
    return float((a & b).sum() / max((a | b).sum(), 1))


def inside_by_libigl(mesh: Mesh, grid: Grid) -> Bools:
    centres = np.ascontiguousarray(cell_centres(grid).reshape(-1, 3))
    near = ((centres > mesh[0].min(axis=0) - 0.01) & (centres < mesh[0].max(axis=0) + 0.01)).all(axis=1)
    inside = np.zeros(len(centres), dtype=np.bool_)
    inside[near] = np.abs(igl.fast_winding_number(*mesh, np.ascontiguousarray(centres[near]))) > 0.5
    return inside.reshape(grid.shape)


# The oracle: cut the triangle by a cell's six planes, in whole numbers over whole numbers.
def meets(corners: list[list[Fraction]], planes: list[tuple[list[Fraction], Fraction]]) -> bool:
    """Whether the polygon has a point where normal . p >= offset for every plane (Sutherland and Hodgman)."""
    for normal, offset in planes:
        heights = [sum(n * x for n, x in zip(normal, p, strict=True)) - offset for p in corners]
        kept = []
        for at, (here, there) in enumerate(zip(heights, heights[1:] + heights[:1], strict=True)):
            p, q = corners[at], corners[(at + 1) % len(corners)]
            if here >= 0:
                kept.append(p)
            if here * there < 0:
                share = here / (here - there)
                kept.append([x + share * (y - x) for x, y in zip(p, q, strict=True)])
        corners = kept
        if not corners:
            return False
    return True


def cell_planes(grid: Grid, cell: tuple[int, int, int]) -> list[tuple[list[Fraction], Fraction]]:
    """The six planes of a cell in world axes (box) or camera axes (frustum), as (inward normal, offset)."""
    edges = cell_edges(grid)
    planes = []
    for axis in range(3):
        low, high = (Fraction(float(edges[axis][cell[axis] + step])) for step in (0, 1))
        unit = [Fraction(int(axis == a)) for a in range(3)]
        if isinstance(grid, FrustumGrid) and axis < 2:
            # f * x / z + c between two pixels: f * x + (c - pixel) * z is at least, at most 0.
            f, c = Fraction(np.asarray(grid.K)[axis][axis]), Fraction(np.asarray(grid.K)[axis][2])
            planes.append(([f * unit[0], f * unit[1], c - low], Fraction(0)))
            planes.append(([-f * unit[0], -f * unit[1], high - c], Fraction(0)))
        else:
            planes.append((unit, low))
            planes.append(([-u for u in unit], -high))
    return planes


def brute_force(mesh: Mesh, grid: Grid) -> Bools:
    """Cells that some triangle meets, every cell against every triangle; a frustum's camera must be at the origin."""
    vertices = mesh[0] - np.asarray(grid.origin) if isinstance(grid, BoxGrid) else mesh[0]
    if isinstance(grid, BoxGrid):
        grid = BoxGrid((0.0, 0.0, 0.0), grid.voxel_size, grid.shape)
    cells = np.zeros(grid.shape, dtype=np.bool_)
    triangles = [[[Fraction(float(x)) for x in vertices[v]] for v in face] for face in mesh[1]]
    for cell in product(*(range(n) for n in grid.shape)):
        planes = cell_planes(grid, cell)
        cells[cell] = any(meets(triangle, planes) for triangle in triangles)
    return cells


SMALL_BOX = BoxGrid((0.0, 0.0, 0.0), 0.25, (5, 4, 6))
SMALL_FRUSTUM = FrustumGrid(((8.0, 0, 4.0), (0, 8.0, 4.0), (0, 0, 1.0)), np.eye(4), (8, 8), 0.5, 2.5, (4, 5, 4))
# On a lattice, so that touching happens often and a gap is never smaller than rounding.
coordinate = st.integers(-40, 120).map(lambda n: n / 64)
point = st.tuples(coordinate, coordinate, coordinate)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.tuples(point, point, point))
def test_surface_cells_equal_exact_arithmetic_in_a_box_grid(corners: tuple[tuple[float, float, float], ...]) -> None:
    mesh = np.array(corners), np.array([[0, 1, 2]])
    assert np.array_equal(voxelize(*mesh, SMALL_BOX), brute_force(mesh, SMALL_BOX))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.tuples(point, point, point), st.integers(-26, 64).map(lambda n: n / 64))
def test_surface_cells_equal_exact_arithmetic_in_a_frustum(
    corners: tuple[tuple[float, float, float], ...], forward: float
) -> None:
    mesh = np.add(corners, [-0.625, -0.625, forward]), np.array([[0, 1, 2]])
    assert np.array_equal(voxelize(*mesh, SMALL_FRUSTUM), brute_force(mesh, SMALL_FRUSTUM))


@pytest.mark.parametrize("size", [0.03, 0.3, 3.0, 300.0])
@pytest.mark.parametrize("grid", [SMALL_BOX, SMALL_FRUSTUM], ids=["box", "frustum"])
def test_triangles_of_every_size_meet_exactly_the_right_cells(grid: Grid, size: float) -> None:
    rng = np.random.default_rng(5)
    for _ in range(12):
        middle = rng.uniform(0.2, 1.2, 3)
        mesh = middle + rng.normal(size=(3, 3)) * size, np.array([[0, 1, 2]])
        assert np.array_equal(voxelize(*mesh, grid), brute_force(mesh, grid))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_face_between_cells_marks_both_sides(axis: int) -> None:
    corners = np.array([[0.1, 0.1], [0.9, 0.15], [0.4, 0.8]])
    # 0.15 and 0.35 are no binary fractions: cells of 0.05 m end there only up to rounding.
    for height in (0.15, 0.35, 0.7):
        vertices = np.insert(corners, axis, height, axis=1)
        cells = voxelize(vertices, [[0, 1, 2]], BoxGrid((0, 0, 0), 0.05, (20, 20, 20)))
        touched = np.flatnonzero(cells.any(axis=tuple(a for a in range(3) if a != axis)))
        assert touched.tolist() == [round(height / 0.05) - 1, round(height / 0.05)]


def test_triangles_that_are_points_and_lines_still_mark_their_cells() -> None:
    cells = voxelize([[0.3, 0.3, 0.3], [0.3, 0.3, 0.9]], [[0, 0, 0], [0, 1, 0]], BoxGrid((0, 0, 0), 0.2, (5, 5, 5)))
    assert np.argwhere(cells).tolist() == [[1, 1, 1], [1, 1, 2], [1, 1, 3], [1, 1, 4]]


@pytest.mark.parametrize("grid", [STUDIO, FRUSTUM], ids=["box", "frustum"])
@pytest.mark.parametrize("scale", ["large", "small"])
@pytest.mark.parametrize("name", SOLIDS)
def test_solids_agree_with_winding_numbers_clean_and_damaged(name: str, scale: str, grid: Grid) -> None:
    mesh = arrays(small(SOLIDS[name]()) if scale == "small" else SOLIDS[name]())
    clean = voxelize(*mesh, grid)
    inside = inside_by_libigl(mesh, grid)
    assert not (inside & ~clean).any()
    # What is not inside must be there for the surface's sake alone: single triangles hold nothing.
    surface = np.zeros(grid.shape, dtype=np.bool_)
    rng = np.random.default_rng(1)
    extra = np.argwhere(clean & ~inside)
    for cell in extra[rng.permutation(len(extra))[:20]]:
        planes = cell_planes(grid, tuple(cell))
        world = cell_centres(grid)[tuple(cell)]
        near = np.linalg.norm(mesh[0][mesh[1]] - world, axis=-1).min(axis=1).argsort()[:60]
        points = mesh[0] if isinstance(grid, BoxGrid) else mesh[0] @ FRUSTUM_ROTATION.T + FRUSTUM_OFFSET
        grown = [(normal, offset - Fraction(1, 10**9)) for normal, offset in planes]
        assert any(meets([[Fraction(float(x)) for x in points[v]] for v in mesh[1][f]], grown) for f in near)
        surface[tuple(cell)] = True
    for seed, (missing, flipped) in enumerate(((0.02, 0.0), (0.05, 0.0), (0.0, 0.1), (0.05, 0.1))):
        assert iou(voxelize(*damaged(mesh, missing, flipped, seed), grid), clean) >= 0.98


FRUSTUM_ROTATION = np.asarray(FRUSTUM.world_to_camera)[:3, :3]
FRUSTUM_OFFSET = np.asarray(FRUSTUM.world_to_camera)[:3, 3]


@pytest.mark.parametrize("name", SOLIDS)
def test_a_third_of_the_faces_flipped_is_mended_by_preparation(name: str) -> None:
    vertices, faces = arrays(SOLIDS[name]())
    clean = voxelize(vertices, faces, STUDIO)
    bad = damaged((vertices, faces), 0.05, 0.3)[1]
    mended, agreement = orient_faces(vertices, bad)
    assert agreement == pytest.approx(0.7, abs=0.02)
    assert iou(voxelize(vertices, mended, STUDIO), clean) >= 0.98
    assert leaky_columns(vertices, mended) < leaky_columns(vertices, bad)


def test_a_mesh_turned_inside_out_is_turned_back() -> None:
    vertices, faces = arrays(six_boxes())
    mended, agreement = orient_faces(vertices, faces[:, ::-1])
    assert agreement == 0
    assert trimesh.Trimesh(vertices, mended, process=False).volume == pytest.approx(
        trimesh.Trimesh(vertices, faces, process=False).volume
    )


def test_orientation_spreads_over_vertices_that_are_not_shared() -> None:
    vertices, faces = arrays(sphere())
    soup = vertices[faces].reshape(-1, 3)
    bad = damaged((soup, np.arange(len(soup)).reshape(-1, 3)), 0.0, 0.3)[1]
    mended, _ = orient_faces(soup, bad)
    volume = trimesh.Trimesh(soup, mended, process=False).volume
    assert volume == pytest.approx(trimesh.Trimesh(vertices, faces, process=False).volume)


def test_the_wall_of_a_cavity_keeps_looking_in() -> None:
    inner = sphere()
    inner.vertices = (inner.vertices - inner.centroid) * 0.6 + inner.centroid
    inner.invert()
    shell = trimesh.util.concatenate([sphere(), inner])
    vertices, faces = arrays(shell)
    for given_faces in (faces, faces[:, ::-1]):
        mended, _ = orient_faces(vertices, given_faces)
        assert not voxelize(vertices, mended, STUDIO)[42, 44, 32]
        assert voxelize(vertices, mended, STUDIO)[42, 44, 8]


def test_leaky_columns_tell_closed_from_open() -> None:
    closed = arrays(chair())
    assert leaky_columns(*closed) == 0
    assert leaky_columns(*damaged(closed, 0.05, 0.1)) > 0.1
    assert leaky_columns([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]]) == 1
    assert leaky_columns(np.zeros((0, 3)), np.zeros((0, 3), dtype=int)) == 0


@pytest.mark.parametrize("grid", [STUDIO, FRUSTUM], ids=["box", "frustum"])
@pytest.mark.parametrize("bumps", [0.0, 0.15], ids=["flat", "wavy"])
def test_a_loose_sheet_stays_a_sheet(grid: Grid, bumps: float) -> None:
    side = np.linspace(-1, 1, 31)
    x, y = np.meshgrid(side, side, indexing="ij")
    vertices = np.stack([x, y, bumps * np.sin(6 * x)], axis=-1).reshape(-1, 3)
    at = np.arange(31 * 31).reshape(31, 31)
    a, b, c, d = (q.reshape(-1) for q in (at[:-1, :-1], at[1:, :-1], at[1:, 1:], at[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])
    turn = trimesh.transformations.euler_matrix(0.5, 0.3, 0.2)[:3, :3]
    vertices = vertices @ turn.T + [0.1, 0.2, 1.5]
    occupied = voxelize(vertices, faces, grid)
    surface = np.zeros(grid.shape, dtype=np.bool_)
    for face in faces:
        low, part = voxelize_part(vertices[face], [[0, 1, 2]], grid)
        surface[tuple(slice(s, s + n) for s, n in zip(low, part.shape, strict=True))] |= part
    assert surface.sum() > 1000
    assert (occupied & ~surface).sum() <= 0.005 * surface.sum()
    assert not (surface & ~occupied).any()


def test_leaves_stay_leaves() -> None:
    rng = np.random.default_rng(3)
    corners = rng.normal(size=(400, 1, 3)) * 0.45 + [0, 0, 1.6] + rng.normal(size=(400, 3, 3)) * 0.08
    vertices, faces = corners.reshape(-1, 3), np.arange(1200).reshape(-1, 3)
    surface = np.zeros(STUDIO.shape, dtype=np.bool_)
    for leaf in corners:
        surface |= voxelize(leaf, [[0, 1, 2]], STUDIO)
    occupied = voxelize(vertices, faces, STUDIO)
    assert not (surface & ~occupied).any()
    assert (occupied & ~surface).sum() <= 0.01 * surface.sum()


def test_a_shell_with_a_small_hole_stays_solid() -> None:
    mesh = sphere()
    gap = np.linalg.norm(mesh.triangles_center - [0.1, -0.2, 3.0], axis=1) < 0.4
    vertices, faces = arrays(mesh)
    occupied = voxelize(vertices, faces[~gap], STUDIO)
    assert gap.sum() > 50
    assert iou(occupied, voxelize(vertices, faces, STUDIO)) >= 0.97


@pytest.mark.parametrize("grid", [STUDIO, FRUSTUM], ids=["box", "frustum"])
def test_doubled_faces_change_nothing(grid: Grid) -> None:
    vertices, faces = arrays(six_boxes())
    clean = voxelize(vertices, faces, grid)
    for doubles in (faces, faces[:, ::-1], faces[:, [1, 2, 0]]):
        assert np.array_equal(voxelize(vertices, np.concatenate([faces, doubles]), grid), clean)


def test_boxes_side_by_side_are_solid_both() -> None:
    vertices, faces = arrays(trimesh.util.concatenate([box((-1, -1, 0.5), (0, 1, 2)), box((0, -1, 0.5), (1, 1, 2))]))
    whole = arrays(box((-1, -1, 0.5), (1, 1, 2)))
    assert np.array_equal(voxelize(vertices, faces, STUDIO), voxelize(*whole, STUDIO))


def test_a_solid_cut_by_every_plane_of_the_frustum_is_filled() -> None:
    mesh = arrays(box((-1.9, -2.3, 0.1), (1.95, 2.3, 2.9)))
    for near, far in ((0.5, 7.0), (1.0, 2.0)):
        grid = FrustumGrid(K, camera_at((1.0, -1.5, 2.6), (0, 0, 1.0)), (224, 224), near, far, (40, 40, 40))
        inside = inside_by_libigl(mesh, grid)
        occupied = voxelize(*mesh, grid)
        assert not (inside & ~occupied).any()
        assert inside.sum() > 0.5 * inside.size or far == 7.0
        assert iou(inside, occupied) > 0.9


@pytest.mark.parametrize("forward", [-0.9, -0.3, 0.0, 0.4])
def test_objects_partly_behind_the_camera(forward: float) -> None:
    grid = FrustumGrid(K, np.eye(4), (224, 224), 0.5, 4.0, (48, 48, 48))
    mesh = trimesh.creation.icosphere(subdivisions=4, radius=1.2).apply_translation([0.9, 0.2, forward])
    inside = inside_by_libigl(arrays(mesh), grid)
    occupied = voxelize(*arrays(mesh), grid)
    assert not (inside & ~occupied).any()
    centres = cell_centres(grid)[occupied & ~inside]
    assert (np.abs(np.linalg.norm(centres - [0.9, 0.2, forward], axis=-1) - 1.2) < 0.1).all()


def test_box_and_frustum_grids_agree() -> None:
    mesh = arrays(torus())
    fine = BoxGrid((-2.0, -2.4, 0.0), 0.025, (160, 192, 128))
    in_box, in_frustum = voxelize(*mesh, fine), voxelize(*mesh, FRUSTUM)
    centres = cell_centres(FRUSTUM)
    index = np.floor((centres - fine.origin) / fine.voxel_size).astype(int)
    within = ((index >= 0) & (index < fine.shape)).all(axis=-1)
    looked_up = in_box[tuple(index[within].T)]
    assert iou(looked_up, in_frustum[within]) > 0.88
    # Cells whose centre and all of whose neighbourhood the box grid fills are filled in the frustum too.
    assert in_frustum[within][looked_up].mean() > 0.98


def test_the_answer_is_the_same_to_the_last_bit_in_any_order() -> None:
    vertices, faces = damaged(arrays(torus()), 0.05, 0.1)
    first = voxelize(vertices, faces, FRUSTUM)
    assert np.array_equal(voxelize(vertices, faces, FRUSTUM), first)
    assert np.array_equal(voxelize(vertices, faces[::-1], FRUSTUM), first)


def test_meshes_outside_and_empty_ones_occupy_nothing() -> None:
    assert not voxelize(np.array([[9.0, 9, 9], [9, 9.5, 9], [9.5, 9, 9]]), [[0, 1, 2]], STUDIO).any()
    assert not voxelize(np.zeros((0, 3)), np.zeros((0, 3), dtype=int), FRUSTUM).any()
    behind = np.array([[0.0, 0, -1], [0, 1, -1], [1, 0, -2]])
    assert not voxelize(behind, [[0, 1, 2]], SMALL_FRUSTUM).any()


def test_what_is_no_mesh_and_what_is_no_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"faces: row 0 is \[0, 1, 3\]; the vertices' indices are 0 to 2"):
        voxelize(np.zeros((3, 3)), [[0, 1, 3]], STUDIO)
    with pytest.raises(ValueError, match="vertices: row 0 is not finite"):
        voxelize([[0, 0, np.nan]], [[0, 0, 0]], STUDIO)
    with pytest.raises(ValueError, match="near"):
        FrustumGrid(K, np.eye(4), (8, 8), 0.0, 1.0, (4, 4, 4))
    with pytest.raises(ValueError, match="shape"):
        BoxGrid((0, 0, 0), 0.1, (4, 0, 4))
