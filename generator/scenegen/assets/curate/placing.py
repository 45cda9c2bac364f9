"""Chooses the name and the split of a model that joins a library, while other processes may add models too."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scenegen.assets.identity.twins import Near, Shapes, store_fingerprints
from scenegen.assets.prepare.prepare import Place, look_checksum
from scenegen.assets.prepare.raw_model import RawModel
from scenegen.core.asset_library import Asset, asset_folders, read_asset
from scenegen.core.errors import ScenegenError
from scenegen.core.fingerprint import ALIKE, SAME_SHAPE, Fingerprint
from scenegen.core.scene.classes import object_class

BUILT_IN = ("scenegen parametric", "anny ")  # sources that assign both splits themselves
NO_AUTHOR = ("unknown", "scenegen")  # who is not one person that makes several versions of a model
TRAIN_FIRST = 2  # models of a class in train before one must go to test; 1 where no built-in model tests


def make_placer(library: Path, *, choose_splits: bool) -> Placer:
    """A placer for a library, whose assets all have fingerprints afterwards."""
    store_fingerprints(library)
    return Placer(library, choose_splits)


@dataclass
class Placer:
    """Chooses names and splits in one library; `prepare` calls it while it holds the library's lock.

    A file that the library holds already keeps its name, also in another folder or under another name, and is
    replaced: `replaced` counts these, and `repeated` those that replace one which this placer has placed. A file gets a
    number when another model has its name.

    A model goes to the split of the models of the same shape, whatever the source says: no shape may be in both. With
    `choose_splits`, a model that the library already holds keeps its split, and one that is like another of its author
    joins that one. Of the others, the first of a class goes to train; when TRAIN_FIRST are in train and none is in
    test, the next goes to test. Built-in models do not count, so that real models are in both splits too. Of a class
    without built-in models, the second tests.
    """

    library: Path
    choose_splits: bool
    replaced: int = 0
    repeated: int = 0
    _placed_names: set[str] = field(default_factory=set)
    _known: dict[str, Asset | None] = field(default_factory=dict)
    _shapes: Shapes = field(default_factory=Shapes)

    def __call__(self, model: RawModel, shape: Fingerprint) -> Place:
        """Where the model goes.

        ScenegenError: the library's asset of that name is broken, or both splits hold the model's shape.
        """
        self._read_new()
        there = self._same_file(model, shape)
        name = there.name if there else self._free_name(model) if model.named_by_file else model.name
        same = self._known.get(name)
        same = same if same and same.class_name == model.class_name else None
        place = self._placed(model, name, shape, same)
        self._known.pop(name, None)  # it is about to be written
        self._shapes.remove(name)
        if there is not None and name in self._placed_names:
            self.repeated += 1
        elif there is not None:
            self.replaced += 1
        self._placed_names.add(name)
        return place

    def _read_new(self) -> None:
        """Read the assets that appeared since the last call; None stands for one that is broken."""
        for folder in asset_folders(self.library):
            if folder.name not in self._known:
                self._known[folder.name] = None
                try:
                    asset = read_asset(folder)
                    self._shapes.put(asset)
                    self._known[folder.name] = asset
                except ScenegenError:
                    continue

    def _same_file(self, model: RawModel, shape: Fingerprint) -> Asset | None:
        """The asset that was made of the same file: of the same name, or of the same shape and look.

        A file may hold several models, and models of several colours may share the file of their mesh.
        """
        if not model.named_by_file:
            return None
        made = [
            asset
            for asset in self._known.values()
            if asset is not None
            and asset.class_name == model.class_name
            and asset.provenance.checksum == model.provenance.checksum
        ]
        if named := [asset for asset in made if asset.name == model.name]:
            return named[0]
        look = look_checksum(model)
        shapes = {each.asset.name for each in self._shapes.near(shape, SAME_SHAPE)} if made else set()
        return next((a for a in made if a.name in shapes and a.findings.get("look_checksum", look) == look), None)

    def _free_name(self, model: RawModel) -> str:
        name, number = model.name, 2
        while name in self._known:
            read_asset(self.library / name)  # a broken one of this name stops here, with its reason
            name, number = f"{model.name}_{number}", number + 1
        return name

    def _placed(self, model: RawModel, name: str, shape: Fingerprint, same: Asset | None) -> Place:
        """The place of a model called `name`; `same` is the asset that it replaces."""
        ground = object_class(model.class_name).is_ground
        near = [] if ground else self._shapes.near(shape, ALIKE, but=name)
        twins = [each.asset for each in near if each.distance < SAME_SHAPE]
        splits = {asset.split for asset in twins}
        if len(splits) > 1 and same is None:
            train, test = (next(a.name for a in twins if a.split == split) for split in ("train", "test"))
            raise ScenegenError(
                f"{model.name}: both splits hold this shape, {train} in train and {test} in test; "
                f"add the file of {train} again first, and it joins {test}"
            )
        if twins:
            split = "test" if "test" in splits else "train"
            return Place(name, split, next(a.name for a in twins if a.split == split))
        if not self.choose_splits:
            return Place(name, model.split)
        return Place(name, same.split if same else self._split(model, near))

    def _split(self, model: RawModel, near: list[Near]) -> str:
        author = model.provenance.author
        version = next((a for a, _ in near if a.provenance.author == author not in NO_AUTHOR), None)
        if version is not None:
            return version.split
        splits = [
            asset.split
            for asset in self._known.values()
            if asset is not None
            and asset.class_name == model.class_name
            and not asset.provenance.source.startswith(BUILT_IN)
        ]
        if "train" not in splits:
            return "train"
        enough = TRAIN_FIRST if object_class(model.class_name).built_in else 1
        return "test" if splits.count("train") >= enough and "test" not in splits else model.split
