"""`import scenegen`: quick and free of heavy modules; the public names come when they are used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import scenegen

HEAVY = {"bpy", "torch", "numba", "numpy", "PIL", "trimesh", "scipy", "click"}
REPORT = "import json, sys; print(json.dumps(sorted(m.split('.')[0] for m in sys.modules)))"


def loaded_by(code: str) -> set[str]:
    """The top modules that a fresh interpreter has loaded after `code`."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{REPORT}"], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_importing_scenegen_loads_itself_alone() -> None:
    before, after = loaded_by(""), loaded_by("import scenegen")
    assert after - before == {"scenegen"}


@pytest.mark.parametrize(
    ("name", "spared"),
    [
        ("Dataset", HEAVY - {"numpy"}),
        ("BoxGrid", HEAVY - {"numpy"}),
        ("FrustumGrid", HEAVY - {"numpy"}),
        ("voxelize", HEAVY - {"numpy", "numba", "scipy"}),  # numba itself looks for scipy
    ],
)
def test_a_public_name_loads_what_it_needs(name: str, spared: set[str]) -> None:
    loaded = loaded_by(f"from scenegen import {name}")
    assert "numpy" in loaded
    assert not loaded & spared


def test_all_and_dir_name_the_public_face() -> None:
    assert set(scenegen.__all__) == {"BoxGrid", "Dataset", "FrustumGrid", "__version__", "voxelize"}
    assert set(scenegen.__all__) <= set(dir(scenegen))
    assert all(getattr(scenegen, name) is not None for name in scenegen.__all__)
    assert scenegen.Dataset is scenegen.Dataset
    with pytest.raises(AttributeError, match="no attribute 'Grid'"):
        scenegen.Grid  # noqa: B018


def test_a_type_checker_knows_the_names_and_no_others(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import numpy as np\nfrom scenegen import BoxGrid, Dataset, voxelize\n"
        "scene = Dataset('x')[0]\n"
        "occupied = voxelize(np.zeros((0, 3)), np.zeros((0, 3), int), BoxGrid((0, 0, 0), 1.0, (1, 1, 1)))\n"
        "reveal_type(scene.occupancy)\nreveal_type(occupied)\n"
        "import scenegen\nscenegen.Grid\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, env={"MYPYPATH": str(root / "generator")}, cwd=root)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1 and 'Module has no attribute "Grid"' in errors[0], done.stdout
    assert done.stdout.count("numpy.bool") == 2, done.stdout


def test_the_readme_imports_from_the_face() -> None:
    """Its snippets run: every name that they import is there."""
    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("from scenegen")]
    assert lines
    for line in lines:
        exec(compile(line, "README.md", "exec"), {})
