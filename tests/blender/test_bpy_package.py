"""A Python without a bpy package is told so in one line, whatever was asked of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from scenegen.core import bpy_package
from scenegen.core.bpy_package import LONG_TERM_BLENDERS, bpy_problem

ROOT = Path(__file__).parents[2]
# Python takes a module that is None in sys.modules for one that is not installed.
WITHOUT_BPY = "import sys; sys.modules['bpy'] = None; sys.argv[1:] = {arguments!r}; "
SCENEGEN = "from scenegen.cli.main import main; main()"
SCRIPT = f"import runpy; runpy.run_path({str(ROOT / 'blender_scripts' / 'generate.py')!r}, run_name='__main__')"


def test_only_a_python_without_the_package_has_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bpy_problem("do this") is None
    monkeypatch.setitem(sys.modules, "bpy", None)
    for python, blender in LONG_TERM_BLENDERS.items():
        monkeypatch.setattr(bpy_package.sys, "version_info", tuple(map(int, python.split("."))))
        assert f"`pip install 'bpy=={blender}.*'`, or do this" in (bpy_problem("do this") or "")
    monkeypatch.setattr(bpy_package.sys, "version_info", (3, 12))
    assert bpy_problem("do this") == "there is no bpy package for Python 3.12, only for 3.11 and 3.13: do this"


@pytest.mark.parametrize(
    ("program", "arguments", "advice"),
    [
        (SCENEGEN, ["generate", "--scenes", "1"], "--blender EXE"),
        (SCENEGEN, ["assets", "add", "--class", "chair", "model.stl"], "name a Blender with --blender EXE"),
        (SCENEGEN, ["assets", "sheet", "sheet.png"], "name a Blender with --blender EXE"),
        (SCRIPT, ["--scenes", "1"], "run this script in a Blender"),
    ],
)
def test_commands_say_it_in_one_line(
    program: str, arguments: list[str], advice: str, tmp_path: Path, box_library: Path
) -> None:
    (tmp_path / "model.stl").write_bytes(bytes(84))
    code = WITHOUT_BPY.format(arguments=[*arguments, "--assets", str(box_library)]) + program
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "the bpy package is not installed" in line
    assert advice in line
    assert "Traceback" not in done.stderr


def test_every_long_term_blender_is_a_dependency_and_has_its_lock() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    for python, blender in LONG_TERM_BLENDERS.items():
        assert f"python_version == '{python}'\"" in project
        assert f"bpy=={blender}." in (ROOT / "requirements" / python / "generate.txt").read_text()
