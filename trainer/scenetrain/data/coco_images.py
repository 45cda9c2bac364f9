"""Photographs of COCO: those that show objects of chosen classes, whole, or each object cut out, with its masks.

The annotations are a file such as instances_train2017.json (cocodataset.org, "format-data").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask
from scenegen.core.decoding import read_file
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.json_values import from_json, parse_object

from scenetrain.data.image_sets import ImageFile, ImageSet, open_image_set, spread

Shown = Literal["whole", "crop", "mask"]
LEAST_SIDE = 64
"""Pixels of an object's longer side, below which it is not cut out: it would be enlarged four times or more."""
MARGIN = 1.2
"""Sides of an object's box that the square around it has."""
MASKED = (127, 127, 127)
"""What is painted over all that is not the object."""


@dataclass(frozen=True)
class CocoChoice:
    """Which images of COCO: those with an object of `classes` (of any, where there are none), and what of them.

    "whole" is the image; "crop" a square around each such object; "mask" the same, with all else grey.
    """

    annotations: Path
    classes: tuple[str, ...] = ()
    shown: Shown = "whole"


@dataclass(frozen=True)
class _Category:
    id: int
    name: str


@dataclass(frozen=True)
class _Picture:
    id: int
    file_name: str
    width: int
    height: int


@dataclass(frozen=True)
class _Annotation:
    image_id: int
    category_id: int
    bbox: tuple[float, float, float, float]
    segmentation: Any = None
    iscrowd: int = 0


@dataclass(frozen=True)
class _Instances:
    images: tuple[_Picture, ...]
    annotations: tuple[_Annotation, ...]
    categories: tuple[_Category, ...]


def open_photographs(path: Path, most: int, choice: CocoChoice | None) -> ImageSet:
    """At most `most` photographs of a folder: those that `choice` takes, or all. Errors as open_coco's."""
    return open_coco(path, choice, most) if choice else open_image_set(path, most)


def open_coco(path: Path, choice: CocoChoice, most: int) -> ImageSet:
    """At most `most` of the chosen images below the folder `path`, evenly spread, with the masks of their objects.

    Groups of objects (`iscrowd`) are nobody's. UsageError for a class that the annotations do not have; ScenegenError
    when they cannot be read, name a file that is not below the folder, or none of their images is chosen.
    """
    instances = _read(choice.annotations)
    for picture in instances.images:
        if PurePosixPath(picture.file_name).is_absolute() or ".." in PurePosixPath(picture.file_name).parts:
            raise ScenegenError(
                f"{choice.annotations}: {picture.file_name!r} is no image below {path}; correct its file_name"
            )
    numbers = _category_numbers(instances, choice)
    objects: dict[int, list[_Annotation]] = {}
    for each in instances.annotations:
        if not each.iscrowd:
            objects.setdefault(each.image_id, []).append(each)
    files: list[ImageFile] = []
    small = 0
    for picture in sorted(instances.images, key=lambda picture: picture.file_name):
        there = objects.get(picture.id, [])
        chosen = [each for each in there if each.category_id in numbers]
        if choice.shown == "whole":
            files += [_image(path, picture, there)] if chosen else []
            continue
        large = [each for each in chosen if max(each.bbox[2:]) >= LEAST_SIDE]
        small += len(chosen) - len(large)
        files += [_image(path, picture, there, each, masked=choice.shown == "mask") for each in large]
    names = ", ".join(choice.classes) or "any class"
    if not files:
        tiny = f" of {LEAST_SIDE} pixels or more" if small else ""
        raise ScenegenError(f"{choice.annotations}: no image shows an object of {names}{tiny}; choose other --classes")
    left_out = f"{choice.annotations}: {small} objects of less than {LEAST_SIDE} pixels are not cut out"
    notes = (left_out,) if small else ()
    return ImageSet(path, tuple(spread(files, most)), len(files), rendered=False, notes=notes)


def _read(annotations: Path) -> _Instances:
    try:
        return from_json(_Instances, parse_object(read_file(annotations)))
    except OSError as error:
        raise ScenegenError(f"{annotations}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:
        raise ScenegenError(
            f"{annotations}: not COCO's annotations of objects ({error}); give a file such as instances_train2017.json"
        ) from error


def _category_numbers(instances: _Instances, choice: CocoChoice) -> set[int]:
    known = {category.name: category.id for category in instances.categories}
    for name in choice.classes:
        if name not in known:
            raise UsageError(f"--classes: {choice.annotations} has no class {name!r}; its classes: {', '.join(known)}")
    return {known[name] for name in choice.classes or known}


def _image(
    folder: Path,
    picture: _Picture,
    there: Sequence[_Annotation],
    shown: _Annotation | None = None,
    *,
    masked: bool = False,
) -> ImageFile:
    """A picture, or the square around one of its objects; `there` are all objects of the picture."""
    size = (picture.width, picture.height)
    square = square_around(shown.bbox, size) if shown else (0, 0, *size)
    left, top, right, bottom = square
    name = f"{picture.file_name}:{left},{top},{right - left},{bottom - top}" if shown else picture.file_name
    return ImageFile(
        name,
        partial(read_file, folder / picture.file_name),
        partial(_show, size, square, shown if masked else None),
        partial(_numbers, size, square, there),
    )


def square_around(box: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the square around a box (x, y, width, height) with a margin, inside an image.

    `size` is the image's width and height; where the square is larger, it ends with the image.
    """
    side = round(MARGIN * max(box[2:]))
    corners = []
    for start, length, whole in zip(box[:2], box[2:], size, strict=True):
        low = max(0, min(round(start + (length - side) / 2), whole - side))
        corners.append((low, min(whole, low + side)))
    (left, right), (top, bottom) = corners
    return left, top, right, bottom


def _show(
    size: tuple[int, int], square: tuple[int, int, int, int], alone: _Annotation | None, upright: Image.Image
) -> Image.Image:
    if upright.size != size:
        found, said = (f"{width} x {height}" for width, height in (upright.size, size))
        raise ValueError(f"has {found} pixels, its annotations are for {said}")
    if alone:
        others = Image.new("RGB", size, MASKED)
        upright = Image.composite(upright, others, Image.fromarray(255 * _mask(alone, size)))
    return upright.crop(square)


def _numbers(
    size: tuple[int, int], square: tuple[int, int, int, int], there: Sequence[_Annotation]
) -> NDArray[np.int32]:
    """The number of the object, from 1, that each pixel shows, 0 for none; small objects lie before large ones."""
    numbers = np.zeros((size[1], size[0]), dtype=np.int32)
    for number, each in enumerate(sorted(there, key=lambda each: -each.bbox[2] * each.bbox[3]), start=1):
        numbers[_mask(each, size) > 0] = number
    left, top, right, bottom = square
    return numbers[top:bottom, left:right]


def _mask(annotation: _Annotation, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels of an object, uint8 (H, W), 0 or 1. ValueError when its segmentation is none of COCO's."""
    width, height = size
    found = annotation.segmentation
    try:
        if isinstance(found, list):
            runs = coco_mask.merge(coco_mask.frPyObjects(found, height, width))
        else:
            runs = found if isinstance(found["counts"], str) else coco_mask.frPyObjects(found, height, width)
        mask = np.asarray(coco_mask.decode(runs), dtype=np.uint8)
    except Exception as error:  # pycocotools is compiled, and raises what Cython raises
        raise ValueError(f"an object of image {annotation.image_id} has no segmentation of COCO's ({error})") from error
    if mask.shape != (height, width):
        raise ValueError(f"an object of image {annotation.image_id} has a mask of another size")
    return mask
