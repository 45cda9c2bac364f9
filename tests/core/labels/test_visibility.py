"""What cameras see of cells: equal to the rule written out cell by cell, with depth from Embree's ray casting."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import trimesh
from helpers.box_scenes import ROOM, box_corners, make_box_scene
from numpy.typing import NDArray
from scenegen.core.labels import visible_voxels
from scenegen.core.labels.depth_and_instances import rasterize
from scenegen.core.labels.grids import BoxGrid
from scenegen.core.labels.visibility import visibility_of_any
from scenegen.core.labels.visible_fruxels import frustum_visibility
from scenegen.core.labels.visible_voxels import box_visibility
from scenegen.core.scene.scene import Camera, FrustumSpec, PlacedObject, Scene
from trimesh.ray.ray_pyembree import RayMeshIntersector

Floats = NDArray[np.float64]
PIXELS = 24

IN_THE_ROOM = BoxGrid((-2.0, -2.4, 0.0), 0.2, (20, 24, 16))
# Not of the room's size, partly behind the camera and behind walls.
AROUND = BoxGrid((-2.33, -2.9, -0.31), 0.39, (12, 14, 10))
# Smaller than pixels are there: most cells lie between the rays.
FINE = BoxGrid((-1.2, -0.95, 0.7), 0.03, (16, 16, 12))


def small(camera: Camera) -> Camera:
    """The camera with fewer pixels."""
    share = PIXELS / camera.width
    (fx, _, cx), (_, fy, cy), last = camera.K
    K = ((fx * share, 0.0, cx * share), (0.0, fy * share, cy * share), last)
    return dataclasses.replace(camera, width=PIXELS, height=PIXELS, K=K)


def rays(camera: Camera) -> tuple[Floats, Floats]:
    """Eye and the directions of depth 1 (H, W, 3) through the pixels' centres, in world axes."""
    matrix, K = np.array(camera.world_to_camera), np.array(camera.K)
    v, u = np.mgrid[: camera.height, : camera.width] + 0.5
    flat = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(K).T
    return -matrix[:3, :3].T @ matrix[:3, 3], flat @ matrix[:3, :3]


def embree_depth(scene: Scene, camera: Camera) -> NDArray[np.uint16]:
    """Depth in millimetres, cast by Embree through the objects' boxes; a room, where the scene has one."""
    meshes = [trimesh.convex.convex_hull(box_corners(item)) for item in scene.objects]
    if scene.room:
        meshes.append(trimesh.creation.box(ROOM, trimesh.transformations.translation_matrix((0, 0, ROOM[2] / 2))))
    eye, ways = rays(camera)
    flat = ways.reshape(-1, 3)
    caster = RayMeshIntersector(trimesh.util.concatenate(meshes))
    points, number, _ = caster.intersects_location(np.tile(eye, (len(flat), 1)), flat, multiple_hits=False)
    depth = np.zeros(len(flat))
    depth[number] = ((points - eye) * flat[number]).sum(axis=1) / (flat[number] ** 2).sum(axis=1)
    return np.rint(depth * 1000).astype(np.uint16).reshape(ways.shape[:2])


def voxels_by_the_rule(grid: BoxGrid, camera: Camera, depth: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Every cell against every ray, by the slabs of the cell; what is left by its centre."""
    eye, ways = rays(camera)
    ways = ways.reshape(-1, 3)
    stored = depth.reshape(-1) / 1000
    free = np.where(stored > 0, stored - 0.0005, math.inf)
    end = np.where(stored > 0, stored + 0.0005, -1)
    matrix, K = np.array(camera.world_to_camera), np.array(camera.K)
    result = np.zeros(grid.shape, np.uint8)
    for column in np.ndindex(grid.shape[:2]):
        cells = np.array([(*column, k) for k in range(grid.shape[2])])[:, None]
        low = np.array(grid.origin) + grid.voxel_size * cells
        slabs = np.stack([(low - eye) / ways, (low + grid.voxel_size - eye) / ways])
        enter, leave = slabs.min(axis=0).max(axis=-1).clip(min=0), slabs.max(axis=0).min(axis=-1)
        hit = ((enter <= leave) & (enter <= end) & (free <= leave)).any(axis=1)
        crossed = ((enter < leave) & (enter < free)).any(axis=1)
        x, y, z = K @ (matrix[:3, :3] @ (low[:, 0] + grid.voxel_size / 2).T + matrix[:3, 3:])
        u, v = np.floor(x / z).astype(int), np.floor(y / z).astype(int)
        inside = (z > 0) & (u >= 0) & (u < camera.width) & (v >= 0) & (v < camera.height)
        before = z < free.reshape(depth.shape)[np.where(inside, v, 0), np.where(inside, u, 0)]
        result[column] = np.select([hit, crossed | (inside & before), inside], [2, 1, 3], 0)
    return result


def fruxels_by_the_rule(camera: Camera, depth: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Every pixel's ray in the slices of its column; columns without a pixel by the centres of their cells."""
    spec = camera.frustum
    w, h, d = spec.size
    scale = camera.width / (2 * math.tan(math.radians(spec.hfov_deg) / 2)) / camera.K[0][0]
    edges = spec.near + (spec.far - spec.near) * np.arange(d + 1) / d
    result = np.zeros(spec.size, np.uint8)
    met = np.zeros((w, h), bool)
    for row, column in np.ndindex(depth.shape):
        u = (column + 0.5 - camera.K[0][2]) * scale + camera.K[0][2]
        v = (row + 0.5 - camera.K[1][2]) * scale + camera.K[1][2]
        i, j = math.floor(u * w / camera.width), math.floor(v * h / camera.height)
        if not (0 <= i < w and 0 <= j < h):
            continue
        met[i, j] = True
        stored = depth[row, column] / 1000 or math.inf
        hit = (edges[:-1] <= stored + 0.0005) & (edges[1:] >= stored - 0.0005)
        free = edges[:-1] < stored - 0.0005
        mine = result[i, j]
        mine[hit] = 2
        mine[free & (mine != 2)] = 1
        mine[mine == 0] = 3
    for i, j in np.argwhere(~met):
        u = ((i + 0.5) * camera.width / w - camera.K[0][2]) / scale + camera.K[0][2]
        v = ((j + 0.5) * camera.height / h - camera.K[1][2]) / scale + camera.K[1][2]
        if 0 <= u < camera.width and 0 <= v < camera.height:
            stored = depth[math.floor(v), math.floor(u)] / 1000 or math.inf
            result[i, j] = np.where((edges[:-1] + edges[1:]) / 2 < stored - 0.0005, 1, 3)
    return result


@pytest.mark.parametrize("grid", [IN_THE_ROOM, AROUND, FINE])
def test_voxels_of_a_room(grid: BoxGrid) -> None:
    scene = make_box_scene(1)
    camera = small(scene.cameras[0])
    right = voxels_by_the_rule(grid, camera, embree_depth(scene, camera))
    boxes = [(o.id, *box_mesh(o)) for o in scene.objects]
    depth = np.rint(rasterize(boxes, camera, scene.room)[0] * 1000).astype(np.uint16)
    found = box_visibility(grid, camera, depth, 1)
    assert set(np.unique(right)) >= {1, 2, 3}
    # A surface on the border of two steps is rounded to either: Embree has single precision.
    assert np.count_nonzero(found != right) <= 2


def test_voxels_in_the_open() -> None:
    scene = dataclasses.replace(make_box_scene(2), room=None)
    camera = small(scene.cameras[2])
    depth = embree_depth(scene, camera)
    assert (depth == 0).any()
    assert np.array_equal(box_visibility(AROUND, camera, depth, 1), voxels_by_the_rule(AROUND, camera, depth))


@pytest.mark.parametrize(("size", "angle"), [((10, 10, 24), 90.0), ((30, 27, 16), 90.0), ((90, 20, 9), 110.0)])
def test_fruxels_of_a_room(size: tuple[int, int, int], angle: float) -> None:
    scene = make_box_scene(3)
    camera = dataclasses.replace(small(scene.cameras[1]), frustum=FrustumSpec(0.5, 5.0, size, angle))
    depth = embree_depth(scene, camera)
    assert np.array_equal(frustum_visibility(camera, depth, 1), fruxels_by_the_rule(camera, depth))


@pytest.mark.parametrize("stride", [1, 2, 7, 16])
def test_it_does_not_matter_which_rays_are_walked(stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_box_scene(0)
    depth = embree_depth(scene, scene.cameras[0])
    usual = box_visibility(AROUND, scene.cameras[0], depth, 1)
    monkeypatch.setattr(visible_voxels, "_stride", lambda *_: stride)
    assert np.array_equal(box_visibility(AROUND, scene.cameras[0], depth, 1), usual)


def test_depth_that_is_farther_than_stored_is_no_surface() -> None:
    camera = dataclasses.replace(small(make_box_scene(0).cameras[0]), frustum=FrustumSpec(60.0, 72.0, (4, 4, 6), 90.0))
    farthest = np.full((PIXELS, PIXELS), 65535, np.uint16)
    assert np.array_equal(frustum_visibility(camera, farthest, 1)[0, 0], [1, 1, 1, 3, 3, 3])
    assert (frustum_visibility(camera, farthest, 10) == 1).all()
    assert (frustum_visibility(camera, farthest * 0, 1) == 1).all()


def test_of_several_cameras_the_first_of_surface_free_hidden_and_nothing() -> None:
    pairs = np.array([[a, b] for a in range(4) for b in range(4)], np.uint8).T.reshape(2, 4, 2, 2)
    right = [max(a, b, key=[0, 2, 3, 1].__getitem__) for a in range(4) for b in range(4)]
    assert visibility_of_any(list(pairs)).reshape(-1).tolist() == right


def box_mesh(item: PlacedObject) -> tuple[Floats, NDArray[np.int64]]:
    hull = trimesh.convex.convex_hull(box_corners(item))
    return hull.vertices, hull.faces
