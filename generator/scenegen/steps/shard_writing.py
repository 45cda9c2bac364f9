"""Scenes as parts of a tar file, and shards made of them (the form is in core/dataset/shards.py)."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.shards import (
    END,
    MOST_TOGETHER,
    Block,
    Shard,
    block_bytes,
    blocks_of,
    encode_labels,
    encode_map,
    pack_masks,
    pack_pairs,
    stack_views,
)
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import DamageError
from scenegen.core.files import write_bytes
from scenegen.core.labels.grid_files import file_of, files_of
from scenegen.core.labels.lidar_points import lidar_file
from scenegen.core.scene.scene import MapSpec


def encode_scene(packing: Packing, numbered: tuple[int, StoredScene]) -> tuple[int, bytes]:
    """A scene's index and its part of the tar file. DamageError: a file is damaged, or labels disagree."""
    index, stored = numbered
    views = range(len(stored.cameras))
    end = "jpg" if packing.image == "jpeg" else "png"
    if len(views) > MOST_TOGETHER:
        parts = [block_bytes(index, _scene_members(stored, ()))]
        return index, b"".join(parts + [block_bytes(index, _view_members(stored, k, packing, end), k) for k in views])
    members = {f"image_{k}.{end}": _image(stored.image(k), packing) for k in views}
    if packing.maps:
        members |= {f"depth_{k}.npz": encode_map("depth", stored.depth_steps(k)) for k in views}
        members |= {f"instance_{k}.npz": encode_map("instance", stored.instance(k)) for k in views}
        if stored.map_spec.normals:
            members |= {f"normals_{k}.npz": encode_map("normals", stored.normal_steps(k)) for k in views}
    if len({camera.frustum.size for camera in stored.cameras}) > 1:
        raise DamageError(
            f"{stored.name}: its frusta differ in size; make them equal with `scenegen voxelize --frustum`"
        )
    return index, block_bytes(index, members | _scene_members(stored, views))


def _scene_members(stored: StoredScene, views: Sequence[int]) -> dict[str, bytes]:
    """The files of labels, with the frusta and grids of `views`, and scene.json."""
    arrays = (_box_arrays(stored) if stored.grid else {}) | (_frustum_arrays(stored, views) if views else {})
    labels = {"labels.npz": encode_labels(arrays)} if arrays else {}
    labels |= {
        file_of(named, k): encode_labels(vars(stored.named_grid(named.name, k)))
        for named, k in files_of(stored.scene)
        if k is None or k in views or stored.scene.rig
    }
    if stored.scene.rig and stored.scene.rig.lidar:
        turns = range(len(stored.scene.rig.poses))
        labels |= {lidar_file(n): encode_labels(vars(stored.lidar(n))) for n in turns}
    return labels | {"scene.json.gz": gzip.compress(stored.scene_json, 9, mtime=0)}


def _box_arrays(stored: StoredScene) -> dict[str, NDArray[Any]]:
    """The labels of the box grid."""
    masks, spec = stored.masks, stored.scene.voxel_spec
    if not np.array_equal(masks.any(axis=-1), stored.occupancy):
        raise DamageError(
            f"{stored.name}: occupancy is not the union of the masks; make the labels again with `scenegen voxelize`"
        )
    arrays: dict[str, NDArray[Any]] = {"masks": pack_masks(masks)}
    if spec.instances:
        arrays["instances"] = stored.instances
    if spec.visibility:
        each = [stored.visibility_from(k) for k in range(len(stored.cameras))]
        arrays["visibility"] = pack_pairs([*each, stored.visibility])
    return arrays


def _frustum_arrays(stored: StoredScene, views: Sequence[int]) -> dict[str, NDArray[Any]]:
    """The labels of some cameras' frusta."""
    spec = stored.scene.voxel_spec
    arrays: dict[str, NDArray[Any]] = {"frusta": stack_views([stored.frustum(k) for k in views])}
    if spec.instances:
        arrays["frusta_instances"] = stack_views([stored.frustum_instances(k) for k in views])
    if spec.visibility:
        arrays["frusta_visibility"] = pack_pairs([stored.frustum_visibility(k) for k in views])
    return arrays


def _view_members(stored: StoredScene, k: int, packing: Packing, end: str) -> dict[str, bytes]:
    """The files of one view of many: a complete sample."""
    members = {f"image.{end}": _image(stored.image(k), packing)}
    if packing.maps:
        members["depth.npz"] = encode_map("depth", stored.depth_steps(k))
        members["instance.npz"] = encode_map("instance", stored.instance(k))
        if stored.map_spec.normals:
            members["normals.npz"] = encode_map("normals", stored.normal_steps(k))
    view: dict[str, Any] = {
        "camera": dataclasses.asdict(stored.cameras[k]),
        "objects": [dataclasses.asdict(seen) for seen in stored.objects_in_view(k)],
    }
    if stored.map_spec != MapSpec():
        view["map_spec"] = dataclasses.asdict(stored.map_spec)
    content = json.dumps(view, separators=(",", ":")).encode()
    members |= {
        f"grid_{named.name}.npz": encode_labels(vars(stored.named_grid(named.name, k)))
        for named in stored.scene.grids
        if named.ego and stored.scene.rig is None
    }
    return members | {"labels.npz": encode_labels(_frustum_arrays(stored, [k])), "view.json": content}


def _image(image: NDArray[np.uint8], packing: Packing) -> bytes:
    if packing.image == "png":
        return _png(image)
    content = io.BytesIO()
    Image.fromarray(image).save(content, "JPEG", quality=packing.quality, optimize=True, progressive=True)
    return content.getvalue()


def _png(pixels: NDArray[np.uint8]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", optimize=True)
    return content.getvalue()


def write_shard(out: Path, number: int, group: Sequence[tuple[int, bytes]]) -> Shard:
    """Write shard `number`, whole or not at all, from scenes' indices and their parts of the tar file."""
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
