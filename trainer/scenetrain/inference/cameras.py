"""The cameras of photographs, from a file: for networks that read where each photograph was taken.

The file is a scene.json of scenegen, or JSON of this form; `grid` may be left out, and with it the run's own counts:

    {"cameras": [{"K": [[...], [...], [...]], "world_to_camera": [[...], ...], "width": 4032, "height": 3024}, ...],
     "grid": {"origin": [-2.0, -2.4, 0.0], "voxel_size": 0.05, "shape": [80, 96, 64]}}

K is in pixels of the upright photograph, (0, 0) at its top-left corner; where `width` and `height` are given, of an
image of that size, to which the photograph is scaled. Metres; OpenCV's axes: x right, y down, z forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.core.json_values import JsonError, from_json, parse_object
from scenegen.core.scene.scene import GridSpec, Matrix3, Matrix4
from scenegen.core.scene.scene_json import scene_from_json

from scenetrain.data.given_cameras import box_extras, extent, sees_grid
from scenetrain.data.reads import Extras
from scenetrain.inference.photographs import SquarePhotograph

RIGID = 1e-3
"""How far a rotation's rows may be from unit length and right angles."""


@dataclass(frozen=True)
class PhotographCamera:
    """The camera of one photograph, as in the file."""

    K: Matrix3
    world_to_camera: Matrix4
    width: int | None = None
    height: int | None = None
    name: str | None = None


@dataclass(frozen=True)
class CamerasFile:
    """What the file says."""

    path: Path
    cameras: tuple[PhotographCamera, ...]
    grid: GridSpec | None = None


@dataclass(frozen=True)
class _Body:
    cameras: tuple[PhotographCamera, ...]
    grid: GridSpec | None = None


def read_cameras(path: Path) -> CamerasFile:
    """The file, its matrices checked. DamageError that names what is wrong with which camera."""
    try:
        text = read_file(path, MOST_TEXT)
        parsed = parse_object(text)
        if "format" in parsed:
            scene = scene_from_json(text)
            own = (PhotographCamera(c.K, c.world_to_camera, c.width, c.height, c.name) for c in scene.cameras)
            body = _Body(tuple(own), scene.grid)
        else:
            body = from_json(_Body, parsed)
            _check_keys(_Body, parsed, "")
            for number, entry in enumerate(parsed["cameras"]):
                _check_keys(PhotographCamera, entry, f"cameras[{number}]")
        for number, camera in enumerate(body.cameras):
            _check_camera(camera, f"cameras[{number}]")
    except FileNotFoundError as error:
        raise ScenegenError(f"{path}: no such file of cameras") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DamageError(f"{path}: no cameras that can be used ({reason}); see `scenetrain predict --help`") from error
    return CamerasFile(path, body.cameras, body.grid)


def _check_keys(kind: type[Any], entry: dict[str, Any], place: str) -> None:
    """JsonError for a key that nobody reads: a misspelt one would be as if left out."""
    known = [field.name for field in fields(kind)]
    for key in entry:
        if key not in known:
            raise JsonError(f"key {key[:60]!r} is not known; known: {', '.join(known)}", place)


def _check_camera(camera: PhotographCamera, place: str) -> None:
    """JsonError for matrices that no camera has."""
    K, pose = np.array(camera.K, dtype=float), np.array(camera.world_to_camera, dtype=float)
    if not (np.isfinite(K).all() and np.isfinite(pose).all()):
        raise JsonError("has a number that is not finite", place)
    if K[0, 0] <= 0 or K[1, 1] <= 0 or K[1, 0] != 0 or tuple(K[2]) != (0, 0, 1):
        raise JsonError("expected [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with fx and fy above 0", f"{place}.K")
    if tuple(pose[3]) != (0, 0, 0, 1):
        raise JsonError("its last row is not 0, 0, 0, 1; is it transposed?", f"{place}.world_to_camera")
    turn = pose[:3, :3]
    if np.abs(turn @ turn.T - np.eye(3)).max() > RIGID:
        raise JsonError("its 3 x 3 part is no rotation: rows of length 1 at right angles", f"{place}.world_to_camera")
    if np.linalg.det(turn) < 0:
        raise JsonError("it mirrors the world: a rotation has determinant 1, not -1", f"{place}.world_to_camera")
    sizes = [size for size in (camera.width, camera.height) if size is not None]
    if len(sizes) == 1 or min(sizes, default=1) < 1:
        raise JsonError("expected width and height, both above 0, or neither", place)


def extras_of(file: CamerasFile, photographs: Sequence[SquarePhotograph], grid: GridSpec, size: int) -> Extras:
    """What a network with box labels reads of the cameras of its square photographs, one item (1, V, ...).

    UsageError for another number of photographs; ScenegenError for a camera of another image's shape, or one that
    sees nothing of the grid.
    """
    if len(file.cameras) != len(photographs):
        raise UsageError(
            f"{file.path}: {len(file.cameras)} cameras, photographs given: {len(photographs)}; give one camera for "
            f"each, in their order"
        )
    pairs = list(zip(file.cameras, photographs, strict=True))
    K = torch.tensor(np.stack([_square_K(camera, shown, size) for camera, shown in pairs]), dtype=torch.float32)
    pose = torch.tensor([camera.world_to_camera for camera in file.cameras], dtype=torch.float32)
    extras = box_extras(K[None], pose[None], grid, size)
    inverse = box_extras(K[None], torch.linalg.inv(pose)[None], grid, size)
    assert extras.voxels_to_image is not None and inverse.voxels_to_image is not None
    seen = sees_grid(extras.voxels_to_image[0], grid.shape).tolist()
    other = sees_grid(inverse.voxels_to_image[0], grid.shape).tolist()
    for number, (_, shown) in enumerate(pairs):
        if not seen[number]:
            remedy = (
                "give world_to_camera, not its inverse" if other[number] else "give the grid's own world and metres"
            )
            raise ScenegenError(
                f"{file.path}: cameras[{number}], of {shown.path}, sees nothing of the grid {extent(grid)}; {remedy}"
            )
    return extras


def _square_K(camera: PhotographCamera, shown: SquarePhotograph, size: int) -> NDArray[np.float64]:
    """K (3, 3) in pixels of the square that the network sees."""
    wide, high = shown.upright
    across, down = camera.width or wide, camera.height or high
    cx, cy = camera.K[0][2], camera.K[1][2]
    if not (0 <= cx <= across and 0 <= cy <= down):
        remedy = "give the width and height of the image that K is of" if camera.width is None else "look at K"
        raise ScenegenError(
            f"{shown.path}: its camera's middle ({cx:g}, {cy:g}) is outside the image of {across} x {down} pixels; "
            f"{remedy}"
        )
    if abs(across * high - down * wide) > max(across, down, wide, high):
        turned = "; K must be of the photograph turned upright by EXIF" if shown.is_turned else ""
        raise ScenegenError(
            f"{shown.path}: is {wide} x {high} pixels, its camera's image {across} x {down}, of another shape{turned}"
        )
    left, top, side = shown.square
    to_photograph = np.diag([wide / across, high / down, 1.0])
    to_square = np.array([[size / side, 0, -left * size / side], [0, size / side, -top * size / side], [0, 0, 1.0]])
    return np.asarray(to_square @ to_photograph @ np.array(camera.K))
