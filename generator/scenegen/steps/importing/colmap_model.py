"""A structure-from-motion model as COLMAP writes it: its cameras and the poses of its images, text or binary.

A folder with cameras.txt and images.txt, or cameras.bin and images.bin (https://colmap.github.io/format.html). Points
are not read. Quaternions are w, x, y, z and need not have length 1; an image's name may hold spaces.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from scenegen.core.decoding import read_file
from scenegen.core.errors import ScenegenError
from scenegen.steps.importing.lenses import LENSES, Lens

T = TypeVar("T")
WRITE_AGAIN = "write it again with COLMAP's model_converter, or copy it again"

_POINT = struct.Struct("<ddq")
"""A point of an image: x, y, and the number of its 3D point."""


@dataclass(frozen=True)
class ColmapCamera:
    """A camera of a model: the size of its images in pixels, and its lens."""

    id: int
    width: int
    height: int
    lens: Lens


@dataclass(frozen=True)
class ColmapImage:
    """An image of a model: `pose` (3, 4) maps the model's axes to the camera's (x right, y down, z forward)."""

    name: str
    camera: ColmapCamera
    pose: NDArray[np.float64]


def find_model(folder: Path) -> tuple[Path, list[str]]:
    """The folder itself, or the model in it (sparse/0, sparse/1 ...) with the most images, and a line on which it is.

    Of models with equally many, the first. ScenegenError as `read_model`.
    """
    models = sorted({child.parent for child in folder.glob("*/cameras.*")}) if folder.is_dir() else []
    if not models or any(folder.glob("cameras.*")):
        return folder, []
    counts = [len(read_model(model)) for model in models]
    best = models[counts.index(max(counts))]
    others = ", ".join(f"{model.name} ({n} images)" for model, n in zip(models, counts, strict=True) if model != best)
    choose = f"; name another one's folder to take that: {others}" if others else ""
    return best, [f"took the model {best} ({max(counts)} images){choose}"]


def read_model(folder: Path) -> tuple[ColmapImage, ...]:
    """All images of a model that have a pose, in the order of their names.

    ScenegenError: there is no model, one of its files is damaged, it has no image, or a camera of an unknown model.
    """
    for form, read_cameras, read_images in (("bin", _binary_cameras, _binary_images), ("txt", _cameras, _images)):
        cameras_file, images_file = (folder / f"{name}.{form}" for name in ("cameras", "images"))
        if cameras_file.is_file() and images_file.is_file():
            cameras = {c.id: c for c in _of(cameras_file, read_cameras(_content(cameras_file), cameras_file))}
            images = []
            for name, camera, pose in _of(images_file, read_images(_content(images_file))):
                if camera not in cameras:
                    raise ScenegenError(f"{images_file}: {name}: has camera {camera}, which {cameras_file.name} lacks")
                images.append(ColmapImage(name, cameras[camera], _pose(pose, name, images_file)))
            if not images:
                raise ScenegenError(f"{images_file}: has no images; give a model in which COLMAP placed some")
            return tuple(sorted(images, key=lambda image: image.name))
    missing = f"{folder}: has no cameras.bin and images.bin, nor cameras.txt and images.txt"
    raise ScenegenError(f"{missing}; name COLMAP's folder of a model, or the folder sparse that holds some")


def _content(file: Path) -> bytes:
    try:
        return read_file(file)
    except OSError as error:
        raise ScenegenError(f"{file}: cannot be read ({error.strerror or error})") from error


def _of(file: Path, entries: Iterator[T]) -> Iterator[T]:
    """The entries of a file; what goes wrong between them is damage."""
    try:
        yield from entries
    except struct.error as error:
        raise ScenegenError(f"{file}: is damaged (it ends too early); {WRITE_AGAIN}") from error
    except (ValueError, IndexError, UnicodeDecodeError) as error:
        raise ScenegenError(f"{file}: is damaged ({error}); {WRITE_AGAIN}") from error


Pose = tuple[float, ...]
"""qw, qx, qy, qz, tx, ty, tz."""


def _pose(numbers: Pose, name: str, file: Path) -> NDArray[np.float64]:
    quaternion = np.array(numbers[:4])
    length = np.linalg.norm(quaternion)
    if not np.isfinite(numbers).all() or length < 1e-12:
        raise ScenegenError(f"{file}: {name}: its pose is no rotation and translation; {WRITE_AGAIN}")
    w, x, y, z = quaternion / length
    rotation = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.column_stack([rotation, numbers[4:]])


def _camera(number: int, name: str, size: tuple[int, int], numbers: list[float]) -> ColmapCamera:
    if min(size) < 1 or not np.isfinite(numbers).all():
        raise ValueError(f"camera {number} has images of {size[0]} x {size[1]} pixels")
    if len(numbers) != len(LENSES[name].parameters.split()):
        needed = LENSES[name].parameters
        raise ValueError(f"camera {number}, {name}, has {len(numbers)} parameters, not {needed}")
    return ColmapCamera(number, size[0], size[1], Lens.of(name, numbers))


def _unknown(number: int, model: str, file: Path) -> ScenegenError:
    why = "sees all around, and no plane image shows that" if model == "EQUIRECTANGULAR" else "is unknown"
    return ScenegenError(
        f"{file}: camera {number}: its model {model} {why}; undistort the images with COLMAP's image_undistorter "
        f"first. Known models: {', '.join(LENSES)}"
    )


def _lines(content: bytes) -> Iterator[str]:
    return (line.strip() for line in content.decode("utf-8").splitlines())


def _cameras(content: bytes, file: Path) -> Iterator[ColmapCamera]:
    for line in _lines(content):
        if line and not line.startswith("#"):
            number, model, width, height, *numbers = line.split()
            if model not in LENSES:
                raise _unknown(int(number), model, file)
            yield _camera(int(number), model, (int(width), int(height)), [float(n) for n in numbers])


def _images(content: bytes) -> Iterator[tuple[str, int, Pose]]:
    lines = _lines(content)
    for line in lines:
        if line and not line.startswith("#"):
            _, *numbers, camera, name = line.split(maxsplit=9)
            if len(numbers) != 7:
                raise ValueError(f"expected a number, a pose, a camera and a name, found {line[:60]!r}")
            yield name, int(camera), tuple(float(n) for n in numbers)
            next(lines, "")  # its points, of which there may be none


def _binary_cameras(content: bytes, file: Path) -> Iterator[ColmapCamera]:
    names = list(LENSES)
    (count,), place = struct.unpack_from("<Q", content), 8
    for _ in range(count):
        number, model, width, height = struct.unpack_from("<iiQQ", content, place)
        if not 0 <= model < len(names):
            raise _unknown(number, "EQUIRECTANGULAR" if model == len(names) else str(model), file)
        parameters = len(LENSES[names[model]].parameters.split())
        numbers = struct.unpack_from(f"<{parameters}d", content, place + 24)
        place += 24 + 8 * parameters
        yield _camera(number, names[model], (width, height), list(numbers))


def _binary_images(content: bytes) -> Iterator[tuple[str, int, Pose]]:
    (count,), place = struct.unpack_from("<Q", content), 8
    for _ in range(count):
        _, *pose, camera = struct.unpack_from("<i7di", content, place)
        if (end := content.find(b"\0", place + 64)) < 0:
            raise ValueError("it ends within an image's name")
        name = content[place + 64 : end].decode("utf-8")
        (points,) = struct.unpack_from("<Q", content, end + 1)
        place = end + 9 + points * _POINT.size
        if place > len(content):
            raise ValueError("it ends within an image")
        yield name, camera, tuple(pose)
