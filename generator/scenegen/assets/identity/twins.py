"""Finds the models of a library that have the same shape, by their fingerprints (see core/fingerprint.py)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scenegen.assets.prepare.library_lock import library_lock
from scenegen.core.asset_library import Asset, asset_folders, read_asset, with_fingerprint
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.fingerprint import ALIKE, SAME_SHAPE, Fingerprint, distances, from_text, invariants
from scenegen.core.json_values import parse_object
from scenegen.core.scene.classes import object_class


class Near(NamedTuple):
    """A model near another one, and the distance of their fingerprints."""

    asset: Asset
    distance: float


@dataclass(frozen=True)
class Twins:
    """A model for testing and the one for training that is nearest to it, less than ALIKE away."""

    test: str
    train: str
    distance: float

    @property
    def same_shape(self) -> bool:
        """Whether both have the same shape, so that it is in both splits."""
        return self.distance < SAME_SHAPE


@dataclass
class Shapes:
    """The shapes of some assets, by name. Ground is left out: both splits share its few standard slabs."""

    _near: dict[str, tuple[Asset, Fingerprint]] = field(default_factory=dict)

    def put(self, asset: Asset) -> None:
        """Add an asset, or replace the one of its name. ScenegenError when its mesh cannot be read."""
        self._near.pop(asset.name, None)
        if not object_class(asset.class_name).is_ground:
            shape = from_text(with_fingerprint(asset).fingerprint)
            self._near[asset.name] = (asset, shape)

    def remove(self, name: str) -> None:
        """Forget an asset, if there is one of that name."""
        self._near.pop(name, None)

    def near(self, shape: Fingerprint, within: float, but: str | None = None) -> list[Near]:
        """The assets less than `within` away, nearest first, without the one called `but`, if given."""
        others = [(asset, each) for asset, each in self._near.values() if asset.name != but]
        if not others:
            return []
        far = distances(shape, np.stack([each for _, each in others]))
        found = [Near(asset, float(d)) for (asset, _), d in zip(others, far, strict=True) if d < within]
        return sorted(found, key=lambda each: (each.distance, each.asset.name))


def twins_across(assets: Sequence[Asset]) -> tuple[Twins, ...]:
    """Each model for testing whose nearest model for training is less than ALIKE away, nearest first.

    Built-in models are compared with others, not with each other unless they are the same: their families differ in
    structure, and boxes of similar proportions are alike. Ground is left out. An asset whose mesh cannot be read is
    passed over.
    """
    from scipy.spatial import KDTree  # half a second, which `assets add` of a file does without

    sides: dict[str, list[tuple[Asset, Fingerprint]]] = {"train": [], "test": []}
    for asset in assets:
        if object_class(asset.class_name).is_ground or asset.split not in sides:
            continue
        try:
            sides[asset.split].append((asset, from_text(with_fingerprint(asset).fingerprint)))
        except ScenegenError:
            continue
    if not all(sides.values()):
        return ()
    train = np.stack([shape for _, shape in sides["train"]])
    tree = KDTree(invariants(train))
    found = []
    for asset, shape in sides["test"]:
        candidates = tree.query_ball_point(invariants(shape[None])[0], ALIKE)
        near = [
            Twins(asset.name, sides["train"][k][0].name, round(float(distance), 4))
            for k, distance in zip(candidates, distances(shape, train[candidates]), strict=True)
            if distance < (SAME_SHAPE if _both_built_in(asset, sides["train"][k][0]) else ALIKE)
        ]
        found += [min(near, key=lambda twins: (twins.distance, twins.train))] if near else []
    return tuple(sorted(found, key=lambda twins: (twins.distance, twins.test)))


def _both_built_in(one: Asset, other: Asset) -> bool:
    return one.provenance.author == other.provenance.author == "scenegen"


def store_fingerprints(library: Path) -> None:
    """Store the fingerprints of assets that were prepared before there were any, where the library can be written.

    Damaged assets are passed over.
    """
    for folder in asset_folders(library) if library.is_dir() else ():
        try:
            if parse_object((folder / "asset.json").read_bytes()).get("fingerprint"):
                continue  # most have one: their meshes stay unread
            asset = read_asset(folder)
            text = with_fingerprint(asset).fingerprint
            with library_lock(library):
                body = parse_object((folder / "asset.json").read_bytes())
                if not body.get("fingerprint") and body["provenance"]["checksum"] == asset.provenance.checksum:
                    write_text(folder / "asset.json", json.dumps({**body, "fingerprint": text}, indent=1))
        except (ScenegenError, OSError, ValueError, KeyError):
            continue
