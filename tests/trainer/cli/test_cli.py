"""The command line's answers: exit status and one line."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
from scenegen.core.dataset.run_lock import change_lock
from scenegen.core.errors import ScenegenError
from scenetrain.cli.main import cli
from scenetrain.cli.reading import reading


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scenetrain.cli.main", *words], capture_output=True, text=True, timeout=120
    )


def test_help_of_every_command_has_an_example_that_click_accepts() -> None:
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None and command.help is not None
        shown = re.sub(r"\\\n\s*", "", command.help)  # an example of two lines
        examples = [line.removeprefix("Example: ") for line in map(str.strip, shown.splitlines())]
        examples = [line for line in examples if line.startswith("scenetrain ")]
        assert examples, name
        for example in examples:
            _, called, *words = shlex.split(example)
            assert called == name
            command.make_context(name, words)


def test_help_imports_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from scenetrain.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "print(*(set(sys.modules) & {'torch', 'lightning', 'rich', 'numpy', 'matplotlib'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.strip()) == (0, "")


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    for status, words in (
        (1, ("fit", "--data", str(tmp_path), "--out", str(tmp_path / "run"), "--device", "cpu")),
        (2, ("fit", "--data", "d", "--out", "o", "--config", "second")),
        (2, ("fit", "--data", "d", "--out", "o", "--model", "inverted")),
        (2, ("fit", "--data", "d")),
        (2, ("export", "run", "--out", "o", "--views", "two")),
        (2, ("fitt",)),
    ):
        done = run(*words)
        assert done.returncode == status, done.stderr
        assert done.stderr.startswith("scenetrain: ") and done.stderr.count("\n") == 1


def test_data_is_not_changed_while_it_is_read(boxes: Path, tmp_path: Path) -> None:
    refused = pytest.raises(ScenegenError, match="scenetrain fit is reading it")
    with reading("fit", boxes, None), refused, change_lock(boxes, "voxelize"):
        raise AssertionError("voxelize would change labels between two epochs")
    with change_lock(boxes, "voxelize"):
        done = run("fit", "--data", str(boxes), "--out", str(tmp_path / "run"), "--device", "cpu")
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "voxelize" in done.stderr and not (tmp_path / "run").exists()
    assert list(boxes.glob(".reading-*")) == []
