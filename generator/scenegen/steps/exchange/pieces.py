"""What all exports share: the survey of a data set, credits, and files that appear whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.credits import Credit, credits_text, scene_credits
from scenegen.core.dataset.reading import StoredScene
from scenegen.core.files import write_text
from scenegen.core.scene.scene import PlacedObject

SCALE_DECIMALS = 6
"""Sizes of one asset that differ by less than a micrometre a metre count as one."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Survey:
    """What one scene shows: its assets with their scale, and their credits."""

    assets: tuple[tuple[str, float], ...]
    credits: tuple[Credit, ...]


def survey(stored: StoredScene) -> Survey:
    """Look through a scene's description."""
    scene = stored.scene
    pairs = {(item.asset, split_pose(item)[1]) for item in scene.objects}
    return Survey(tuple(sorted(pairs)), tuple(scene_credits(stored)))


def split_pose(item: PlacedObject) -> tuple[Array, float, Array]:
    """An object's rotation (3, 3), uniform scale and translation (3,) in metres: asset frame to world."""
    matrix = np.array(item.matrix)
    scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
    u, _, vt = np.linalg.svd(matrix[:3, :3])  # the nearest rotation: its entries were rounded
    return u @ vt, round(scale, SCALE_DECIMALS), matrix[:3, 3]


def merged_credits(surveys: Iterable[Survey]) -> list[Credit]:
    """Credits of all models shown, one entry a model, sorted by name."""
    entries = {credit.name: credit for one in surveys for credit in one.credits}
    return [entries[name] for name in sorted(entries)]


def write_credits(folder: Path, credits: Sequence[Credit]) -> None:
    """CREDITS.txt for people and CREDITS.json for programs: every model shown, its author, licence and source."""
    head = "The images of this data set show the following models, under the licences named.\n\n"
    write_text(folder / "CREDITS.txt", head + credits_text(credits))
    write_text(folder / "CREDITS.json", credits_text(credits, "json"))


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill that takes the place of `folder` afterwards, or is gone when something went wrong."""
    aside = folder.with_name(f".{folder.name}-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    try:
        yield aside
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def image_suffix(content: bytes) -> str:
    """The file name's end that an encoded image asks for."""
    return ".png" if content.startswith(b"\x89PNG") else ".jpg"


def box_of(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """First column, first row, last column, last row of a mask's true pixels; it must have some."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])
