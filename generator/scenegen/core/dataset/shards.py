"""Packed data sets: tar shards in the WebDataset layout, and the index that finds a scene in them.

    OUT/index.json              how it was packed; of every shard its size, sha256 and scenes
    OUT/shard-000000.tar        of each scene scene_000017.image_0.jpg ..., .depth_0.npz ..., .instance_0.npz ...,
                                .labels.npz and .scene.json.gz

Grids beside the first are .grid_NAME.npz, a lidar's points .lidar_0.npz ... of each key frame, as the folders' files.

A data set with normals has .normals_0.npz ... too, with `normals`, int16 (H, W, 3), as its folders.

labels.npz holds `masks`, one unsigned integer per box cell whose bit c is class c, and `frusta`, uint8 (w, h, d,
views). Newer data sets also have `instances`, uint16 (X, Y, Z), `frusta_instances`, uint16 (w, h, d, views), and, in 2
bits each (see `pack_pairs`), `visibility` (X, Y, Z, N) of each camera and then of all, and `frusta_visibility` (w, h,
d, N). depth_0.npz holds `depth` and instance_0.npz `instance`, both uint16 (H, W): the values of the folders' PNG
files. They are not PNG files, because webdataset converts every image to 8 bits and clips depth to 255 (format 1 had
PNG files, which are still read).

A scene of more than MOST_TOGETHER views is one sample per view, so that one is read without the others:
scene_000017_0042.image.jpg, .depth.npz, .instance.npz, .labels.npz with `frusta` (w, h, d, 1), and .view.json with the
camera and the poses of the objects in view; scene_000017 keeps scene.json.gz and the masks.
Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.packing import Packing
from scenegen.core.decoding import damage_as_value_error
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.json_values import from_json, read_json
from scenegen.core.scene.scene import MOST_CLASSES_IN_GRID

FORMAT = "scenegen-shards/2"
READABLE = ("scenegen-shards/1", FORMAT)
INDEX_NAME = "index.json"
END = bytes(2 * tarfile.BLOCKSIZE)
MOST_TOGETHER = 8

_KEY = re.compile(r"scene_(\d+)(?:_(\d+))?")
_SHARD_NAME = re.compile(r"shard-[0-9]{6,18}\.tar")


class Block(NamedTuple):
    """The members of a scene, or of one `view` of it, in their shard: offset and size in bytes, crc32."""

    scene: int
    offset: int
    size: int
    crc: int
    view: int | None = None


@dataclass(frozen=True)
class Shard:
    """One tar file; `bytes` and `sha256` are of all of it. `views` are those of scenes with many."""

    file: str
    bytes: int
    sha256: str
    scenes: tuple[Block, ...]
    views: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        """ValueError for a shard outside the data set's folder, and for a block outside the shard."""
        if not _SHARD_NAME.fullmatch(self.file):
            raise ValueError(f"file {self.file[:60]!r}: expected a name such as shard-000000.tar")
        for scene, offset, size, _, view in (*self.scenes, *self.views):
            if min(scene, offset, size, view or 0) < 0 or offset + size > self.bytes:
                raise ValueError(f"scene {scene}: bytes {offset} to {offset + size} of a shard of {self.bytes}")


@dataclass(frozen=True)
class _Index:
    """What reading takes from index.json."""

    packing: Packing
    shards: tuple[Shard, ...]


def is_packed(path: Path) -> bool:
    """Whether the data set at `path` is packed in shards."""
    return (path / INDEX_NAME).is_file()


def refuse_packed(out: Path) -> None:
    """ScenegenError when `out` is packed: what reads it would never see folders beside its shards."""
    if is_packed(out):
        raise ScenegenError(
            f"{out}: holds scenes in shards; go on with `scenegen generate --pack {out}`, "
            "or name another folder with --out"
        )


def read_index(path: Path) -> tuple[Packing, tuple[Shard, ...]]:
    """How the data set at `path` was packed, and its finished shards. ScenegenError when index.json is damaged."""
    file = path / INDEX_NAME
    advice = "copy it again from where it came, or pack the data set again"
    index = read_json(file, partial(from_json, _Index), READABLE, advice)
    return index.packing, index.shards


def write_index(path: Path, packing: Packing, shards: Sequence[Shard]) -> None:
    """Write index.json whole or not at all, one line a shard."""
    counts = f'"scenes": {sum(len(s.scenes) for s in shards)}, "bytes": {sum(s.bytes for s in shards)}'
    lines = ",\n".join(" " + json.dumps(_listed(shard)) for shard in shards)
    head = f'"format": "{FORMAT}",\n"packing": {json.dumps(dataclasses.asdict(packing))},\n{counts}'
    write_text(path / INDEX_NAME, f'{{{head},\n"shards": [\n{lines}\n]}}\n')


def _listed(shard: Shard) -> dict[str, Any]:
    """A shard as index.json has it."""
    body = {**vars(shard), "scenes": [block[:4] for block in shard.scenes]}
    return body if body.pop("views") == () else {**body, "views": shard.views}


def scene_key(index: int, view: int | None = None) -> str:
    """The start of the member names of a scene, or of one of its views, up to the first dot."""
    return f"scene_{index:06d}" if view is None else f"scene_{index:06d}_{view:04d}"


def blocks_of(content: bytes, offset: int) -> Iterator[Block]:
    """The blocks in a scene's part of a tar file that begins at `offset`: one a key, in order."""
    with tarfile.open(fileobj=io.BytesIO(content + END), mode="r:") as archive:
        starts: dict[str, int] = {}
        for info in archive:
            starts.setdefault(info.name.split(".")[0], info.offset)
    ends = [*starts.values(), len(content)][1:]
    for (key, start), end in zip(starts.items(), ends, strict=True):
        match = _KEY.fullmatch(key)
        assert match, key
        view = int(match[2]) if match[2] else None
        yield Block(int(match[1]), offset + start, end - start, zlib.crc32(content[start:end]), view)


def block_bytes(index: int, members: Mapping[str, bytes], view: int | None = None) -> bytes:
    """A scene's or view's part of a tar file: members by name without the key; the same bytes on any host."""
    parts = []
    for name, content in members.items():
        info = tarfile.TarInfo(f"{scene_key(index, view)}.{name}")
        info.size = len(content)
        parts += [info.tobuf(tarfile.USTAR_FORMAT), content, bytes(-len(content) % tarfile.BLOCKSIZE)]
    return b"".join(parts)


def read_block(shard: Path, block: Block) -> dict[str, bytes]:
    """A scene's members, by their names between key and extension ("image_0", "labels", "scene").

    OSError when the shard cannot be read, ValueError when the bytes are not those that were packed.
    """
    with shard.open("rb") as file:
        rest = file.seek(0, io.SEEK_END) - block.offset
        if block.size > rest:  # before so much memory is taken
            raise ValueError(f"the shard ends {block.size - max(rest, 0)} bytes too early")
        file.seek(block.offset)
        return block_members(file.read(block.size), block)


def block_members(content: bytes, block: Block) -> dict[str, bytes]:
    """The members of `read_block` in a block's bytes. ValueError when these are not those that were packed."""
    if zlib.crc32(content) != block.crc:
        raise ValueError("its bytes are not those of index.json's checksum")
    with damage_as_value_error(), tarfile.open(fileobj=io.BytesIO(content + END), mode="r:") as archive:
        return dict(_member(archive, info) for info in archive)


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> tuple[str, bytes]:
    """A member's name between key and extension, and its content."""
    file, parts = archive.extractfile(info), info.name.split(".")
    if len(parts) < 2 or not file or info.issparse():
        raise ValueError(f"holds {info.name!r}, which is no file of a scene")
    return parts[1], file.read()


def shard_fault(path: Path, shard: Shard) -> str:
    """What is wrong with a shard of the data set at `path`, all of which is read; "" when nothing is."""
    try:
        with (path / shard.file).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{path / shard.file}: cannot be read ({error.strerror}); copy it again from where it came"
    if found == shard.sha256:
        return ""
    return f"{path / shard.file}: its sha256 is not that in {INDEX_NAME}; copy it again from where it came"


def encode_labels(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """labels.npz of arrays by name, for np.load; always the same bytes.

    bzip2 over all views at once, depth slowest, compresses frusta best of all methods that zip files know.
    """
    return _npz(arrays, zipfile.ZIP_BZIP2)


def stack_views(frusta: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays (w, h, d), one per camera, as one (w, h, d, views) whose views are slowest, then depth."""
    # Fortran order: .npy records it, and loading gives the same axes.
    return np.asfortranarray(np.stack(frusta, axis=-1))


def encode_map(name: str, pixels: NDArray[Any]) -> bytes:
    """Depth or instances uint16 (H, W), or normals int16 (H, W, 3), as an .npz file with one array, `name`.

    LZMA packs these tightest.
    """
    return _npz({name: pixels}, zipfile.ZIP_LZMA)


def _npz(arrays: Mapping[str, NDArray[Any]], compression: int) -> bytes:
    """Arrays by name in an .npz file without times, so that equal arrays are equal bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            data = io.BytesIO()
            np.save(data, array)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue(), compression, 9)
    return content.getvalue()


def pack_masks(masks: NDArray[np.bool_]) -> NDArray[Any]:
    """Masks bool (X, Y, Z, C) as bits (X, Y, Z): bit c is class c; uint8 up to 8 classes, else uint16, 32 or 64.

    ValueError for more than 64 classes.
    """
    if masks.shape[-1] > MOST_CLASSES_IN_GRID:
        raise ValueError(f"masks of {masks.shape[-1]} classes, a cell has a bit for at most {MOST_CLASSES_IN_GRID}")
    kind = next(np.dtype(f"<u{n}") for n in (1, 2, 4, 8) if masks.shape[-1] <= 8 * n)
    bits = np.packbits(masks, axis=-1, bitorder="little")
    padded = np.zeros((*bits.shape[:-1], kind.itemsize), np.uint8)
    padded[..., : bits.shape[-1]] = bits
    return padded.view(kind)[..., 0]


def unpack_masks(bits: NDArray[Any], classes: int) -> NDArray[np.bool_]:
    """Undo `pack_masks`."""
    octets = np.ascontiguousarray(bits)[..., None].view(np.uint8)
    return np.unpackbits(octets, axis=-1, count=classes, bitorder="little").view(np.bool_)


def pack_pairs(cells: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Arrays of 0 to 3, all of one shape, in 2 bits each: uint8 (..., N), where byte n holds arrays 4 n to 4 n + 3.

    The first of them is in the lowest bits. N is slowest in memory.
    """
    packed = [np.zeros_like(cells[0]) for _ in range(0, len(cells), 4)]
    for n, values in enumerate(cells):
        packed[n // 4] |= values << np.uint8(2 * (n % 4))
    return stack_views(packed)


def unpack_pairs(packed: NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
    """One of the arrays that `pack_pairs` packed. ValueError when there are not so many."""
    if not number < 4 * packed.shape[-1]:
        raise ValueError(f"holds at most {4 * packed.shape[-1]} of these, number {number} is asked for")
    values: NDArray[np.uint8] = packed[..., number // 4] >> np.uint8(2 * (number % 4)) & np.uint8(3)
    return values
