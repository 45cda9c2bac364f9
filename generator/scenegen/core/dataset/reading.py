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
import hashlib
import operator
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import SupportsIndex, overload

from scenegen.core.dataset.folders import finished_indices, scene_path
from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.dataset.packed_scene import PackedScene
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.shards import Block, Shard, is_packed, read_block, read_index
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.decoding import read_file
from scenegen.core.scene.scene import MapSpec


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
        return self._open(self.indices[number])

    def _open(self, index: int) -> StoredScene:
        if self.packing:
            shard, block = self._blocks[index]
            read = partial(read_block, shard)
            return PackedScene(str(shard), read, block, self._views.get(index), self.info.request.map_spec)
        return open_scene(self.path, index, self.info.request.map_spec)

    def __iter__(self) -> Iterator[StoredScene]:
        return (self[position] for position in range(len(self)))

    def stamp(self, index: int) -> str:
        """A text that is another one once any file of scene `index` was changed, by their sizes and times. OSError."""
        if self.packing:
            shard, block = self._blocks[index]
            found = shard.stat()
            parts: list[object] = [found.st_size, found.st_mtime_ns, block, *self._views.get(index, {}).values()]
        else:
            with os.scandir(scene_path(self.path, index)) as entries:
                stats = [(entry.name, entry.stat()) for entry in entries]
            parts = [*sorted((name, found.st_size, found.st_mtime_ns) for name, found in stats)]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

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
    advice = f"copy it again from where it came, or move {folder.name} away and make scene {index} again"
    return StoredScene(str(folder), partial(_read_file, folder), advice, map_spec)


def _read_file(folder: Path, file: str) -> bytes:
    return read_file(folder / file)
