"""A data set behind an address that fsspec knows, such as s3://bucket/studio: what is looked at is read, no more."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.packed_scene import PackedScene
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.shards import INDEX_NAME, Block, block_members
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.steps.remote_files import remote_files, storage_errors

MOST_BLOCKS = 8
"""Of shards, so many scenes as were read last are kept, about 0.1 MB each: each file of them is asked for by itself."""

_SCENE = re.compile(r"scene_([0-9]{6,18})")


class RemoteDataset(Dataset):
    """The data set at `url`, as `Dataset` shows one on a disk; nothing is kept on this machine.

    In folders, the scenes are those that the storage lists; one whose upload has not ended cannot be read yet.
    UsageError: fsspec has no driver for the address. ScenegenError: the storage does not answer, or has no data set.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._there, self._files = remote_files(url)
        with TemporaryDirectory() as folder, storage_errors(url):
            self._files.invalidate_cache()
            for name in ("dataset.json", INDEX_NAME):
                if (content := self._read(name)) is not None:
                    (Path(folder) / name).write_bytes(content)
            if not (Path(folder) / "dataset.json").exists():
                raise ScenegenError(
                    f"{url}: no data set here (dataset.json is missing); give the address that `generate` wrote to"
                )
            try:
                super().__init__(folder)
            except ScenegenError as error:
                raise type(error)(str(error).replace(folder, url)) from error
            if not self.packing:
                self.indices = self._listed()
        self._block = lru_cache(MOST_BLOCKS)(self._fetch_block)

    def text(self, name: str) -> str:
        """A text file beside the scenes; "" where there is none."""
        with storage_errors(self.url):
            return (self._read(name) or b"").decode(errors="replace")

    def must_be_there(self) -> None:
        """ScenegenError when the data set is gone."""
        with storage_errors(self.url):
            if not self._files.exists(f"{self._there}/dataset.json"):
                raise ScenegenError(f"{self.url}: the data set is gone; start `scenegen view` where it is now")

    def _listed(self) -> list[int]:
        try:
            entries = self._files.ls(f"{self._there}/scenes", detail=False)
        except FileNotFoundError:
            return []
        names = (entry.rstrip("/").rpartition("/")[2] for entry in entries)
        found = (int(match[1]) for name in names if (match := _SCENE.fullmatch(name)))
        return sorted(found)

    def _open(self, index: int) -> StoredScene:
        map_spec = self.info.request.map_spec
        if self.packing:
            shard, block = self._blocks[index]
            read = partial(self._block, shard.name)
            return PackedScene(f"{self.url}/{shard.name}", read, block, self._views.get(index), map_spec)
        folder = scene_path(Path(), index).as_posix()
        return StoredScene(
            f"{self.url}/{folder}", partial(self._read_scene, folder), "copy the scene there again", map_spec
        )

    def _read_scene(self, folder: str, file: str) -> bytes:
        with storage_errors(self.url):
            content = self._read(f"{folder}/{file}")
        if content is not None:
            return content
        if file == "scene.json":
            raise ScenegenError(f"{self.url}/{folder}: is being uploaded (scene.json comes last); try again later")
        raise FileNotFoundError(file)

    def _fetch_block(self, shard: str, block: Block) -> Mapping[str, bytes]:
        end = block.offset + block.size
        with storage_errors(self.url):
            content = self._files.cat_file(f"{self._there}/{shard}", start=block.offset, end=end)
        if len(content) >= end:  # a server that knows no ranges sends all of the file
            content = content[block.offset : end]
        return block_members(content, block)

    def _read(self, name: str) -> bytes | None:
        """A file's content, None where there is none."""
        try:
            content: bytes = self._files.cat_file(f"{self._there}/{name}")
        except FileNotFoundError:
            return None
        return content
