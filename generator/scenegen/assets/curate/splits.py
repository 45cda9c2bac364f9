"""Assigns splits to models without one: by their names, but so that train and test both get some."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from scenegen.assets.prepare.raw_model import RawModel
from scenegen.core.asset_library import list_assets

if TYPE_CHECKING:
    from scenegen.assets.prepare.raw_model import Refused

BUILT_IN = ("scenegen parametric", "anny ")  # sources that assign both splits themselves
TRAIN_FIRST = 2  # models of a class in train before one must go to test


def settle_splits(models: Iterable[RawModel | Refused], library: Path) -> Iterator[RawModel | Refused]:
    """Assign a split to every model, in the order given; a model that the library already holds keeps its split.

    The first model of a class goes to train; when `TRAIN_FIRST` are in train and none in test, the next goes to test.
    Built-in models do not count, so that real models are in both splits too.
    """
    there = list_assets(library) if library.is_dir() else ()
    splits = {(asset.class_name, asset.name): asset.split for asset in there}
    counts = Counter((a.class_name, a.split) for a in there if not a.provenance.source.startswith(BUILT_IN))
    for model in models:
        if not isinstance(model, RawModel):
            yield model
            continue
        known = splits.get((model.class_name, model.name))
        split = known or _split(model, counts[model.class_name, "train"], counts[model.class_name, "test"])
        if not known:
            counts[model.class_name, split] += 1
            splits[model.class_name, model.name] = split
        yield replace(model, split=split)


def _split(model: RawModel, train: int, test: int) -> str:
    if not train:
        return "train"
    return "test" if train >= TRAIN_FIRST and not test else model.split
