"""One bad file hides no other: commands name all of them, go on with the whole scenes, and end with exit status 1."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.box_scenes import write_box_dataset, write_box_library
from scenegen import Dataset
from scenegen.core.dataset.folders import scene_path
from scenegen.core.dataset.shards import Packing
from scenegen.core.errors import SeveralErrors
from scenegen.steps.exchange.export import export
from scenegen.steps.pack import pack
from scenegen.steps.preview.sheets import write_preview
from scenegen.steps.stats import stats
from scenegen.steps.verify.verify import verify

WHOLE, CUT, NO_JSON, WRONG_SIZE = 0, 1, 2, 3
EXACT = Packing(image="png", quality=95, maps=True, shard_mb=100.0)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Four scenes: a whole one, an image cut short, a description that is none, masks of another shape."""
    path = write_box_dataset(tmp_path / "set", 4)
    cut = scene_path(path, CUT) / "instance_0.png"
    cut.write_bytes(cut.read_bytes()[:90])
    (scene_path(path, NO_JSON) / "scene.json").write_text('{"format": "scenegen/1", "seed": ' + "[" * 99_999)
    masks = scene_path(path, WRONG_SIZE) / "masks.npy"
    masks.write_bytes((scene_path(path, WRONG_SIZE) / "occupancy.npy").read_bytes())
    return path


def named(lines: tuple[str, ...]) -> set[int]:
    """The scenes whose files some lines name; each is one line."""
    assert not any("\n" in line for line in lines)
    return {int(match[1]) for line in lines if (match := re.search(r"scene_(\d+)/\w+\.\w+: damaged \(.+\); ", line))}


def test_stats_count_the_whole_scenes(damaged: Path) -> None:
    for workers in (1, 2):
        found = stats(damaged, workers=workers)
        assert named(found.damage) == {NO_JSON, WRONG_SIZE}  # stats reads no instances
        assert (found.scenes, found.asked) == (2, 4)
    command = [sys.executable, "-m", "scenegen.cli.main", "stats", str(damaged), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["scenes"] == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("stats ")]  # progress
    assert named(tuple(lines)) == {NO_JSON, WRONG_SIZE}
    assert all(line.startswith("scenegen: /") for line in lines)


def test_preview_shows_the_whole_scenes(damaged: Path) -> None:
    with pytest.raises(SeveralErrors) as caught:
        write_preview(damaged)
    *lines, last = caught.value.args
    assert named(tuple(lines)) == {CUT, NO_JSON, WRONG_SIZE}
    assert last.endswith("index.html: shows the other 1 scenes")
    assert sorted(path.name for path in (damaged / "preview").glob("scene_*")) == ["scene_000000.png"]


def test_pack_packs_the_whole_scenes_and_later_the_others(damaged: Path, tmp_path: Path) -> None:
    out = tmp_path / "packed"
    with pytest.raises(SeveralErrors, match="nothing was deleted") as caught:
        pack(damaged, out, EXACT, delete=True)
    assert named(caught.value.args) == {CUT, NO_JSON, WRONG_SIZE}
    assert Dataset(out).indices == [WHOLE]
    assert len(Dataset(damaged)) == 4
    for index in (CUT, NO_JSON, WRONG_SIZE):
        for file in scene_path(write_box_dataset(tmp_path / f"again_{index}", 4), index).iterdir():
            file.replace(scene_path(damaged, index) / file.name)
    assert pack(damaged, out, EXACT, delete=True).deleted == 4
    assert Dataset(out).indices == [0, 1, 2, 3]


@pytest.mark.parametrize("json_is_whole", [True, False])
def test_export_names_all_and_makes_nothing(damaged: Path, tmp_path: Path, json_is_whole: bool) -> None:
    if json_is_whole:
        again = write_box_dataset(tmp_path / "again", 4)
        (scene_path(again, NO_JSON) / "scene.json").replace(scene_path(damaged, NO_JSON) / "scene.json")
        image = scene_path(damaged, WRONG_SIZE) / "instance_2.png"
        image.write_bytes(image.read_bytes()[:90])
    with pytest.raises(SeveralErrors, match="not written; the same command continues") as caught:
        export(damaged, tmp_path / "coco", "coco")
    assert named(caught.value.args) == ({CUT, WRONG_SIZE} if json_is_whole else {CUT, NO_JSON})
    assert not (tmp_path / "coco").exists()


def test_verify_names_every_file(damaged: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    write_box_library(library)
    (library / "chair_box" / "mesh.npz").write_bytes(b"PK")
    (damaged / "timings.csv").write_text("index,stage\n0,render\n")
    (damaged / "fingerprints.json").write_text('{"format": "scenegen-fingerprints/1", "models": {"a": 3}}')
    report = verify(damaged, assets=library)
    assert named(tuple(fault.detail for fault in report.faults)) == {CUT, NO_JSON, WRONG_SIZE}
    whole = [fault.detail for fault in report.faults if fault.scene is None]
    for file in ("timings.csv: is damaged", "fingerprints.json: damaged", "chair_box/mesh.npz: damaged"):
        assert sum(file in detail for detail in whole) == 1
    (damaged / "dataset.json").write_text('{"format": "scenegen-dataset/1", "scenes": 1000000000000}')
    report = verify(damaged, assets=library)
    assert named(tuple(fault.detail for fault in report.faults)) == {CUT, NO_JSON, WRONG_SIZE}
    assert "dataset.json: damaged (preset: is missing)" in report.faults[0].detail


def test_verify_reads_whole_shards(damaged: Path, tmp_path: Path) -> None:
    """WebDataset reads what lies between the scenes, too."""
    out = tmp_path / "packed"
    with pytest.raises(SeveralErrors):
        pack(damaged, out, EXACT)
    shard = out / "shard-000000.tar"
    shard.write_bytes(shard.read_bytes()[:-1] + b"x")
    assert any("shard-000000.tar: its sha256 is not that in index.json" in f.detail for f in verify(out).faults)
