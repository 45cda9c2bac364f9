"""scene.json: a Scene as text (format "scenegen/1") and back."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from typing import Any

from scenegen.core.json_values import JsonError, check_format, from_json, parse_object
from scenegen.core.scene.scene import (
    FARTHEST,
    MOST_AZIMUTHS,
    Camera,
    MapSpec,
    Matrix4,
    PlacedObject,
    Rig,
    Scene,
    VoxelSpec,
)

FORMAT = "scenegen/1"
FORMAT_OF_STEPS = "scenegen/2"
"""Of scenes whose depth has steps of more than a millimetre, so that programs which read millimetres refuse them."""

MOST_SPELLED_OUT = 8
"""Cameras up to which scene.json has a line for every number."""

LEAST_VOLUME = 1e-12
"""Of what a matrix makes of the unit cube: one of less cannot be inverted."""
_ASSET_NAME = re.compile(r"(?!\.)[^/\\\0]{1,200}")


def scene_to_json(scene: Scene) -> str:
    """The text of scene.json; with many views, one line per camera and object instead of one per number."""
    body = _fields(scene) | {"look": _fields(scene.look)}
    extra = body.pop("extra")
    if scene.look.camera is None:  # as before there were any
        del body["look"]["camera"]
    if scene.map_spec == MapSpec():  # as before there were others
        del body["map_spec"]
    if scene.voxel_spec == VoxelSpec():
        del body["voxel_spec"]
    if not scene.measured_depth:
        del body["measured_depth"]
    if not scene.grids:
        del body["grids"]
    if scene.rig is None:
        del body["rig"]
    for key in ("objects", "skipped"):
        body[key] = [_with_class(item) for item in body[key]]
    whole = {"format": _format(scene.map_spec), **body, **extra}
    if len(scene.cameras) <= MOST_SPELLED_OUT:
        return json.dumps(whole, indent=1, default=_fields)
    rows = {key: whole.pop(key) for key in ("cameras", "objects")}
    text = json.dumps(whole, indent=1, default=_fields)[:-2]
    for key, entries in rows.items():
        lines = ",\n  ".join(json.dumps(entry, separators=(",", ":"), default=_fields) for entry in entries)
        text += f',\n "{key}": [\n  {lines}\n ]'
    return text + "\n}"


def _fields(record: Any) -> dict[str, Any]:
    """The fields of a dataclass, not copied: dataclasses.asdict takes as long as writing the text."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _with_class(item: Any) -> dict[str, Any]:
    entry = _fields(item)
    entry["class"] = entry.pop("class_name")
    return entry


def _format(spec: MapSpec) -> str:
    return FORMAT if spec.depth_unit == 1 else FORMAT_OF_STEPS


def scene_from_json(text: str | bytes) -> Scene:
    """Read scene.json back. Top-level keys that Scene does not have go to `extra`.

    ValueError when it is not of this form or its parts do not fit together, NewerFormatError when it is of a later
    version of it.
    """
    body = parse_object(text)
    found = body.pop("format", None)
    check_format(found, FORMAT, FORMAT_OF_STEPS)
    names = {field.name for field in dataclasses.fields(Scene)} - {"extra"}
    extra = {key: body.pop(key) for key in list(body) if key not in names}
    scene = from_json(Scene, {**body, "extra": extra})
    check_format(found, _format(scene.map_spec))
    for k, camera in enumerate(scene.cameras):
        _check_camera(camera, f"cameras[{k}]")
    if scene.rig:
        _check_rig(scene.rig, len(scene.cameras))
    for n, item in enumerate(scene.objects):
        _check_object(item, n, scene)
    return scene


def _check_camera(camera: Camera, place: str) -> None:
    """Refuse numbers that no camera has: what reads a scene divides by them."""
    _check_matrix(camera.world_to_camera, f"{place}.world_to_camera")
    if max(abs(value) for row in camera.K for value in row) > FARTHEST:
        raise JsonError(f"expected pixels, found a number above {FARTHEST:g}", f"{place}.K")


def _check_rig(rig: Rig, cameras: int) -> None:
    """Refuse a rig whose cameras and poses are not those of the scene, and a lidar that has no beams."""
    if not rig.cameras or len(rig.cameras) * len(rig.poses) != cameras:
        counts = f"{len(rig.cameras)} cameras at {len(rig.poses)} poses"
        raise JsonError(f"{counts}, but the scene has {cameras} cameras", "rig")
    for n, camera in enumerate(rig.cameras):
        _check_matrix(camera.camera_to_ego, f"rig.cameras[{n}].camera_to_ego")
    for n, pose in enumerate(rig.poses):
        _check_matrix(pose.ego_to_world, f"rig.poses[{n}].ego_to_world")
    if (lidar := rig.lidar) is None:
        return
    _check_matrix(lidar.lidar_to_ego, "rig.lidar.lidar_to_ego")
    rising = all(a < b for a, b in itertools.pairwise(lidar.elevations))
    if not rising or not all(-90 < angle < 90 for angle in lidar.elevations) or not 1 <= len(lidar.elevations) <= 1024:
        raise JsonError("expected 1 to 1024 rising angles between -90 and 90 degrees", "rig.lidar.elevations")
    if not 1 <= lidar.azimuths <= MOST_AZIMUTHS or not 0 <= lidar.near < lidar.far:
        raise JsonError(f"expected 1 to {MOST_AZIMUTHS} azimuths and 0 <= near < far", "rig.lidar")


def _check_object(item: PlacedObject, position: int, scene: Scene) -> None:
    """Refuse an object that names a class, a parent or a camera that is not there, or that has no volume."""
    place = f"objects[{position}]"
    if item.id != position:
        raise JsonError(f"is {item.id}, but the object is number {position}", f"{place}.id")
    if item.class_name not in scene.classes:
        raise JsonError(f"{item.class_name} is not in `classes`", f"{place}.class")
    if not _ASSET_NAME.fullmatch(item.asset):
        raise JsonError(f"{item.asset[:60]!r} is no name of a model", f"{place}.asset")
    if item.parent is not None and not 0 <= item.parent < position:
        raise JsonError(f"{item.parent} is not an object before it", f"{place}.parent")
    _check_matrix(item.matrix, f"{place}.matrix")
    if min(item.size) <= 0 or max(item.size) > FARTHEST:
        raise JsonError(f"{item.size} must be positive metres", f"{place}.size")
    pixels = item.visible_pixels
    if len(pixels) not in (0, len(scene.cameras)) or min(pixels, default=0) < 0:
        raise JsonError(f"expected a count for each of {len(scene.cameras)} cameras", f"{place}.visible_pixels")


def _check_matrix(matrix: Matrix4, place: str) -> None:
    (a, b, c, _), (d, e, f, _), (g, h, i, _), last = matrix
    if max(abs(value) for row in matrix for value in row) > FARTHEST:
        raise JsonError(f"expected metres, found a number above {FARTHEST:g}", place)
    if abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)) < LEAST_VOLUME:
        raise JsonError("has no inverse", place)
    if tuple(last) != (0, 0, 0, 1):
        raise JsonError(f"its last row is {list(last)}, not 0, 0, 0, 1; is it transposed?", place)
