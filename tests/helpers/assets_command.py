"""`scenegen assets` in this process."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from scenegen.cli.main import main


@dataclass
class Done:
    returncode: int | str | None
    stdout: str
    stderr: str


def run(*words: str | Path) -> Done:
    """The command line in this process: a start of Python for each call would cost a minute."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["scenegen", "assets", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
    return Done(ended.value.code or 0, out.getvalue(), err.getvalue())
