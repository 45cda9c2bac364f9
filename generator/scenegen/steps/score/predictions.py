"""Predictions in a folder, one file per scene (box grid) or per camera (frustum), as anyone's code may write them.

    scene_000017.npy            the box grid of scene 17; .npz as well
    scene_000017_camera_3.npy   the frustum of its camera 3

Axes are those of the data set: X Y Z of the box grid, w h d of the frustum. A file holds one of

- labels: any integers (X, Y, Z), 0 = air, c + 1 = class c of the data set;
- masks: bool (X, Y, Z, C), a channel per class, which may overlap;
- occupancy: bool (X, Y, Z), any class.

In an .npz file the array may have any name; with labels, a second one named `instances`, integers (X, Y, Z), tells
objects of one class apart by their numbers. A folder with a predictions.json is one that `scenetrain evaluate
--predictions` wrote: hundredths of probability or labels (scenegen.steps.viewer.runs).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.shards import pack_masks
from scenegen.core.decoding import decode_npy, decode_npz, npz_names, read_file
from scenegen.core.errors import DamageError, ScenegenError, UsageError
from scenegen.steps.viewer.runs import RunPredictions, read_run

Cells = NDArray[Any]

_NAME = re.compile(r"scene_(\d{6,})(?:_camera_(\d+))?\.np[yz]")
_ANY: Any = np.generic
_NAMED = 3
"""Scenes that a message names."""


@dataclass(frozen=True)
class PredictionFile:
    """The prediction of a scene, or of one of its cameras."""

    index: int
    camera: int | None
    path: Path


@dataclass(frozen=True)
class PredictionFiles:
    """A folder's predictions, by scene and camera; `said` is what scenetrain says of them, None of anyone else's."""

    files: tuple[PredictionFile, ...]
    said: RunPredictions | None

    @property
    def of_frusta(self) -> bool:
        """Whether they are of cameras' frusta, not of the box grid."""
        return self.files[0].camera is not None


class PredictedCells(NamedTuple):
    """What is predicted of a grid's cells (X, Y, Z)."""

    sets: Cells
    """Unsigned: bit c is class c; of occupancy alone bit 0."""
    surface: Cells
    """The same, as a ray meets it: scenetrain's masks have their likeliest class alone."""
    labels: Cells | None
    """0 = air, c + 1 = class c; None of masks and occupancy."""
    instances: Cells | None
    """Object numbers."""
    is_occupancy: bool = False


def find_predictions(folder: Path, dataset: Dataset, *, partial: bool) -> PredictionFiles:
    """The predictions in a folder for the scenes of a data set; with `partial` some may be missing.

    UsageError when there is no such folder, ScenegenError when predictions are missing, of other scenes or of both
    kinds of grids.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder; name one with a file such as scene_000000.npy per scene")
    files: dict[tuple[int, int | None], Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".npy", ".npz"):
            continue
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ScenegenError(f"{path}: is not named as a scene is; name it scene_000017.npy or move it away")
        key = int(match[1]), int(match[2]) if match[2] else None
        if key in files:
            raise ScenegenError(f"{path}: {files[key].name} is of the same scene; keep one of them")
        files[key] = path
    if not files:
        raise ScenegenError(f"{folder}: has no predictions; write one file such as scene_000000.npy per scene")
    frusta = {camera is not None for _, camera in files}
    if len(frusta) > 1:
        raise ScenegenError(f"{folder}: has box grids and frusta; score them from a folder each")
    _check_scenes(folder, dataset, files, of_frusta=frusta == {True}, partial=partial)
    said = read_run(folder, dataset.info)
    if said and bool(said.frustum) != (frusta == {True}):
        raise ScenegenError(f"{folder}: predictions.json is of the other kind of grid; evaluate the run again")
    found = sorted(files.items(), key=lambda item: (item[0][0], item[0][1] or 0))
    return PredictionFiles(tuple(PredictionFile(*key, path) for key, path in found), said)


def _check_scenes(
    folder: Path, dataset: Dataset, files: dict[tuple[int, int | None], Path], *, of_frusta: bool, partial: bool
) -> None:
    if not of_frusta and dataset.info.grid is None:
        raise ScenegenError(
            f"{folder}: is of box grids, {dataset.path} has frusta alone; write scene_000000_camera_0.npy and so on"
        )
    wanted: set[tuple[int, int | None]] = set()
    for position, index in enumerate(dataset.indices):
        cameras = range(len(dataset[position].cameras)) if of_frusta else (None,)
        wanted |= {(index, camera) for camera in cameras}
    extra = sorted(files[key].name for key in files.keys() - wanted)
    if extra:
        raise ScenegenError(
            f"{folder}: {some_names(extra)} not in {dataset.path}; give the data set that was predicted, or move them "
            "away"
        )
    missing = sorted(_file_stem(*key) for key in wanted - files.keys())
    if missing and not partial:
        raise ScenegenError(
            f"{folder}: no prediction of {some_names(missing)}, {len(missing)} of {len(wanted)}; predict them, or "
            "score the others alone with --partial"
        )


def _file_stem(index: int, camera: int | None) -> str:
    return f"scene_{index:06d}" + ("" if camera is None else f"_camera_{camera}")


def some_names(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def read_prediction(
    path: Path, shape: tuple[int, ...], classes: Sequence[str], said: RunPredictions | None
) -> PredictedCells:
    """Read a file for a grid of `shape` and a data set's classes. DamageError when it is not of them."""
    try:
        if said:
            return _read_run(path, shape, said)
        arrays = _arrays(path)
        instances = arrays.pop("instances", None)
        if len(arrays) != 1:
            names = ", ".join(arrays) or "nothing else"
            raise ValueError(f"has {names}; keep one array of labels, masks or occupancy, and `instances`")
        return _read_array(next(iter(arrays.values())), instances, shape, classes)
    except (OSError, ValueError) as error:
        raise DamageError(f"{path}: {str(error).splitlines()[0]}") from error


def _arrays(path: Path) -> dict[str, Cells]:
    content = read_file(path)
    if path.suffix == ".npy":
        return {"": decode_npy(content, _ANY, None)}
    return {name: decode_npz(content, name, _ANY, None) for name in npz_names(content)[:9]}


def _read_array(
    array: Cells, instances: Cells | None, shape: tuple[int, ...], classes: Sequence[str]
) -> PredictedCells:
    count = len(classes)
    is_masks = array.dtype == np.bool_ and array.ndim == 4
    if array.dtype != np.bool_ and not np.issubdtype(array.dtype, np.integer):
        raise ValueError(
            f"holds {array.dtype}; write labels (argmax, 0 = air, as uint8), or masks or occupancy (p >= threshold, "
            "as bool)"
        )
    _check_shape(array, (*shape, count) if is_masks or array.ndim == 4 else shape)
    if array.ndim == 4 and not is_masks:
        raise ValueError(f"masks of {array.dtype}; write them as bool, with .astype(bool) where they are 0 and 1")
    if is_masks or array.dtype == np.bool_:
        if instances is not None:
            raise ValueError("`instances` need labels beside them, integers (X, Y, Z); masks and occupancy have none")
        sets = pack_masks(array) if is_masks else array.astype(np.uint8)
        return PredictedCells(sets, sets, None, None, not is_masks)
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > count:
        wrong = low if low < 0 else high
        raise ValueError(f"has label {wrong}; labels are 0 = air, 1 = {classes[0]} to {count} = {classes[-1]}")
    if instances is not None:
        if not np.issubdtype(instances.dtype, np.integer):
            raise ValueError(f"`instances` are {instances.dtype}; write object numbers as integers")
        _check_shape(instances, shape, "`instances` are ")
    sets = sets_of_labels(array, count)
    return PredictedCells(sets, sets, array, instances)


def _check_shape(array: Cells, wanted: tuple[int, ...], what: str = "is ") -> None:
    if array.shape == wanted:
        return
    if array.ndim == 4 and array.shape == (wanted[-1], *wanted[:-1]):
        raise ValueError(f"{what}{array.shape}, classes first; write {wanted}, with np.moveaxis(masks, 0, -1)")
    if sorted(array.shape) == sorted(wanted):
        raise ValueError(f"{what}{array.shape}, the grid is {wanted}; transpose it to the data set's order of axes")
    raise ValueError(f"{what}{array.shape}, the grid is {wanted}; write one value per cell")


def sets_of_labels(labels: Cells, classes: int) -> Cells:
    """Labels, 0 = air, c + 1 = class c, as sets of classes: bit c is class c."""
    kind = next(kind for kind in (np.uint8, np.uint16, np.uint32, np.uint64) if classes <= 8 * kind().itemsize)
    table = np.array([0, *(1 << c for c in range(classes))], kind)
    sets: Cells = table[labels]
    return sets


def _read_run(path: Path, shape: tuple[int, ...], said: RunPredictions) -> PredictedCells:
    """scenetrain's: uint8 (channels, X, Y, Z), hundredths of probability, or labels (X, Y, Z)."""
    count = len(said.classes)
    if said.kind == "labels":
        labels = decode_npz(read_file(path), "prediction", np.uint8, 3)
        return _read_array(labels, None, shape, said.classes)
    hundredths = decode_npz(read_file(path), "prediction", np.uint8, 4)
    channels = 1 if said.kind == "occupancy" else count
    _check_shape(hundredths, (channels, *shape))
    found = np.moveaxis(hundredths >= round((said.threshold or 0.5) * 100), 0, -1)
    likeliest = np.where(found.any(-1), np.where(found, np.moveaxis(hundredths, 0, -1) + 1, 0).argmax(-1) + 1, 0)
    return PredictedCells(pack_masks(found), sets_of_labels(likeliest, channels), None, None, said.kind == "occupancy")
