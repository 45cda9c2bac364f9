"""The page in the package is what its sources make, and the sources pass the compiler and the linter."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from scenegen.steps.viewer.page_files import page_files

SOURCES = Path(__file__).parents[3] / "viewer"
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

pytestmark = pytest.mark.skipif(
    not (SOURCES / "node_modules" / ".installed").is_file(), reason="run `make viewer` first"
)


def test_the_page_is_what_its_sources_make(tmp_path: Path) -> None:
    subprocess.run(["node", "build.mjs", str(tmp_path / "page")], cwd=SOURCES, env=ENVIRONMENT, check=True)
    built = {file.name: file.read_bytes() for file in (tmp_path / "page").iterdir()}
    assert {"index.html", "export.html", "viewer.js", "viewer.css"} <= set(built)
    assert [name for name, content in page_files().items() if built.get(name) != content] == []
    assert sum(map(len, built.values())) < 1_500_000


def test_the_sources_pass_the_compiler_and_the_linter() -> None:
    result = subprocess.run(
        ["npm", "run", "--silent", "check"], cwd=SOURCES, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
