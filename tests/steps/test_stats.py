"""Statistics of a data set against counts made here."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.box_scenes import CLASSES, PIXELS, ROOM, SIZES, write_box_dataset
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.timings import append_timings
from scenegen.core.errors import ScenegenError
from scenegen.steps.stats import stats


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("boxes") / "set", 2)


def test_counts_are_those_of_the_scenes(boxes: Path) -> None:
    found = stats(boxes)
    assert (found.scenes, found.asked, found.objects, found.children, found.skipped) == (2, 2, 12, 4, 0)
    assert found.objects_per_scene == {6: 2}
    assert found.seen_share == 1.0
    assert [c.name for c in found.classes] == list(CLASSES)
    assert {(c.objects, c.scenes, c.assets, c.seen, c.skipped) for c in found.classes} == {(2, 2, 1, 2, 0)}
    size = sum(p.stat().st_size for index in (0, 1) for p in scene_path(boxes, index).iterdir())
    assert found.megabytes_per_scene == pytest.approx(size / 2e6)
    assert json.loads(json.dumps(found.to_json()))["classes"][5]["name"] == "human"


def test_shares_are_those_of_the_labels(boxes: Path) -> None:
    found = stats(boxes)
    masks = np.stack([scene.masks for scene in Dataset(boxes)])
    assert found.occupied_share == pytest.approx(masks.any(axis=-1).mean())
    assert [c.cell_share for c in found.classes] == pytest.approx((masks.sum(axis=(0, 1, 2, 3)) / masks.sum()).tolist())
    pixels = np.stack([scene.instance(k) for scene in Dataset(boxes) for k in range(3)])
    assert found.classes[5].pixel_share == pytest.approx((pixels == 4).sum() / pixels.size)
    boxes_volume = sum(float(np.prod(size)) for size in SIZES.values())
    assert found.occupied_share
    assert boxes_volume / np.prod(ROOM) < found.occupied_share < 2.5 * boxes_volume / np.prod(ROOM)


def test_the_room_seen_is_what_rays_reach(boxes: Path, tmp_path: Path) -> None:
    """With one camera's depth all at the image plane, only the other two see anything."""
    whole = stats(boxes).room_seen_share
    assert whole
    assert 0.9 < whole <= 1.0
    blind = Path(shutil.copytree(boxes, tmp_path / "blind"))
    from PIL import Image

    for index in (0, 1):
        for k in range(3):
            Image.fromarray(np.ones((PIXELS, PIXELS), np.uint16)).save(scene_path(blind, index) / f"depth_{k}.png")
    assert stats(blind).room_seen_share == 0.0


def test_times_are_means_per_stage(boxes: Path, tmp_path: Path) -> None:
    timed = Path(shutil.copytree(boxes, tmp_path / "timed"))
    assert stats(timed).seconds == {}
    append_timings(timed, 0, {"render": 3.0, "labels": 0.5})
    append_timings(timed, 1, {"render": 5.0, "labels": 0.7})
    append_timings(timed, 1, {"render": 4.0, "labels": 0.7})
    assert stats(timed).seconds == pytest.approx({"render": 3.5, "labels": 0.6})
    (timed / "timings.csv").write_text("index,stage,seconds\n0,render,soon\n")
    found = stats(timed)
    assert (found.seconds, found.scenes) == ({}, 2)
    assert re.search(r"timings\.csv: is damaged .*; rename it", found.damage[0])


def test_workers_change_nothing(boxes: Path) -> None:
    assert stats(boxes, workers=2) == stats(boxes)


def test_presets_without_a_box_grid(tmp_path: Path) -> None:
    path = write_box_dataset(tmp_path / "set", 1, grid=None)
    found, scene = stats(path), Dataset(path)[0]
    frusta = np.stack([scene.frustum(k) for k in range(3)])
    assert found.views == 3
    assert found.occupied_share == pytest.approx((frusta > 0).mean())
    assert found.room_seen_share is None
    shares = [(frusta == label).sum() / (frusta > 0).sum() for label in range(1, len(scene.classes) + 1)]
    assert [c.cell_share for c in found.classes] == pytest.approx(shares)


def test_nothing_to_count(boxes: Path, tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="no data set here"):
        stats(tmp_path)
    empty = Path(shutil.copytree(boxes, tmp_path / "empty", ignore=shutil.ignore_patterns("scene_*")))
    with pytest.raises(ScenegenError, match="has no scenes yet"):
        stats(empty)
