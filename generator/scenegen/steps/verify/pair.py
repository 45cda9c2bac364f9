"""Prove that no model shown in one data set has the shape of one shown in another, such as training and test data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from scenegen.core.asset_library import read_asset, with_fingerprint
from scenegen.core.dataset.fingerprints import read_fingerprints
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError
from scenegen.core.fingerprint import SAME_SHAPE, Fingerprint, distances, from_text
from scenegen.core.scene.classes import object_class

MOST_NAMED = 20


def check_pair(one: Dataset, other: Dataset, library: Path | None = None) -> Iterator[str]:
    """What is wrong with a pair of data sets: each model of `one` with the shape of a model of `other`.

    A data set that is older than fingerprints takes those of `library`, else of the library that its dataset.json
    names; models without one are named too. Ground is left out: its few standard
    slabs are in both splits. Scenes that cannot be read are passed over.
    """
    try:
        shapes, others = (_shapes(each, library) for each in (one, other))
    except ScenegenError as error:
        yield str(error)
        return
    for dataset, found in ((one, shapes), (other, others)):
        if unknown := [name for name, shape in found.items() if shape is None]:
            some = ", ".join(unknown[:MOST_NAMED]) + (" ..." if len(unknown) > MOST_NAMED else "")
            yield (
                f"{dataset.path}: {len(unknown)} of its models have no fingerprint ({some}), so nothing is proven "
                f"about them; run `scenegen generate` for it again, or name its library with --assets"
            )
    names = [name for name, shape in others.items() if shape is not None]
    known = [shape for shape in others.values() if shape is not None]
    if not known:
        return
    for name, shape in shapes.items():
        if shape is None:
            continue
        far = distances(shape, np.stack(known))
        if (nearest := float(far.min())) < SAME_SHAPE:
            twin = names[int(far.argmin())]
            yield (
                f"{name} has the same shape as {twin} in {other.path} (distance {nearest:.3f}); generate one of "
                f"the two data sets from other models"
            )


def _shapes(dataset: Dataset, library: Path | None) -> dict[str, Fingerprint | None]:
    """The fingerprint of every model that the data set shows, by name; None where there is none."""
    stored: Mapping[str, Fingerprint] = read_fingerprints(dataset.path) or {}
    folder = library or dataset.info.request.library
    return {name: stored[name] if name in stored else _from_library(folder / name) for name in sorted(_shown(dataset))}


def _from_library(folder: Path) -> Fingerprint | None:
    try:
        return from_text(with_fingerprint(read_asset(folder)).fingerprint)
    except ScenegenError:
        return None


def _shown(dataset: Dataset) -> set[str]:
    """The names of all models in the data set's scenes, without ground."""
    shown: set[str] = set()
    for stored in dataset:
        try:
            objects = stored.scene.objects
        except ScenegenError:
            continue
        shown |= {item.asset for item in objects if not object_class(item.class_name).is_ground}
    return shown
