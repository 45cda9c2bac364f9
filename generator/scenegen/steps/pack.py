"""Pack a data set's folders into tar shards that training reads in one sweep or scene by scene (see shards.py)."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.folders import remove_scene
from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.dataset.reading import Dataset, StoredScene
from scenegen.core.dataset.shards import (
    END,
    INDEX_NAME,
    MOST_TOGETHER,
    Block,
    Packing,
    Shard,
    block_bytes,
    blocks_of,
    encode_labels,
    encode_map,
    is_packed,
    read_index,
    write_index,
)
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.files import write_bytes
from scenegen.progress import OnProgress
from scenegen.steps.scene_pool import map_scenes

COMPANIONS = ("dataset.json", "CREDITS.txt", "timings.csv")


@dataclass(frozen=True)
class PackResult:
    """What `pack` left: `made` scenes are new in it, `deleted` folders are gone; `bytes` are of all shards."""

    path: str
    scenes: int
    shards: int
    bytes: int
    made: int
    deleted: int


def pack(
    source: Path,
    out: Path,
    packing: Packing,
    *,
    delete: bool = False,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> PackResult:
    """Pack the scenes of `source` into shards at `out`; the same call again packs only what is missing.

    A shard appears whole, and counts once index.json lists it. `delete` removes the folders of all scenes, after
    every one of them was read back from its shard and compared: everything exactly, JPEG pictures by size.
    ScenegenError: no scenes, a scene is damaged, `out` holds something else or is not writable, comparison failed.
    UsageError: `delete` with nothing to keep depth and instance maps in, or of a data set that is packed itself.
    """
    dataset = Dataset(source)
    _check_request(dataset, out, packing, delete=delete)
    shards = _open(dataset, out, packing)
    there = {block.scene for shard in shards for block in shard.scenes}
    missing = [(index, scene) for index, scene in zip(dataset.indices, dataset, strict=True) if index not in there]
    blocks = map_scenes(partial(encode_scene, packing), missing, workers, on_progress)
    try:
        for companion in COMPANIONS:
            if (source / companion).is_file():
                write_bytes(out / companion, [(source / companion).read_bytes()])
        for group in _groups(blocks, packing.shard_mb * 1e6):
            shards.append(write_shard(out, len(shards), group))
            write_index(out, packing, shards)
    except OSError as error:
        raise ScenegenError(f"{out}: cannot be written ({error.strerror}); make room and run it again") from error
    deleted = _delete(dataset, out, workers) if delete else 0
    scenes, size = sum(len(s.scenes) for s in shards), sum(s.bytes for s in shards)
    return PackResult(str(out), scenes, len(shards), size, len(missing), deleted)


def _check_request(dataset: Dataset, out: Path, packing: Packing, *, delete: bool) -> None:
    if delete and dataset.packing:
        raise UsageError(f"--delete: {dataset.path} is packed itself; remove it by hand")
    if delete and not packing.maps:
        raise UsageError("--delete: depth and instance maps would be lost; add --maps")
    if packing.maps and not dataset.maps:
        raise UsageError(f"--maps: {dataset.path} has no depth and instance maps")
    if out.resolve() == dataset.path.resolve():
        raise UsageError(f"{out}: packed and unpacked scenes cannot share a folder; name another OUT")
    if not dataset.indices and not is_packed(out):
        raise ScenegenError(f"{dataset.path}: has no scenes yet; run `scenegen generate`")


def _open(dataset: Dataset, out: Path, packing: Packing) -> list[Shard]:
    """The shards that are at `out` already, after a check that they are of this data set and packed alike."""
    if not is_packed(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ScenegenError(f"{out}: is no packed data set and not empty; name another folder")
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ScenegenError(f"{out}: cannot be made ({error.strerror}); name another folder") from error
        # index.json comes first: whatever else lies there later is known to be of a packing that began.
        write_index(out, packing, ())
        return []
    was, shards = read_index(out)
    for key, value in dataclasses.asdict(packing).items():
        if value != getattr(was, key):
            raise ScenegenError(f"{out / INDEX_NAME}: packed with {key} {getattr(was, key)}, not {value}; ask for that")
    if (out / "dataset.json").is_file():
        same = (
            dataclasses.replace(i, scenes=0, library="", blender=()) for i in (read_dataset_json(out), dataset.info)
        )
        if next(same) != next(same):
            raise ScenegenError(f"{out}: holds the shards of another data set; name another folder")
    for shard in shards:
        file = out / shard.file
        if not file.is_file() or file.stat().st_size != shard.bytes:
            raise ScenegenError(f"{file}: missing or cut short; put it back, or remove {out} and pack anew")
    return list(shards)


def encode_scene(packing: Packing, numbered: tuple[int, StoredScene]) -> tuple[int, bytes]:
    """A scene's index and its part of the tar file."""
    index, stored = numbered
    views = range(len(stored.cameras))
    end = "jpg" if packing.image == "jpeg" else "png"
    if len(views) > MOST_TOGETHER:
        parts = [block_bytes(index, _scene_members(stored, ()))]
        return index, b"".join(parts + [block_bytes(index, _view_members(stored, k, packing, end), k) for k in views])
    members = {f"image_{k}.{end}": _picture(stored.image(k), packing) for k in views}
    if packing.maps:
        members |= {f"depth_{k}.npz": encode_map("depth", stored.depth_mm(k)) for k in views}
        members |= {f"instance_{k}.npz": encode_map("instance", stored.instance(k)) for k in views}
    frusta = [stored.frustum(k) for k in views]
    if len({f.shape for f in frusta}) > 1:
        raise ScenegenError(
            f"{stored.name}: its frusta differ in size; give all one with `scenegen voxelize --frustum`"
        )
    return index, block_bytes(index, members | _scene_members(stored, frusta))


def _scene_members(stored: StoredScene, frusta: Sequence[NDArray[np.uint8]]) -> dict[str, bytes]:
    """Labels and scene.json."""
    masks = stored.masks if stored.grid else None
    if masks is not None and not np.array_equal(masks.any(axis=-1), stored.occupancy):
        raise ScenegenError(f"{stored.name}: occupancy is not the union of its masks; remove it and generate it again")
    labels = {"labels.npz": encode_labels(masks, frusta)} if masks is not None or frusta else {}
    return labels | {"scene.json.gz": gzip.compress(stored.scene_json, 9, mtime=0)}


def _view_members(stored: StoredScene, k: int, packing: Packing, end: str) -> dict[str, bytes]:
    """One view of many, complete: a sample."""
    members = {f"image.{end}": _picture(stored.image(k), packing)}
    if packing.maps:
        members["depth.npz"] = encode_map("depth", stored.depth_mm(k))
        members["instance.npz"] = encode_map("instance", stored.instance(k))
    view = {
        "camera": dataclasses.asdict(stored.cameras[k]),
        "objects": [dataclasses.asdict(seen) for seen in stored.objects_in_view(k)],
    }
    content = json.dumps(view, separators=(",", ":")).encode()
    return members | {"labels.npz": encode_labels(None, [stored.frustum(k)]), "view.json": content}


def _picture(image: NDArray[np.uint8], packing: Packing) -> bytes:
    if packing.image == "png":
        return _png(image)
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=packing.quality, optimize=True, progressive=True)
    return content.getvalue()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", optimize=True)
    return content.getvalue()


def _groups(blocks: Iterable[tuple[int, bytes]], most: float) -> Iterator[list[tuple[int, bytes]]]:
    """Blocks of at most so many bytes together, at least one each."""
    group: list[tuple[int, bytes]] = []
    size = 0
    for index, content in blocks:
        if group and size + len(content) > most:
            yield group
            group, size = [], 0
        group.append((index, content))
        size += len(content)
    if group:
        yield group


def write_shard(out: Path, number: int, group: Sequence[tuple[int, bytes]]) -> Shard:
    """Write the shard of this number, whole or not at all, from scenes' indices and their parts of the tar file."""
    digest, size = hashlib.sha256(), 0
    blocks: list[Block] = []
    for _, content in group:
        digest.update(content)
        blocks += blocks_of(content, size)
        size += len(content)
    digest.update(END)
    file = f"shard-{number:06d}.tar"
    write_bytes(out / file, [*(content for _, content in group), END])
    scenes, views = (tuple(b for b in blocks if (b.view is None) == whole) for whole in (True, False))
    return Shard(file, size + len(END), digest.hexdigest(), scenes, views)


def _delete(dataset: Dataset, out: Path, workers: int) -> int:
    """Remove the folders of `dataset` once all of them are known to be in the shards."""
    check_shards(out)
    packed = Dataset(out)
    copies = dict(zip(packed.indices, packed, strict=True))
    lossy = packed.packing is not None and packed.packing.image == "jpeg"
    pairs = [(scene, copies[index]) for index, scene in zip(dataset.indices, dataset, strict=True)]
    for _ in map_scenes(partial(_compare, lossy=lossy), pairs, workers, None):
        pass
    for index in dataset.indices:
        remove_scene(dataset.path, index)
    return len(pairs)


def check_shards(path: Path) -> None:
    """Read every shard of the packed data set at `path`; ScenegenError names the first that is not as it was packed."""
    for shard in read_index(path)[1]:
        try:
            with (path / shard.file).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ScenegenError(f"{path / shard.file}: cannot be read ({error.strerror}); copy it anew") from error
        if found != shard.sha256:
            raise ScenegenError(f"{path / shard.file}: its sha256 is not that of {INDEX_NAME}; copy it or pack anew")


def _compare(pair: tuple[StoredScene, StoredScene], *, lossy: bool) -> None:
    """ScenegenError unless a packed scene gives what its folder does: JPEG pictures in size, all else exactly."""
    folder, packed = pair
    same = {"scene.json": folder.scene_json == packed.scene_json}
    for k in range(len(folder.cameras)):
        was, now = folder.image(k), packed.image(k)
        same[f"image_{k}"] = was.shape == now.shape if lossy else np.array_equal(was, now)
        same[f"depth_{k}"] = np.array_equal(folder.depth_mm(k), packed.depth_mm(k))
        same[f"instance_{k}"] = np.array_equal(folder.instance(k), packed.instance(k))
        same[f"frustum_{k}"] = np.array_equal(folder.frustum(k), packed.frustum(k))
    if folder.grid:
        same["occupancy"] = np.array_equal(folder.occupancy, packed.occupancy)
        same["masks"] = np.array_equal(folder.masks, packed.masks)
    wrong = [name for name, equal in same.items() if not equal]
    if wrong:
        raise ScenegenError(f"{packed.name}: {wrong[0]} differs from {folder.name}; nothing was deleted; pack it anew")
