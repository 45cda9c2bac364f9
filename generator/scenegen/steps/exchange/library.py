"""The prepared library that a data set was made from, for exports that need meshes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from scenegen.core.asset_library import Asset, Mesh, read_asset, read_mesh
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError

NAME_IT = "name the library that the data set was made from with --assets"


@dataclass(frozen=True)
class LoadedAsset:
    """An asset's description and its mesh."""

    asset: Asset
    mesh: Mesh


def find_library(dataset: Dataset, assets: Path | None, names: Iterable[str]) -> Path:
    """`assets`, or the library that dataset.json names (None), once it is known to hold all of `names`.

    ScenegenError names the library that is missing, or the first asset that is not in it.
    """
    library = assets or Path(dataset.info.library)
    if not library.is_dir():
        raise ScenegenError(f"{library}: there is no asset library here; {NAME_IT}")
    for name in sorted(set(names)):
        if not (library / name / "asset.json").is_file():
            raise ScenegenError(f"{library}: has no asset {name}; {NAME_IT}")
    return library


@lru_cache(maxsize=256)
def load_asset(library: Path, name: str) -> LoadedAsset:
    """An asset of a library that `find_library` has looked through. ScenegenError when its files are damaged."""
    asset = read_asset(library / name)
    return LoadedAsset(asset, read_mesh(asset))
