"""The `scenegen assets` commands, as a user types them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers.assets_command import run
from helpers.fault_runs import TINY
from helpers.model_files import chair, table
from PIL import Image
from scenegen.assets.sources import builtin as parametric
from scenegen.core.asset_library import list_assets
from scenegen.core.scene.classes import known_classes


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table, a chair and a broken file added in one go, which refuses the broken one alone."""
    folder = tmp_path_factory.mktemp("models")
    chair().export(folder / "a_chair.stl")
    (folder / "broken.glb").write_bytes(b"glTF nonsense")
    path = folder / "library"
    done = run("add", "--assets", path, "--class", "chair", "--author", "Jo", "--licence", "CC-BY-4.0", folder)
    assert done.returncode == 1, done.stderr
    assert "1 added, 1 refused" in done.stdout
    assert "a_chair" in done.stdout
    assert [line for line in done.stderr.splitlines() if line.startswith("refused:") and "broken.glb" in line]
    table().export(folder / "table.stl")
    done = run("add", "--assets", path, "--class", "table", "--split", "test", folder / "table.stl")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    return path


def test_list_and_credits(library: Path) -> None:
    listed = {row["name"]: row for row in json.loads(run("list", "--assets", library, "--json").stdout)}
    assert set(listed) == {"a_chair", "table"}
    assert listed["table"]["split"] == "test"
    assert listed["table"]["supports"] == [pytest.approx(0.75)]
    assert "a_chair" in run("list", "--assets", library, "--class", "chair").stdout
    text = run("credits", "--assets", library, "--format", "markdown").stdout
    assert "## CC-BY-4.0" in text
    assert "by Jo" in text
    entries = json.loads(run("credits", "--assets", library, "--format", "json").stdout)
    assert {entry["licence"] for entry in entries} == {"CC-BY-4.0", "unknown"}


def test_check_names_what_is_missing(library: Path) -> None:
    done = run("check", "--assets", library)
    assert done.returncode == 1
    assert "laptop/train" in done.stderr
    assert "licence:\n" in done.stdout and ": unknown" in done.stdout
    found = json.loads(run("check", "--assets", library, "--json").stdout)
    assert found["counts"]["chair"]["train"] + found["counts"]["chair"]["test"] == 1


def test_the_same_name_from_another_file_is_kept_apart(library: Path, tmp_path: Path) -> None:
    other = tmp_path / "a_chair.stl"
    mesh = chair()
    mesh.apply_scale(1.05)
    mesh.export(other)
    for _ in range(2):
        assert run("add", "--assets", library, "--class", "chair", other).returncode == 0
    assert {asset.name for asset in list_assets(library)} == {"a_chair", "a_chair_2", "table"}
    done = run("drop", "--assets", library, "a_chair_2", "--why", "a test")
    assert done.returncode == 0
    assert "a test" in (library / "dropped.jsonl").read_text()
    assert {asset.name for asset in list_assets(library)} == {"a_chair", "table"}


def test_six_commands_at_once_keep_six_models(tmp_path: Path) -> None:
    """Files of the same name, different models: every command must see the names and splits that the others chose."""
    files = [tmp_path / str(number) / "chair.stl" for number in range(6)]
    for number, file in enumerate(files):
        file.parent.mkdir()
        mesh = chair()
        mesh.apply_transform(np.diag([1.0, 1.0, 0.8 + 0.15 * number, 1.0]))
        mesh.export(file)
    library = tmp_path / "library"
    command = [sys.executable, "-c", "from scenegen.cli.main import main; main()", "assets", "add", "--class", "chair"]
    running = [
        subprocess.Popen([*command, "--assets", library, file], stdout=subprocess.PIPE, text=True) for file in files
    ]
    for process in running:
        output, _ = process.communicate()
        assert process.returncode == 0 and "1 added, 0 refused" in output
    assets = list_assets(library)
    assert {asset.name for asset in assets} == {"chair", *(f"chair_{number}" for number in range(2, 7))}
    assert {asset.provenance.checksum for asset in assets} == {
        hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }
    assert {asset.split for asset in assets} == {"train", "test"}
    assert sorted(asset.size[2] for asset in assets) == pytest.approx(
        [0.9 * (0.8 + 0.15 * n) for n in range(6)], abs=1e-3
    )


def test_sheet(library: Path, tmp_path: Path) -> None:
    done = run("sheet", "--assets", library, "--size", "64", "--samples", "1", tmp_path / "sheet.png")
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.width == 64
        assert len(image.getcolors(1 << 20) or []) > 100


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("add", "none.glb"), 1, "no such file"),
        (("add", "none.sh3f"), 1, "not a readable"),
        (("add",), 2, "PATHS"),
        (("list", "--assets", "/nowhere"), 1, "assets build"),
        (("sheet", "sheet.txt"), 2, "name an image file"),
        (("check", "--preset", "palace", "--assets", "."), None, "palace"),
        (("drop", "nothing", "--why", "x", "--assets", "."), 1, "no asset"),
        (("build", "--assets", "/proc/x"), 1, "cannot be written"),
        (("build", "--preset", "palace"), 2, "unknown preset 'palace'"),
        (("add", "--class", "../up", "x.stl"), 2, "a class is made of letters"),
        (("add", "--class", "chair", "--height", "nan", "x.stl"), 2, "nan is no finite number"),
        (("add", "--class", "chair", "--scale", "inf", "x.stl"), 2, "inf is no finite number"),
    ],
)
def test_bad_arguments(tmp_path: Path, words: tuple[str, ...], status: int | None, said: str) -> None:
    extra = () if "--assets" in words or words[0] == "sheet" else ("--assets", str(tmp_path / "l"))
    done = run(*words, *extra)
    assert done.returncode == status or (status is None and done.returncode in (1, 2))
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_not_known_of_a_class_of_ones_own_is_said(tmp_path: Path) -> None:
    """And of a folder, the meshes for collisions and what is not read are passed over by name."""
    folder = tmp_path / "kit"
    folder.mkdir()
    chair().export(folder / "rover_visual.glb")
    chair().export(folder / "rover_collision.glb")
    (folder / "wheel.3ds").write_bytes(b"MM")
    done = run("add", "--assets", tmp_path / "l", "--class", "rover", folder)
    assert done.returncode == 0, done.stderr
    assert re.search(r"passed over, types that are not read.*\(1\): wheel.3ds", done.stderr)
    assert "of class rover no usual size and no front are known" in done.stderr
    assert re.search(r"passed over, meshes for collisions .*\(1\): rover_collision.glb", done.stderr)
    assert "1 added, 0 refused" in done.stdout


def test_class_is_asked_for(library: Path, tmp_path: Path) -> None:
    chair().export(tmp_path / "x.stl")
    done = run("add", "--assets", library, tmp_path / "x.stl")
    assert done.returncode == 2
    assert "--class" in done.stderr


def test_help_has_examples() -> None:
    for command in ("build", "add", "fetch", "list", "check", "credits", "sheet", "drop"):
        assert "Example" in run(command, "--help").stdout


def test_built_in_models_of_a_preset_of_ones_own() -> None:
    assert {recipe.class_name for recipe in parametric.recipes(str(TINY))} == {"chair", "table", "bag"}


def test_built_in_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few of each class: made once, kept the second time, made again when their code has changed."""
    few = {
        name: dataclasses.replace(entry, built_in=dataclasses.replace(entry.built_in, train=2, test=2))
        for name, entry in known_classes().items()
        if entry.built_in
    }
    monkeypatch.setattr(parametric, "known_classes", lambda: few)
    todo = parametric.missing(tmp_path)
    assert len(todo) == 24
    assert sorted(str(name) for name in parametric.build(tmp_path, todo, 1)) == sorted(r.name for r in todo)
    assert parametric.missing(tmp_path) == ()
    assets = list_assets(tmp_path)
    families = {split: {a.family for a in assets if a.split == split} for split in ("train", "test")}
    assert not families["train"] & families["test"]
    for asset in assets:
        if asset.class_name in ("table", "nightstand"):
            assert asset.supports[0].height == asset.size[2], asset.name
    monkeypatch.setattr(parametric, "_code", lambda: "other code")
    assert len(parametric.missing(tmp_path)) == 24
