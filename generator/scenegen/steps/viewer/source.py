"""Where the viewer's scenes come from: a data set in folders or shards, here or far away, maybe in the making."""

from __future__ import annotations

import threading
from pathlib import Path

from scenegen.core.dataset.info import DatasetInfo
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.steps.viewer.remote_dataset import RemoteDataset

MOST_TEXT = 2**28


class SceneSource:
    """A data set that may grow while it is looked at.

    `path` is a folder or an address that fsspec knows. `refresh` finds what is there now, at most `limit` scenes (None:
    all); `open` gives a scene by its index.
    """

    def __init__(self, path: Path | str, limit: int | None = None) -> None:
        self.path = path
        self._limit = limit
        self._dataset = self._look()
        self._positions = _positions(self._dataset)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What the page calls it."""
        return Path(self.path).absolute().name

    @property
    def info(self) -> DatasetInfo:
        """What was asked for."""
        return self._dataset.info

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the labels."""
        return self.info.classes

    @property
    def dataset(self) -> Dataset:
        """The data set as it was found last."""
        return self._dataset

    @property
    def has_maps(self) -> bool:
        """Whether there are depth and instance maps."""
        return self._dataset.maps

    @property
    def packed(self) -> bool:
        """Whether it is in shards."""
        return self._dataset.packing is not None

    @property
    def is_remote(self) -> bool:
        """Whether it is behind an address: then every file that is read costs time and traffic."""
        return isinstance(self._dataset, RemoteDataset)

    def _look(self) -> Dataset:
        return Dataset(self.path) if isinstance(self.path, Path) else RemoteDataset(self.path)

    def refresh(self) -> list[int]:
        """Look again; the indices of all scenes that are there now."""
        dataset = self._look()
        with self._lock:
            self._dataset, self._positions = dataset, _positions(dataset)
        return list(dataset.indices)[: self._limit]

    def must_be_there(self) -> None:
        """ScenegenError when the data set was removed or moved since it was opened."""
        if isinstance(self._dataset, RemoteDataset):
            self._dataset.must_be_there()
        elif not (self._dataset.path / "dataset.json").exists():
            raise ScenegenError(
                f"{self.path}: the data set is gone (removed, moved or not mounted); "
                "put it back, or start `scenegen view` where it is now"
            )

    def open(self, index: int) -> StoredScene:
        """The scene `index`, nothing of it read yet; ScenegenError when there is none."""
        with self._lock:
            dataset, positions = self._dataset, self._positions
        if index not in positions:
            raise ScenegenError(f"{self.path}: has no scene {index}")
        return dataset[positions[index]]

    def stamp(self, index: int) -> str:
        """A text that is another one once the scene was changed; "" where that is not known."""
        if self.is_remote:
            return ""
        try:
            return self._dataset.stamp(index)
        except OSError:
            return ""

    def text(self, name: str) -> str:
        """A text file beside the scenes; "" where there is none."""
        if isinstance(self._dataset, RemoteDataset):
            return self._dataset.text(name)
        try:
            with (self._dataset.path / name).open(encoding="utf-8", errors="replace") as file:
                return file.read(MOST_TEXT)
        except OSError:
            return ""


def _positions(dataset: Dataset) -> dict[int, int]:
    return {index: position for position, index in enumerate(dataset.indices)}
