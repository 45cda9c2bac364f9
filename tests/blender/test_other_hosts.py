"""The Blender of another Python, in an environment of its own: `make install PYTHON=python3.13` makes .venv-3.13.

Every command that starts a Blender, and its labels beside those of this Python's Blender.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers.fault_runs import TINY
from helpers.model_files import make_files
from helpers.packed_files import PACKED
from PIL import Image

ROOT = Path(__file__).parents[2]
OTHERS = sorted(ROOT.glob(".venv-*/bin/scenegen"))
pytestmark = pytest.mark.other_blender


@pytest.fixture(scope="module", params=OTHERS, ids=[path.parts[-3] for path in OTHERS])
def scenegen(request: pytest.FixtureRequest) -> str:
    """`scenegen` of an environment with another Python."""
    return str(request.param)


@pytest.fixture(scope="module")
def library(box_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(box_library, tmp_path_factory.mktemp("other") / "library"))


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def labels(out: Path) -> dict[str, bytes]:
    files = (path for path in sorted(out.glob("scenes/*/*")) if not path.name.startswith("image_"))
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def test_generate_and_verify(scenegen: str, library: Path, calm_run: Path, tmp_path: Path) -> None:
    """Labels, depth, instances and scene.json are byte for byte those of this Blender; it is another one."""
    out = tmp_path / "set"
    options = ("--preset", TINY, "--quality", "draft", "--device", "cpu", "--workers", 1, "--assets", library)
    run(scenegen, "generate", "--scenes", 2, "--out", out, *options)
    run(scenegen, "verify", out)
    ours = labels(calm_run)
    theirs = labels(out)
    assert len(theirs) > 15
    assert theirs == {name: ours[name] for name in theirs}
    versions = [json.loads((path / "dataset.json").read_text())["blender"] for path in (calm_run, out)]
    assert versions[0] != versions[1]


def test_add_and_sheet(scenegen: str, library: Path, tmp_path: Path) -> None:
    """Files of another Blender, of them one packed with Draco and one with meshopt, which 5.2 has no libraries for."""
    make_files(tmp_path)
    files = [tmp_path / name for name in ("chair.stl", "chair.fbx", "chair.blend", "draco.glb")]
    files.append(PACKED / "filters.glb")
    added = run(scenegen, "assets", "add", *files, "--class", "chair", "--assets", library)
    assert "5 added, 0 refused" in added
    run(scenegen, "assets", "sheet", tmp_path / "sheet.png", "--class", "chair", "--size", 48, "--assets", library)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert len(sheet.convert("RGB").getcolors(1 << 24) or ()) > 100
