"""The kinds of fault that tests of `verify` plant, by name: each changes files of one scene, or of its data set."""

from __future__ import annotations

import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scenegen.core.dataset.folders import scene_path

from helpers.planting import Plant, cut, edit_array, edit_json, everywhere, flip_bit, put, set_where, swap

PLANTED = 1
"""The scene of two that gets the fault."""
SCENE = "scene.json"


def scene(change: Any) -> Plant:
    return edit_json(SCENE, change)


def cameras(file: str, change: Any) -> Plant:
    return everywhere(*(edit_array(file.format(k), change) for k in range(3)))


def parent_of(plant: Plant) -> Plant:
    """The plant on the data set's folder instead of the scene's."""
    return lambda folder: plant(folder.parents[1])


def background(value: int) -> Plant:
    def plant(folder: Path) -> None:
        empty = pixels(folder / "instance_0.png") == 0
        edit_array("depth_0.png", set_where(lambda _: empty, value))(folder)

    return plant


def pixels(path: Path) -> Any:
    with Image.open(path) as image:
        return np.array(image)


def exchanged(a: int, b: int) -> Plant:
    """Two objects' ids exchanged in the instance maps, and their counts of visible pixels too."""

    def plant(folder: Path) -> None:
        cameras(
            "instance_{}.png", lambda m: np.where(m == a + 1, b + 1, np.where(m == b + 1, a + 1, m)).astype(m.dtype)
        )(folder)
        body = json.loads((folder / SCENE).read_text())
        one, other = body["objects"][a], body["objects"][b]
        one["visible_pixels"], other["visible_pixels"] = other["visible_pixels"], one["visible_pixels"]
        (folder / SCENE).write_text(json.dumps(body))

    return plant


def exchanging(a: int, b: int) -> Any:
    """For edit_array: one value for another, and the other way round."""
    return lambda v: np.where(v == a, b, np.where(v == b, a, v)).astype(v.dtype)


def saved_as(file: str, kind: str) -> Plant:
    """The image in another format, under its old name."""

    def plant(folder: Path) -> None:
        with Image.open(folder / file) as image:
            image.load()
            image.save(folder / file, format=kind)

    return plant


def other_scene(file: str) -> Plant:
    return lambda folder: shutil.copyfile(scene_path(folder.parents[1], 0) / file, folder / file) and None


def copy_of_the_other(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(scene_path(folder.parents[1], 0), folder)
    scene(put(PLANTED, "index"))(folder)


def copied(file: str, to: str) -> Plant:
    return lambda folder: shutil.copyfile(folder / file, folder / to) and None


def removed(file: str) -> Plant:
    return lambda folder: (folder / file).unlink()


def one_cell(value: Any) -> Any:
    """For a voxel array: the middle one of its labelled cells gets another value."""

    def change(array: Any) -> Any:
        where = np.argwhere(array != 0)
        middle = tuple(where[len(where) // 2])
        array[middle] = value(array[middle]) if callable(value) else value
        return array

    return change


def one_cell_of_masks(folder: Path) -> None:
    masks = np.load(folder / "masks.npy")
    masks[tuple(np.argwhere(masks)[masks.sum() // 2])] = False
    np.save(folder / "masks.npy", masks)
    np.save(folder / "occupancy.npy", masks.any(axis=-1))


def masks_and_union(change: Any) -> Plant:
    def plant(folder: Path) -> None:
        masks = change(np.load(folder / "masks.npy"))
        np.save(folder / "masks.npy", masks)
        np.save(folder / "occupancy.npy", masks.any(axis=-1))

    return plant


def moved_camera(metres: float) -> Plant:
    return scene(put(lambda x: x + metres, "cameras", 0, "world_to_camera", 0, 3))


def moved_object(body: Any) -> None:
    """The first object a centimetre aside, with all that follows from its pose."""
    item = body["objects"][0]
    item["matrix"][0][3] += 0.01
    for end in ("min", "max"):
        item["bbox"][end][0] += 0.01


def drop_last(body: Any) -> None:
    body["objects"].pop()
    body["look"]["objects"] = body["look"]["objects"][: len(body["objects"])]


EVERYWHERE: dict[str, Plant] = {
    # depth
    "depths times ten": cameras("depth_{}.png", lambda d: np.minimum(d.astype(int) * 10, 65535).astype(np.uint16)),
    "depths all 65.531 m": cameras("depth_{}.png", lambda d: d * 0 + np.uint16(65531)),
    "depths all far": cameras("depth_{}.png", lambda d: d * 0 + np.uint16(65535)),
    "depths all nothing": cameras("depth_{}.png", lambda d: d * 0),
    "depths of a tenth": cameras("depth_{}.png", lambda d: d // np.uint16(10)),
    "depths along the ray, not the axis": cameras("depth_{}.png", lambda d: (d * slant(d)).round().astype(np.uint16)),
    "depth a centimetre short": cameras(
        "depth_{}.png", lambda d: np.where(d > 0, d - np.uint16(10), d).astype(np.uint16)
    ),
    "depth mirrored": edit_array("depth_0.png", lambda d: d[:, ::-1]),
    "depth upside down": edit_array("depth_0.png", lambda d: d[::-1]),
    "depth with its axes exchanged": edit_array("depth_0.png", lambda d: d.T),
    "depth one column off": edit_array("depth_0.png", lambda d: np.roll(d, 1, axis=1)),
    "depth one row off": edit_array("depth_0.png", lambda d: np.roll(d, 1, axis=0)),
    "depth blurred": edit_array(
        "depth_0.png", lambda d: ((d.astype(int) + np.roll(d, 2, axis=1)) // 2).astype(np.uint16)
    ),
    "depth with bytes exchanged": edit_array("depth_0.png", lambda d: d.byteswap()),
    "background of a millimetre": background(1),
    "background far": background(65535),
    "depths of two cameras exchanged": swap("depth_0.png", "depth_1.png"),
    "depth of another scene": other_scene("depth_0.png"),
    "depth of eight bits": edit_array("depth_0.png", lambda d: (d // 256).astype(np.uint8)),
    "depth missing": removed("depth_1.png"),
    "depth cut": cut("depth_0.png"),
    "depth as TIFF": saved_as("depth_0.png", "TIFF"),
    "depth with a bit flipped": flip_bit("depth_0.png", 0.6),
    # instances
    "instances mirrored": edit_array("instance_0.png", lambda m: m[:, ::-1]),
    "instances one column off": edit_array("instance_0.png", lambda m: np.roll(m, 1, axis=1)),
    "instances of two cameras exchanged": swap("instance_0.png", "instance_1.png"),
    "instances all background": cameras("instance_{}.png", lambda m: m * 0),
    "instance ids one higher": cameras("instance_{}.png", lambda m: np.where(m > 0, m + 1, m).astype(np.uint16)),
    "instance of nobody": edit_array("instance_0.png", set_where(lambda m: m == m.max(), 999)),
    "ids of two objects exchanged": exchanged(0, 1),
    "instances as TIFF": saved_as("instance_1.png", "TIFF"),
    "instances missing": removed("instance_0.png"),
    "instances with a bit flipped": flip_bit("instance_1.png", 0.6),
    # images
    "images of two cameras exchanged": swap("image_0.png", "image_1.png"),
    "one image for two cameras": copied("image_0.png", "image_1.png"),
    "image mirrored": edit_array("image_0.png", lambda i: i[:, ::-1]),
    "image upside down": edit_array("image_1.png", lambda i: i[::-1]),
    "images of another scene": everywhere(*(other_scene(f"image_{k}.png") for k in range(3))),
    "image of noise": cameras("image_{}.png", lambda i: np.random.default_rng(1).integers(0, 256, i.shape, np.uint8)),
    "image black": edit_array("image_0.png", lambda i: i * 0),
    "image grey": edit_array("image_0.png", lambda i: i[..., 0]),
    "image with transparency": edit_array("image_0.png", lambda i: np.dstack([i, i[..., :1]])),
    "image of another size": edit_array("image_0.png", lambda i: i[:-1]),
    "image as TIFF": saved_as("image_0.png", "TIFF"),
    "image as JPEG": saved_as("image_0.png", "JPEG"),
    "image as BMP": saved_as("image_1.png", "BMP"),
    "image cut": cut("image_0.png"),
    "image missing": removed("image_1.png"),
    "image with a bit flipped": flip_bit("image_0.png", 0.6),
    "image with bytes after its end": lambda f: (
        (f / "image_0.png").write_bytes((f / "image_0.png").read_bytes() + b"x") and None
    ),
    "image that is a folder": everywhere(removed("image_0.png"), lambda f: (f / "image_0.png").mkdir()),
    "image that is a pipe": everywhere(removed("image_0.png"), lambda f: os.mkfifo(f / "image_0.png")),
    "image of a camera too many": copied("image_0.png", "image_3.png"),
    # frusta
    "frusta empty": cameras("frustum_{}.npz", lambda a: a * 0),
    "frusta full": cameras("frustum_{}.npz", lambda a: a * 0 + np.uint8(1)),
    "frustum mirrored": edit_array("frustum_0.npz", lambda a: a[::-1]),
    "frustum upside down": edit_array("frustum_0.npz", lambda a: a[:, ::-1]),
    "frustum back to front": edit_array("frustum_0.npz", lambda a: a[:, :, ::-1]),
    "frusta of two cameras exchanged": swap("frustum_0.npz", "frustum_1.npz"),
    "frustum of another scene": other_scene("frustum_1.npz"),
    "classes of frusta exchanged": cameras("frustum_{}.npz", exchanging(1, 2)),
    "frustum label of no class": edit_array("frustum_0.npz", set_where(lambda a: a > 0, 200)),
    "frustum labels one lower": cameras("frustum_{}.npz", lambda a: np.where(a > 0, a - 1, 0).astype(np.uint8)),
    "frustum of booleans": edit_array("frustum_0.npz", lambda a: a > 0),
    "frustum of another size": edit_array("frustum_0.npz", lambda a: a[:-1]),
    "frustum missing": removed("frustum_0.npz"),
    "frustum with a bit flipped": flip_bit("frustum_1.npz", 0.5),
    # scene.json
    "scene.json missing": removed(SCENE),
    "scene.json cut": cut(SCENE),
    "another index": scene(put(0, "index")),
    "another seed": scene(put(7, "seed")),
    "another preset": scene(put("street", "preset")),
    "another split": scene(put("test", "split")),
    "classes in another order": scene(put(lambda c: c[::-1], "classes")),
    "no cameras": scene(put([], "cameras")),
    "a camera less": scene(put(lambda c: c[:1], "cameras")),
    "cameras of one name": scene(lambda b: put(b["cameras"][1]["name"], "cameras", 0, "name")(b)),
    "a camera's last row of 2": scene(put([0, 0, 0, 2], "cameras", 0, "world_to_camera", 3)),
    "K with skew": scene(put(2.0, "cameras", 0, "K", 0, 1)),
    "K transposed": scene(put(lambda k: [list(r) for r in zip(*k, strict=True)], "cameras", 0, "K")),
    "K of nan": scene(put(math.nan, "cameras", 0, "K", 0, 0)),
    "K with a longer focal length": scene(put(lambda f: 1.05 * f, "cameras", 0, "K", 0, 0)),
    "K with a negative focal length": scene(put(lambda f: -f, "cameras", 0, "K", 1, 1)),
    "K with another centre": scene(put(lambda c: c + 2, "cameras", 0, "K", 0, 2)),
    "K with its centre outside": scene(put(-3.0, "cameras", 0, "K", 1, 2)),
    "a camera moved by a centimetre": moved_camera(0.01),
    "a camera moved by a metre": moved_camera(1.0),
    "a camera's axes of OpenGL": scene(
        lambda b: [put(lambda r: [-v for v in r], "cameras", 0, "world_to_camera", n)(b) for n in (1, 2)]
    ),
    "a camera's pose transposed": scene(
        put(lambda m: [list(r) for r in zip(*m, strict=True)], "cameras", 0, "world_to_camera")
    ),
    "a camera that scales": scene(put(lambda r: [1.01 * v for v in r], "cameras", 0, "world_to_camera", 0)),
    "poses of two cameras exchanged": scene(lambda b: exchange(b["cameras"], "world_to_camera")),
    "frustum nearer": scene(put(0.6, "cameras", 0, "frustum", "near")),
    "frustum of another angle": scene(put(61.5, "cameras", 0, "frustum", "hfov_deg")),
    "an image of other width in scene.json": scene(put(97, "cameras", 0, "width")),
    "ids that are booleans": scene(
        lambda b: [put(bool(o["id"]), "objects", o["id"], "id")(b) for o in b["objects"][:2]]
    ),
    "ids that are texts": scene(put("0", "objects", 0, "id")),
    "ids that skip": scene(put(77, "objects", -1, "id")),
    "an object lost": scene(drop_last),
    "unknown class": scene(put("sofa", "objects", 0, "class")),
    "classes of two objects exchanged": scene(lambda b: put(other_class(b), "objects", 0, "class")(b)),
    "pose of nan": scene(put(math.nan, "objects", 0, "matrix", 0, 3)),
    "an object moved by a centimetre": scene(moved_object),
    "a sheared object": scene(put(0.05, "objects", 0, "matrix", 0, 2)),
    "a leaning object": scene(put(lambda m: lean(m), "objects", 0, "matrix")),
    "a bbox not moved along": scene(put(lambda x: x + 0.01, "objects", 0, "bbox", "max", 0)),
    "a size of zero": scene(put(0.0, "objects", 0, "size", 2)),
    "a larger size": scene(put(lambda x: 1.01 * x, "objects", 0, "size", 2)),
    "a parent placed later": scene(put(1, "objects", 0, "parent")),
    "a pixel more than visible": scene(put(lambda n: n + 1, "objects", 0, "visible_pixels", 0)),
    "visible pixels of one camera": scene(put(lambda n: n[:1], "objects", 0, "visible_pixels")),
    "colours of more objects than there are": scene(put(lambda o: [*o, o[0]], "look", "objects")),
    "a sensor without electrons": scene(put(0.0, "look", "noise", "full_well")),
    "a model without credit": scene(put(lambda c: c[1:], "credits")),
    "a model without licence": scene(put("", "credits", 0, "licence")),
    "a model credited under another licence": scene(put("CC-BY-4.0", "credits", 0, "licence")),
    "an object left out in negative attempts": scene(
        put([{"class": "chair", "asset": "a", "attempts": -1, "reason": "none"}], "skipped")
    ),
    "scene.json of a later format": scene(put("scenegen/3", "format")),
    "scene.json of infinity": scene(put(math.inf, "objects", 0, "matrix", 2, 3)),
    "a scene copied under another index": copy_of_the_other,
    # the data set's own files
    "a scene missing": lambda folder: shutil.rmtree(folder),
    "an unfinished scene": lambda folder: (folder.parent / ".writing-000001-host-1").mkdir(),
    "more scenes than asked for": parent_of(edit_json("dataset.json", put(1, "scenes"))),
    "fewer scenes than asked for": parent_of(edit_json("dataset.json", put(3, "scenes"))),
    "another seed asked for": parent_of(edit_json("dataset.json", put(5, "seed"))),
    "another split asked for": parent_of(edit_json("dataset.json", put("test", "split"))),
    "an unknown split asked for": parent_of(edit_json("dataset.json", put("trian", "split"))),
    "an unknown quality asked for": parent_of(edit_json("dataset.json", put("best", "quality"))),
    "more views asked for": parent_of(edit_json("dataset.json", put(4, "views"))),
    "a class renamed in dataset.json": parent_of(edit_json("dataset.json", put("sofa", "classes", 0))),
    "another frustum in dataset.json": parent_of(edit_json("dataset.json", put(9.0, "frustum", "far"))),
    "no checksum of the preset": parent_of(edit_json("dataset.json", put("", "preset_checksum"))),
    "no checksum of the library": parent_of(edit_json("dataset.json", put("none", "library_checksum"))),
    "dataset.json cut": parent_of(cut("dataset.json")),
    "CREDITS.txt missing": parent_of(removed("CREDITS.txt")),
    "CREDITS.txt empty": parent_of(lambda f: (f / "CREDITS.txt").write_text("") and None),
    "CREDITS.txt with another licence": parent_of(
        lambda f: (f / "CREDITS.txt").write_text((f / "CREDITS.txt").read_text().replace("CC0-1.0", "GPL")) and None
    ),
    "fingerprints.json cut": parent_of(cut("fingerprints.json")),
    "fingerprints.json without a model": parent_of(edit_json("fingerprints.json", put({}, "models"))),
    "a fingerprint of another form": parent_of(
        edit_json("fingerprints.json", lambda b: b["models"].update(dict.fromkeys(b["models"], "x")))
    ),
    "timings of no scene": parent_of(lambda f: (f / "timings.csv").open("a").write("99,render,1.0\n") and None),
    "timings of nan": parent_of(lambda f: (f / "timings.csv").open("a").write("1,render,nan\n") and None),
    "timings cut": parent_of(lambda f: (f / "timings.csv").open("a").write("1,ren") and None),
    "timings without a head": parent_of(lambda f: (f / "timings.csv").write_text("1,render,1.0\n") and None),
}

ROOMS: dict[str, Plant] = {
    "room of nan": scene(put(math.nan, "room", 2)),
    "room higher": scene(put(lambda z: z + 0.01, "room", 2)),
    "room wider": scene(put(lambda x: x + 0.02, "room", 0)),
    "room of negative height": scene(put(-3.2, "room", 2)),
    "room of zero height": scene(put(0.0, "room", 2)),
    "no room": scene(put(None, "room")),
    "no look of the floor": scene(put(None, "look", "floor")),
    "a light of negative power": scene(put(-5.0, "look", "lights", 0, "power")),
    "a grid moved": scene(put(-1.9, "grid", "origin", 0)),
    "a grid of larger cells": scene(put(0.11, "grid", "voxel_size")),
    "no grid": scene(put(None, "grid")),
    "occupancy of a cell more": edit_array(
        "occupancy.npy", set_where(lambda a: np.cumsum(~a).reshape(a.shape) == 5, True)
    ),
    "occupancy inverted": edit_array("occupancy.npy", lambda a: ~a),
    "occupancy of bytes": edit_array("occupancy.npy", lambda a: a.astype(np.uint8)),
    "occupancy missing": removed("occupancy.npy"),
    "occupancy cut": cut("occupancy.npy"),
    "masks empty": masks_and_union(lambda m: m & False),
    "masks full": masks_and_union(lambda m: m | True),
    "masks mirrored": masks_and_union(lambda m: m[::-1]),
    "masks upside down": masks_and_union(lambda m: m[:, :, ::-1]),
    "masks one cell off": masks_and_union(lambda m: np.roll(m, 1, axis=0)),
    "masks with classes exchanged": masks_and_union(lambda m: m[..., [1, 0, *range(2, m.shape[-1])]]),
    "masks of another scene": everywhere(other_scene("masks.npy"), other_scene("occupancy.npy")),
    "masks a class short": edit_array("masks.npy", lambda m: m[..., :-1]),
    "masks missing": removed("masks.npy"),
    "masks with a bit flipped": flip_bit("masks.npy", 0.5),
    "everything floats": scene(lambda b: [lift(o) for o in b["objects"]]),
}

PACKED: dict[str, Plant] = {
    "a shard with a bit flipped": flip_bit("shard-000000.tar", 0.3),
    "a shard with a bit flipped in its last block": flip_bit("shard-000000.tar", 0.9999),
    "a shard cut": cut("shard-000000.tar"),
    "a shard missing": removed("shard-000000.tar"),
    "a shard with bytes after its end": lambda f: (f / "shard-000000.tar").open("ab").write(b"x") and None,
    "a shard that is not listed": copied("shard-000000.tar", "shard-000007.tar"),
    "a shard of another sha256": edit_json("index.json", put("0" * 64, "shards", 0, "sha256")),
    "a block of another checksum": edit_json("index.json", put(lambda c: c ^ 1, "shards", 0, "scenes", 0, 3)),
    "a block elsewhere": edit_json("index.json", put(lambda n: n + 512, "shards", 0, "scenes", 1, 1)),
    "a scene that is not listed": edit_json("index.json", put(lambda s: s[:1], "shards", 0, "scenes")),
    "two scenes exchanged": edit_json("index.json", lambda b: exchange(b["shards"][0]["scenes"], 0)),
    "index.json cut": cut("index.json"),
    "CREDITS.txt of shards missing": removed("CREDITS.txt"),
    "shards of another seed": edit_json("dataset.json", put(5, "seed")),
}

WITH_LIBRARY: dict[str, Plant] = {
    "one frustum cell wrong": edit_array("frustum_1.npz", one_cell(0)),
    "one frustum cell of another class": edit_array("frustum_0.npz", one_cell(lambda label: label % 2 + 1)),
    "one depth a millimetre off": edit_array(
        "depth_1.png", lambda d: d + (np.arange(d.size).reshape(d.shape) == d.size // 2 + 48).astype(np.uint16)
    ),
    "a model of another name": scene(lambda b: put("no_such_model", "objects", 0, "asset")(b)),
}
"""Found only by comparing with the models themselves."""


def slant(depth: Any) -> Any:
    """How much longer a ray is than its depth, about: nothing in the middle of the image."""
    h, w = depth.shape
    v, u = np.indices(depth.shape)
    return np.sqrt(1 + ((u - w / 2) / w) ** 2 + ((v - h / 2) / h) ** 2)


def exchange(entries: Any, key: Any) -> None:
    entries[0][key], entries[1][key] = entries[1][key], entries[0][key]


def other_class(body: Any) -> str:
    return next(c for c in body["classes"] if c != body["objects"][0]["class"])


def lean(matrix: Any) -> Any:
    c, s = math.cos(0.05), math.sin(0.05)
    return (np.array(matrix) @ [[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1]]).tolist()


def lift(item: Any) -> None:
    item["matrix"][2][3] += 0.02
    for end in ("min", "max"):
        item["bbox"][end][2] += 0.02


VOXELS: dict[str, tuple[str, Plant]] = {
    "one fruxel of another object": ("objects", edit_array("frustum_1.npz", one_cell(2), "instances")),
    "one voxel of another object": ("objects", edit_array("voxels.npz", one_cell(lambda v: 1 + v % 6), "instances")),
    "one voxel without its object": ("objects", edit_array("voxels.npz", one_cell(0), "instances")),
    "an object that is not there": ("objects", edit_array("voxels.npz", one_cell(99), "instances")),
    "one fruxel seen otherwise": ("visibility", edit_array("frustum_2.npz", one_cell(lambda v: v ^ 1), "visibility")),
    "one voxel seen otherwise": ("visibility", edit_array("voxels.npz", one_cell(lambda v: v ^ 2), "visibility_1")),
    "one voxel seen by all otherwise": (
        "visibility",
        edit_array("voxels.npz", one_cell(lambda v: v ^ 1), "visibility"),
    ),
    "visibility mirrored": ("visibility", edit_array("voxels.npz", lambda v: v[::-1], "visibility_0")),
    "cameras' visibility exchanged": ("visibility", swap("frustum_0.npz", "frustum_1.npz")),
    "no objects and no visibility": ("files", removed("voxels.npz")),
    "labels that the scene does not have": ("files", scene(lambda body: body.pop("voxel_spec"))),
}
"""Faults in what cells tell beside their classes, and the check that finds each."""
