"""COCO's panoptic form of a view: an image of segment numbers, and what each segment is.

Ground, and the floor, walls and ceiling of a data set that has these classes, are stuff: one segment for all of a class
in an image. Every other class is a thing: one segment for each object.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.labels.depth_and_instances import ray_frame
from scenegen.core.scene.classes import object_class
from scenegen.core.scene.scene import MOST_OBJECTS, ROOM_SURFACES, Camera, Scene, Vector, have_room_surfaces
from scenegen.steps.exchange.masks import box_of

FIRST_STUFF = MOST_OBJECTS + 1
"""The segment number of stuff is this and its category; that of a thing is its object's id + 1; 0 is no segment."""


def is_thing(class_name: str, classes: Sequence[str]) -> bool:
    """Whether objects of a class have a segment each."""
    surface = class_name in ROOM_SURFACES and have_room_surfaces(classes)
    return not surface and not object_class(class_name).is_ground


def segment_numbers(
    scene: Scene, camera: Camera, instance: NDArray[np.uint16], depth: NDArray[np.uint16]
) -> NDArray[np.uint32]:
    """The segment of each pixel (H, W) from the maps of objects and of depth, 0 where nothing was hit."""
    numbers = np.arange(len(scene.objects) + 1, dtype=np.uint32)
    for item in scene.objects:
        if not is_thing(item.class_name, scene.classes):
            numbers[item.id + 1] = FIRST_STUFF + scene.classes.index(item.class_name) + 1
    segments = numbers[instance]
    if scene.has_room_surfaces and scene.room is not None:
        categories = np.array([FIRST_STUFF + scene.classes.index(name) + 1 for name in ROOM_SURFACES], np.uint32)
        bare = (instance == 0) & (depth > 0)
        segments[bare] = categories[_surfaces(camera, scene.room)[bare]]
    return segments


def segments_info(scene: Scene, segments: NDArray[np.uint32]) -> list[dict[str, Any]]:
    """COCO's `segments_info` of an image; a thing has its object and asset beside it."""
    found = []
    for number in np.flatnonzero(np.bincount(segments.reshape(-1)))[1 if 0 in segments else 0 :].tolist():
        mask = segments == number
        box = box_of(mask)
        entry = {
            "id": number,
            "category_id": number - FIRST_STUFF,
            "iscrowd": 0,
            "area": int(np.count_nonzero(mask)),
            "bbox": [box.left, box.top, box.right - box.left + 1, box.bottom - box.top + 1],
        }
        if number <= MOST_OBJECTS:
            item = scene.objects[number - 1]
            category = scene.classes.index(item.class_name) + 1
            entry |= {"category_id": category, "object": item.id, "asset": item.asset}
        found.append(entry)
    return found


def encode_segments(segments: NDArray[np.uint32]) -> bytes:
    """The PNG file of an image of segments: number = red + 256 green + 65536 blue."""
    content = io.BytesIO()
    pixels = np.stack([segments >> shift & 255 for shift in (0, 8, 16)], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).save(content, "png", compress_level=1)
    return content.getvalue()


def _surfaces(camera: Camera, room: Vector) -> NDArray[np.intp]:
    """Which of ROOM_SURFACES the ray through each pixel's centre leaves the room by, (H, W)."""
    centre, directions = ray_frame(camera)
    u, v = np.arange(camera.width) + 0.5, (np.arange(camera.height) + 0.5)[:, None]
    x, y, z = (row[0] * u + row[1] * v + row[2] for row in directions)
    low, high = (-room[0] / 2, -room[1] / 2, 0.0), (room[0] / 2, room[1] / 2, room[2])
    with np.errstate(divide="ignore"):  # a ray along a surface never leaves by it: infinity
        leave = [
            np.where(ray > 0, b - c, a - c) / ray for ray, a, b, c in zip((x, y, z), low, high, centre, strict=True)
        ]
    upright = np.where(z > 0, ROOM_SURFACES.index("ceiling"), ROOM_SURFACES.index("floor"))
    by_wall = np.minimum(np.abs(leave[0]), np.abs(leave[1])) < np.abs(leave[2])
    return np.where(by_wall, ROOM_SURFACES.index("wall"), upright)
