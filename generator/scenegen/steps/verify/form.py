"""The rules for scene.json: it agrees with dataset.json and with itself. All other checks rely on this."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from scenegen.core.dataset.info import DatasetInfo
from scenegen.core.scene.scene import Scene


def check_form(scene: Scene, info: DatasetInfo, index: int) -> Iterable[str]:
    """Whether scene.json agrees with dataset.json and with itself; all later checks rely on this."""
    for key, was, now in (
        ("index", index, scene.index),
        ("seed", info.request.seed, scene.seed),
        ("preset", info.request.preset, scene.preset),
        ("split", info.request.split, scene.split),
        ("classes", info.classes, scene.classes),
        ("grid", info.grid, scene.grid),
        *(("frustum", info.frustum, c.frustum) for c in scene.cameras if info.frustum),
    ):
        if was != now:
            yield f"{key} is {now}, but dataset.json asks for {was}"
    if not scene.cameras:
        yield "has no cameras"
    for camera in scene.cameras:
        if not (_is_matrix(camera.K, 3) and _is_matrix(camera.world_to_camera, 4)):
            yield f"{camera.name}: K (3 x 3) or world_to_camera (4 x 4) is not a matrix of finite numbers"
    if [o.id for o in scene.objects] != list(range(len(scene.objects))):
        yield f"object ids are {[o.id for o in scene.objects]}, should be 0, 1, 2 ..."
    for item in scene.objects:
        if item.class_name not in scene.classes:
            yield f"object {item.id}: class {item.class_name} is not in `classes`"
        if item.parent is not None and not 0 <= item.parent < item.id:
            yield f"object {item.id}: parent {item.parent} is not an object before it"
        if not (_is_matrix(item.matrix, 4) and len(item.size) == 3 and min(item.size) > 0):
            yield f"object {item.id}: matrix (4 x 4) must hold finite numbers, and size (3) positive ones"
        if len(item.visible_pixels) != len(scene.cameras):
            yield f"object {item.id}: visible_pixels has {len(item.visible_pixels)} of {len(scene.cameras)} numbers"
    for skipped in scene.skipped:
        if skipped.class_name not in scene.classes or skipped.attempts < 0:
            yield f"skipped {skipped.asset}: class {skipped.class_name} or {skipped.attempts} attempts cannot be"


def _is_matrix(rows: Any, size: int) -> bool:
    return np.shape(rows) == (size, size) and bool(np.isfinite(rows).all())
