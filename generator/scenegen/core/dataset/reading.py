"""A data set on disk: what was asked for, its scenes read lazily (writing.py writes them).

    OUT/dataset.json                what was asked for (a DatasetInfo)
    OUT/CREDITS.txt                 every asset of the library with its author, licence and source
    OUT/timings.csv                 seconds a stage of every scene made (scene.json itself is reproducible)
    OUT/report.json  events.jsonl   what happened meanwhile (run_report.py)
    OUT/scenes/scene_000000/        images, depth, instances, voxel labels, scene.json

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import finished_indices, scene_path
from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.dataset.shards import (
    Block,
    Packing,
    Shard,
    decode_array,
    is_packed,
    pack_masks,
    read_block,
    read_index,
    scene_key,
    unpack_masks,
)
from scenegen.core.errors import ScenegenError
from scenegen.core.labels.object_poses import ObjectInView, objects_in_view
from scenegen.core.scene.scene import FARTHEST_MM, Camera, GridSpec, PlacedObject, Scene
from scenegen.core.scene.scene_json import scene_from_json

_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, SyntaxError, zipfile.BadZipFile, zlib.error)

T = TypeVar("T")


class StoredScene:
    """One scene, read lazily: nothing but scene.json is opened before it is asked for.

    `read` gives a file's content by its name, `name` says where it lies (for messages). ScenegenError from any
    member whose file is missing or damaged.
    """

    mend = "remove the scene and generate it again"

    def __init__(self, name: str, read: Callable[[str], bytes]) -> None:
        self.name = name
        self._read = read

    @cached_property
    def scene(self) -> Scene:
        """All of scene.json."""
        return self._parse("scene.json", lambda content: scene_from_json(content.decode()))

    @property
    def scene_json(self) -> bytes:
        """scene.json as it was written."""
        return self._parse("scene.json", bytes)

    @property
    def index(self) -> int:
        """The scene's index in its data set (its position too, unless scenes are missing)."""
        return self.scene.index

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; a class's index is its channel in `masks` and its value in `frustum(k)` less one."""
        return self.scene.classes

    @property
    def grid(self) -> GridSpec | None:
        """The box grid of `occupancy` and `masks`; None where the preset has none."""
        return self.scene.grid

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The cameras, in the order of the images."""
        return self.scene.cameras

    @property
    def objects(self) -> tuple[PlacedObject, ...]:
        """The objects, in the order they were placed."""
        return self.scene.objects

    def objects_in_view(self, k: int) -> tuple[ObjectInView, ...]:
        """The objects that camera k shows or has in its frustum, where they are from there and how much shows."""
        return objects_in_view(self.scene, k)

    @property
    def images(self) -> list[NDArray[np.uint8]]:
        """One uint8 (H, W, 3) a camera, sRGB."""
        return [self.image(k) for k in range(len(self.cameras))]

    def image(self, k: int) -> NDArray[np.uint8]:
        """Camera k's image, uint8 (H, W, 3), sRGB."""
        return self._parse(f"image_{k}.png", lambda content: _decode_png(content, ("RGB",)).astype(np.uint8))

    def encoded_image(self, k: int) -> bytes:
        """Camera k's image as it lies there: a PNG file's bytes, a JPEG's where it was packed so."""
        return self._parse(f"image_{k}.png", bytes)

    def depth_mm(self, k: int) -> NDArray[np.uint16]:
        """Camera k's depth as stored, uint16 (H, W): millimetres along the optical axis, 0 = nothing, 65535 = far."""
        return self._sixteen_bit(f"depth_{k}.png")

    def depth(self, k: int) -> NDArray[np.float32]:
        """Camera k's depth, float32 (H, W), metres along the optical axis; 0 = nothing hit, inf = 65.535 m or more."""
        depth = self.depth_mm(k)
        return np.where(depth == FARTHEST_MM, np.float32(np.inf), depth.astype(np.float32) / np.float32(1000))

    def instance(self, k: int) -> NDArray[np.uint16]:
        """Camera k's instance map, uint16 (H, W): object id + 1, 0 = background."""
        return self._sixteen_bit(f"instance_{k}.png")

    @property
    def occupancy(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z): cells that any object occupies."""
        return self._parse("occupancy.npy", _decode_npy)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z, C): cells that each class occupies; a cell may be of several."""
        return self._parse("masks.npy", _decode_npy)

    @property
    def mask_bits(self) -> NDArray[Any]:
        """Unsigned integers (X, Y, Z), uint8 up to 8 classes: bit c is class c. What packed scenes hold."""
        return pack_masks(self.masks)

    def frustum(self, k: int) -> NDArray[np.uint8]:
        """Camera k's frustum labels, uint8 (w, h, d): 0 = air, else class index + 1."""
        return self._parse(f"frustum_{k}.npz", _decode_npz)

    def _sixteen_bit(self, file: str) -> NDArray[np.uint16]:
        return self._parse(file, _decode_sixteen_bit)

    def _parse(self, file: str, decode: Callable[[bytes], T]) -> T:
        try:
            return decode(self._read(file))
        except FileNotFoundError as error:
            raise ScenegenError(f"{self.name}/{file}: missing; {self.mend}") from error
        except _UNREADABLE as error:
            reason = str(error).split("\n")[0] or type(error).__name__
            raise ScenegenError(f"{self.name}/{file}: damaged ({reason}); {self.mend}") from error


class PackedScene(StoredScene):
    """A scene in a shard; every access reads and checks all of its 60 kB or so, of a scene of many views that of one.

    Images may be decoded JPEG.
    """

    mend = "copy the shard anew, or pack the data set again"

    def __init__(self, shard: Path, block: Block, views: Mapping[int, Block] | None = None) -> None:
        self._views = views or {}
        super().__init__(f"{shard}/{scene_key(block.scene)}", partial(_read_packed, shard, block, self._views))

    @property
    def occupancy(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z): cells that any object occupies."""
        occupied: NDArray[np.bool_] = self.mask_bits != 0
        return occupied

    @property
    def masks(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z, C): cells that each class occupies; a cell may be of several."""
        return unpack_masks(self.mask_bits, len(self.classes))

    @property
    def mask_bits(self) -> NDArray[Any]:
        """Unsigned integers (X, Y, Z), uint8 up to 8 classes: bit c is class c."""
        return self._parse("labels.npz", lambda content: decode_array(content, "masks"))

    def _sixteen_bit(self, file: str) -> NDArray[np.uint16]:
        """A map by its file name in the folders; format 1 of the shards kept it as that PNG file."""
        name = file.partition("_")[0]

        def decode(content: bytes) -> NDArray[np.uint16]:
            return decode_array(content, name) if content.startswith(b"PK") else _decode_sixteen_bit(content)

        return self._parse(file, decode)

    def frustum(self, k: int) -> NDArray[np.uint8]:
        """Camera k's frustum labels, uint8 (w, h, d): 0 = air, else class index + 1."""
        if k in self._views:
            return self._parse(f"labels_{k}.npz", lambda content: decode_array(content, "frusta")[..., 0])
        return self._parse("labels.npz", lambda content: decode_array(content, "frusta")[..., k])


def _read_packed(shard: Path, block: Block, views: Mapping[int, Block], file: str) -> bytes:
    stem, _, number = file.split(".")[0].partition("_")
    if number and int(number) in views:
        block = views[int(number)]
    else:
        stem = file.split(".")[0]
    members = read_block(shard, block)
    if stem not in members:
        without = " (packed without --maps)" if stem.startswith(("depth", "instance")) else ""
        raise ScenegenError(f"{shard}/{scene_key(block.scene)}: holds no {stem}{without}; pack the data set again")
    return gzip.decompress(members[stem]) if stem == "scene" else members[stem]


def _decode_npy(content: bytes) -> Any:
    return np.load(io.BytesIO(content))


def _decode_npz(content: bytes) -> Any:
    with np.load(io.BytesIO(content)) as arrays:
        return arrays["labels"]


def _decode_png(content: bytes, modes: tuple[str, ...]) -> NDArray[Any]:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        if image.mode not in modes:
            raise ValueError(f"a PNG of mode {image.mode}, not {modes[0]}")
        return np.asarray(image)


def _decode_sixteen_bit(content: bytes) -> NDArray[np.uint16]:
    return _decode_png(content, ("I;16", "I")).astype(np.uint16)


class Dataset:
    """A data set, in folders or packed: `len`, `[i]` (negative too) and iteration give `StoredScene`s by index.

    `packing` says how it was packed, None for folders; `maps` whether it has depth and instance maps.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.info = read_dataset_json(self.path)
        self.packing: Packing | None = None
        self._shards: tuple[Shard, ...] = ()
        if is_packed(self.path):
            self.packing, self._shards = read_index(self.path)
        self.maps = self.packing is None or self.packing.maps
        self._blocks = {b.scene: (self.path / shard.file, b) for shard in self._shards for b in shard.scenes}
        self._views: dict[int, dict[int, Block]] = {}
        for block in (b for shard in self._shards for b in shard.views):
            self._views.setdefault(block.scene, {})[block.view or 0] = block
        self.indices = sorted(self._blocks if self.packing else finished_indices(self.path))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> StoredScene:
        if self.packing:
            index = self.indices[position]
            return PackedScene(*self._blocks[index], self._views.get(index))
        folder = scene_path(self.path, self.indices[position])
        return StoredScene(str(folder), partial(_read_file, folder))

    def __iter__(self) -> Iterator[StoredScene]:
        return (self[position] for position in range(len(self)))

    def megabytes(self) -> float:
        """What its scenes take on the disk."""
        if self.packing:
            return sum(shard.bytes for shard in self._shards) / 1e6
        folders = (scene_path(self.path, index) for index in self.indices)
        return sum(file.stat().st_size for folder in folders for file in folder.iterdir()) / 1e6


def _read_file(folder: Path, file: str) -> bytes:
    return (folder / file).read_bytes()
