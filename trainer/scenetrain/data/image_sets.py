"""Sets of images without labels: folders of photographs and of WebDataset shards, or the views of a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scenegen.core.dataset.reading import Dataset
from scenegen.core.decoding import read_file
from scenegen.core.errors import ScenegenError

from scenetrain.data.image_files import ReadBytes, upright_image
from scenetrain.data.restyled import is_finished
from scenetrain.data.tar_images import COMPRESSED, images_in_shard

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
    show: Callable[[Image.Image], Image.Image] | None = None
    """What of the upright image belongs to the set, where it is not all; ValueError when the image does not fit."""
    objects: Callable[[], NDArray[np.integer[Any]]] | None = None
    """Gives the number of the object that each pixel (H, W) of what is shown belongs to, where masks are at hand."""


@dataclass(frozen=True)
class ImageSet:
    """Some images of a folder or of a data set, in order of their names; `total` is how many there are."""

    path: Path
    files: tuple[ImageFile, ...]
    total: int
    rendered: bool
    """Whether they are the views of a data set of scenegen; names then begin with the scene."""
    notes: tuple[str, ...] = ()
    """Lines on what is not in it."""


class Broken(NamedTuple):
    """An image that could not be read, and the error's line."""

    name: str
    reason: str


def open_image_set(path: Path, most: int, *, restyled: bool = False) -> ImageSet:
    """At most `most` images, evenly spread over all: of a data set's views, or of a folder and those in it.

    Of a folder, images inside WebDataset shards (.tar) are images as others are. `restyled` takes the images that
    `restyle` painted, and no others. ScenegenError when there is no folder, or no image in it, or scenes in it.
    """
    if restyled:
        painted = sorted((path / "scenes").glob("scene_*/image_restyled_*.png"))
        if not painted:
            raise ScenegenError(f"{path}: no restyled images in it; give an OUT of `scenetrain restyle`")
        folder = path / "scenes"
        files = [ImageFile(str(file.relative_to(folder)), partial(read_file, file)) for file in spread(painted, most)]
        begun = f"{path}: {len(painted)} images are restyled, not all; run the same `scenetrain restyle` again"
        return ImageSet(folder, tuple(files), len(painted), rendered=True, notes=() if is_finished(path) else (begun,))
    if (path / "dataset.json").is_file():
        return _views(path, most)
    if not path.is_dir():
        raise ScenegenError(f"{path}: no such folder; give a folder of photographs or a data set")
    files = _images_below(path)
    if not files:
        raise ScenegenError(
            f"{path}: no images in it; give a folder of photographs (.jpg, .png, .webp, .tif, ...) or of their shards"
        )
    return ImageSet(path, tuple(spread(files, most)), len(files), rendered=False)


def _images_below(path: Path) -> list[ImageFile]:
    """Image files and the images in shards. ScenegenError where scenes lie: their maps are no photographs."""
    files: list[ImageFile] = []
    for file in sorted(path.rglob("*")):
        name, below = file.name.lower(), str(file.relative_to(path))
        if name == "scene.json":
            raise ScenegenError(f"{file.parent}: is a scene; give the folder of its data set, with dataset.json")
        if file.suffix.lower() in ENDINGS and file.is_file():
            files.append(ImageFile(below, partial(read_file, file)))
        elif name.endswith((".tar", *COMPRESSED)) and file.is_file():
            members = images_in_shard(file, ENDINGS)
            files += [ImageFile(f"{below}/{member}" if member else below, read) for member, read in members]
    return files


def upright_images(images: ImageSet) -> Iterator[tuple[ImageFile, Image.Image | Broken]]:
    """Every image in RGB, upright; in the place of one that cannot be read, the reason."""
    for file in images.files:
        try:
            yield file, shown_image(file, images.path)
        except ScenegenError as error:
            yield file, Broken(file.name, str(error))


def shown_image(file: ImageFile, folder: Path) -> Image.Image:
    """What a set shows of an image below `folder`, in RGB, upright. ScenegenError names the image."""
    upright = upright_image(file.read, folder / file.name)
    try:
        return file.show(upright) if file.show else upright
    except ValueError as error:
        raise ScenegenError(f"{folder / file.name}: {error}") from error


def describe_broken(images: ImageSet, broken: Sequence[Broken]) -> str:
    """One line that names the first broken files and counts the rest; "" for none."""
    if not broken:
        return ""
    names = ", ".join(item.name for item in broken[:NAMED])
    more = f" and {len(broken) - NAMED} more" if len(broken) > NAMED else ""
    reason = broken[0].reason
    return f"{images.path}: {len(broken)} of {len(images.files)} images are skipped: {names}{more}; the first: {reason}"


def _views(path: Path, most: int) -> ImageSet:
    """The views of a data set: of every scene alike many, those of few scenes all."""
    dataset = Dataset(path)
    if not len(dataset):
        raise ScenegenError(f"{path}: a data set without scenes; run `scenegen generate` first")
    scenes = [dataset[position] for position in spread(range(len(dataset)), most)]
    per_scene = -(-most // len(scenes))
    files, total = [], 0
    for scene in scenes:
        cameras = range(len(scene.cameras))
        total += len(cameras)
        files += [
            ImageFile(
                f"scene_{scene.index:06d}/image_{k}.png",
                partial(scene.encoded_image, k),
                objects=partial(scene.instance, k) if dataset.maps else None,
            )
            for k in spread(cameras, per_scene)
        ]
    return ImageSet(path, tuple(spread(files, most)), total * len(dataset) // len(scenes), rendered=True)


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most `most` of the items, evenly spread, in their order."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]
