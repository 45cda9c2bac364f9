"""Pack the scene folders of a data set into tar shards, which training reads in one sweep or scene by scene."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from scenegen.core.dataset.folders import remove_scene
from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.run_lock import change_lock, read_lock, run_lock
from scenegen.core.dataset.shards import (
    INDEX_NAME,
    Shard,
    is_packed,
    read_index,
    shard_fault,
    write_index,
)
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError, ScenegenError, SeveralErrors, UsageError
from scenegen.core.files import cannot_write, check_apart, write_bytes
from scenegen.core.labels.grid_files import file_of, files_of
from scenegen.core.labels.lidar_points import lidar_file
from scenegen.progress import OnProgress
from scenegen.steps.scene_pool import Tried
from scenegen.steps.shard_writing import encode_scene, write_shard

COMPANIONS = ("dataset.json", "CREDITS.txt", "fingerprints.json", "timings.csv")


@dataclass(frozen=True)
class PackResult:
    """What OUT holds now: all scenes, shards and bytes. `made` scenes are new, `deleted` folders were removed."""

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

    A shard appears whole, and counts when index.json lists it. `delete` removes the folders of all scenes, after
    every one of them was read back from its shard and compared: JPEG images by size, everything else exactly.
    ScenegenError: no scenes, `out` holds something else or is not writable. SeveralErrors: scenes are damaged, and the
    others are packed; or comparison failed. Then nothing is deleted.
    UsageError: `delete` without depth and instance maps in the shards, or of a data set that is packed itself.
    """
    _check_request(Dataset(source), out, packing, delete=delete)
    _check_place(out)
    with ExitStack() as locks:
        locks.enter_context(change_lock(source, "pack --delete") if delete else read_lock(source, "pack"))
        locks.enter_context(run_lock(out, doing="another pack is writing it"))
        return _pack(Dataset(source), out, packing, workers, on_progress, delete=delete)


def _pack(
    dataset: Dataset, out: Path, packing: Packing, workers: int, on_progress: OnProgress | None, *, delete: bool
) -> PackResult:
    shards = _open(dataset, out, packing)
    there = {block.scene for shard in shards for block in shard.scenes}
    missing = [(index, scene) for index, scene in zip(dataset.indices, dataset, strict=True) if index not in there]
    tried = Tried(partial(encode_scene, packing), workers, on_progress)
    try:
        for companion in COMPANIONS:
            if (dataset.path / companion).is_file():
                write_bytes(out / companion, [(dataset.path / companion).read_bytes()])
        for group in _groups(tried.results(missing), packing.shard_mb * 1e6):
            shards.append(write_shard(out, len(shards), group))
            write_index(out, packing, shards)
    except OSError as error:
        raise ScenegenError(cannot_write(out, error)) from error
    if tried.damage:
        advice = "the other scenes are packed, and the same command packs these once they are whole"
        raise SeveralErrors(*tried.damage, f"{out}: {advice}{'; nothing was deleted' if delete else ''}")
    deleted = _delete(dataset, out, workers) if delete else 0
    scenes, size = sum(len(s.scenes) for s in shards), sum(s.bytes for s in shards)
    return PackResult(str(out), scenes, len(shards), size, len(missing), deleted)


def _check_request(dataset: Dataset, out: Path, packing: Packing, *, delete: bool) -> None:
    if not 0 < packing.shard_mb < math.inf:  # index.json holds it, and JSON has no inf and no nan
        raise UsageError(f"--shard-mb {packing.shard_mb:g}: give megabytes, such as 250")
    if delete and dataset.packing:
        raise UsageError(f"--delete: {dataset.path} is packed and has no scene folders to delete; leave --delete out")
    if delete and not packing.maps:
        raise UsageError("--delete: depth and instance maps would be lost; add --maps")
    if packing.maps and not dataset.maps:
        raise UsageError(f"--maps: {dataset.path} has no depth and instance maps; pack the folders it was packed from")
    if out.resolve() == dataset.path.resolve():
        raise UsageError(f"{out}: packed and unpacked scenes cannot share a folder; name another OUT")
    check_apart(dataset.path, out)
    if not dataset.indices and not is_packed(out):
        raise ScenegenError(f"{dataset.path}: has no scenes yet; run `scenegen generate`")


def _check_place(out: Path) -> None:
    """ScenegenError when `out` holds something else than a packed data set."""
    if out.exists() and not is_packed(out) and (not out.is_dir() or any(p.name != ".lock" for p in out.iterdir())):
        raise ScenegenError(f"{out}: is not empty and not a packed data set; name another folder")


def _open(dataset: Dataset, out: Path, packing: Packing) -> list[Shard]:
    """The shards that `out` already holds, once it is known that they are of this data set and packing."""
    _check_place(out)
    if not is_packed(out):
        # index.json comes first: it marks the folder as ours before anything else is written.
        write_index(out, packing, ())
        return []
    was, shards = read_index(out)
    for key, value in dataclasses.asdict(packing).items():
        if value != getattr(was, key):
            raise ScenegenError(
                f"{out / INDEX_NAME}: was packed with {key} {getattr(was, key)}, not {value}; "
                f"give the same options or name another folder"
            )
    if (out / "dataset.json").is_file():
        same = (
            dataclasses.replace(i, request=dataclasses.replace(i.request, scenes=0, assets=None), blender=())
            for i in (read_dataset_json(out), dataset.info)
        )
        if next(same) != next(same):
            raise ScenegenError(f"{out}: holds the shards of another data set; name another folder")
    for shard in shards:
        file = out / shard.file
        if not file.is_file() or file.stat().st_size != shard.bytes:
            raise ScenegenError(
                f"{file}: is missing or cut short; copy it again from where it came, or pack to another folder"
            )
    return list(shards)


def _groups(blocks: Iterable[tuple[int, bytes]], most: float) -> Iterator[list[tuple[int, bytes]]]:
    """Groups of blocks of at most `most` bytes together, or of one larger block."""
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


def _delete(dataset: Dataset, out: Path, workers: int) -> int:
    """Remove the folders of `dataset` after all of them were found in the shards; how many."""
    check_shards(out)
    packed = Dataset(out)
    copies = dict(zip(packed.indices, packed, strict=True))
    lossy = packed.packing is not None and packed.packing.image == "jpeg"
    pairs = [(scene, copies[index]) for index, scene in zip(dataset.indices, dataset, strict=True)]
    tried = Tried(partial(_compare, lossy=lossy), workers)
    for _ in tried.results(pairs):
        pass
    if tried.damage:
        raise SeveralErrors(*tried.damage, f"{dataset.path}: nothing was deleted")
    for index in dataset.indices:
        remove_scene(dataset.path, index)
    return len(pairs)


def check_shards(path: Path) -> None:
    """Read every shard of the packed data set at `path`; SeveralErrors names all that have changed since."""
    if wrong := [fault for shard in read_index(path)[1] if (fault := shard_fault(path, shard))]:
        raise SeveralErrors(*wrong)


def _compare(pair: tuple[StoredScene, StoredScene], *, lossy: bool) -> None:
    """DamageError if a packed scene differs from its folder: JPEG images in size, everything else in any value."""
    folder, packed = pair
    spec = folder.scene.voxel_spec
    same = {"scene.json": folder.scene_json == packed.scene_json}
    for k in range(len(folder.cameras)):
        was, now = folder.image(k), packed.image(k)
        same[f"image_{k}"] = was.shape == now.shape if lossy else np.array_equal(was, now)
        same[f"depth_{k}"] = np.array_equal(folder.depth_steps(k), packed.depth_steps(k))
        same[f"instance_{k}"] = np.array_equal(folder.instance(k), packed.instance(k))
        if folder.map_spec.normals:
            same[f"normals_{k}"] = np.array_equal(folder.normal_steps(k), packed.normal_steps(k))
        same[f"frustum_{k}"] = np.array_equal(folder.frustum(k), packed.frustum(k))
        if spec.instances:
            same[f"frustum_{k}"] &= np.array_equal(folder.frustum_instances(k), packed.frustum_instances(k))
        if spec.visibility:
            same[f"frustum_{k}"] &= np.array_equal(folder.frustum_visibility(k), packed.frustum_visibility(k))
            if folder.grid:
                same[f"visibility_{k}"] = np.array_equal(folder.visibility_from(k), packed.visibility_from(k))
    if folder.grid:
        same["occupancy"] = np.array_equal(folder.occupancy, packed.occupancy)
        same["masks"] = np.array_equal(folder.masks, packed.masks)
        if spec.instances:
            same["instances"] = np.array_equal(folder.instances, packed.instances)
        if spec.visibility:
            same["visibility"] = np.array_equal(folder.visibility, packed.visibility)
    for n in range(len(folder.scene.rig.poses) if folder.scene.rig and folder.scene.rig.lidar else 0):
        turns = (vars(one.lidar(n)) for one in pair)
        same[lidar_file(n)] = all(map(np.array_equal, *(turn.values() for turn in turns)))
    for named, number in files_of(folder.scene):
        grids = (vars(one.named_grid(named.name, number)) for one in pair)
        same[file_of(named, number)] = all(map(np.array_equal, *(grid.values() for grid in grids)))
    wrong = [name for name, equal in same.items() if not equal]
    if wrong:
        raise DamageError(
            f"{packed.name}: {wrong[0]} differs from {folder.name}; "
            f"pack to another folder, which holds what the folders hold now"
        )
