"""Rows of the overview that are kept between two looks: used while a scene is as it was, and never in the data set."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.box_scenes import write_box_dataset
from scenegen.core.dataset.packing import Packing
from scenegen.steps.pack import pack
from scenegen.steps.viewer import rows
from scenegen.steps.viewer.kept_rows import cache_file
from scenegen.steps.viewer.view import open_source


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_box_dataset(tmp_path_factory.mktemp("kept") / "set", 2)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(rows, "LEAST_KEPT", 1)
    return tmp_path / "cache"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The scenes whose files were read for their rows."""
    found: list[int] = []
    plain = rows._row

    def noted(source: Any, index: int, seconds: Any) -> Any:
        found.append(index)
        return plain(source, index, seconds)

    monkeypatch.setattr(rows, "_row", noted)
    return found


def look(path: Path) -> dict[str, Any]:
    found = rows.Rows(open_source(path))
    found.start()
    found.wait()
    found.close()
    return found.since(0, 99)


@pytest.mark.parametrize("packed", [False, True])
def test_a_second_look_reads_only_what_was_changed(boxes: Path, tmp_path: Path, read: list[int], packed: bool) -> None:
    path = Path(shutil.copytree(boxes, tmp_path / "set"))
    if packed:
        path = tmp_path / "packed"
        pack(boxes, path, Packing("png", 95, False, 100.0))
    files = sorted(path.rglob("*"))
    first = look(path)
    assert read == [0, 1]
    assert look(path) == first
    assert read == [0, 1]
    assert sorted(path.rglob("*")) == files
    changed = path / "shard-000000.tar" if packed else path / "scenes" / "scene_000001" / "image_1.png"
    content = changed.read_bytes()
    changed.write_bytes(content[:-3000])
    os.utime(changed, ns=(1, 1))
    again = look(path)
    assert read[2:] == ([0, 1] if packed else [1])
    assert "1" in again["damage"]
    del read[:]
    changed.write_bytes(content)
    assert look(path)["damage"] == {}
    assert read  # what was damaged was not kept


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "scenegen-rows/1"}', "old", "deep"])
def test_a_file_that_does_not_fit_is_made_again(boxes: Path, read: list[int], content: str) -> None:
    first = look(boxes)
    file = cache_file(boxes)
    body = json.loads(file.read_text())
    texts = {"old": json.dumps({**body, "format": "scenegen-rows/0"}), "deep": "[" * 100_000}
    file.write_text(texts.get(content, content))
    assert look(boxes) == first
    assert read == [0, 1, 0, 1]
    assert json.loads(file.read_text()) == body


def test_a_cache_that_cannot_be_written_costs_time_alone(boxes: Path, cache: Path, read: list[int]) -> None:
    cache.write_text("a file")
    assert look(boxes) == look(boxes)
    assert read == [0, 1, 0, 1]
