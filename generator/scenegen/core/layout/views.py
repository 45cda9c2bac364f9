"""Random cameras: each view is drawn again until its camera is clear of objects and has enough in range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from scenegen.core.errors import ScenegenError
from scenegen.core.layout.boxes import box_array, oriented_box
from scenegen.core.layout.collision import distances_to_boxes
from scenegen.core.preset.preset import Preset
from scenegen.core.scene.camera import camera_matrix, look_at
from scenegen.core.scene.scene import Camera, PlacedObject, Vector

MOST_DRAWS = 1000


class Sight(NamedTuple):
    """Where a camera is and the point it looks at, in world metres."""

    eye: Vector
    target: Vector


def draw_views(
    preset: Preset,
    objects: Sequence[PlacedObject],
    draw: Callable[[Random], Sight],
    is_good: Callable[[Camera], bool],
    rng: Random,
) -> tuple[Camera, ...]:
    """The preset's number of views: `draw` gives sights until one is clear of `objects` and its camera `is_good`.

    ScenegenError when MOST_DRAWS sights give no view.
    """
    width, height = preset.image_size
    intrinsics = camera_matrix(width, height, preset.cameras.hfov)
    boxes = box_array(oriented_box(o.matrix, o.size) for o in objects)
    cameras: list[Camera] = []
    for number in range(preset.views):
        for _ in range(MOST_DRAWS):
            eye, target = draw(rng)
            if (distances_to_boxes(boxes, eye) < preset.cameras.clear).any():
                continue
            pose = look_at(eye, target)
            camera = Camera(f"view_{number:04d}", width, height, intrinsics, pose, preset.frustum)
            if is_good(camera):
                cameras.append(camera)
                break
        else:
            raise ScenegenError(
                f"preset {preset.name}: none of {MOST_DRAWS} drawn views has an object in range; raise the classes' "
                f"maxima, or widen the frustum"
            )
    return tuple(cameras)
