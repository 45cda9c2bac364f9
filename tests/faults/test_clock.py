"""The wall clock jumps by hours, forward and back, under every process of a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from helpers.fault_runs import command, running, wait_for
from scenegen.core.dataset.folders import finished_indices

SCENES = 40
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not installed")
def test_a_clock_that_jumps_costs_nothing(tmp_path: Path, box_library: Path) -> None:
    """No timeout ends a scene (2 minutes each), no worker is given up, and no jump is counted as time."""
    out, clock = tmp_path / "out", tmp_path / "clock"
    clock.write_text("+0")
    environment = {
        **os.environ,
        "LD_PRELOAD": str(FAKETIME[0]),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "SCENEGEN_TEST_TIMEOUT": "120",
    }
    with running(command(out, box_library, SCENES, "--workers", "2"), env=environment) as process:
        for scenes, jump in ((5, "+3h"), (15, "-2d"), (25, "+30d")):
            wait_for(lambda: len(finished_indices(out)) > scenes)  # noqa: B023
            aside = tmp_path / "aside"
            aside.write_text(jump)
            aside.replace(clock)
        told, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"{SCENES} made now" in told
    (run,) = json.loads((out / "report.json").read_text())["runs"]
    assert (run["failure"], run["worker_lost"]) == (0, 0)
    assert run["seconds"] < 120
    assert run["ended"][:10] != run["started"][:10]  # so the clock did jump
