"""The room around the objects: its shell, lamps and world light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Vector as BlenderVector
from scenegen.core.scene.scene import LightLook, Look, SunLook, SurfaceLook, Vector

from blender_scripts.build.nodes import add
from blender_scripts.build.surfaces import make_surface
from blender_scripts.host.compat import find_hdri, node_tree, set_known

PLAIN_WORLD: Vector = (1.0, 1.0, 1.0)  # where Blender ships no HDRI
_OUTDOORS = 2.2  # by eye, as below; streets are dark, and half in the shade
_BRIGHTNESS = 1.45  # by eye: the mean of an image lies near the middle of its range
_ALBEDO = 0.5  # a usual room's
_DARK_ROOMS = 0.6  # how much of a darker paint the exposure makes up for: a dark room still looks dark


def build_shell(room: Vector, look: Look) -> list[Any]:
    """Floor, walls and ceiling as three objects: x in ±room[0]/2, y in ±room[1]/2, z in [0, room[2]].

    The ceiling casts no shadow, so that the world's light comes down into a closed room as from a large skylight.
    """
    x, y, z = room[0] / 2, room[1] / 2, room[2]
    corners = ((-x, -y), (x, -y), (x, y), (-x, y))
    walls = []
    for a, b in zip(corners, corners[1:] + corners[:1], strict=True):
        length = math.dist(a, b)
        walls.append([(*a, 0.0, 0.0, 0.0), (*a, z, 0.0, z), (*b, z, length, z), (*b, 0.0, length, 0.0)])
    floor = [[(*c, 0.0, c[1], c[0]) for c in corners]]
    ceiling = [[(*c, z, *c) for c in reversed(corners)]]
    objects = [
        _flat_object("floor", floor, make_surface("floor", _surface(look.floor))),
        _flat_object("walls", walls, make_surface("walls", _surface(look.walls), skirting=True)),
        _flat_object("ceiling", ceiling, make_surface("ceiling", _surface(look.ceiling))),
    ]
    objects[2].visible_shadow = False
    return objects


def _surface(look: SurfaceLook | None) -> SurfaceLook:
    if look is None:
        raise ValueError("a room whose floor, walls or ceiling have no look")
    return look


def _flat_object(name: str, quads: Sequence[Sequence[tuple[float, ...]]], material: Any) -> Any:
    """Quads of (x, y, z, u, v) corners, seen from inside the room, UVs in metres."""
    mesh = bpy.data.meshes.new(name)
    corners = [corner for quad in quads for corner in quad]
    faces = [tuple(range(4 * n, 4 * n + 4)) for n in range(len(quads))]
    mesh.from_pydata([corner[:3] for corner in corners], [], faces)
    layer = mesh.uv_layers.new(name="UVMap")
    layer.data.foreach_set("uv", [value for corner in corners for value in corner[3:]])
    mesh.materials.append(material)
    return bpy.data.objects.new(name, mesh)


def build_lamp(name: str, look: LightLook) -> Any:
    """Make a square area light that lights but is not visible."""
    data = bpy.data.lights.new(name, "AREA")
    data.shape = "SQUARE"
    data.size = look.size
    data.energy = look.power
    data.color = look.color
    lamp = bpy.data.objects.new(name, data)
    lamp.location = look.location
    aim = BlenderVector(look.target) - BlenderVector(look.location)
    lamp.rotation_euler = aim.to_track_quat("-Z", "Y").to_euler()
    lamp.visible_camera = False
    return lamp


def build_sun(look: SunLook) -> Any:
    """Make a sun lamp."""
    data = bpy.data.lights.new("sun", "SUN")
    data.angle = look.angle
    data.energy = look.strength
    data.color = look.color
    lamp = bpy.data.objects.new("sun", data)
    lamp.rotation_euler = BlenderVector(look.direction).to_track_quat("Z", "Y").to_euler()
    return lamp


def build_world(look: Look) -> Any:
    """Make the world's light, scaled so that strength 1 lights a floor equally with any world image."""
    world = bpy.data.worlds.new("world")
    tree = node_tree(world)
    # The automatic importance map takes as many pixels as the image: seconds of every render, for no less noise.
    world.cycles.sampling_method = "MANUAL"
    world.cycles.sample_map_resolution = 512
    set_known(world.cycles, {"use_shadows": True})
    path = find_hdri(look.hdri)
    background = add(tree, "ShaderNodeBackground", {"Color": PLAIN_WORLD, "Strength": look.hdri_strength})
    if path:
        image = bpy.data.images.load(str(path), check_existing=True)
        image.use_fake_user = True  # so that it stays when the scene is removed
        around = add(tree, "ShaderNodeTexCoord").outputs["Generated"]
        rotation = (0.0, 0.0, look.hdri_rotation)
        turned = add(tree, "ShaderNodeMapping", {"Vector": around, "Rotation": rotation}).outputs[0]
        texture = add(tree, "ShaderNodeTexEnvironment", {"Vector": turned}, image=image)
        tree.links.new(texture.outputs[0], background.inputs["Color"])
        background.inputs["Strength"].default_value = look.hdri_strength / _zenith_radiance(path)
    add(tree, "ShaderNodeOutputWorld", {"Surface": background.outputs[0]})
    return world


@cache
def _zenith_radiance(path: Path) -> float:
    """The mean radiance that a floor under a world image sees. The image is loaded."""
    image = bpy.data.images.load(str(path), check_existing=True)
    width, height = image.size
    pixels = np.empty(width * height * image.channels, np.float32)
    image.pixels.foreach_get(pixels)
    rows = pixels.reshape(height, width, image.channels)[..., :3].mean(axis=(1, 2), dtype=np.float64)
    elevation = ((np.arange(height) + 0.5) / height - 0.5) * np.pi  # Blender's first row is the bottom one
    weights = np.cos(elevation) * np.maximum(np.sin(elevation), 0.0)  # a row's share of the sphere, Lambert's cosine
    image.buffers_free()
    return float((rows * weights).sum() / weights.sum())


def auto_exposure(room: Vector | None, look: Look) -> float:
    """Exposure in stops that shows this light at the brightness of a well-exposed photograph."""
    if room is None:
        sun = look.sun.strength * max(look.sun.direction[2], 0.0) if look.sun else 0.0
        return look.exposure + math.log2(_OUTDOORS * math.pi / (math.pi * look.hdri_strength + sun))
    width, depth, height = room
    shell = 2 * (width * depth + width * height + depth * height)
    lamps = sum(lamp.power * sum(lamp.color) / 3 for lamp in look.lights)
    skylight = math.pi * look.hdri_strength * width * depth
    parts = (look.floor, width * depth), (look.walls, 2 * height * (width + depth)), (look.ceiling, width * depth)
    albedo = sum(sum(_surface(surface).color) / 3 * area for surface, area in parts) / shell
    return look.exposure + math.log2(_BRIGHTNESS * shell / (lamps + skylight) * (_ALBEDO / albedo) ** _DARK_ROOMS)
