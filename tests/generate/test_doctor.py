"""`scenegen doctor`: what it finds, what it measures in real scenes, and what it prints when something is missing."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from helpers.fault_runs import TINY
from scenegen.blender.devices import WorkerPlan
from scenegen.cli.main import cli
from scenegen.core.errors import UsageError
from scenegen.generate.doctor import Cost, Machine, shortages


def doctor(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["doctor", *map(str, arguments)], standalone_mode=False)


def test_it_measures_real_scenes_and_leaves_nothing(
    box_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    result = doctor(
        *("--preset", TINY, "--scenes", 1200, "--quality", "draft", "--workers", 2, "--device", "cpu"),
        *("--assets", box_library, "--out", tmp_path / "new/set", "--json"),
    )
    assert result.return_value == 0, result.output
    found = json.loads(result.stdout)
    assert (found["ok"], found["problems"], found["scenes"]) == (True, [], 1200)
    assert re.match(r"\d\.\d", found["blender"]["version"])
    for name, meaning in found["blender"]["missing"].items():
        assert f"Blender {found['blender']['version']} has no {name}: {meaning}" in found["notes"]
    assert not {"Draco", "meshopt", "KTX2"} & set(found["blender"]["missing"])
    assert found["plan"] == {"device": "cpu", "gpus": [], "workers": 2}
    models = {entry["name"]: (entry["train"], entry["test"]) for entry in found["models"]}
    assert models["chair"] == tuple(len(list(box_library.glob(f"chair_{split}_*"))) for split in ("train", "test"))
    cost = found["cost"]
    assert cost["measured"] == 6  # three of each of two Blenders
    assert cost["stage_seconds"]["render"] > 0
    assert cost["scene_seconds"] == pytest.approx(sum(cost["stage_seconds"].values()))
    assert cost["seconds"] == pytest.approx(1200 * cost["scene_seconds"] / 2)
    assert 1e3 < cost["packed_bytes"] < cost["scene_bytes"] < 1e8
    assert 1e8 < cost["peak_bytes"] < 4e9
    assert found["machine"]["disk"] == str(tmp_path)
    assert found["machine"]["disk_free"] == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)
    assert [p.name for p in tmp_path.iterdir()] == ["temporary"]
    assert not list((tmp_path / "temporary").glob("scenegen*"))


def test_no_library_is_a_problem_with_a_mend(tmp_path: Path) -> None:
    result = doctor("--preset", TINY, "--assets", tmp_path / "none", "--scenes", 5)
    assert result.return_value == 1
    assert re.search(r"problem: .*none: no asset library here; run `scenegen assets build", result.stdout)
    assert re.search(r"Blender +version +\d\.\d", result.stdout)
    assert re.search(r"Devices +chosen +\w+", result.stdout)
    assert result.stdout.splitlines()[-1] == "cannot generate 5 scenes of tiny here yet"


def test_no_blender_and_a_class_without_models(box_library: Path, tmp_path: Path) -> None:
    library = shutil.copytree(box_library, tmp_path / "library")
    for folder in library.glob("table_*"):
        shutil.rmtree(folder)
    result = doctor("--preset", TINY, "--assets", library, "--blender", tmp_path / "blender", "--json")
    assert result.return_value == 1
    found = json.loads(result.stdout)
    assert found["blender"] is None
    assert found["cost"] is None
    missing, lacking = found["problems"]
    assert missing.startswith(f"{tmp_path / 'blender'}: no such program")
    assert "no train asset of class table" in lacking
    assert "no test asset of class table" in found["notes"][0]


def test_bad_requests_are_usage_errors(box_library: Path) -> None:
    result = doctor("--preset", "castle", "--assets", box_library)
    assert isinstance(result.exception, UsageError)
    assert "castle" in str(result.exception)


def test_what_does_not_suffice() -> None:
    machine = Machine(8, 32 * 10**9, 10 * 10**9, "/data", 3 * 10**9)
    cost = Cost(1000, 3, 2.0, {"render": 2.0}, 500.0, 4e6, 1e5, 3e9)
    disk, memory = shortages(machine, cost, WorkerPlan("cpu", (), 4))
    assert disk == "/data: 4.0 GB for 1000 scenes, 3.0 GB free; make at most 750, or take --pack DIR (takes 0.1 GB)"
    assert shortages(machine, cost, WorkerPlan("cpu", (), 3), packed=True) == []
    full = Machine(8, 32 * 10**9, 10 * 10**9, "/data", 5 * 10**6)
    assert shortages(full, cost, WorkerPlan("cpu", (), 1))[0].endswith("make at most 1, or take another disk")
    assert shortages(Machine(8, 32 * 10**9, 10 * 10**9, "s3://bucket", None), cost, WorkerPlan("cpu", (), 1)) == []
    assert memory.endswith("run with --workers 3")
    assert shortages(machine, Cost(700, 3, 2.0, {}, 350.0, 4e6, 1e5, 1e9), WorkerPlan("cpu", (), 4)) == []
