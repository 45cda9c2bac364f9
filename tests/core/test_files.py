"""What a place that cannot be written is answered with."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from scenegen.core.files import cannot_write, exchange


@pytest.mark.parametrize(
    ("number", "fix"),
    [
        (errno.ENOSPC, "make room on the disk and run the same command again"),
        (errno.EROFS, "name a folder that you may write to"),
        (errno.EACCES, "name a folder that you may write to"),
        (errno.ENOENT, "name another folder"),
        (errno.ENOTDIR, "name another folder"),
    ],
)
def test_the_advice_fits_the_reason(number: int, fix: str) -> None:
    reason = os.strerror(number)
    assert cannot_write("out", OSError(number, reason)) == f"out: cannot be written ({reason}); {fix}"


def test_two_folders_change_names_in_one_step(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(name)
    assert exchange(tmp_path / "first", tmp_path / "second")
    assert [(tmp_path / name / "name").read_text() for name in ("first", "second")] == ["second", "first"]
    assert not exchange(tmp_path / "first", tmp_path / "none")
