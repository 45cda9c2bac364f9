"""What networks answered for the scenes of a data set, as `scenetrain evaluate --predictions` keeps it.

RUN/predictions/NAME/predictions.json, scene_000017.npz, ... (scenetrain.evaluation.predictions)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.info import DatasetInfo
from scenegen.core.decoding import decode_npz, read_file
from scenegen.core.errors import DamageError, ScenegenError
from scenegen.core.json_values import from_json, read_json
from scenegen.core.scene.scene import FrustumSpec, GridSpec

FORMAT = "scenetrain-predictions/1"
_AGAIN = "run `scenetrain evaluate --predictions` again"


@dataclass(frozen=True)
class DatasetNamed:
    """Which data set was predicted."""

    preset: str
    seed: int
    split: str
    library_checksum: str


@dataclass(frozen=True)
class PredictedScene:
    """One scene, or one camera of it, and how well it was predicted: IoU of all classes together and of each."""

    index: int
    camera: int | None
    iou: float | None
    classes: tuple[float | None, ...]


@dataclass(frozen=True)
class RunPredictions:
    """A run's predictions of a data set: predictions.json. `kind` is "occupancy", "masks" or "labels".

    It is of a box `grid`, or of the cameras' `frustum`.
    """

    run: str
    family: str
    title: str
    kind: str
    threshold: float | None
    classes: tuple[str, ...]
    grid: GridSpec | None
    frustum: FrustumSpec | None
    dataset: DatasetNamed
    scenes: tuple[PredictedScene, ...]


@dataclass(frozen=True)
class RunFolder:
    """The folder of a run's predictions of a data set, and what its predictions.json says."""

    folder: Path
    said: RunPredictions

    def read(self, index: int, camera: int | None) -> NDArray[np.uint8]:
        """The prediction of a scene (or of one of its cameras' frusta): uint8 (channels, X, Y, Z) hundredths, or of
        labels (X, Y, Z). DamageError when it is missing or damaged.
        """
        name = f"scene_{index:06d}" + ("" if camera is None else f"_camera_{camera}") + ".npz"
        path = self.folder / name
        try:
            return decode_npz(read_file(path), "prediction", np.uint8, 3 if self.said.kind == "labels" else 4)
        except FileNotFoundError as error:
            raise DamageError(f"{path}: missing; {_AGAIN}") from error
        except (OSError, ValueError) as error:
            raise DamageError(f"{path}: damaged ({str(error).splitlines()[0]}); {_AGAIN}") from error


def open_run(run: Path, path: Path | str, info: DatasetInfo) -> RunFolder:
    """The predictions that a run has of the data set at `path`.

    ScenegenError when it has none, or when its grid or classes are others.
    """
    found = sorted((run / "predictions").glob("*/predictions.json"))
    command = f"scenetrain evaluate {run} --data {path} --split {info.request.split} --predictions"
    if not run.is_dir():
        raise ScenegenError(f"{run}: there is no such folder; name a run that `scenetrain fit` made")
    for file in found:
        said = read_json(file, partial(from_json, RunPredictions), (FORMAT,), _AGAIN)
        if said.dataset == _named(info):
            _check_fits(file, said, info)
            return RunFolder(file.parent, said)
    others = f" (only of {', '.join(file.parent.name for file in found)})" if found else ""
    raise ScenegenError(f"{run}: has no predictions of {path}{others}; run `{command}`")


def read_run(folder: Path, info: DatasetInfo) -> RunPredictions | None:
    """What a folder's predictions.json says, None where there is none.

    ScenegenError when it is of another data set, or when its grid or classes are others.
    """
    file = folder / "predictions.json"
    if not file.is_file():
        return None
    said = read_json(file, partial(from_json, RunPredictions), (FORMAT,), _AGAIN)
    if said.dataset != _named(info):
        other = f"preset {said.dataset.preset}, seed {said.dataset.seed}, split {said.dataset.split}"
        raise ScenegenError(f"{file}: is of another data set ({other}); give that one, or evaluate the run on this one")
    _check_fits(file, said, info)
    return said


def _named(info: DatasetInfo) -> DatasetNamed:
    return DatasetNamed(info.request.preset, info.request.seed, info.request.split, info.library_checksum)


def _check_fits(file: Path, run: RunPredictions, info: DatasetInfo) -> None:
    if run.classes != info.classes:
        raise ScenegenError(
            f"{file}: its classes are {', '.join(run.classes)}, the data set's {', '.join(info.classes)}"
        )
    own = info.frustum if run.frustum else info.grid
    if own is None or own != (run.frustum or run.grid):
        shapes = [
            "none" if grid is None else str(grid.shape if isinstance(grid, GridSpec) else grid.size)
            for grid in (run.frustum or run.grid, own)
        ]
        raise ScenegenError(
            f"{file}: is of another grid ({shapes[0]}, the data set's is {shapes[1]}); evaluate the run on this "
            "data set again, or give a run of this grid"
        )
