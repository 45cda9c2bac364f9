"""Normals against embree's triangles, planes made by hand and what the rasterizer gives beside them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh
from helpers.pixel_rays import CORNER, ROOM, Placed, camera_at, rays, silhouette, things
from numpy.typing import NDArray
from scenegen.core.labels.cut_outs import CutOut, opaque_texels
from scenegen.core.labels.depth_and_instances import rasterize, rasterize_normals
from scenegen.core.labels.normals import normals_from_steps, normals_to_steps
from scenegen.core.scene.scene import Camera
from trimesh.ray.ray_pyembree import RayMeshIntersector

NO_FACES = np.zeros((0, 3), dtype=np.int64)
BOUND = 0.0016
"""Degrees by which a stored normal may be off."""


def degrees_between(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Angles of unit vectors (..., 3); arccos of a product near 1 would see none below 1e-6."""
    chord: NDArray[np.float64] = np.linalg.norm(a - b, axis=-1)
    return np.degrees(2 * np.arcsin(np.minimum(chord / 2, 1)))


def by_embree(objects: list[Placed], camera: Camera) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Unit normals (H, W, 3) in the camera's axes toward the camera, and which triangle (H, W), -1 for none."""
    scene = trimesh.util.concatenate([trimesh.Trimesh(v, f, process=False) for _, v, f in objects])
    centre, directions = rays(camera)
    flat = directions.reshape(-1, 3)
    triangle = RayMeshIntersector(scene).intersects_first(np.tile(centre, (len(flat), 1)), flat)
    normals = scene.face_normals[triangle]
    normals[np.einsum("ij,ij->i", normals, flat) > 0] *= -1
    normals[triangle < 0] = 0
    shape = camera.height, camera.width
    return (normals @ np.array(camera.world_to_camera)[:3, :3].T).reshape(*shape, 3), triangle.reshape(shape)


@pytest.mark.parametrize("place", [(1.83, -2.21, 2.6), (-1.7, 0.3, 0.5), (0.61, 0.52, 0.93)])
def test_normals_are_those_of_the_triangles_that_rays_hit(place: tuple[float, ...]) -> None:
    camera = camera_at(place, (0.05, 0.1, 0.9))
    depth, _, normals = rasterize_normals(things(), camera, None)
    expected, triangle = by_embree(things(), camera)
    sure = ~silhouette(triangle, depth)  # where the next pixel has the same triangle
    assert (sure & (triangle >= 0)).sum() > 100
    assert degrees_between(normals, expected)[sure].max() < 1e-5
    assert degrees_between(normals_from_steps(normals_to_steps(normals)), expected)[sure].max() < BOUND
    assert np.array_equal(np.linalg.norm(normals, axis=-1) > 0.5, depth > 0)
    toward = np.einsum("hwi,hwi->hw", normals, rays(camera)[1] @ np.array(camera.world_to_camera)[:3, :3].T)
    assert (toward <= 1e-12).all() and (toward[depth > 0] < 0).mean() > 0.99


@pytest.mark.parametrize("room", [None, ROOM])
def test_depth_and_instances_are_those_without_normals(room: tuple[float, float, float] | None) -> None:
    depth, instance, _ = rasterize_normals(things(), CORNER, room)
    same_depth, same_instance = rasterize(things(), CORNER, room)
    assert np.array_equal(depth, same_depth) and np.array_equal(instance, same_instance)


def test_a_plane_has_one_normal_whichever_way_its_triangles_wind() -> None:
    """A square turned by 30 degrees about the image's y: n = (sin 30, 0, -cos 30), toward a camera at the origin."""
    camera = camera_at((0.0, 0.0, 0.0), (0.0, 1.0, 0.0))  # world x, -z, y are the camera's x, y, z
    across, up = np.array([math.cos(math.pi / 6), math.sin(math.pi / 6), 0.0]), np.array([0.0, 0.0, 1.0])
    corners = np.array([[0.0, 2.0, 0.0] + a * across + b * up for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))])
    for faces in ([[0, 1, 2], [0, 2, 3]], [[2, 1, 0], [0, 2, 3]]):
        _, instance, normals = rasterize_normals([(0, corners, np.array(faces))], camera, None)
        seen = normals[instance == 1]
        assert len(seen) > 500 and (normals[instance == 0] == 0).all()
        np.testing.assert_allclose(seen, np.tile([0.5, 0.0, -math.cos(math.pi / 6)], (len(seen), 1)), atol=1e-12)


def test_walls_floor_and_ceiling_face_the_room() -> None:
    for target in ((0.0, 0.0, 0.1), (-1.0, 2.0, 3.0), (1.0, 2.0, 1.5), (1.8, 0.0, 3.1)):
        camera = camera_at((-0.3, -1.1, 1.4), target)
        depth, _, normals = rasterize_normals([], camera, ROOM)
        centre, directions = rays(camera)
        points = centre + depth[..., None] * directions
        world = normals @ np.array(camera.world_to_camera)[:3, :3]
        low, high = np.array([-ROOM[0] / 2, -ROOM[1] / 2, 0.0]), np.array([ROOM[0] / 2, ROOM[1] / 2, ROOM[2]])
        inward = (np.abs(points - low) < 1e-5).astype(float) - (np.abs(points - high) < 1e-5)
        one = np.abs(inward).sum(axis=-1) == 1  # not on an edge between two surfaces
        assert one.mean() > 0.99
        np.testing.assert_allclose(world[one], inward[one], atol=1e-12)


def test_a_room_is_seen_from_outside_on_its_near_side() -> None:
    camera = camera_at((0.0, -9.0, 1.6), (0.0, 0.0, 1.6))
    depth, _, normals = rasterize_normals([], camera, ROOM)
    np.testing.assert_allclose(normals[depth > 0], np.tile([0.0, 0.0, -1.0], ((depth > 0).sum(), 1)), atol=1e-12)


def test_a_hole_shows_the_normal_of_what_is_behind() -> None:
    """A square whose left half is clear, before a slanted wall."""
    camera = camera_at((0.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    square = np.array([[x, 2.0, z] for x, z in ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))])
    wall = np.array([[-9.0, 2.5, -9.0], [9.0, 20.5, -9.0], [0.0, 11.5, 9.0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    texels = np.array([[False, True]])
    places = np.array([[[0, 0], [2, 0], [2, 1]], [[0, 0], [2, 1], [0, 1]]], dtype=np.float64)
    cut = CutOut(faces, places, np.zeros(2, dtype=np.int64), opaque_texels([texels]), NO_FACES)
    _, instance, normals = rasterize_normals(
        [(0, square, NO_FACES, cut), (1, wall, np.array([[0, 1, 2]]))], camera, None
    )
    slanted = np.array([1.0, 0.0, -1.0]) / math.sqrt(2)
    for number, normal in ((1, [0.0, 0.0, -1.0]), (2, slanted)):
        assert (instance == number).sum() > 100
        np.testing.assert_allclose(
            normals[instance == number], np.tile(normal, ((instance == number).sum(), 1)), atol=1e-9
        )


def test_storing_a_normal_turns_it_by_less_than_is_said() -> None:
    random = np.random.default_rng(5)
    normals = random.normal(size=(400, 500, 3))
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    normals[0, :7] = np.concatenate([np.eye(3), -np.eye(3), [[0, 0, 0]]])
    stored = normals_to_steps(normals)
    read = normals_from_steps(stored)
    assert stored.dtype == np.int16 and read.dtype == np.float32
    assert 0.001 < degrees_between(read, normals).max() < BOUND
    assert np.array_equal(read[0, :7], normals[0, :7])
    assert np.abs(np.linalg.norm(read[1:], axis=-1) - 1).max() < 1e-6
