"""The rasterizer against embree's rays through pixel centres, the voxelizer, and its own promises."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from helpers.pixel_rays import CORNER, ROOM, Placed, camera_at, rays, silhouette, things
from numpy.typing import NDArray
from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.voxelize import BoxGrid, voxelize
from scenegen.core.scene.scene import Camera, FrustumSpec
from trimesh.ray.ray_pyembree import RayMeshIntersector


def by_embree(objects: list[Placed], camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    meshes = [trimesh.Trimesh(v, f, process=False) for _, v, f in objects]
    owner = np.concatenate([[number + 1] * len(f) for number, _, f in objects])
    scene = trimesh.util.concatenate(meshes)
    centre, directions = rays(camera)
    flat = directions.reshape(-1, 3)
    triangle = RayMeshIntersector(scene).intersects_first(np.tile(centre, (len(flat), 1)), flat)
    a, b, c = (scene.vertices[scene.faces[triangle, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    depth = np.einsum("ij,ij->i", normal, a - centre) / np.einsum("ij,ij->i", normal, flat)
    hit = triangle >= 0
    shape = camera.height, camera.width
    return np.where(hit, depth, 0).reshape(shape), np.where(hit, owner[triangle], 0).reshape(shape)


@pytest.mark.parametrize("place", [(1.83, -2.21, 2.6), (-1.7, 0.3, 0.5), (0.61, 0.52, 0.93)])
def test_depth_and_instances_equal_ray_casts(place: tuple[float, ...]) -> None:
    camera = camera_at(place, (0.05, 0.1, 0.9))
    depth, instance = rasterize(things(), camera, None)
    expected, owner = by_embree(things(), camera)
    sure = ~silhouette(owner, expected)
    assert sure.mean() > 0.8 and (instance > 0).sum() > 300
    assert np.array_equal(instance[sure], owner[sure])
    assert np.abs(depth - expected)[sure].max() < 1e-4
    assert (instance == owner).mean() > 0.998
    assert depth.dtype == np.float32 and instance.dtype == np.uint16


def test_the_room_is_seen_from_inside_behind_everything() -> None:
    walls = trimesh.creation.box(extents=ROOM).apply_translation([0, 0, 1.6])
    shell: list[Placed] = [(0, np.array(walls.vertices), np.array(walls.faces, dtype=np.int64))]
    empty, nothing = rasterize([], CORNER, ROOM)
    expected, _ = rasterize(shell, CORNER, None)
    assert not nothing.any()
    assert np.abs(empty - expected).max() < 1e-5
    depth, instance = rasterize(things(), CORNER, ROOM)
    alone, same = rasterize(things(), CORNER, None)
    assert np.array_equal(instance, same)
    assert np.array_equal(depth, np.where(instance > 0, alone, empty))


def test_unprojected_depth_falls_into_the_objects_voxels() -> None:
    camera = camera_at((1.83, -2.21, 2.6), (0.05, 0.1, 0.9), (224, 224))
    depth, instance = rasterize(things(), camera, ROOM)
    centre, directions = rays(camera)
    grid = BoxGrid((-2.0, -2.4, 0.0), 0.05, (80, 96, 64))
    for number, vertices, faces in things():
        seen = instance == number + 1
        millimetres = np.rint(depth[seen] * 1000) / 1000
        cells = np.floor((centre + directions[seen] * millimetres[:, None] - grid.origin) / grid.voxel_size).astype(int)
        assert seen.sum() > 500
        assert voxelize(vertices, faces, grid)[tuple(cells.T)].mean() >= 0.999


def test_triangles_that_cross_the_camera_plane_are_drawn_and_those_behind_are_not() -> None:
    camera = camera_at((0.0, 0.0, 1.0), (0.0, 1.0, 1.0))
    floor = np.array([[-50.0, -50, 0], [50, -50, 0], [50, 50, 0], [-50, 50, 0]])
    objects: list[Placed] = [(0, floor, np.array([[0, 1, 2], [0, 2, 3]]))]
    depth, instance = rasterize(objects, camera, None)
    _, directions = rays(camera)
    expected = np.divide(-1.0, directions[..., 2])
    below = (directions[..., 2] < 0) & (expected < 49)
    assert below.sum() > 3000
    assert np.array_equal(instance[below], np.ones(below.sum()))
    assert np.allclose(depth[below], expected[below], rtol=1e-6)
    assert not instance[directions[..., 2] > 0].any()
    behind, nothing = rasterize([(0, floor * [1, 0, 0] + [0, -2, 0], objects[0][2])], camera, None)
    assert not behind.any() and not nothing.any()


def test_a_fan_of_triangles_has_no_cracks_and_no_overlap() -> None:
    """Pixel centres lie right on edges and corners of this mesh: each is drawn once."""
    camera = Camera(
        "c", 64, 64, ((32.0, 0, 32.0), (0, 32.0, 32.0), (0, 0, 1.0)), tuple(map(tuple, np.eye(4).tolist())),  # type: ignore[arg-type]
        FrustumSpec(0.5, 7.0, (8, 8, 8), 90.0),
    )  # fmt: skip
    at = (np.arange(0, 65, 4) + 0.5 - 32) / 32
    x, y = np.meshgrid(at, at, indexing="ij")
    vertices = np.stack([x, y, np.ones_like(x)], axis=-1).reshape(-1, 3)
    n = np.arange(17 * 17).reshape(17, 17)
    a, b, c, d = (q.reshape(-1) for q in (n[:-1, :-1], n[1:, :-1], n[1:, 1:], n[:-1, 1:]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, d, c], 1)])
    hits = np.zeros((64, 64), dtype=int)
    for number, face in enumerate(faces):
        hits += rasterize([(number, vertices, face[None])], camera, None)[1] > 0
    assert (hits[1:, 1:] == 1).all()
    assert (hits <= 1).all() or set(np.unique(hits[0])) | set(np.unique(hits[:, 0])) <= {0, 1}


def test_ties_go_to_the_lower_id_whatever_the_order() -> None:
    _, vertices, faces = things()[1]
    for numbers in ((4, 2), (2, 4)):
        _, instance = rasterize([(n, vertices, faces) for n in numbers], CORNER, None)
        assert np.unique(instance).tolist() == [0, 3]
