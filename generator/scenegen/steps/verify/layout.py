"""The rules for a scene's layout: rigid poses, no overlap, everything supported and in the room, sources credited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.asset_library import Asset, Support, read_asset
from scenegen.core.dataset.credits import credits_of
from scenegen.core.json_values import JsonError
from scenegen.core.scene.scene import PlacedObject, Scene
from scenegen.steps.library import SIZE_TOLERANCE
from scenegen.steps.verify.rig import check_rig
from scenegen.steps.verify.street import check_ground, eyes_inside, is_ground

TOLERANCE = 1e-6
SUPPORT_TOLERANCE = 1e-3 + TOLERANCE
"""A support surface and the top of its asset's box may differ by a millimetre."""

Array = NDArray[np.float64]
_UNIT_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (0.0, 1.0)])

_SQUARE = np.array([[x, y] for x in (0.0, 1.0) for y in (0.0, 1.0)])


def _corners(item: PlacedObject) -> Array:
    """World corners (8, 3) of an object's box; the base's corners are rows 0, 2, 4 and 6."""
    matrix = np.array(item.matrix)
    return np.asarray((_UNIT_CORNERS * item.size) @ matrix[:3, :3].T + matrix[:3, 3])


def _scale(item: PlacedObject) -> float:
    return float(np.cbrt(np.linalg.det(np.array(item.matrix)[:3, :3])))


@lru_cache(maxsize=4096)
def _asset(library: Path, name: str) -> Asset | None:
    folder = library / name
    return read_asset(folder) if (folder / "asset.json").is_file() else None


def check_poses(scene: Scene, library: Path | None) -> Iterable[str]:
    """Cameras are rigid; objects are rotation, uniform scale, translation; bbox and size agree with pose and asset."""
    for camera in scene.cameras:
        if _not_similar(np.array(camera.world_to_camera), 1.0):
            yield f"{camera.name}: world_to_camera is not a rigid motion"
    for item in scene.objects:
        scale = _scale(item)
        if not scale > 0 or _not_similar(np.array(item.matrix), scale):
            yield f"object {item.id}: matrix is not rotation, uniform scale and translation"
            continue
        corners = _corners(item)
        off = max(
            np.abs(corners.min(axis=0) - item.bbox.min).max(),
            np.abs(corners.max(axis=0) - item.bbox.max).max(),
        )
        if not off <= TOLERANCE:
            yield f"object {item.id}: bbox differs by {off:.6f} m from the one that matrix and size give"
        asset = _asset(library, item.asset) if library else None
        if asset and not np.allclose(asset.size, item.size, rtol=0, atol=SIZE_TOLERANCE):
            yield f"object {item.id}: size {item.size} is not its asset's {asset.size}"


def _not_similar(matrix: Array, scale: float) -> bool:
    linear = matrix[:3, :3] / scale
    rigid = np.allclose(linear @ linear.T, np.eye(3), rtol=0, atol=TOLERANCE) and np.linalg.det(linear) > 0
    return not (rigid and np.array_equal(matrix[3], (0, 0, 0, 1)))


def check_room(scene: Scene, _library: Path | None) -> Iterable[str]:
    """Every object's box is in the room, where there is one."""
    if scene.room is None:
        return
    low = np.array([-scene.room[0] / 2, -scene.room[1] / 2, 0.0])
    high = np.array([scene.room[0] / 2, scene.room[1] / 2, scene.room[2]])
    for item in scene.objects:
        corners = _corners(item)
        out = max((low - corners).max(), (corners - high).max())
        if not out <= TOLERANCE:
            yield f"object {item.id} ({item.class_name}): {out:.4f} m outside the room"


def check_boxes(scene: Scene, _library: Path | None) -> Iterable[str]:
    """No two oriented bounding boxes overlap; a child may touch its parent."""
    for a, b in _neighbours(scene.objects):
        depth = _overlap(a, b)
        allowed = SUPPORT_TOLERANCE if b.parent == a.id else TOLERANCE
        if not depth <= allowed:
            yield f"objects {a.id} ({a.class_name}) and {b.id} ({b.class_name}): boxes overlap by {depth:.4f} m"


def _neighbours(items: Sequence[PlacedObject]) -> Iterable[tuple[PlacedObject, PlacedObject]]:
    """Pairs, in order, whose axis-aligned bounding boxes touch: of a street's thousands only these can overlap."""
    corners = np.array([_corners(item) for item in items]).reshape(-1, 8, 3)
    low, high = corners.min(axis=1), corners.max(axis=1)
    for n, item in enumerate(items):
        near = ((low[n + 1 :] <= high[n] + TOLERANCE) & (high[n + 1 :] >= low[n] - TOLERANCE)).all(axis=1)
        yield from ((item, items[n + 1 + m]) for m in np.flatnonzero(near))


def _overlap(a: PlacedObject, b: PlacedObject) -> float:
    """How deep two oriented boxes overlap, in metres, by separating axes; negative when they are apart."""
    own, other = np.array(a.matrix)[:3, :3].T, np.array(b.matrix)[:3, :3].T
    axes = np.concatenate([own, other, np.cross(own[:, None], other[None]).reshape(9, 3)])
    lengths = np.linalg.norm(axes, axis=1)
    axes = axes[lengths > TOLERANCE] / lengths[lengths > TOLERANCE, None]
    one, two = _corners(a) @ axes.T, _corners(b) @ axes.T
    gaps = np.maximum(one.min(axis=0) - two.max(axis=0), two.min(axis=0) - one.max(axis=0))
    return float(-gaps.max())


def check_supports(scene: Scene, library: Path | None) -> Iterable[str]:
    """Every object stands upright on the floor, or with its whole base on a support surface of its parent.

    Slabs of ground, and objects that stand on them, are checked in `check_streets`.
    """
    for item in scene.objects:
        up = np.array(item.matrix)[:3, 2] / _scale(item)
        if not np.allclose(up, (0, 0, 1), rtol=0, atol=TOLERANCE):
            yield f"object {item.id} ({item.class_name}): is not upright"
            continue
        height = item.matrix[2][3]
        if is_ground(item) or (item.parent is not None and is_ground(scene.objects[item.parent])):
            continue
        if item.parent is None:
            if not abs(height) <= SUPPORT_TOLERANCE:
                yield f"object {item.id} ({item.class_name}): stands {height:.4f} m above the floor, on no object"
            continue
        parent = scene.objects[item.parent]
        base = _in_frame(parent, _corners(item)[::2])
        asset = _asset(library, parent.asset) if library else None
        if asset:
            held = any(_holds(support, base) for support in asset.supports)
        else:
            level = np.abs(base[:, 2] - parent.size[2]).max() <= SUPPORT_TOLERANCE
            held = level and bool((np.abs(base[:, :2]) <= np.array(parent.size[:2]) / 2 + TOLERANCE).all())
        if not held:
            yield f"object {item.id} ({item.class_name}): is not completely on a support of object {item.parent}"


def _in_frame(parent: PlacedObject, points: Array) -> Array:
    matrix = np.array(parent.matrix)
    return np.asarray(np.linalg.solve(matrix[:3, :3], (points - matrix[:3, 3]).T).T)


def _holds(support: Support, base: Array) -> bool:
    """Whether a base (4, 3) in the support's frame lies at its height and over true cells only."""
    if np.abs(base[:, 2] - support.height).max() > SUPPORT_TOLERANCE:
        return False
    extent = np.array(support.mask.shape) * support.cell
    corner = base[:, :2] - support.origin
    if (corner < -TOLERANCE).any() or (corner > extent + TOLERANCE).any():
        return False
    holes = np.argwhere(~support.mask)[:, None] * support.cell + _SQUARE * support.cell
    edges = np.array([corner[1] - corner[0], corner[2] - corner[0]])
    axes = np.concatenate([np.eye(2), edges / np.linalg.norm(edges, axis=1, keepdims=True)])
    own, other = corner @ axes.T, holes @ axes.T
    shared = np.minimum(own.max(axis=0), other.max(axis=1)) - np.maximum(own.min(axis=0), other.min(axis=1))
    return not (shared > TOLERANCE).all(axis=1).any()


def check_sources(scene: Scene, library: Path | None) -> Iterable[str]:
    """Every asset shown is credited with a licence, and belongs to the split of the data set."""
    try:
        credited = {credit.name for credit in credits_of(scene) if credit.licence}
    except JsonError as error:
        yield str(error)
        return
    for name in sorted({item.asset for item in scene.objects}):
        if name not in credited:
            yield f"asset {name}: has no licence in `credits`"
        asset = _asset(library, name) if library else None
        if asset and asset.split != scene.split:
            yield f"asset {name}: belongs to split {asset.split}, but the scene to {scene.split}"


def check_streets(scene: Scene, library: Path | None) -> Iterable[str]:
    """If there is ground, every object stands on ground of its kind."""
    return check_ground(scene, library, _corners, _asset)


def check_eyes(scene: Scene, _library: Path | None) -> Iterable[str]:
    """No camera is inside an object's box."""
    return eyes_inside(scene.cameras, scene.objects)


LAYOUT_CHECKS: Mapping[str, Callable[[Scene, Path | None], Iterable[str]]] = {
    "poses": check_poses,
    "room": check_room,
    "boxes": check_boxes,
    "supports": check_supports,
    "street": check_streets,
    "rig": check_rig,
    "eyes": check_eyes,
    "sources": check_sources,
}
