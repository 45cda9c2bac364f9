"""The rule for objects with alpha maps: their pixels show opaque texels, and no opaque texel is passed over.

Apart from the code that makes the labels: each pixel's ray is intersected with every face of the object's model, and
alpha is read from the image in the library. `label_meshes` is asked for one thing alone: which faces are panes of
glass, whose texels may be below one half.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.compiled import compiled
from scenegen.core.labels.label_meshes import CLEAR, OPAQUE, alpha_maps
from scenegen.core.scene.scene import FARTHEST_STEP, Camera
from scenegen.steps.library import load_asset
from scenegen.steps.verify.labels import CameraView, LabelledScene
from scenegen.steps.verify.projection import Array, eye_of, rays_of

TEXEL_BORDER = 1e-3
"""Texels: a point so close to the border of one may belong to its neighbour."""
FACE_BORDER = 1e-6
"""The same for the border of a face, as a share of the face."""


class _Faces(NamedTuple):
    """The faces of a model: `corners` (F, 3, 3) in metres, asset frame; `uvs` (F, 3, 2); `pane` (F,).

    `map_of` (F,) is the map of each face, -1 without one. Map n begins at `starts[n]` of `alpha` and has `sizes[n]`
    rows and columns.
    """

    corners: Array
    uvs: Array
    pane: NDArray[np.bool_]
    map_of: NDArray[np.int64]
    alpha: Array
    starts: NDArray[np.int64]
    sizes: NDArray[np.int64]


def check_view(s: LabelledScene, v: CameraView) -> Iterable[str]:
    """Pixels of an object with alpha maps show an opaque texel of it, and no other pixel hides one."""
    if s.library is None or s.placed is None:
        return
    for item in s.scene.objects:
        faces = _faces_of(s.library, item.asset)
        if faces is None:
            continue
        matrix = np.array(item.matrix)
        world = faces._replace(corners=faces.corners @ matrix[:3, :3].T + matrix[:3, 3])
        own = v.instance == item.id + 1
        shown, nearer = _cast(world, v.camera, v.depth, s.scene.map_spec.depth_step)
        asked = own & (v.depth < FARTHEST_STEP)
        clear = int(np.count_nonzero(asked & ~shown))
        hidden = int(np.count_nonzero(nearer))
        if clear:
            yield (
                f"instance_{v.k}.png: {clear} of {np.count_nonzero(own)} pixels of object {item.id} ({item.asset}) "
                f"show no opaque texel of it"
            )
        if hidden:
            yield (
                f"instance_{v.k}.png: {hidden} pixels pass over an opaque texel of object {item.id} ({item.asset}), "
                f"which is nearer than their depth"
            )


@lru_cache(maxsize=32)
def _faces_of(library: Path, name: str) -> _Faces | None:
    """An asset's faces with its alpha maps; None when it has none, or no opaque texel at all."""
    loaded = load_asset(library, name)
    mesh, maps = loaded.mesh, alpha_maps(loaded.asset)
    if mesh.uvs is None or not any((alpha >= OPAQUE).any() for alpha in maps.values()):
        return None
    map_of = np.full(len(loaded.asset.materials), -1, dtype=np.int64)
    map_of[list(maps)] = np.arange(len(maps))
    whole = {tuple(face) for face in np.asarray(loaded.label_mesh.faces).tolist()}
    return _Faces(
        mesh.vertices[mesh.faces].astype(np.float64),
        mesh.uvs.astype(np.float64),
        np.array([tuple(face) in whole for face in mesh.faces.tolist()], dtype=np.bool_),
        map_of[mesh.material_index],
        np.concatenate([alpha.reshape(-1) for alpha in maps.values()]),
        np.cumsum([0, *(alpha.size for alpha in maps.values())])[:-1].astype(np.int64),
        np.array([alpha.shape for alpha in maps.values()], dtype=np.int64),
    )


def _cast(
    faces: _Faces, camera: Camera, depth: NDArray[np.uint16], step: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where a camera's pixels (H, W) meet an opaque texel at their `depth`, and where they meet one before it.

    Depth is known to `step` metres, which are its unit.
    """
    shown, nearer = np.zeros(depth.shape, dtype=np.bool_), np.zeros(depth.shape, dtype=np.bool_)
    pose = np.array(camera.world_to_camera)
    image = (faces.corners @ pose[:3, :3].T + pose[:3, 3]) @ np.array(camera.K).T
    _meet(faces, image, (eye_of(camera), rays_of(camera)), (depth, step), shown, nearer)
    return shown, nearer


@compiled
def _meet(
    faces: _Faces,
    image: Array,
    view: tuple[Array, Array],
    stored: tuple[NDArray[np.uint16], float],
    shown: NDArray[np.bool_],
    nearer: NDArray[np.bool_],
) -> None:
    depth, step = stored
    height, width = depth.shape
    eye, rays = view
    for f in range(len(faces.map_of)):
        left, right, top, bottom = 0.0, width - 1.0, 0.0, height - 1.0
        if image[f, :, 2].min() > 1e-6:
            across, down = image[f, :, 0] / image[f, :, 2] - 0.5, image[f, :, 1] / image[f, :, 2] - 0.5
            left, right = max(left, np.ceil(across.min() - 1e-3)), min(right, np.floor(across.max() + 1e-3))
            top, bottom = max(top, np.ceil(down.min() - 1e-3)), min(bottom, np.floor(down.max() + 1e-3))
        if left > right or top > bottom or _is_beyond(image[f], width, height):
            continue
        corners = faces.corners[f]
        along, aside = corners[1] - corners[0], corners[2] - corners[0]
        normal, start = _cross(along, aside), eye - corners[0]
        for row in range(int(top), int(bottom) + 1):
            for column in range(int(left), int(right) + 1):
                u, v = column + 0.5, row + 0.5
                ray = (
                    rays[0, 0] * u + rays[0, 1] * v + rays[0, 2],
                    rays[1, 0] * u + rays[1, 1] * v + rays[1, 2],
                    rays[2, 0] * u + rays[2, 1] * v + rays[2, 2],
                )
                slope = -_dot(ray, normal)
                if slope == 0:
                    continue
                # Cramer's rule for start + z * ray = b * along + c * aside.
                turned = _cross(start, ray)
                z, b, c = _dot(start, normal) / slope, _dot(aside, turned) / slope, -_dot(along, turned) / slope
                inside = min(1 - b - c, b, c)
                if z <= 0 or inside < -FACE_BORDER:
                    continue
                known = depth[row, column] * step
                if known > 0 and abs(z - known) <= step:
                    shown[row, column] |= _alpha_around(faces, f, b, c)[1]
                elif inside > FACE_BORDER and depth[row, column] < FARTHEST_STEP and (known == 0 or z < known):
                    nearer[row, column] |= _alpha_around(faces, f, b, c)[0]


@compiled
def _is_beyond(image: Array, width: int, height: int) -> bool:
    """Whether a face, whose corners are (u * z, v * z, z), is wholly beyond one side of the image or behind it."""
    left = right = top = bottom = behind = True
    for corner in range(3):
        u, v, z = image[corner]
        left &= u < 0
        right &= u > width * z
        top &= v < 0
        bottom &= v > height * z
        behind &= z <= 0
    return left or right or top or bottom or behind


@compiled
def _cross(a: Any, b: Any) -> tuple[float, float, float]:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@compiled
def _dot(a: Any, b: Any) -> float:
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


@compiled
def _alpha_around(faces: _Faces, f: int, b: float, c: float) -> tuple[bool, bool]:
    """Whether all texels are opaque that a point of face f may belong to, and whether one is."""
    number = faces.map_of[f]
    if number < 0:
        return True, True
    u, v = (1 - b - c) * faces.uvs[f, 0] + b * faces.uvs[f, 1] + c * faces.uvs[f, 2]
    rows, columns = faces.sizes[number]
    every, some = True, False
    for off_u in (-TEXEL_BORDER, TEXEL_BORDER):
        for off_v in (-TEXEL_BORDER, TEXEL_BORDER):
            column = int(np.floor(u * columns + off_u)) % columns
            row = rows - 1 - int(np.floor(v * rows + off_v)) % rows
            alpha = faces.alpha[faces.starts[number] + row * columns + column]
            opaque = alpha >= OPAQUE or (faces.pane[f] and alpha >= CLEAR)
            every &= opaque
            some |= opaque
    return every, some
