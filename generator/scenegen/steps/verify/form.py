"""The rules for scene.json: it agrees with dataset.json and with itself. All other checks rely on this."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from scenegen.core.dataset.info import DatasetInfo, preset_checksum
from scenegen.core.errors import ScenegenError
from scenegen.core.preset.preset import Preset
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.scene.camera import camera_position
from scenegen.core.scene.scene import (
    MOST_CLASSES,
    MOST_CLASSES_IN_GRID,
    MOST_OBJECTS,
    Camera,
    Look,
    NamedGrid,
    PlacedObject,
    Scene,
)


@dataclass(frozen=True)
class AskedScene:
    """What a data set's scenes were asked to be: dataset.json, and the preset where it is known."""

    info: DatasetInfo
    preset: Preset | None


def asked_scene(info: DatasetInfo) -> AskedScene:
    """What the scenes of a data set were asked to be; the preset is known if it is one of scenegen's, unchanged."""
    try:
        preset = load_preset(info.request.preset)
    except ScenegenError:
        return AskedScene(info, None)
    same = preset_checksum(dataclasses.replace(preset, views=0)) == info.preset_checksum
    return AskedScene(info, preset if same else None)


def check_form(scene: Scene, asked: AskedScene | None, index: int) -> Iterable[str]:
    """Whether scene.json agrees with what was asked for (None where that cannot be read) and with itself."""
    if asked:
        yield from _check_asked(scene, asked.info, index)
    yield from _check_itself(scene)
    if asked and asked.preset:
        yield from _check_preset(scene, asked.preset)


def _check_asked(scene: Scene, info: DatasetInfo, index: int) -> Iterable[str]:
    for key, was, now in (
        ("index", index, scene.index),
        ("seed", info.request.seed, scene.seed),
        ("preset", info.request.preset, scene.preset),
        ("split", info.request.split, scene.split),
        ("classes", info.classes, scene.classes),
        ("grid", info.grid, scene.grid),
        ("grids", _by_name(info.grids), _by_name(scene.grids)),
        ("map_spec", info.request.map_spec, scene.map_spec),
        ("measured_depth", info.imported is not None and info.imported.measured_depth, scene.measured_depth),
        *((("views", info.request.views, len(scene.cameras)),) if info.request.views else ()),
        *(("frustum", info.frustum, c.frustum) for c in scene.cameras if info.frustum),
    ):
        if was != now:
            yield f"{key} is {now}, but dataset.json asks for {was}"


def _by_name(grids: tuple[NamedGrid, ...]) -> tuple[NamedGrid, ...]:
    """Grids in one order: scenes that were added later may have another."""
    return tuple(sorted(grids, key=lambda grid: grid.name))


def _check_itself(scene: Scene) -> Iterable[str]:
    most = MOST_CLASSES_IN_GRID if scene.grid else MOST_CLASSES
    if len(scene.classes) > most or len(scene.objects) > MOST_OBJECTS:
        yield (
            f"{len(scene.classes)} classes and {len(scene.objects)} objects, but labels hold at most {most} and "
            f"{MOST_OBJECTS}"
        )
    if not scene.cameras:
        yield "has no cameras"
    names = [camera.name for camera in scene.cameras]
    if len(set(names)) < len(names) or not all(names):
        yield f"cameras are named {names}, should have a name each"
    if scene.room is not None and not min(scene.room) > 0:
        yield f"room is {scene.room}, should be three positive lengths"
        return
    for camera in scene.cameras:
        yield from _check_camera(camera, scene)
    if [o.id for o in scene.objects] != list(range(len(scene.objects))):
        yield f"object ids are {[o.id for o in scene.objects]}, should be 0, 1, 2 ..."
        return
    for item in scene.objects:
        yield from _check_object(item, scene)
    for skipped in scene.skipped:
        if skipped.class_name not in scene.classes or skipped.attempts < 0 or not skipped.reason:
            yield f"skipped {skipped.asset}: class {skipped.class_name} or {skipped.attempts} attempts cannot be"
    yield from _check_look(scene.look, scene)


def _check_camera(camera: Camera, scene: Scene) -> Iterable[str]:
    if not (_is_matrix(camera.K, 3) and _is_matrix(camera.world_to_camera, 4)):
        yield f"{camera.name}: K (3 x 3) or world_to_camera (4 x 4) is not a matrix of finite numbers"
        return
    (fx, skew, cx), (zero, fy, cy), last = camera.K
    if skew != 0 or zero != 0 or tuple(last) != (0, 0, 1) or fx <= 0 or fy <= 0:
        yield f"{camera.name}: K is {camera.K}, should be ((fx, 0, cx), (0, fy, cy), (0, 0, 1)) with fx and fy above 0"
    if not (0 <= cx <= camera.width and 0 <= cy <= camera.height):
        yield f"{camera.name}: the principal point ({cx}, {cy}) of K is outside the image"
    if scene.room is not None:
        x, y, z = camera_position(camera)
        wide, deep, high = scene.room
        if not (abs(x) < wide / 2 and abs(y) < deep / 2 and 0 < z < high):
            yield f"{camera.name}: is at ({x:.3f}, {y:.3f}, {z:.3f}), outside the room"


def _check_object(item: PlacedObject, scene: Scene) -> Iterable[str]:
    if item.class_name not in scene.classes:
        yield f"object {item.id}: class {item.class_name} is not in `classes`"
    if item.parent is not None and not 0 <= item.parent < item.id:
        yield f"object {item.id}: parent {item.parent} is not an object before it"
    if not (_is_matrix(item.matrix, 4) and len(item.size) == 3 and min(item.size) > 0):
        yield f"object {item.id}: matrix (4 x 4) must hold finite numbers, and size (3) positive ones"
    if len(item.visible_pixels) != len(scene.cameras):
        yield f"object {item.id}: visible_pixels has {len(item.visible_pixels)} of {len(scene.cameras)} numbers"


def _check_look(look: Look, scene: Scene) -> Iterable[str]:
    surfaces = (look.floor, look.walls, look.ceiling)
    if any((surface is None) != (scene.room is None) for surface in surfaces):
        yield "look: floor, walls and ceiling are there if, and only if, there is a room"
    if len(look.objects) not in (0, len(scene.objects)):
        yield f"look: has the colours of {len(look.objects)} objects, but there are {len(scene.objects)}"
    if any(light.power < 0 or light.size <= 0 for light in look.lights):
        yield "look: a light has a negative power or no size"
    if look.noise is not None and not (look.noise.full_well > 0 and look.noise.read_noise >= 0):
        yield "look: the sensor's full well must be above 0 and its read noise at least 0"
    if (camera := look.camera) is not None and not (
        camera.blur >= 0 and 0 <= camera.vignetting <= 1 and min(camera.gains) > 0 and 0 <= camera.jpeg <= 95
    ):
        yield "look: the camera's blur must be at least 0, its vignetting 0 to 1, its gains above 0, its JPEG 0 to 95"


def _check_preset(scene: Scene, preset: Preset) -> Iterable[str]:
    """Whether a scene is one that its preset allows."""
    if scene.room != preset.room:
        yield f"room is {scene.room}, but preset {preset.name} has {preset.room}"
    if (scene.rig is None) != (preset.vehicle is None):
        yield f"has {'no' if scene.rig is None else 'a'} rig, unlike preset {preset.name}"
    for camera in scene.cameras:
        if (camera.width, camera.height) != preset.image_size:
            yield f"{camera.name}: images of {camera.width} x {camera.height}, but the preset's are {preset.image_size}"
    counts = Counter(item.class_name for item in scene.objects)
    for rule in preset.rules:
        if preset.layout == "room" and counts[rule.name] > rule.maximum:
            yield f"has {counts[rule.name]} objects of class {rule.name}, but the preset at most {rule.maximum}"


def _is_matrix(rows: Any, size: int) -> bool:
    return np.shape(rows) == (size, size) and bool(np.isfinite(rows).all())
