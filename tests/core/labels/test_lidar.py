"""The lidar's points against Embree's ray casting, and beams through the edges of a closed shape."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from helpers.pixel_rays import things
from scenegen.core.labels.cut_outs import CutOut, opaque_texels
from scenegen.core.labels.lidar import lidar_points
from scenegen.core.labels.lidar_points import decode_lidar
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.scene.scene import Lidar, Matrix4
from trimesh.ray.ray_pyembree import RayMeshIntersector

UNMOVED: Matrix4 = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
# x right, y forward of a lidar that stands 40 cm ahead of the vehicle's origin and 1.3 m above it.
ON_TOP: Matrix4 = ((0.0, 1.0, 0.0, 0.4), (-1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 1.3), (0.0, 0.0, 0.0, 1.0))
ANGLES = tuple(np.linspace(-30.67, 10.67, 32).tolist())


def placed(number: int, vertices: np.ndarray, faces: np.ndarray, cut_out: CutOut | None = None) -> PlacedMesh:
    corners = trimesh.bounds.corners([vertices.min(axis=0), vertices.max(axis=0)])
    return PlacedMesh(number, number % 3 + 1, vertices, faces, corners, cut_out)


def beams(lidar: Lidar, turn: np.ndarray) -> np.ndarray:
    """Unit vectors (azimuths, rings, 3) in the axes that `turn` (3, 3) takes the lidar's to: clockwise from ahead."""
    azimuth, rise = np.meshgrid(
        np.arange(lidar.azimuths) / lidar.azimuths * 2 * np.pi, np.radians(lidar.elevations), indexing="ij"
    )
    own = [np.sin(azimuth) * np.cos(rise), np.cos(azimuth) * np.cos(rise), np.sin(rise)]
    return np.asarray(np.stack(own, axis=-1) @ turn.T)


def test_points_are_where_embrees_rays_end() -> None:
    lidar = Lidar("LIDAR_TOP", ON_TOP, ANGLES, 1084, 0.2, 70.0)
    cos, sin = np.cos(0.7), np.sin(0.7)
    pose: Matrix4 = ((cos, -sin, 0.0, 0.9), (sin, cos, 0.0, -1.1), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))
    floor = np.array([[-40.0, -50, 0], [50, -50, 0], [50, 50, 0], [-50, 45, 0]])
    meshes = [placed(9, floor, np.array([[0, 1, 2], [0, 2, 3]])), *(placed(n, v, f) for n, v, f in things())]
    found = lidar_points(meshes, lidar, pose)

    to_world = np.array(pose) @ np.array(ON_TOP)
    ways = beams(lidar, to_world[:3, :3]).reshape(-1, 3)
    whole = trimesh.util.concatenate([trimesh.Trimesh(m.vertices, m.faces, process=False) for m in meshes])
    owner = np.concatenate([[m.id + 1] * len(m.faces) for m in meshes])
    eye = np.tile(to_world[:3, 3], (len(ways), 1))
    ends, ray, face = RayMeshIntersector(whole).intersects_location(eye, ways, multiple_hits=False)
    right = {number: (end, owner[n]) for number, end, n in zip(ray, ends, face, strict=True)}

    rings = found.points[:, 4].astype(int)
    turns = np.rint(np.arctan2(found.points[:, 0], found.points[:, 1]) / (2 * np.pi) * 1084).astype(int) % 1084
    number = turns * 32 + rings
    assert (np.diff(number) > 0).all() and not found.points[:, 3].any()  # in the order of the beams
    places = found.points[:, :3].astype(float) @ to_world[:3, :3].T + to_world[:3, 3]
    near = [np.linalg.norm(right[n][0] - place) < 2e-3 for n, place in zip(number, places, strict=True) if n in right]
    same = [right[n][1] == own for n, own in zip(number, found.instances, strict=True) if n in right]
    assert len(number) > 20_000 and len({*number} ^ {n for n in right if np.linalg.norm(right[n][0]) < 60}) < 200
    assert np.mean(near) > 0.998 and np.mean(same) > 0.998  # Embree has 32 bits: outlines differ
    assert len(set(found.instances.tolist())) == len(meshes)
    assert np.array_equal(found.labels, (found.instances - 1) % 3 + 1)


def test_no_beam_slips_through_the_edges_of_a_closed_shape_or_ends_twice() -> None:
    """An octahedron around the lidar, whose edges lie exactly in the planes of beams; and out of range."""
    lidar = Lidar("L", UNMOVED, (-45.0, 0.0, 45.0), 8, 0.0, 100.0)
    corners = np.array([[3.0, 0, 0], [-3, 0, 0], [0, 3.0, 0], [0, -3, 0], [0, 0, 3], [0, 0, -3]])
    faces = np.array([[a, b, c] for a in (0, 1) for b in (2, 3) for c in (4, 5)])
    for turned in (faces, faces[:, ::-1]):
        found = lidar_points([placed(0, corners, turned)], lidar, UNMOVED)
        assert len(found.points) == 24
        assert np.abs(found.points[:, :3]).sum(axis=1) == pytest.approx(3.0)
    assert not len(lidar_points([placed(0, corners, faces)], Lidar("L", UNMOVED, (0.0,), 8, 4.0, 9.0), UNMOVED).points)
    assert not len(lidar_points([placed(0, corners, faces)], Lidar("L", UNMOVED, (0.0,), 8, 0.0, 2.0), UNMOVED).points)


def test_beams_go_through_the_holes_of_cut_outs() -> None:
    square = np.array([[-9.0, 5, -9], [9, 5, -9], [9, 5, 9], [-9, 5, 9]])
    corners = np.array([[[0.0, 0], [2, 0], [2, 1]], [[0, 0], [2, 1], [0, 1]]])
    cut = CutOut(
        faces=np.array([[0, 1, 2], [0, 2, 3]]),
        places=corners,
        maps=np.zeros(2, np.int64),
        texels=opaque_texels([np.array([[True, False]])]),  # the left half
        closing=np.zeros((0, 3), np.int64),
    )
    card = placed(3, square, np.zeros((0, 3), np.int64), cut)
    wall = placed(1, square + np.array([0, 4, 0]), np.array([[0, 1, 2], [0, 2, 3]]))
    found = lidar_points([card, wall], Lidar("L", UNMOVED, ANGLES, 360, 0.0, 50.0), UNMOVED)
    x, y = found.points[:, 0], found.points[:, 1]
    assert (y[(x < -0.01) & (x > -8)] == 5).all() and (y[x > 0.01] == 9).all()
    assert np.array_equal(found.instances == 4, y < 6) and 0.2 < (y < 6).mean() < 0.8


def test_a_damaged_file_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        decode_lidar(b"nothing")
