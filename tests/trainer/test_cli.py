"""The command line's answers: exit status and one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scenetrain.cli.main", *words], capture_output=True, text=True, timeout=120
    )


def test_help_gives_an_example() -> None:
    done = run("fit", "--help")
    assert done.returncode == 0 and "Example: scenetrain fit --data" in done.stdout


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    for status, words in (
        (1, ("fit", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--device", "cpu")),
        (2, ("fit", "--data", "d", "--out", "o", "--config", "second")),
        (2, ("fit", "--data", "d", "--out", "o", "--model", "inverted")),
        (2, ("fit", "--data", "d")),
        (2, ("fitt",)),
    ):
        done = run(*words)
        assert done.returncode == status, done.stderr
        assert done.stderr.startswith("scenetrain: ") and done.stderr.count("\n") == 1
