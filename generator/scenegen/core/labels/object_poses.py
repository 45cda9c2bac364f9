"""The objects of a scene from one camera: poses in its coordinates, visible pixels, which are in its frustum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scenegen.core.labels.grids import affine, frustum_grid
from scenegen.core.scene.scene import Matrix4, Scene

_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])


@dataclass(frozen=True)
class ObjectInView:
    """An object from a camera.

    `camera_from_object` maps the asset frame to camera metres (x right, y down, z forward); `scale` is its uniform
    scale, the rest is a rotation and a translation. `in_frustum`: no plane of
    the camera's frustum separates it from the object's box. `visible_pixels` is how many pixels show it.
    """

    id: int
    class_name: str
    camera_from_object: Matrix4
    scale: float
    visible_pixels: int
    in_frustum: bool


def objects_in_view(scene: Scene, k: int) -> tuple[ObjectInView, ...]:
    """The objects that are visible to camera k of a scene or in its frustum, in the order of their ids."""
    grid = frustum_grid(scene.cameras[k])
    width, height = grid.image_size
    pose = np.array(scene.cameras[k].world_to_camera)
    found = []
    for item in scene.objects:
        matrix = pose @ np.array(item.matrix)
        u, v, z = affine(grid.K, affine(matrix, _CORNERS * item.size)).T
        sides = (u < 0, v < 0, u > width * z, v > height * z, z < grid.near, z > grid.far)
        inside = not any(side.all() for side in sides)
        pixels = item.visible_pixels[k] if item.visible_pixels else 0
        if inside or pixels:
            a, b, c, d = (tuple(row) for row in matrix.tolist())
            scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
            found.append(ObjectInView(item.id, item.class_name, (a, b, c, d), scale, pixels, inside))
    return tuple(found)
