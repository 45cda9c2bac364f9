"""Build a scenegen Scene as bpy data, and remove it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
from mathutils import Matrix
from scenegen.core.scene.scene import Camera, Scene

from blender_scripts.build.asset_cache import AssetCache
from blender_scripts.build.distractors import build_distractor
from blender_scripts.build.materials import ROUGHNESS, SHIFT
from blender_scripts.build.room import auto_exposure, build_lamp, build_shell, build_sun, build_world

_SENSOR_WIDTH = 36.0  # millimetres; only its ratio to the focal length matters
_OPENCV_TO_BLENDER = Matrix(((1, 0, 0, 0), (0, -1, 0, 0), (0, 0, -1, 0), (0, 0, 0, 1)))


def empty_file() -> Any:
    """Remove everything that Blender starts with; return the one bpy scene that stays."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.edit.use_global_undo = False
    return bpy.context.scene


def build_scene(scene: Scene, cache: AssetCache) -> list[Any]:
    """Fill the current bpy scene with a Scene; return its camera objects in order."""
    target = bpy.context.scene
    target.world = build_world(scene.look)
    target.view_settings.exposure = auto_exposure(scene.room, scene.look)
    objects = build_shell(scene.room, scene.look) if scene.room else []
    objects += [build_lamp(f"lamp_{number}", look) for number, look in enumerate(scene.look.lights)]
    objects += [build_sun(scene.look.sun)] if scene.look.sun else []
    objects += [build_distractor(f"distractor_{number}", look) for number, look in enumerate(scene.look.distractors)]
    for placed in scene.objects:
        item = bpy.data.objects.new(f"{placed.id:02d} {placed.asset}", cache.mesh(placed.asset))
        item.matrix_world = Matrix(placed.matrix)
        item.pass_index = placed.id + 1
        if scene.look.objects:
            look = scene.look.objects[placed.id]
            item[SHIFT], item[ROUGHNESS] = (look.hue, look.saturation, look.value), look.roughness
        objects.append(item)
    cameras = [build_camera(camera) for camera in scene.cameras]
    link(target, [*objects, *cameras])
    return cameras


def link(target: Any, objects: Sequence[Any]) -> None:
    """Put objects into a bpy scene."""
    for item in objects:
        target.collection.objects.link(item)


def build_camera(camera: Camera) -> Any:
    """Make a camera object with exactly this K (square pixels) and pose."""
    data = bpy.data.cameras.new(camera.name)
    (focal, _, center_x), (_, _, center_y), _ = camera.K
    data.sensor_fit = "HORIZONTAL"  # lengths below are in image widths
    data.sensor_width = _SENSOR_WIDTH
    data.lens = focal / camera.width * _SENSOR_WIDTH
    data.shift_x = (camera.width / 2 - center_x) / camera.width
    data.shift_y = (center_y - camera.height / 2) / camera.width
    data.clip_start, data.clip_end = 0.01, 1000.0
    item = bpy.data.objects.new(camera.name, data)
    item.matrix_world = Matrix(camera.world_to_camera).inverted() @ _OPENCV_TO_BLENDER
    item["width"], item["height"] = camera.width, camera.height
    return item


def purge_scene() -> None:
    """Remove everything that `build_scene` made; meshes and images with a fake user stay for the next scene."""
    bpy.data.batch_remove([*bpy.data.objects, *bpy.data.worlds])
    bpy.data.orphans_purge(do_local_ids=True, do_linked_ids=True, do_recursive=True)
