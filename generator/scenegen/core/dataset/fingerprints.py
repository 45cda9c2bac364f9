"""The fingerprints of the models that a data set may show: OUT/fingerprints.json.

With them, two data sets can be proven to show no shape twice where the library of either is not at hand.

Standard library and numpy only: this runs inside Blender.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenegen.core.asset_library import Asset, with_fingerprint
from scenegen.core.errors import ScenegenError
from scenegen.core.files import write_text
from scenegen.core.fingerprint import Fingerprint, from_text
from scenegen.core.json_values import from_json, read_json

FILE = "fingerprints.json"
FORMAT = "scenegen-fingerprints/1"


@dataclass(frozen=True)
class _File:
    models: Mapping[str, str]


def write_fingerprints(out: Path, assets: Iterable[Asset]) -> None:
    """Write fingerprints.json where it is missing: the fingerprint of each asset, by name.

    Those of assets that are older than fingerprints are computed; such an asset that is damaged is left out.
    ScenegenError when the file cannot be written.
    """
    if (out / FILE).is_file():
        return  # a data set is of one library
    models = {}
    for asset in assets:
        with suppress(ScenegenError):
            models[asset.name] = with_fingerprint(asset).fingerprint
    write_text(out / FILE, json.dumps({"format": FORMAT, "models": models}, indent=1) + "\n")


@dataclass(frozen=True)
class ModelChanges:
    """Names of models in alphabetical order: what a library holds now against what a data set was begun with."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    reshaped: tuple[str, ...]


def changed_models(path: Path, assets: Iterable[Asset]) -> ModelChanges | None:
    """How `assets` differ from the models of the data set at `path`; None when it is older than fingerprints.

    ScenegenError when the file is damaged.
    """
    before = read_fingerprints(path)
    if before is None:
        return None
    now = {asset.name: asset for asset in assets}
    return ModelChanges(
        added=tuple(sorted(now.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - now.keys())),
        reshaped=tuple(
            name
            for name in sorted(now.keys() & before.keys())
            if not np.array_equal(from_text(with_fingerprint(now[name]).fingerprint), before[name])
        ),
    )


def read_fingerprints(path: Path) -> dict[str, Fingerprint] | None:
    """The fingerprints in the data set at `path`, by asset; None when it is older than fingerprints.

    ScenegenError when the file is damaged.
    """
    if not (path / FILE).is_file():
        return None
    return read_json(path / FILE, _read, (FORMAT,), "copy it again from where it came")


def _read(body: dict[str, object]) -> dict[str, Fingerprint]:
    return {name: from_text(text) for name, text in from_json(_File, body).models.items()}
