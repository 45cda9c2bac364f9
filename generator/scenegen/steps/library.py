"""The prepared library that a data set was made from, for steps that need its meshes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from scenegen.core.asset_library import Asset, Mesh, read_asset, read_mesh
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.errors import ScenegenError
from scenegen.core.files import is_folder
from scenegen.core.labels.label_meshes import LabelMesh, label_mesh

NAME_IT = "name the library that the data set was made from with --assets"
SIZE_TOLERANCE = 1e-4
"""Metres: what differs by less is another version of one model, such as another version of this program prepares it."""


@dataclass(frozen=True)
class LoadedAsset:
    """An asset's description, its mesh, and its mesh as labels need it."""

    asset: Asset
    mesh: Mesh
    label_mesh: LabelMesh


def find_library(dataset: Dataset, assets: Path | None, names: Iterable[str] = ()) -> Path:
    """`assets`, or the library that dataset.json names (None), once it is known to hold all of `names`.

    ScenegenError names the library that is missing, or the first asset that is not in it.
    """
    library = assets or dataset.info.request.library
    if not is_folder(library):
        raise ScenegenError(f"{library}: there is no asset library here; {NAME_IT}")
    for name in sorted(set(names)):
        _check_there(library, name)
    return library


@lru_cache(maxsize=256)
def load_asset(library: Path, name: str) -> LoadedAsset:
    """An asset of a library. ScenegenError when it is not there or its files are damaged."""
    _check_there(library, name)
    asset = read_asset(library / name)
    mesh = read_mesh(asset)
    return LoadedAsset(asset, mesh, label_mesh(asset, mesh))


def check_sizes(stored: StoredScene, library: Path) -> None:
    """ScenegenError when the library has another asset under the name of one that the scene shows.

    The size in scene.json is that of the asset that was rendered.
    """
    for item in stored.objects:
        size = load_asset(library, item.asset).asset.size
        if not np.allclose(size, item.size, rtol=0, atol=SIZE_TOLERANCE):
            raise ScenegenError(
                f"{stored.name}: object {item.id} is not the {item.asset} of {library} "
                f"(sizes {item.size} and {size}); {NAME_IT}"
            )


def is_there(library: Path, name: str) -> bool:
    """Whether a library has an asset."""
    return (library / name / "asset.json").is_file()


def _check_there(library: Path, name: str) -> None:
    if not is_there(library, name):
        raise ScenegenError(f"{library}: has no asset {name}; {NAME_IT}")
