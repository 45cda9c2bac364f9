"""Grids beside that of the masks: a lone object in a known cell of a grid that follows a camera."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from helpers.box_scenes import box_corners, make_box_scene, placed
from scenegen.core.labels.grids import affine
from scenegen.core.labels.named_grids import grid_labels
from scenegen.core.labels.placed_meshes import PlacedMesh
from scenegen.core.labels.view_labels import view_maps
from scenegen.core.scene.camera import ego_frame, look_at, seen_from
from scenegen.core.scene.scene import GridSpec, MapSpec, NamedGrid, Scene, Vector
from trimesh.convex import convex_hull

FRONT = NamedGrid("front", GridSpec((0.0, -2.0, 0.0), 0.25, (16, 16, 10)), ego=True)


def lone_bag(eye: Vector, target: Vector, at: Vector) -> tuple[Scene, PlacedMesh]:
    """A bag on the floor in the open, seen by one camera."""
    scene = make_box_scene(0)
    camera = dataclasses.replace(scene.cameras[0], world_to_camera=look_at(eye, target))
    bag = placed(0, "bag", at, 0.0)
    mesh = convex_hull(box_corners(bag))
    label = scene.classes.index("bag") + 1
    whole = PlacedMesh(0, label, mesh.vertices, mesh.faces.astype(np.int64), box_corners(bag))
    return dataclasses.replace(scene, room=None, cameras=(camera,), objects=(bag,), grids=(FRONT,)), whole


@pytest.mark.parametrize(
    ("eye", "target", "at"),
    [
        # 2 m ahead and .9 m to the left, for cameras that look along y, along -x, and down along y
        ((1.0, -5.0, 1.4), (1.0, 0.0, 1.4), (0.1, -3.0, 0.0)),
        ((4.0, 1.0, 1.4), (0.0, 1.0, 1.4), (2.0, 0.1, 0.0)),
        ((1.0, -5.0, 1.4), (1.0, -3.0, 0.0), (0.1, -3.0, 0.0)),
    ],
)
def test_what_is_ahead_to_the_left_is_there_in_the_grid(eye: Vector, target: Vector, at: Vector) -> None:
    scene, bag = lone_bag(eye, target, at)
    depth = view_maps([bag], scene.cameras[0], None, MapSpec()).depth
    found = grid_labels(scene, [bag], [depth], FRONT, 0)
    cells = np.argwhere(found.instances == 1)
    centre = (cells.mean(axis=0) + 0.5) * 0.25 + np.array([0.0, -2.0, 0.0])
    assert np.abs(centre - (2.0, 0.9, 0.2)).max() < 0.13
    assert (found.labels[found.instances == 1] == bag.label).all()
    assert (found.labels > 0).sum() == len(cells) > 3
    # The camera sees a side of the bag, air before it and nothing behind itself or above its view.
    seen = found.visibility[found.instances == 1]
    assert (seen == 2).any()
    assert found.visibility[6, 11, 3] == 1
    assert set(np.unique(found.visibility)) >= {0, 1, 2}
    assert (found.visibility[0, 0] == 0).all()


def test_a_camera_in_other_axes_shows_the_same() -> None:
    points = np.random.default_rng(0).uniform(-2, 2, (50, 3))
    for camera in make_box_scene(1).cameras:
        frame = ego_frame(camera)
        there = affine(frame, points)
        assert np.allclose(np.diff(there[:, 2]), np.diff(points[:, 2]), rtol=0, atol=1e-12)
        own = affine(seen_from(camera, frame).world_to_camera, there)
        assert np.allclose(own, affine(camera.world_to_camera, points), rtol=0, atol=1e-8)


def test_under_a_camera_that_looks_down_the_top_of_the_image_is_ahead() -> None:
    camera = make_box_scene(0).cameras[0]
    down = dataclasses.replace(camera, world_to_camera=look_at((1.0, 2.0, 3.0), (1.0, 2.0, 0.0), (0.0, 1.0, 0.0)))
    assert np.allclose(affine(ego_frame(down), [[1.0, 3.0, 0.5]]), [[1.0, 0.0, 0.5]])
