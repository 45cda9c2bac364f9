"""Sets of images without labels: a folder of photographs, or the views of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from PIL import Image
from scenegen.core.dataset.reading import Dataset
from scenegen.core.decoding import read_file
from scenegen.core.errors import ScenegenError

from scenetrain.data.image_files import ReadBytes, upright_image

T = TypeVar("T")
ENDINGS = frozenset(
    f".{ending}"
    for ending in (
        *("avif", "bmp", "gif", "heic", "heif", "jp2", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp"),
        *("arw", "cr2", "cr3", "dng", "nef", "raf"),
    )
)
"""What cameras and programs call images; those that Pillow cannot read too, so that they are named, not overlooked."""
NAMED = 3
"""Broken files that a line names; the rest are counted."""


class ImageFile(NamedTuple):
    """One image of a set, not read yet."""

    name: str
    """Its place below the set's folder."""
    read: ReadBytes


@dataclass(frozen=True)
class ImageSet:
    """Some images of a folder or of a data set, in order of their names; `total` is how many there are."""

    path: Path
    files: tuple[ImageFile, ...]
    total: int
    rendered: bool
    """Whether they are the views of a data set of scenegen; names then begin with the scene."""


class Broken(NamedTuple):
    """An image that could not be read, and the error's line."""

    name: str
    reason: str


def open_image_set(path: Path, most: int, *, restyled: bool = False) -> ImageSet:
    """At most `most` images, evenly spread over all: of a data set's views, or of a folder and those in it.

    `restyled` takes the images that `restyle` painted, and no others. ScenegenError when there is no folder, or
    no image in it.
    """
    if restyled:
        painted = sorted((path / "scenes").glob("scene_*/image_restyled_*.png"))
        if not painted:
            raise ScenegenError(f"{path}: no restyled images in it; give an OUT of `scenetrain restyle`")
        return _of_files(path / "scenes", painted, most, rendered=True)
    if (path / "dataset.json").is_file():
        return _views(path, most)
    if not path.is_dir():
        raise ScenegenError(f"{path}: no such folder; give a folder of photographs or a data set")
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in ENDINGS and file.is_file())
    if not found:
        raise ScenegenError(f"{path}: no images in it; give a folder of photographs (.jpg, .png, .webp, .tif, ...)")
    return _of_files(path, found, most, rendered=False)


def upright_images(images: ImageSet) -> Iterator[tuple[ImageFile, Image.Image | Broken]]:
    """Every image in RGB, upright; in the place of one that cannot be read, the reason."""
    for file in images.files:
        try:
            yield file, upright_image(file.read, images.path / file.name)
        except ScenegenError as error:
            yield file, Broken(file.name, str(error))


def describe_broken(images: ImageSet, broken: Sequence[Broken]) -> str:
    """One line that names the first broken files and counts the rest; "" for none."""
    if not broken:
        return ""
    names = ", ".join(item.name for item in broken[:NAMED])
    more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    reason = broken[0].reason
    return f"{images.path}: {len(broken)} of {len(images.files)} images are skipped: {names}{more}; the first: {reason}"


def _of_files(path: Path, found: Sequence[Path], most: int, *, rendered: bool) -> ImageSet:
    """Some files below `path`."""
    files = [ImageFile(str(file.relative_to(path)), partial(read_file, file)) for file in _spread(found, most)]
    return ImageSet(path, tuple(files), len(found), rendered)


def _views(path: Path, most: int) -> ImageSet:
    """The views of a data set: of every scene alike many, those of few scenes all."""
    dataset = Dataset(path)
    if not len(dataset):
        raise ScenegenError(f"{path}: a data set without scenes; run `scenegen generate` first")
    scenes = [dataset[position] for position in _spread(range(len(dataset)), most)]
    per_scene = -(-most // len(scenes))
    files, total = [], 0
    for scene in scenes:
        cameras = range(len(scene.cameras))
        total += len(cameras)
        files += [
            ImageFile(f"scene_{scene.index:06d}/image_{k}.png", partial(scene.encoded_image, k))
            for k in _spread(cameras, per_scene)
        ]
    return ImageSet(path, tuple(_spread(files, most)), total * len(dataset) // len(scenes), rendered=True)


def _spread(items: Sequence[T], most: int) -> list[T]:
    """At most `most` of the items, evenly spread, in their order."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]
