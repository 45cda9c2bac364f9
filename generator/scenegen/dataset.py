"""A data set on disk: what was asked for, writing scenes so that a kill leaves none by half, reading them lazily.

    OUT/dataset.json                what was asked for (a DatasetInfo)
    OUT/CREDITS.txt                 every asset of the library with its author, licence and source
    OUT/timings.csv                 seconds a stage of every scene made (scene.json itself is reproducible)
    OUT/scenes/scene_000000/        images, depth, instances, voxel labels, scene.json

Standard library and numpy only at import: this runs inside Blender. PNG files go through pillow, imported on use.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from scenegen.dataset_info import (
    DatasetInfo,
    append_timings,
    check_dataset_json,
    finished_indices,
    fsync,
    is_complete,
    leftovers,
    library_checksum,
    preset_checksum,
    read_dataset_json,
    remove_leftovers,
    scene_credits,
    scene_path,
    staging_path,
    write_credits,
    write_dataset_json,
)
from scenegen.errors import ScenegenError
from scenegen.scene import Camera, GridSpec, PlacedObject, Scene, scene_from_json, scene_to_json
from scenegen.shards import (
    Block,
    Packing,
    Shard,
    decode_label,
    is_packed,
    pack_masks,
    read_block,
    read_index,
    scene_key,
    unpack_masks,
)

if TYPE_CHECKING:
    from scenegen.labels import Labels

__all__ = [
    "Dataset",
    "DatasetInfo",
    "PackedScene",
    "StoredScene",
    "append_timings",
    "check_dataset_json",
    "finished_indices",
    "is_complete",
    "leftovers",
    "library_checksum",
    "preset_checksum",
    "read_dataset_json",
    "remove_leftovers",
    "replace_labels",
    "scene_credits",
    "scene_path",
    "write_credits",
    "write_dataset_json",
    "write_scene",
]

FAR_MM = 65535

_UNREADABLE = (OSError, EOFError, ValueError, KeyError, TypeError, SyntaxError, zipfile.BadZipFile, zlib.error)

T = TypeVar("T")


def write_scene(out: Path, scene: Scene, images: Sequence[Path], labels: Labels) -> Path:
    """Write one scene whole or not at all, in the order of its cameras; return its folder.

    `images` are PNG files, copied as they are. A scene that is there already is left as it is. Each object's
    `visible_pixels` is taken from `labels`. ScenegenError when the disk is full or not writable.
    """
    folder = scene_path(out, scene.index)
    with _staging(out, scene.index) as staging:
        for k, image in enumerate(images):
            shutil.copyfile(image, staging / f"image_{k}.png")
        for k, (depth, instance) in enumerate(zip(labels.depths, labels.instances, strict=True)):
            _write_png(staging / f"depth_{k}.png", depth)
            _write_png(staging / f"instance_{k}.png", instance)
        _write_voxels(staging, labels.occupancy, labels.masks, labels.frusta)
        objects = tuple(
            dataclasses.replace(o, visible_pixels=tuple(int(n) for n in pixels))
            for o, pixels in zip(scene.objects, labels.visible_pixels, strict=True)
        )
        text = scene_to_json(dataclasses.replace(scene, objects=objects))
        (staging / "scene.json").write_text(text, encoding="utf-8")
        _fsync_folder(staging)
        try:
            staging.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    fsync(folder.parent)
    return folder


def replace_labels(
    out: Path,
    scene: Scene,
    occupancy: NDArray[np.bool_] | None,
    masks: NDArray[np.bool_] | None,
    frusta: Sequence[NDArray[np.uint8]],
) -> None:
    """Give a scene that is there other voxel labels and the scene.json that says so.

    A full copy is made beside it and the two change places; after a kill between, `remove_leftovers` puts it right.
    """
    folder = scene_path(out, scene.index)
    retired = staging_path(out, "retired", scene.index)
    with _staging(out, scene.index) as staging:
        for path in sorted(folder.iterdir()):
            if path.suffix == ".png":
                os.link(path, staging / path.name)
        _write_voxels(staging, occupancy, masks, frusta)
        (staging / "scene.json").write_text(scene_to_json(scene), encoding="utf-8")
        _fsync_folder(staging)
        folder.rename(retired)
        staging.rename(folder)
    fsync(folder.parent)
    shutil.rmtree(retired, ignore_errors=True)


@contextmanager
def _staging(out: Path, index: int) -> Iterator[Path]:
    """An empty folder beside the scenes, gone afterwards; what the disk refuses becomes one clear line."""
    staging = staging_path(out, "writing", index)
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir()
        yield staging
    except OSError as error:
        raise ScenegenError(
            f"{scene_path(out, index)}: cannot be written ({error.strerror or error}); "
            f"make room on the disk and run the same command again"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_voxels(
    folder: Path,
    occupancy: NDArray[np.bool_] | None,
    masks: NDArray[np.bool_] | None,
    frusta: Sequence[NDArray[np.uint8]],
) -> None:
    if occupancy is not None and masks is not None:
        (folder / "occupancy.npy").write_bytes(_npy(occupancy))
        (folder / "masks.npy").write_bytes(_npy(masks))
    for k, labels in enumerate(frusta):
        _write_npz(folder / f"frustum_{k}.npz", labels)


def _npy(array: NDArray[Any]) -> memoryview:
    """What np.save writes, in memory: numpy's own writing to a file does not say why a disk refuses."""
    content = io.BytesIO()
    np.save(content, np.ascontiguousarray(array))
    return content.getbuffer()


def _write_npz(path: Path, labels: NDArray[np.uint8]) -> None:
    """What np.savez_compressed writes, at zlib's fastest level (a fifth of the time) and always the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        entry = zipfile.ZipInfo("labels.npy")
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, _npy(labels), compresslevel=1)


def _write_png(path: Path, pixels: NDArray[np.uint16]) -> None:
    from PIL import Image

    Image.fromarray(np.ascontiguousarray(pixels, dtype=np.uint16)).save(path, compress_level=1)


def _fsync_folder(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        fsync(path)
    fsync(folder)


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
        return np.where(depth == FAR_MM, np.float32(np.inf), depth.astype(np.float32) / np.float32(1000))

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
        return self._parse(file, lambda content: _decode_png(content, ("I;16", "I")).astype(np.uint16))

    def _parse(self, file: str, decode: Callable[[bytes], T]) -> T:
        try:
            return decode(self._read(file))
        except FileNotFoundError as error:
            raise ScenegenError(f"{self.name}/{file}: missing; {self.mend}") from error
        except _UNREADABLE as error:
            reason = str(error).split("\n")[0] or type(error).__name__
            raise ScenegenError(f"{self.name}/{file}: damaged ({reason}); {self.mend}") from error


class PackedScene(StoredScene):
    """A scene in a shard; every access reads and checks all of its 60 kB or so. Images may be decoded JPEG."""

    mend = "copy the shard anew, or pack the data set again"

    def __init__(self, shard: Path, block: Block) -> None:
        super().__init__(f"{shard}/{scene_key(block.scene)}", partial(_read_packed, shard, block))

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
        return self._parse("labels.npz", lambda content: decode_label(content, "masks"))

    def frustum(self, k: int) -> NDArray[np.uint8]:
        """Camera k's frustum labels, uint8 (w, h, d): 0 = air, else class index + 1."""
        return self._parse("labels.npz", lambda content: decode_label(content, "frusta")[..., k])


def _read_packed(shard: Path, block: Block, file: str) -> bytes:
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
        self.indices = sorted(self._blocks if self.packing else finished_indices(self.path))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, position: int) -> StoredScene:
        if self.packing:
            return PackedScene(*self._blocks[self.indices[position]])
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
