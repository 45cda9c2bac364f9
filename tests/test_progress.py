"""What long work says of its speed and of the time left."""

from __future__ import annotations

import pytest
from scenegen import progress


def test_the_time_that_the_first_result_took_promises_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """245 models: 100 s until Blender runs and functions are compiled, then one a second. "6.7 h left" is not true."""
    now = 1000.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    with progress.progress("build", "models") as on_progress:
        for done in range(1, 246):
            now = 1100.0 + done
            on_progress(done, 245)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "build 1/245"
    assert next(line for line in lines if "left" in line) == "build 111/245 31.6 models/min, 4 min left"
    assert lines[-1] == "build 245/245 42.6 models/min"
