"""The images that `restyle` painted, beside the rendered ones of a data set in folders."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.reading import Dataset
from scenegen.core.decoding import decode_png, read_file
from scenegen.core.errors import DamageError, ScenegenError
from scenegen.core.json_values import parse_object

Look = Literal["rendered", "restyled"]
RECORD = "restyled.json"
"""Beside the scenes: by which run, with which edges; how many images, once all are there."""
ImageChoice = Literal["rendered", "restyled", "both"]


def looks_of(images: ImageChoice) -> tuple[Look, ...]:
    """What `fit --images` shows of each view, in turn."""
    return ("rendered", "restyled") if images == "both" else (images,)


def restyled_name(view: int) -> str:
    """The file, in its scene's folder."""
    return f"image_restyled_{view}.png"


def read_restyled(folder: Path, view: int) -> NDArray[np.uint8]:
    """One view's image of a scene's folder, uint8 (H, W, 3). DamageError when it is missing or damaged."""
    path = folder / restyled_name(view)
    try:
        return decode_png(read_file(path), ("RGB",)).astype(np.uint8)
    except (OSError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise DamageError(f"{path}: cannot be read ({reason}); remove it and run `scenetrain restyle` again") from error


def is_finished(path: Path) -> bool:
    """Whether `restyle` came to its end in a folder."""
    try:
        return "images" in parse_object(read_file(path / RECORD))
    except (OSError, ValueError):
        return False


def check_restyled(dataset: Dataset, positions: Iterable[int], views: int) -> None:
    """ScenegenError unless the first `views` views of all these scenes have a restyled image."""
    if dataset.packing:
        raise ScenegenError(
            f"{dataset.path}: is packed, and holds no restyled images; restyle the folders it was packed from, and "
            "give that OUT as --data"
        )
    folders = [scene_path(dataset.path, dataset.indices[position]) for position in positions]
    bare = [folder for folder in folders if not all((folder / restyled_name(k)).is_file() for k in range(views))]
    if not bare:
        return
    if len(bare) == len(folders):
        raise ScenegenError(
            f"{dataset.path}: has no restyled images; run `scenetrain restyle` and give its OUT, or take "
            "--images rendered"
        )
    raise ScenegenError(
        f"{dataset.path}: {len(bare)} of {len(folders)} scenes have not all their restyled images, such as "
        f"{bare[0].name}; run the same `scenetrain restyle` again, which makes the others"
    )
