"""Reads models of a ShapeNetCore tree: SYNSET/MODEL/model.obj (v1), SYNSET/MODEL/models/model_normalized.obj (v2)."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.assets.sources.files.files import ImportOptions, split_of, to_raw_model
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.core.decoding import MOST_TEXT, read_file
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.json_values import from_json, parse_object
from scenegen.core.scene.classes import object_class

AUTHOR = "ShapeNet (Chang et al. 2015) and the authors of its models"
LICENCE = "ShapeNet terms of use: non-commercial research and education, no redistribution of models"

# ShapeNet's readmes: up is +Y; the front is +X in version 1 and -Z in version 2. Here after Blender's OBJ import.
FRONT = {1: "x", 2: "y"}
FILES = {2: Path("models", "model_normalized.obj"), 1: Path("model.obj")}

# Our class by a word of a synset's name; a model's own synset is asked before its parents.
CLASS_OF_WORD = {
    "sport utility": "suv",
    "suv": "suv",
    "convertible": "convertible",
    "bicycle": "bike",
    "motorcycle": "bike",
    "bus": "bus",
    "truck": "truck",
    "pickup": "truck",
    "airplane": "plane",
    "boat": "boat",
    "vessel": "boat",
    "watercraft": "boat",
    "car": "car",
    "chair": "chair",
    "table": "table",
    "laptop": "laptop",
    "bag": "bag",
}
# The names of ShapeNetCore's folders, for a tree without taxonomy.json.
KNOWN = {
    "02691156": "airplane",
    "02773838": "bag",
    "02834778": "bicycle",
    "02858304": "boat",
    "02924116": "bus",
    "02958343": "car",
    "03001627": "chair",
    "03642806": "laptop",
    "03790512": "motorcycle",
    "04379243": "table",
    "04530566": "vessel",
}


@dataclass(frozen=True)
class ShapeNetModel:
    """A model of the tree; `front` is a horizontal axis as Blender imports the file."""

    file: Path
    name: str
    class_name: str
    split: str
    front: str
    title: str
    source: str


@dataclass(frozen=True)
class ShapeNetTree:
    """The content of a tree: models, the number of model folders without a model (`hollow`) and of other classes."""

    models: tuple[ShapeNetModel, ...]
    hollow: int
    others: int


@dataclass(frozen=True)
class _Synset:
    """An entry of taxonomy.json: a class, and the more special ones below it."""

    synsetId: str
    name: str
    children: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Taxonomy:
    synsets: tuple[_Synset, ...]


@dataclass(frozen=True)
class _Tables:
    """The tables of a tree: name and parent by synset; synsets, split and title by model."""

    names: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)
    synsets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)


def read_tree(
    root: Path,
    class_name: str | None = None,
    synsets: Collection[str] = (),
    limit: int | None = None,
    split: str | None = None,
) -> ShapeNetTree:
    """Find the models of a tree, in a fixed order.

    With `synsets` only those folders are read, and all their models are of `class_name` if that is given. Without,
    `class_name` selects the models whose synset names are of that class. `limit` is the most models per class.
    """
    folders = [folder for folder in _subfolders(root) if re.fullmatch(r"\d{8}", folder.name)]
    if not folders:
        packed = " (unpack its zip files first)" if list(root.glob("*.zip")) else ""
        raise UsageError(
            f"{root}: not a ShapeNetCore tree, no folder such as 02958343{packed}; name the folder that holds them"
        )
    missing = sorted(set(synsets) - {folder.name for folder in folders})
    if missing:
        raise UsageError(
            f"{root}: no folder {missing[0]}; known folders: {', '.join(folder.name for folder in folders)}"
        )
    tables = _read_tables(root, [folder.name for folder in folders])
    models: list[ShapeNetModel] = []
    taken: Counter[str] = Counter()
    hollow = others = 0
    for folder in folders:
        if synsets and folder.name not in synsets:
            continue
        for model in _subfolders(folder):
            known = _class_of(folder.name, model.name, tables)
            is_class = class_name if class_name and synsets else known
            if is_class is None or class_name not in (None, is_class):
                others += 1
                continue
            version = next((version for version, file in FILES.items() if (model / file).is_file()), None)
            if version is None:
                hollow += 1
                continue
            if limit is not None and taken[is_class] >= limit:
                continue
            taken[is_class] += 1
            models.append(_found(model, version, is_class, split, tables))
    return ShapeNetTree(tuple(models), hollow, others)


def read_models(
    models: Sequence[ShapeNetModel], scale: float | None = None, height: float | None = None
) -> Iterator[RawModel | Refused]:
    """Each model or a refusal, in the order given; by default of the usual size of its class."""
    for number, imported in import_files([model.file for model in models]):
        found = models[number]
        if isinstance(imported, Refused):
            yield Refused(found.source, imported.why)
            continue
        options = ImportOptions(
            class_name=found.class_name,
            split=found.split,
            scale=None if height else scale or _usual_scale(imported, found.class_name),
            height=height,
            up="z",
            front=found.front,
            author=AUTHOR,
            licence=LICENCE,
            source=found.source,
            title=found.title,
        )
        try:
            yield to_raw_model(found.file, found.name, imported, options, {})
        except ScenegenError as error:
            yield Refused(found.source, str(error))


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror}); name a ShapeNetCore folder") from error


def _found(folder: Path, version: int, class_name: str, split: str | None, tables: _Tables) -> ShapeNetModel:
    synset, model = folder.parent.name, folder.name
    own = [tables.names[s] for s in (*tables.synsets.get(model, ()), synset) if s in tables.names]
    return ShapeNetModel(
        file=folder / FILES[version],
        name=re.sub(r"[^a-z0-9]+", "_", f"shapenet_{class_name}_{model}".lower()),
        class_name=class_name,
        split=split or tables.splits.get(model) or split_of(model),
        front=FRONT[version],
        title=tables.titles.get(model) or (own[0].split(",")[0] if own else class_name),
        source=f"ShapeNetCore v{version} {synset}/{model}",
    )


def _usual_scale(imported: Imported, class_name: str) -> float:
    used = imported.vertices[np.unique(imported.faces)]
    used = used[np.isfinite(used).all(axis=1)]
    size = np.ptp(used, axis=0) if len(used) else np.zeros(3)
    usual = object_class(class_name).usual_size
    return usual.scale_to_usual((float(size[0]), float(size[1]), float(size[2]))) if usual else 1.0


def _class_of(folder: str, model: str, tables: _Tables) -> str | None:
    """The class of the most specific synset that has one, or None."""
    general = None
    for synset in (*tables.synsets.get(model, ()), folder):
        step: str | None = synset
        above = set[str]()
        while step is not None and step not in above:  # a damaged table may go round in a circle
            above.add(step)
            words = [
                word.strip().lower().replace(".", "") for word in tables.names.get(step, KNOWN.get(step, "")).split(",")
            ]
            found = next((CLASS_OF_WORD[word] for word in words if word in CLASS_OF_WORD), None)
            if found and step != folder:
                return found
            general = general or found
            step = tables.parents.get(step)
    return general


def _read_tables(root: Path, folders: Sequence[str]) -> _Tables:
    names: dict[str, str] = {}
    parents: dict[str, str] = {}
    for synset in _read_taxonomy(root / "taxonomy.json"):
        names[synset.synsetId] = synset.name
        parents |= dict.fromkeys(synset.children, synset.synsetId)
    synsets: dict[str, tuple[str, ...]] = {}
    splits: dict[str, str] = {}
    titles: dict[str, str] = {}
    for row in _read_table(root / "all.csv"):  # version 2: the official split
        model = row.get("modelId", "")
        synsets[model] = (row.get("subSynsetId", "").zfill(8),)
        splits[model] = "test" if row.get("split") == "test" else "train"
    for folder in folders:  # version 1
        for row in _read_table(root / f"{folder}.csv"):
            model = row.get("fullId", "").rpartition(".")[2]
            numbers = [number.strip().lstrip("n").zfill(8) for number in row.get("wnsynset", "").split(",")]
            synsets.setdefault(model, tuple(numbers))
            titles[model] = row.get("name", "")
    return _Tables(names, parents, synsets, splits, titles)


def _read_taxonomy(file: Path) -> tuple[_Synset, ...]:
    if not file.is_file():
        return ()
    try:
        text = read_file(file, MOST_TEXT)
        return from_json(_Taxonomy, parse_object(b'{"synsets": %s}' % text)).synsets
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{file}: not ShapeNet's taxonomy ({error}); download ShapeNetCore's taxonomy.json again"
        ) from error


def _read_table(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    try:
        with file.open(encoding="utf-8", errors="replace", newline="") as stream:
            return [{key: value for key, value in row.items() if key and value} for row in csv.DictReader(stream)]
    except (OSError, csv.Error) as error:
        raise UsageError(f"{file}: cannot be read ({error}); download it again") from error
