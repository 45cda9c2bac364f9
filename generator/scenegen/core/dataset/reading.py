"""A data set on disk: what was asked for, its scenes read lazily (writing.py writes them).

    OUT/dataset.json                what was asked for (a DatasetInfo)
    OUT/CREDITS.txt                 every asset of the library with its author, licence and source
    OUT/timings.csv                 seconds per stage and scene (scene.json itself is reproducible)
    OUT/report.json  events.jsonl   what happened meanwhile (run_report.py)
    OUT/scenes/scene_000000/        images, depth, instances, voxel labels, scene.json

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, SupportsIndex, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import finished_indices, scene_path
from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.shards import (
    Block,
    Shard,
    is_packed,
    pack_masks,
    read_block,
    read_index,
    scene_key,
    unpack_masks,
)
from scenegen.core.decoding import decode_gzip, decode_npy, decode_npz, decode_png, read_file
from scenegen.core.errors import DamageError, NewerFormatError, ScenegenError
from scenegen.core.json_values import CHECK_DISK
from scenegen.core.labels.normals import normals_from_steps
from scenegen.core.labels.object_poses import ObjectInView, objects_in_view
from scenegen.core.scene.scene import Camera, GridSpec, MapSpec, PlacedObject, Scene
from scenegen.core.scene.scene_json import scene_from_json

T = TypeVar("T")
U = TypeVar("U", bound=np.generic)


class StoredScene:
    """One scene, read lazily: a file is opened when it is asked for, and only scene.json is kept.

    `read` gives a file's content by its name, `name` is the scene's place in messages, `advice` is what to do about a
    file that is missing or damaged. Every member raises DamageError, which names the file, when its file is one of
    these, and NewerFormatError when scene.json is of a format that a later scenegen writes. Once `scene` was read, an
    array must have the shape that it asks for, or its file is damaged. `map_spec` is what dataset.json
    says of the maps (default: what scene.json says).
    """

    def __init__(self, name: str, read: Callable[[str], bytes], advice: str, map_spec: MapSpec | None = None) -> None:
        self.name = name
        self._read = read
        self.advice = advice
        self._map_spec = map_spec

    @cached_property
    def scene(self) -> Scene:
        """All of scene.json."""
        return self._parse("scene.json", scene_from_json)

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
        """The box grid of `occupancy` and `masks`; None if the preset has none."""
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
        """The objects that camera k sees or has in its frustum, with their poses from there and visible pixels."""
        return objects_in_view(self.scene, k)

    @property
    def images(self) -> list[NDArray[np.uint8]]:
        """One uint8 (H, W, 3) per camera, sRGB."""
        return [self.image(k) for k in range(len(self.cameras))]

    def image(self, k: int) -> NDArray[np.uint8]:
        """Camera k's image, uint8 (H, W, 3), sRGB."""
        image = self._parse(f"image_{k}.png", lambda content: decode_png(content, ("RGB",)).astype(np.uint8))
        return self._fitting(image, f"image_{k}.png", lambda scene: (*_image_shape(scene, k), 3))

    def encoded_image(self, k: int) -> bytes:
        """Camera k's image as it is stored: the bytes of a PNG file, or of a JPEG file in packed data sets."""
        return self._parse(f"image_{k}.png", bytes)

    @property
    def map_spec(self) -> MapSpec:
        """How depth is stored, and whether there are normals."""
        return self._map_spec or self.scene.map_spec

    def depth_steps(self, k: int) -> NDArray[np.uint16]:
        """Camera k's depth as stored, uint16 (H, W): steps of `map_spec.depth_unit` millimetres along the optical axis.

        0 = nothing hit, 65535 = that far or farther.
        """
        return self._fitting(
            self._sixteen_bit(f"depth_{k}.png"), f"depth_{k}.png", lambda scene: _image_shape(scene, k)
        )

    def depth_mm(self, k: int) -> NDArray[np.uint16]:
        """`depth_steps` where a step is a millimetre. ScenegenError where it is not: millimetres need not fit."""
        if self.map_spec.depth_unit != 1:
            steps = f"depth has steps of {self.map_spec.depth_unit} mm"
            raise ScenegenError(f"{self.name}: {steps}; take depth(k), in metres, or depth_steps(k)")
        return self.depth_steps(k)

    def depth(self, k: int) -> NDArray[np.float32]:
        """Camera k's depth, float32 (H, W), metres along the optical axis; 0 = nothing hit, inf = `map_spec.farthest`
        metres or more.
        """
        return _metres(self.map_spec.depth_unit)[self.depth_steps(k)]

    def instance(self, k: int) -> NDArray[np.uint16]:
        """Camera k's instance map, uint16 (H, W): object id + 1, 0 = background."""
        return self._fitting(
            self._sixteen_bit(f"instance_{k}.png"), f"instance_{k}.png", lambda scene: _image_shape(scene, k)
        )

    def normals(self, k: int) -> NDArray[np.float32]:
        """Camera k's normals, float32 (H, W, 3), unit vectors in its axes (x right, y down, z forward).

        That of the triangle which the pixel's centre hits, on the side that the camera sees; 0 = nothing hit.
        ScenegenError where the data set was made without --normals.
        """
        return normals_from_steps(self.normal_steps(k))

    def normal_steps(self, k: int) -> NDArray[np.int16]:
        """Camera k's normals as stored, int16 (H, W, 3): multiples of 1 / 32767. ScenegenError as `normals`."""
        if not self.map_spec.normals:
            raise ScenegenError(f"{self.name}: has no normals; make a data set with `scenegen generate --normals`")
        normals = self._parse(f"normals_{k}.npz", lambda content: decode_npz(content, "normals", np.int16, 3))
        return self._fitting(normals, f"normals_{k}.npz", lambda scene: (*_image_shape(scene, k), 3))

    @property
    def occupancy(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z): cells that any object occupies."""
        occupancy = self._parse("occupancy.npy", lambda content: decode_npy(content, np.bool_, 3))
        return self._fitting(occupancy, "occupancy.npy", _grid_shape)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """Bool (X, Y, Z, C): cells that each class occupies; a cell may be of several."""
        masks = self._parse("masks.npy", lambda content: decode_npy(content, np.bool_, 4))
        return self._fitting(masks, "masks.npy", lambda scene: (*_grid_shape(scene), len(scene.classes)))

    @property
    def mask_bits(self) -> NDArray[Any]:
        """Unsigned integers (X, Y, Z), uint8 up to 8 classes: bit c is class c. What packed scenes hold."""
        return pack_masks(self.masks)

    def frustum(self, k: int) -> NDArray[np.uint8]:
        """Camera k's frustum labels, uint8 (w, h, d): 0 = air, else class index + 1."""
        labels = self._parse(f"frustum_{k}.npz", lambda content: decode_npz(content, "labels", np.uint8, 3))
        return self._fitting(labels, f"frustum_{k}.npz", lambda scene: scene.cameras[k].frustum.size)

    def _sixteen_bit(self, file: str) -> NDArray[np.uint16]:
        return self._parse(file, _decode_sixteen_bit)

    def _parse(self, file: str, decode: Callable[[bytes], T]) -> T:
        try:
            content = self._read(file)
        except FileNotFoundError as error:
            raise DamageError(f"{self.name}/{file}: missing; {self.advice}") from error
        except OSError as error:
            raise DamageError(
                f"{self.name}/{file}: cannot be read ({error.strerror or error}); {CHECK_DISK}"
            ) from error
        except ValueError as error:
            raise self._damaged(file, error) from error
        try:
            return decode(content)
        except NewerFormatError as error:
            raise NewerFormatError(f"{self.name}/{file}: {error}") from error
        except ValueError as error:  # and nothing else: a mistake of this program must not look like a damaged file
            raise self._damaged(file, error) from error

    def _fitting(self, array: NDArray[U], file: str, shape_in: Callable[[Scene], tuple[int, ...]]) -> NDArray[U]:
        """The array, once it has the shape that scene.json asks for; scene.json is not read for that alone."""
        if "scene" in self.__dict__ and array.shape != (shape := shape_in(self.scene)):
            raise self._damaged(file, ValueError(f"{array.dtype} {array.shape}, but should be {shape}"))
        return array

    def _damaged(self, file: str, error: Exception) -> DamageError:
        reason = str(error).split("\n")[0] or type(error).__name__
        return DamageError(f"{self.name}/{file}: damaged ({reason}); {self.advice}")


class PackedScene(StoredScene):
    """A scene in a shard. Every access reads and checks its whole block, about 60 kB; with many views, that of one
    view.

    Images may come from JPEG.
    """

    def __init__(self, shard: Path, block: Block, views: Mapping[int, Block] | None, map_spec: MapSpec) -> None:
        self._views = views or {}
        read = partial(_read_packed, shard, block, self._views)
        advice = "copy the shard again, or pack the data set again"
        super().__init__(f"{shard}/{scene_key(block.scene)}", read, advice, map_spec)

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
        bits = self._parse("labels.npz", lambda content: decode_npz(content, "masks", np.unsignedinteger, 3))
        return self._fitting(bits, "labels.npz", _grid_shape)

    def _sixteen_bit(self, file: str) -> NDArray[np.uint16]:
        """A map by its file name in the folders; format 1 of the shards kept it as that PNG file."""
        name = file.partition("_")[0]

        def decode(content: bytes) -> NDArray[np.uint16]:
            return (
                decode_npz(content, name, np.uint16, 2) if content.startswith(b"PK") else _decode_sixteen_bit(content)
            )

        return self._parse(file, decode)

    def frustum(self, k: int) -> NDArray[np.uint8]:
        """Camera k's frustum labels, uint8 (w, h, d): 0 = air, else class index + 1."""
        file, number = (f"labels_{k}.npz", 0) if k in self._views else ("labels.npz", k)
        labels = self._parse(file, partial(_one_frustum, number=number))
        return self._fitting(labels, file, lambda scene: scene.cameras[k].frustum.size)


def _read_packed(shard: Path, block: Block, views: Mapping[int, Block], file: str) -> bytes:
    stem, _, number = file.split(".")[0].partition("_")
    if number and int(number) in views:
        block = views[int(number)]
    else:
        stem = file.split(".")[0]
    members = read_block(shard, block)
    if stem not in members:
        without = " (packed without --maps)" if stem.startswith(("depth", "instance", "normals")) else ""
        raise DamageError(f"{shard}/{scene_key(block.scene)}: holds no {stem}{without}; pack the data set again")
    return decode_gzip(members[stem]) if stem == "scene" else members[stem]


def _image_shape(scene: Scene, k: int) -> tuple[int, int]:
    return scene.cameras[k].height, scene.cameras[k].width


def _grid_shape(scene: Scene) -> tuple[int, ...]:
    """The shape of the box grid; of a scene without one, that of no array."""
    return scene.grid.shape if scene.grid else ()


def _one_frustum(content: bytes, number: int) -> NDArray[np.uint8]:
    frusta = decode_npz(content, "frusta", np.uint8, 4)
    if not number < frusta.shape[-1]:
        raise ValueError(f"holds the frusta of {frusta.shape[-1]} cameras")
    return frusta[..., number]


@cache
def _metres(unit: int) -> NDArray[np.float32]:
    """Every stored depth in metres, float32 (65536,)."""
    metres = (np.arange(2**16) * unit / 1000).astype(np.float32)
    metres[-1] = np.inf
    return metres


def _decode_sixteen_bit(content: bytes) -> NDArray[np.uint16]:
    return decode_png(content, ("I;16", "I")).astype(np.uint16)


class Dataset:
    """A data set, in folders or packed: `len`, `[i]` and iteration give its scenes, lowest index first.

    A position may be any integer, numpy's too, and negative. A slice gives a Dataset of these scenes alone, which reads
    the same files: `dataset[:100]`, `dataset[::10]`. `path` is made absolute, so the working directory may change.

    `info` is what dataset.json says, `indices` are the scenes' indices, `packing` says how it was packed (None for
    folders) into which `shards`, `maps` whether it has depth and instance maps. ScenegenError when there is no data
    set, DamageError when it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).absolute()
        self.info = read_dataset_json(self.path)
        self.packing: Packing | None = None
        self.shards: tuple[Shard, ...] = ()
        if is_packed(self.path):
            self.packing, self.shards = read_index(self.path)
        self.maps = self.packing is None or self.packing.maps
        self._blocks = {b.scene: (self.path / shard.file, b) for shard in self.shards for b in shard.scenes}
        self._views: dict[int, dict[int, Block]] = {}
        for block in (b for shard in self.shards for b in shard.views):
            self._views.setdefault(block.scene, {})[block.view or 0] = block
        self.indices = sorted(self._blocks if self.packing else finished_indices(self.path))

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, position: SupportsIndex) -> StoredScene: ...
    @overload
    def __getitem__(self, position: slice) -> Dataset: ...
    def __getitem__(self, position: SupportsIndex | slice) -> StoredScene | Dataset:
        """One scene, or the data set of a slice's scenes. TypeError and IndexError as a list raises them."""
        if isinstance(position, slice):
            part = copy.copy(self)
            part.indices = self.indices[position]
            return part
        try:
            number = operator.index(position)
        except TypeError:
            kind = type(position).__name__
            raise TypeError(f"the scenes of a Dataset have integer positions; {kind} is none") from None
        if not -len(self) <= number < len(self):
            raise IndexError(f"{self.path}: no scene at position {number}, there are {len(self)} scenes")
        index = self.indices[number]
        if self.packing:
            return PackedScene(*self._blocks[index], self._views.get(index), self.info.request.map_spec)
        return open_scene(self.path, index, self.info.request.map_spec)

    def __iter__(self) -> Iterator[StoredScene]:
        return (self[position] for position in range(len(self)))

    def megabytes(self) -> float:
        """The size of its scenes on the disk."""
        if self.packing:
            views = (block for index in self.indices for block in self._views.get(index, {}).values())
            return sum(block.size for block in (*(self._blocks[i][1] for i in self.indices), *views)) / 1e6
        folders = (scene_path(self.path, index) for index in self.indices)
        return sum(file.stat().st_size for folder in folders for file in folder.iterdir()) / 1e6


def open_scene(path: Path, index: int, map_spec: MapSpec | None = None) -> StoredScene:
    """Scene `index` of the data set in folders at `path`, with maps as dataset.json says; nothing is read yet."""
    folder = scene_path(path, index)
    advice = f"copy it again from where it came, or move {folder.name} away and generate scene {index} again"
    return StoredScene(str(folder), partial(_read_file, folder), advice, map_spec)


def _read_file(folder: Path, file: str) -> bytes:
    return read_file(folder / file)
