"""The rules for a street: every object stands completely on ground of its kind, no camera is inside an object."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import Camera, PlacedObject, Scene

TOLERANCE = 1e-6

Array = NDArray[np.float64]
FindAsset = Callable[[Path, str], Asset | None]


def check_ground(
    scene: Scene, library: Path | None, corners: Callable[[PlacedObject], Array], find: FindAsset
) -> Iterable[str]:
    """Every object stands at the height of the ground, with its whole outline on slabs of the right form."""
    slabs = [o for o in scene.objects if is_ground(o)]
    if not slabs:
        return
    families = [_form(find(library, o.asset)) if library else None for o in slabs]
    lows, highs = (np.array([getattr(o.bbox, end) for o in slabs]) for end in ("min", "max"))
    for item in scene.objects:
        if is_ground(item):
            continue
        base = corners(item)[::2]
        if item.parent is None or not is_ground(scene.objects[item.parent]):
            yield f"object {item.id} ({item.class_name}): stands on no slab of ground"
            continue
        forms = object_class(item.class_name).stands_on
        fitting = np.abs(highs[:, 2] - base[0, 2]) <= TOLERANCE
        if forms and library:
            fitting &= np.array([form is None or form in forms for form in families])
        outline = base[[0, 1, 3, 2], :2]
        if object_class(item.class_name).rooted:
            outline = outline.mean(axis=0) + 1e-3 * (outline - outline.mean(axis=0))
        fitting &= ((lows[:, :2] <= outline.max(axis=0)) & (highs[:, :2] >= outline.min(axis=0))).all(axis=1)
        if ((lows[fitting, :2] <= outline.min(axis=0)) & (highs[fitting, :2] >= outline.max(axis=0))).all(axis=1).any():
            continue
        pieces = (_clipped(outline, low, high) for low, high in zip(lows[fitting], highs[fitting], strict=True))
        covered = sum(map(_area, pieces))
        if covered < _area(outline) - TOLERANCE:
            where = " or ".join(forms) if forms and library else "level ground"
            yield f"object {item.id} ({item.class_name}): is not completely on {where}"


def eyes_inside(cameras: Iterable[Camera], objects: Iterable[PlacedObject]) -> Iterable[str]:
    """No camera is inside an object's box."""
    inverses = [(o, np.linalg.inv(np.array(o.matrix))) for o in objects]
    for camera in cameras:
        pose = np.array(camera.world_to_camera)
        eye = np.append(-pose[:3, :3].T @ pose[:3, 3], 1.0)
        for item, inverse in inverses:
            x, y, z = (inverse @ eye)[:3]
            if abs(x) < item.size[0] / 2 and abs(y) < item.size[1] / 2 and 0 < z < item.size[2]:
                yield f"{camera.name}: is inside object {item.id} ({item.class_name})"


def is_ground(item: PlacedObject) -> bool:
    """Whether an object is a slab of ground."""
    return object_class(item.class_name).is_ground


def _form(asset: Asset | None) -> str | None:
    """The form of a slab: "road" of "ground/road7_asphalt"; None when the family is not one of ground."""
    if asset is None or not asset.family.startswith("ground/"):
        return None
    return asset.family.removeprefix("ground/").split("_")[0].rstrip("0123456789")


def _clipped(polygon: Array, low: Array, high: Array) -> Array:
    """The part of a convex polygon (N, 2) inside an upright rectangle (Sutherland and Hodgman)."""
    for axis, sign, limit in ((0, 1, low[0]), (0, -1, -high[0]), (1, 1, low[1]), (1, -1, -high[1])):
        kept: list[Array] = []
        for one, other in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            a, b = sign * one[axis] - limit, sign * other[axis] - limit
            if a >= 0:
                kept.append(one)
            if (a >= 0) != (b >= 0):
                kept.append(one + a / (a - b) * (other - one))
        if not kept:
            return np.zeros((0, 2))
        polygon = np.array(kept)
    return polygon


def _area(polygon: Array) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
