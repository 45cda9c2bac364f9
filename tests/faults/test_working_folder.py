"""A folder with strangers' Python files in it: no command runs them, however many processes it starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fault_runs import command
from helpers.model_files import chair
from scenegen import Dataset
from scenegen.core.import_path import child_environment, protect_imports

BIN = Path(sys.executable).parent
OURS = ("scenegen", "scenetrain", "blender_scripts", "sitecustomize", "usercustomize")
THEIRS = (
    "bpy",
    "cc3d",
    "click",
    "collada",
    "dask",
    "distributed",
    "DracoPy",
    "fast_simplification",
    "io_scene_fbx",
    "jinja2",
    "mathutils",
    "meshopt",
    "numba",
    "numpy",
    "opengl_basisu",
    "PIL",
    "pip",
    "psutil",
    "rich",
    "scipy",
    "torch",
    "trimesh",
)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module of each name that Python, its libraries or these programs may import."""
    folder = tmp_path_factory.mktemp("planted")
    plant(folder, {*sys.stdlib_module_names, *OURS, *THEIRS})
    return folder


def plant(folder: Path, names: set[str]) -> None:
    for name in names:
        note = f'open({str(folder / "ran.txt")!r}, "a").write("{name}\\n")\n'
        (folder / f"{name}.py").write_text(note + 'raise ImportError("a planted module")\n')


def shell() -> dict[str, str]:
    """A user's environment: another test may have called a command in this process, which protects its children."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}


@pytest.fixture
def nothing_ran(planted: Path) -> Iterator[None]:
    yield
    ran = planted / "ran.txt"
    names = ran.read_text().split() if ran.exists() else []
    ran.unlink(missing_ok=True)
    assert names == []


def ended_well(folder: Path, *words: object, **variables: str) -> None:
    done = subprocess.run(
        [*map(str, words)], cwd=folder, capture_output=True, text=True, env={**shell(), **variables}, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_planted_modules_would_run(planted: Path) -> None:
    """Python itself imports them here: the other tests would see it."""
    subprocess.run(
        [sys.executable, "-c", "import argparse"], cwd=planted, env=shell(), capture_output=True, check=False
    )
    assert (planted / "ran.txt").read_text().split() == ["argparse"]
    (planted / "ran.txt").unlink()


@pytest.mark.usefixtures("nothing_ran")
def test_models_are_imported_and_drawn(planted: Path, tmp_path: Path) -> None:
    chair().export(tmp_path / "chair.stl")
    add = ("add", "--class", "chair", "--up", "z", tmp_path / "chair.stl", "--assets", tmp_path / "library")
    ended_well(planted, BIN / "scenegen", "assets", *add)
    sheet = ("sheet", tmp_path / "sheet.png", "--assets", tmp_path / "library", "--size", 32, "--samples", 1)
    ended_well(planted, BIN / "scenegen", "assets", *sheet)
    assert (tmp_path / "sheet.png").exists()


@pytest.mark.usefixtures("nothing_ran")
def test_scenes_are_made(planted: Path, box_library: Path, tmp_path: Path) -> None:
    ended_well(planted, *command(tmp_path / "out", box_library, 2, "--workers", "2", fake=False))
    assert len(Dataset(tmp_path / "out")) == 2


@pytest.mark.usefixtures("nothing_ran")
@pytest.mark.parametrize(
    "words",
    [
        ("scenegen", "preview", "SET", "--out", "OUT"),
        ("scenegen", "verify", "SET", "--workers", "2"),
        ("scenegen", "pack", "SET", "OUT", "--workers", "2"),
        ("scenegen", "export", "SET", "OUT", "--format", "coco", "--workers", "2"),
        ("scenetrain", "fit", "--help"),
        ("scenetrain", "report", "--help"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_data_set_is_read(words: tuple[str, ...], planted: Path, box_set: Path, tmp_path: Path) -> None:
    places = {"SET": str(box_set), "OUT": str(tmp_path / "out")}
    ended_well(planted, BIN / words[0], *(places.get(word, word) for word in words[1:]))
    assert (tmp_path / "out").exists() == ("OUT" in words)


@pytest.mark.usefixtures("nothing_ran")
def test_blenders_are_probed(planted: Path) -> None:
    done = subprocess.run(
        [BIN / "scenegen", "doctor"], cwd=planted, env=shell(), capture_output=True, text=True, check=False
    )
    assert "Blender" in done.stdout
    if blender := shutil.which("blender"):
        ended_well(planted, BIN / "scenegen", "blender-setup", "--blender", blender)


def test_empty_parts_of_pythonpath(tmp_path: Path) -> None:
    """They stand for the working folder, before the standard library."""
    plant(tmp_path, {"argparse", "click", "numpy", "bpy"})
    path = {"PYTHONPATH": f"{os.environ.get('PYTHONPATH', '')}:"}
    ended_well(tmp_path, BIN / "scenegen", "verify", "--help", **path)
    ended_well(tmp_path, BIN / "scenegen", "blender-setup", "--help", **path)
    subprocess.run(
        [BIN / "scenegen", "doctor"], cwd=tmp_path, env={**shell(), **path}, capture_output=True, check=False
    )
    assert not (tmp_path / "ran.txt").exists()


def test_what_a_child_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "/opt/lib", ".", "lib", ""]))
    assert child_environment()["PYTHONPATH"] == os.pathsep.join(["/opt/lib", "lib"])
    assert child_environment()["PYTHONSAFEPATH"] == "1"


def test_this_process_forgets_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(sys, "path", ["", str(tmp_path), "/opt/lib"])
    protect_imports()
    assert sys.path == ["/opt/lib"]


@pytest.mark.parametrize("content", ["cache_dir: {place}", "[1, 2]"])
def test_numbas_settings_of_the_working_folder_are_not_read(tmp_path: Path, content: str) -> None:
    """They may name a folder of cached code, which numba unpickles; and damaged ones stop its import."""
    (tmp_path / ".numba_config.yaml").write_text(content.format(place=tmp_path / "cache"))
    code = (
        "import yaml, scenegen.core.compiled as c\n"
        "assert c.compiled(lambda x: x + 1)(2) == 3\n"
        "assert c.numba.config.CACHE_DIR == '' and yaml.safe_load('a: 1') == {'a': 1}"
    )
    ended_well(tmp_path, sys.executable, "-W", "error", "-c", code)
    assert not (tmp_path / "cache").exists()
