"""What a data set shows: its assets at their sizes, and who made them. Every export starts here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.core.dataset.credits import Credit, credits_text, scene_credits
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_text
from scenegen.core.scene.scene import PlacedObject

SCALE_DECIMALS = 6
"""Two scales of one asset are the same when they are equal after rounding to so many decimals."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SceneSurvey:
    """What one scene shows: how many objects, its assets each with its scale, and their credits."""

    objects: int
    assets: tuple[tuple[str, float], ...]
    credits: tuple[Credit, ...]


@dataclass(frozen=True)
class ExportJob:
    """What a format starts from: `folder` to write into, every scene's survey, what --assets and --class-map name."""

    dataset: Dataset
    folder: Path
    surveys: Sequence[SceneSurvey]
    assets: Path | None
    class_map: Path | None = None


@dataclass(frozen=True)
class AssetPose:
    """Asset frame to world: x -> rotation @ (scale * x) + translation; rotation (3, 3), translation (3,) in metres."""

    rotation: Array
    scale: float
    translation: Array


def survey_scene(stored: StoredScene) -> SceneSurvey:
    """Read a scene's description; its images and labels stay unread."""
    scene = stored.scene
    pairs = {(item.asset, split_pose(item).scale) for item in scene.objects}
    return SceneSurvey(len(scene.objects), tuple(sorted(pairs)), tuple(scene_credits(stored)))


def split_pose(item: PlacedObject) -> AssetPose:
    """An object's matrix as rotation, uniform scale and translation."""
    matrix = np.array(item.matrix)
    scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
    u, _, vt = np.linalg.svd(matrix[:3, :3])  # the nearest rotation: its entries were rounded
    return AssetPose(u @ vt, round(scale, SCALE_DECIMALS), matrix[:3, 3])


def merged_credits(surveys: Iterable[SceneSurvey]) -> list[Credit]:
    """Credits of all models shown, one entry per model, sorted by name."""
    entries = {credit.name: credit for one in surveys for credit in one.credits}
    return [entries[name] for name in sorted(entries)]


def write_credits(folder: Path, credits: Sequence[Credit]) -> None:
    """CREDITS.txt for people and CREDITS.json for programs: every model shown, its author, licence and source."""
    head = "This data set shows the following models, under the licences named.\n\n"
    write_text(folder / "CREDITS.txt", head + credits_text(credits))
    write_text(folder / "CREDITS.json", credits_text(credits, "json"))
