"""Labels of cells in the layouts of benchmarks, as `scenegen export` writes them and as predictions of them are kept.

A prediction has the truth's place below its own folder, and its form: `gts/scene-0000/TOKEN/labels.npz` of Occ3D, say,
needs no masks, only `semantics`.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.core.decoding import decode_npy, decode_npz, npz_names, read_file
from scenegen.core.errors import DamageError
from scenegen.steps.exchange import occ3d, semantickitti, surroundocc, uniocc

Cells = NDArray[Any]

_DRIVEN = (
    *("barrier", "bicycle", "bus", "car", "construction vehicle", "motorcycle", "pedestrian", "traffic cone"),
    *("trailer", "truck", "driveable surface", "other flat", "sidewalk", "terrain", "manmade", "vegetation"),
)
_KITTI = (
    *("car", "bicycle", "motorcycle", "truck", "other vehicle", "person", "bicyclist", "motorcyclist", "road"),
    *("parking", "sidewalk", "other ground", "building", "fence", "vegetation", "trunk", "terrain", "pole"),
    "traffic sign",
)
_ROOM = (*("ceiling", "floor", "wall", "window", "chair", "bed", "sofa", "table", "tvs", "furniture", "objects"),)
_UNKNOWN = 255
_ANY: Any = np.generic
_WHOLE: Any = np.integer


@dataclass(frozen=True)
class CellFile:
    """One file: `labels` 0 = empty, n + 1 = class n of its layout; cells that are scored, and those that are seen."""

    labels: Cells
    scored: NDArray[np.bool_] | None = None
    seen: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Layout:
    """A benchmark's labels: files by `pattern` below a folder, the names of its classes, and how a file is read."""

    pattern: str
    classes: tuple[str, ...]
    read: Callable[[Path], CellFile]


def read_cells(layout: Layout, path: Path) -> CellFile:
    """Read one file. DamageError when it is not of the layout."""
    try:
        found = layout.read(path)
        lowest, highest = int(found.labels.min(initial=0)), int(found.labels.max(initial=0))
        if lowest < 0:
            raise ValueError(f"has a class below 0, {lowest}")
        if highest > len(layout.classes):
            raise ValueError(f"has class {highest - 1} of its own numbers, beyond {layout.classes[-1]}, the last")
    except (OSError, ValueError) as error:
        raise DamageError(f"{path}: {str(error).splitlines()[0]}") from error
    return found


def _occ3d(path: Path) -> CellFile:
    return _dense_npz(path, "semantics", "mask_camera", occ3d.GRID.shape, occ3d.FREE)


def _uniocc(path: Path) -> CellFile:
    return _dense_npz(path, "occ_label", "occ_mask_camera", uniocc.GRID.shape, uniocc.FREE)


def _dense_npz(path: Path, name: str, mask: str, shape: tuple[int, ...], free: int) -> CellFile:
    content = read_file(path)
    own = _whole(decode_npz(content, name, _WHOLE, 3), shape).astype(np.int64)
    if own.min() < 0 or own.max() > free:
        wrong = own.min() if own.min() < 0 else own.max()
        raise ValueError(f"`{name}` has {wrong}; classes are 0 to {free - 1}, and {free} is free")
    labels = np.where(own == free, 0, own + 1)
    seen = decode_npz(content, mask, _ANY, 3) != 0 if mask in npz_names(content) else None
    return CellFile(labels, seen=None if seen is None else _whole(seen, shape))


def _surroundocc(path: Path) -> CellFile:
    rows = decode_npy(read_file(path), _WHOLE, 2)
    shape = surroundocc.GRID.shape
    if rows.shape[1] != 4 or (len(rows) and not ((rows[:, :3] >= 0) & (rows[:, :3] < shape)).all()):
        raise ValueError(f"rows of {rows.shape[1]} numbers; write x, y, z and class, cells of a grid of {shape}")
    labels = np.zeros(shape, np.int64)
    labels[tuple(rows[:, :3].T)] = rows[:, 3]
    unknown = np.zeros(shape, np.bool_)
    unknown[tuple(rows[rows[:, 3] == 0, :3].T)] = True
    return CellFile(labels, scored=~unknown)


def _semantickitti(path: Path) -> CellFile:
    shape = semantickitti.GRID.shape
    own = _whole(_binary(path, np.dtype("<u2"), shape).reshape(shape), shape)
    learned = np.zeros(2**16, np.uint8)
    learned[list(semantickitti.LEARNING_MAP)] = list(semantickitti.LEARNING_MAP.values())
    invalid = path.with_suffix(".invalid")
    scored = None
    if invalid.is_file():
        bits = np.frombuffer(read_file(invalid), np.uint8)
        if bits.size != own.size // 8:
            raise ValueError(f"{invalid.name} has {bits.size} bytes, not {own.size // 8}")
        scored = np.unpackbits(bits).reshape(shape) == 0
    return CellFile(learned[own], scored=scored)


def _rooms(path: Path) -> CellFile:
    body = _Plain(io.BytesIO(read_file(path))).load()
    labels = body.get("target_1_4") if isinstance(body, dict) else None
    if not isinstance(labels, np.ndarray) or labels.ndim != 3 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError("has no `target_1_4`, integers of three axes")
    unknown = labels == _UNKNOWN
    return CellFile(np.where(unknown, 0, labels), scored=~unknown)


class _Plain(pickle.Unpickler):
    """Reads dicts, texts, numbers and numpy's arrays: a pickle of anything else may run code of whoever made it."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] == "numpy" and name in ("_reconstruct", "ndarray", "dtype", "scalar"):
            return super().find_class(module, name)
        raise ValueError(f"holds {module}.{name}; only numbers, texts and arrays are read from a pickle")

    def load(self) -> Any:
        try:
            return super().load()
        except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError) as error:
            raise ValueError("is no pickle of arrays") from error


def _binary(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Cells:
    content = read_file(path)
    wanted = int(np.prod(shape)) * dtype.itemsize
    if len(content) != wanted:
        raise ValueError(f"has {len(content)} bytes, a grid of {shape} has {wanted}")
    return np.frombuffer(content, dtype)


def _whole(array: Cells, shape: tuple[int, ...]) -> Cells:
    if array.shape != shape:
        raise ValueError(f"is {array.shape}, the layout's grid is {shape}")
    return array


LAYOUTS: Mapping[str, Layout] = {
    "monoscene-nyu": Layout("preprocess/base/*/*.pkl", _ROOM, _rooms),
    "occ3d": Layout("gts/*/*/labels.npz", ("others", *_DRIVEN), _occ3d),
    "occscannet": Layout("gathered_data/*/*.pkl", _ROOM, _rooms),
    "semantickitti": Layout("dataset/sequences/*/voxels/*.label", _KITTI, _semantickitti),
    "surroundocc": Layout("nuscenes_occ/samples/*.npy", _DRIVEN, _surroundocc),
    "uniocc": Layout(
        "*/*.npz",
        (
            *("others", "vehicle", "bicycle", "motorcycle", "pedestrian", "traffic cone", "vegetation", "road"),
            *("terrain", "building"),
        ),
        _uniocc,
    ),
}
