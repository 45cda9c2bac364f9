"""Chooses the name and the split of a model that joins a library, while other processes may add models too."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from scenegen.assets.prepare.raw_model import RawModel
from scenegen.core.asset_library import Asset, asset_folders, read_asset
from scenegen.core.errors import ScenegenError

BUILT_IN = ("scenegen parametric", "anny ")  # sources that assign both splits themselves
TRAIN_FIRST = 2  # models of a class in train before one must go to test


@dataclass
class Placer:
    """Chooses names and splits in one library; `prepare` calls it while it holds the library's lock.

    A file's model gets a number when another model has its name; the same file again keeps its name and is replaced.

    With `choose_splits`, a model that the library already holds keeps its split. Of the others, the first of a class
    goes to train; when TRAIN_FIRST are in train and none is in test, the next goes to test. Built-in models do not
    count, so that real models are in both splits too.
    """

    library: Path
    choose_splits: bool
    _known: dict[str, Asset | None] = field(default_factory=dict)

    def __call__(self, model: RawModel) -> RawModel:
        """The model with its name and split; ScenegenError when the library's asset of that name is broken."""
        self._read_new()
        name = self._free_name(model) if model.named_by_file else model.name
        split = self._split(model, name) if self.choose_splits else model.split
        self._known.pop(name, None)  # it is about to be written
        return replace(model, name=name, split=split)

    def _read_new(self) -> None:
        """Read the assets that appeared since the last call; None stands for one that is broken."""
        for folder in asset_folders(self.library):
            if folder.name not in self._known:
                try:
                    self._known[folder.name] = read_asset(folder)
                except ScenegenError:
                    self._known[folder.name] = None

    def _free_name(self, model: RawModel) -> str:
        name, number = model.name, 2
        while name in self._known and read_asset(self.library / name).provenance.checksum != model.provenance.checksum:
            name, number = f"{model.name}_{number}", number + 1
        return name

    def _split(self, model: RawModel, name: str) -> str:
        same = self._known.get(name)
        if same is not None and same.class_name == model.class_name:
            return same.split
        splits = [
            asset.split
            for asset in self._known.values()
            if asset is not None
            and asset.class_name == model.class_name
            and not asset.provenance.source.startswith(BUILT_IN)
        ]
        if "train" not in splits:
            return "train"
        return "test" if splits.count("train") >= TRAIN_FIRST and "test" not in splits else model.split
