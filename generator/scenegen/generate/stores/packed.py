"""Scenes packed while they are made: each finished folder becomes one block of a shard at once and is then removed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.folders import finished_indices, remove_leftovers, remove_scene
from scenegen.core.dataset.packing import Packing
from scenegen.core.dataset.reading import open_scene
from scenegen.core.dataset.shards import INDEX_NAME, is_packed, read_index, write_index
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_bytes
from scenegen.steps.shard_writing import encode_scene, write_shard

BLOCKS = "blocks"


@dataclass
class PackedStore:
    """A scene's block stays in OUT/blocks until there are enough blocks for a shard.

    In either place the scene counts as finished, so a kill loses nothing that was packed. A block that is in both (a
    kill after the shard's entry in index.json) is removed from OUT/blocks.
    """

    out: Path
    packing: Packing
    waiting: int = 0
    """Bytes in OUT/blocks, counted by the process that drives the run."""

    def open(self) -> None:
        """Check that OUT is packed in the same way, or start it; pack what a dead process wrote but did not pack.

        Raises ScenegenError when OUT holds something else.
        """
        if is_packed(self.out):
            was, _ = read_index(self.out)
            for key, value in dataclasses.asdict(self.packing).items():
                if value != getattr(was, key):
                    raise ScenegenError(
                        f"{self.out / INDEX_NAME}: packed with {key} {getattr(was, key)}, not {value}; ask for that"
                    )
        elif (self.out / "dataset.json").exists() or finished_indices(self.out):
            raise ScenegenError(f"{self.out}: holds scenes in folders; name another place with --pack")
        else:
            write_index(self.out, self.packing, ())
        for index in sorted(finished_indices(self.out)):
            self.commit(index)

    def prepare(self) -> None:
        """In a worker, before its first scene."""

    def finished(self, scenes: int) -> NDArray[np.bool_]:
        """Return which of the scenes 0 to `scenes` - 1 are packed, bool (scenes,)."""
        there = np.zeros(scenes, bool)
        for index in (*self._sealed(), *(index for index, _ in self._blocks())):
            if index < scenes:
                there[index] = True
        return there

    def has(self, index: int) -> bool:
        """Whether scene `index` has a block. Scenes that are in a shard are in no lease, so shards are not searched."""
        return self._block(index).is_file()

    def commit(self, index: int) -> None:
        """Pack the folder of scene `index` and remove it."""
        _, block = encode_scene(self.packing, (index, open_scene(self.out, index)))
        self._block(index).parent.mkdir(exist_ok=True)
        write_bytes(self._block(index), [block])
        remove_scene(self.out, index)

    def made(self, index: int) -> None:
        """Seal a shard once the blocks fill one. Raises ScenegenError when it cannot be written."""
        block = self._block(index)
        self.waiting += block.stat().st_size if block.is_file() else 0
        if self.waiting >= self.packing.shard_mb * 1e6:
            self.seal()

    def tidy(self) -> None:
        """Remove half-written scenes of dead processes."""
        remove_leftovers(self.out)

    def close(self) -> None:
        """Seal the remaining blocks."""
        self.seal()
        for aside in (self.out / BLOCKS).glob(".*"):
            aside.unlink(missing_ok=True)
        for folder in (self.out / BLOCKS, self.out / "scenes"):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def seal(self) -> None:
        """Make one more shard of all blocks, in the order of their scenes, and list it in index.json."""
        known = self._sealed()
        blocks = sorted((index, path) for index, path in self._blocks())
        group = [(index, path.read_bytes()) for index, path in blocks if index not in known]
        if group:
            shards = list(read_index(self.out)[1])
            shards.append(write_shard(self.out, len(shards), group))
            write_index(self.out, self.packing, shards)
        for _, path in blocks:
            path.unlink()
        self.waiting = 0

    def _sealed(self) -> set[int]:
        if not is_packed(self.out):
            return set()
        return {block.scene for shard in read_index(self.out)[1] for block in shard.scenes}

    def _blocks(self) -> Iterator[tuple[int, Path]]:
        return ((int(path.stem), path) for path in (self.out / BLOCKS).glob("[0-9]*.block"))

    def _block(self, index: int) -> Path:
        return self.out / BLOCKS / f"{index:06d}.block"
