"""What a place that cannot be written is answered with."""

from __future__ import annotations

import errno
import os

import pytest
from scenegen.core.files import cannot_write


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
