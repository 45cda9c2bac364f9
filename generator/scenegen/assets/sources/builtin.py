"""The built-in models: made by program, offline. Test models are of other families than training models."""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

import scenegen
from scenegen import __version__, parametric
from scenegen.assets.curate.dropped import read_dropped
from scenegen.assets.curate.placing import Placer
from scenegen.assets.identity.twins import store_fingerprints
from scenegen.assets.prepare.prepare import prepare
from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.core.asset_library import Provenance, read_asset
from scenegen.core.errors import ScenegenError
from scenegen.core.preset.preset_file import load_preset
from scenegen.core.processes import worker_pool
from scenegen.core.rng import stream
from scenegen.core.scene.classes import known_classes, object_class
from scenegen.parametric.shapes.shapes import Families

ROOT = Path(scenegen.__file__).resolve().parent
_MADE_BY = (
    "parametric/**/*.py",
    "core/rng.py",
    "core/asset_library.py",
    "assets/prepare/*.py",
    "assets/sources/builtin.py",
)


@dataclass(frozen=True)
class BuiltinRecipe:
    """Which built-in model: number `number` of a class in a split."""

    class_name: str
    split: str
    number: int

    @property
    def name(self) -> str:
        """The asset's name."""
        middle = "" if self.split == "train" else f"{self.split}_"
        return f"parametric_{middle}{self.class_name}_{self.number:03d}"


def recipes(preset: str = "studio") -> tuple[BuiltinRecipe, ...]:
    """The built-in models of a preset's classes; people come first, since they take longest to make."""
    drawn = load_preset(preset).asset_classes
    listed = [
        BuiltinRecipe(entry.name, split, number)
        for split in ("train", "test")
        for entry in known_classes().values()
        if entry.built_in and entry.name in drawn
        for number in range(entry.built_in.train if split == "train" else entry.built_in.test)
    ]
    return tuple(sorted(listed, key=lambda recipe: not object_class(recipe.class_name).person))


def make_model(recipe: BuiltinRecipe) -> RawModel:
    """The raw model of a recipe; the same recipe and code always give the same model."""
    families = _families(recipe.class_name, recipe.split)
    family = sorted(families)[recipe.number % len(families)]
    model = families[family](stream(0, recipe.number, f"{recipe.class_name}/{recipe.split}"))
    return RawModel(
        name=recipe.name,
        class_name=recipe.class_name,
        split=recipe.split,
        family=f"{recipe.class_name}/{family}",
        vertices=np.asarray(model.vertices),
        faces=np.asarray(model.faces),
        material_index=np.asarray(model.material_index),
        materials=model.materials,
        provenance=Provenance(
            title=f"{recipe.class_name}, {family.replace('_', ' ')}, no. {recipe.number}",
            author="scenegen",
            licence="CC0-1.0",
            source=f"scenegen parametric {__version__}",
            checksum=checksum(recipe),
        ),
        smooth_angle_deg=model.smooth_angle_deg,
    )


def _families(class_name: str, split: str) -> Families:
    families: Families = getattr(_module(class_name), f"{split.upper()}_FAMILIES")
    return families


@functools.cache
def _module(class_name: str) -> ModuleType:
    """The module of `parametric` that makes a class's models."""
    built_in = object_class(class_name).built_in
    if built_in is None:
        raise ScenegenError(f"{class_name}: it has no built-in models; add model files with `scenegen assets add`")
    return importlib.import_module(f"{parametric.__name__}.{built_in.module}")


def checksum(recipe: BuiltinRecipe) -> str:
    """Checksum of the recipe and of the code that makes and prepares it: when it changes, the model is made again."""
    return hashlib.sha256(f"{_code()}/{recipe.name}".encode()).hexdigest()


@functools.cache
def _code() -> str:
    digest = hashlib.sha256()
    for pattern in _MADE_BY:
        files = sorted(ROOT.glob(pattern))
        assert files, f"{pattern}: no such source file below {ROOT}"
        for file in files:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def missing(library: Path, preset: str = "studio") -> tuple[BuiltinRecipe, ...]:
    """The preset's recipes that the library does not hold or holds from other code, without dropped ones."""
    dropped = {note["name"] for note in read_dropped(library)}
    return tuple(r for r in recipes(preset) if r.name not in dropped and not _is_made(library, r))


def _is_made(library: Path, recipe: BuiltinRecipe) -> bool:
    folder = library / recipe.name
    if not (folder / "asset.json").is_file() or not (folder / "mesh.npz").is_file():
        return False
    try:
        return read_asset(folder).provenance.checksum == checksum(recipe)
    except ScenegenError:
        return False


def build(library: Path, todo: Sequence[BuiltinRecipe], workers: int | None = None) -> Iterator[str | Refused]:
    """Make and prepare recipes in `workers` processes (None: one per core); yields each name or refusal in turn.

    A model of the shape of one that the library holds goes to the split of that one, as with `assets add`.
    """
    store_fingerprints(library)
    workers = min(workers or len(os.sched_getaffinity(0)), len(todo))
    if workers <= 1:
        yield from (_make(library, recipe) for recipe in todo)
        return
    try:
        with worker_pool(workers) as pool:
            yield from pool.map(functools.partial(_make, library), todo, chunksize=1)
    except BrokenProcessPool as error:
        raise ScenegenError("a process that makes models was killed (out of memory?); try --workers 1") from error


@functools.cache
def _placer(library: Path) -> Placer:
    """The placer of a process for one library: it reads each asset once."""
    return Placer(library, choose_splits=False)


def _make(library: Path, recipe: BuiltinRecipe) -> str | Refused:
    try:
        return prepare(make_model(recipe), library, place=_placer(library)).name
    except ScenegenError as error:
        return Refused(recipe.name, str(error))
