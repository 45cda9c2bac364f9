"""Processes of a run are killed: scenes stay whole, no process survives, and the same command makes the rest."""

from __future__ import annotations

import json
import os
import random
import subprocess
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from helpers import faulty_blender
from helpers.fault_runs import (
    alive,
    blenders,
    command,
    contents,
    dask_scheduler,
    dask_worker,
    family,
    is_blender,
    rest,
    running,
    shoot,
    wait_for,
    workers_of,
)
from scenegen.core.dataset import writing as dataset_write
from scenegen.core.dataset.folders import finished_indices

KILLS = 20
SCENES = 100


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the stand-in for Blender makes when no process is killed."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    (out / "scenes").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset_write, "fsync", lambda path: None)
        for index in range(SCENES):
            faulty_blender.write(out, 0, index)
    return contents(out)


def test_twenty_kills_at_random_moments(undisturbed: dict[str, bytes], tmp_path: Path, box_library: Path) -> None:
    """The run itself, its dask workers and their Blenders; whichever dies, no finished scene is lost or torn."""
    rng = random.Random(20)
    out = tmp_path / "out"
    shot = {"run": 0, "worker": 0, "blender": 0}
    while sum(shot.values()) < KILLS:
        assert len(finished_indices(out)) < SCENES, "made before all were shot: ask for more scenes"
        with running(command(out, box_library, SCENES, "--workers", "2")) as process:
            # A Blender of its own: one of the run before may take a moment to die, and this run has not begun yet.
            wait_for(lambda: process.poll() is not None or any(map(is_blender, family(process.pid))))
            while process.poll() is None and sum(shot.values()) < KILLS:
                rest(rng.uniform(0.0, 0.5))
                before = finished_indices(out)
                kind = rng.choice(list(shot))
                below = family(process.pid)
                workers, blenders_below = workers_of(process.pid), [p for p in below if is_blender(p)]
                targets = {"run": [psutil.Process(process.pid)], "worker": workers, "blender": blenders_below}
                shot[kind] += bool(targets[kind]) and shoot(rng.choice(targets[kind]).pid)
                assert before <= finished_indices(out)
                if kind == "run":
                    wait_for(lambda: not any(map(alive, below)), 10)  # noqa: B023
                    break
        assert contents(out).items() <= undisturbed.items()
    assert min(shot.values())
    subprocess.run(command(out, box_library, SCENES, "--workers", "2"), check=True, capture_output=True)
    assert contents(out) == undisturbed
    assert not [p for p in (out / "scenes").iterdir() if p.name.startswith(".")]
    report = json.loads((out / "report.json").read_text())
    assert (report["present"], report["missing"], report["set_aside"]) == (SCENES, [], [])
    unended = sum(run["ended"] is None for run in report["runs"])
    assert unended - shot["run"] in (0, 1)  # when the last shot hit another, leaving it killed the run as well


def test_a_scheduler_that_dies_ends_the_run_in_a_line(
    undisturbed: dict[str, bytes], tmp_path: Path, box_library: Path
) -> None:
    out = tmp_path / "out"
    with ExitStack() as stack:
        address, scheduler = stack.enter_context(dask_scheduler(tmp_path))
        for name in ("a", "b"):
            stack.enter_context(dask_worker(address, tmp_path, name))
        process = stack.enter_context(running(command(out, box_library, SCENES, "--scheduler", address)))
        wait_for(lambda: len(finished_indices(out)) > 5)
        shoot(scheduler)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "scenegen: stopped: the dask scheduler went away" in said
        assert said.splitlines()[-1].startswith("scenegen: ")
        assert "Traceback" not in said
        wait_for(lambda: not blenders(out), 30)
    with ExitStack() as stack:
        address, _ = stack.enter_context(dask_scheduler(tmp_path))
        stack.enter_context(dask_worker(address, tmp_path, "c"))
        subprocess.run(command(out, box_library, SCENES, "--scheduler", address), check=True, capture_output=True)
        wait_for(lambda: not blenders(out), 10)
    assert contents(out) == undisturbed


def test_nobody_lives_on_when_the_run_is_killed(tmp_path: Path, box_library: Path) -> None:
    """Not even a Blender that hangs and does not notice the end of its input."""
    (tmp_path / "faults.json").write_text(json.dumps({0: ["hang"], 1: ["hang"]}))
    out = tmp_path / "out"
    with running(command(out, box_library, 2, "--workers", "2")) as process:
        wait_for(lambda: (tmp_path / "tries_0").exists() and (tmp_path / "tries_1").exists())
        below = family(process.pid)
        assert len(blenders(out)) == 2
        shoot(process.pid)
        wait_for(lambda: not any(map(alive, below)), 10)


def test_a_frozen_worker_without_others_is_replaced(tmp_path: Path, box_library: Path) -> None:
    out = tmp_path / "out"
    environment = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s"}  # 5 minutes unless told
    with running(command(out, box_library, 12, "--workers", "1"), env=environment) as process:
        wait_for(lambda: len(finished_indices(out)) > 3)
        frozen = blenders(out)[0].parent()
        assert frozen is not None
        frozen.suspend()
        said, _ = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert json.loads((out / "report.json").read_text())["runs"][0]["worker_lost"] == 1
    assert not alive(frozen)


def test_a_frozen_worker_does_not_hold_up_the_end(
    undisturbed: dict[str, bytes], tmp_path: Path, box_library: Path
) -> None:
    out = tmp_path / "out"
    with running(command(out, box_library, 30, "--workers", "2")) as process:
        wait_for(lambda: len(finished_indices(out)) > 5)
        frozen = blenders(out)[0].parent()
        assert frozen is not None
        frozen.suspend()
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert contents(out) == {name: body for name, body in undisturbed.items() if int(name[13:19]) < 30}
    report = json.loads((out / "report.json").read_text())
    assert report["runs"][0]["doubled"] > 0
    assert not alive(frozen)
