"""The wheel holds all that generation needs, and the package imports without bpy."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [*(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"), str(ROOT)]
    subprocess.run([*command, "--wheel-dir", str(folder)], check=True, capture_output=True)
    (path,) = folder.glob("scenegen-*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_code_presets_and_blender_scripts(wheel: set[str]) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", "generator/scenegen", "blender_scripts", "assets_manifest"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    expected = {name.removeprefix("generator/") for name in tracked}
    assert {
        "scenegen/core/preset/studio.toml",
        "assets_manifest/studio.json",
        "blender_scripts/generate.py",
    } <= expected
    assert expected <= wheel
    assert any(name.endswith("licenses/LICENSE") for name in wheel)


def test_the_wheel_holds_nothing_else(wheel: set[str]) -> None:
    packages = {"scenegen", "blender_scripts", "assets_manifest", "scenetrain"}
    assert {name.split("/")[0].split("-")[0] for name in wheel} == packages
    assert not [name for name in wheel if "__pycache__" in name]


def test_reading_a_data_set_needs_neither_bpy_nor_dask() -> None:
    code = (
        "import sys; import scenegen.core.dataset.reading, scenegen.core.labels.voxelize, scenegen.cli.main;"
        "print(sorted({'bpy', 'distributed', 'torch', 'trimesh'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
