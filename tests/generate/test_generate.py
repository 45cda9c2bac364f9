"""The driver of many Blenders: faults are planted, and every scene must still be made."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from helpers.fault_runs import FAULTY, TINY, SystemBlender, blenders, contents, rest, running, shoot, wait_for
from helpers.fault_runs import command as real_command
from scenegen.blender.cores import cores, own_cores
from scenegen.core.dataset.folders import finished_indices
from scenegen.core.dataset.info import read_dataset_json
from scenegen.core.dataset.reading import Dataset
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.generate import engine, leases
from scenegen.generate import generate as driver
from scenegen.generate.generate import GenerateResult, Request, SceneReport, generate
from scenegen.generate.run_report import read_events
from scenegen.generate.worker import Recycling
from scenegen.steps.stats import read_timings
from scenegen.steps.verify.verify import verify

SCENES = 6


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, box_library: Path) -> Callable[..., GenerateResult]:
    """Generate with a stand-in for Blender that has the faults asked for."""
    monkeypatch.setattr(driver, "generate_script", lambda: FAULTY)
    monkeypatch.setattr(driver.blender_setup, "check_host", lambda blender: SystemBlender)

    def run(
        scenes: int,
        faults: dict[int, list[str]],
        recycling: Recycling | None = None,
        notify: Callable[[str], object] = str,
        **options: object,
    ) -> GenerateResult:
        (tmp_path / "faults.json").write_text(json.dumps(faults))
        request = Request(str(TINY), tmp_path / "out", scenes, assets=box_library, **options)  # type: ignore[arg-type]
        return generate(request, lambda done, total, failed=0: None, notify, recycling or Recycling())

    return run


def test_a_blender_that_dies_costs_nothing_but_time(faulty: Callable[..., GenerateResult], tmp_path: Path) -> None:
    faults = {0: ["die"], 1: ["segfault", "die"], 3: ["refuse"], 4: ["write_then_die"]}
    result = faulty(8, faults, workers=2)
    assert (result.made, result.failed, result.missing) == (8, (), ())
    scenes = Dataset(tmp_path / "out")
    assert [scene.index for scene in scenes] == list(range(8))
    assert len({scene.masks.tobytes() for scene in scenes}) == 8
    tries = {i: len((tmp_path / f"tries_{i}").read_text()) for i in range(8)}
    assert tries == {0: 2, 1: 3, 2: 1, 3: 2, 4: 1, 5: 1, 6: 1, 7: 1}
    assert read_timings(tmp_path / "out") == {"render": 0.25, "write": 0.01}


def test_a_scene_that_always_fails_is_listed_and_the_others_are_made(
    faulty: Callable[..., GenerateResult], tmp_path: Path
) -> None:
    result = faulty(6, {2: ["die"] * 9, 4: ["refuse"] * 9}, seed=5)
    assert result.missing == (2, 4)
    assert finished_indices(tmp_path / "out") == {0, 1, 3, 5}
    died, refused = sorted(result.failed, key=lambda report: report.index)
    assert (died.tries, died.error) == (3, "Blender died (exit status 3)")
    assert "dying at scene 2" in died.log
    assert refused.error == "no such light"
    (tmp_path / "faults.json").unlink()
    alone = subprocess.run(died.command, shell=True, capture_output=True, text=True, check=True)
    assert '"ok": true' in alone.stdout
    assert finished_indices(tmp_path / "out") == {0, 1, 2, 3, 5}
    assert faulty(6, {}, seed=5).missing == ()


def test_a_blender_that_hangs_is_replaced(
    faulty: Callable[..., GenerateResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "FIRST_TIMEOUT", 3.0)
    monkeypatch.setattr(leases, "LEAST_TIMEOUT", 3.0)
    result = faulty(3, {0: ["hang"], 2: ["hang"]})
    assert result.missing == ()
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(FAULTY) in (p.info["cmdline"] or [])]


def test_when_nothing_works_it_stops_early(faulty: Callable[..., GenerateResult], tmp_path: Path) -> None:
    result = faulty(500, {i: ["die"] * 9 for i in range(500)}, workers=2)
    assert len(result.failed) == engine.GIVE_UP_AFTER
    assert len(list(tmp_path.glob("tries_*"))) < 20
    assert len(result.missing) == 500


def test_blenders_are_recycled_by_count_and_by_memory(faulty: Callable[..., GenerateResult], tmp_path: Path) -> None:
    result = faulty(8, {}, recycling=Recycling(scenes=3))
    assert (result.missing, result.events["recycled"]) == ((), 2)
    grown = faulty(14, {11: ["grow"]}, recycling=Recycling(growth_mb=150, settled=2))
    assert (grown.made, grown.events["recycled"]) == (6, 1)
    whys = [event["why"] for event in read_events(tmp_path / "out") if event["event"] == "recycled"]
    assert whys[:2] == ["made 3 scenes"] * 2
    assert whys[2].startswith("grew from ")


@pytest.mark.skipif(cores() < 2, reason="one core")
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process to cores")
def test_two_blenders_have_cores_of_their_own(faulty: Callable[..., GenerateResult], tmp_path: Path) -> None:
    assert faulty(6, {index: ["slow"] for index in range(6)}, workers=2).made == 6
    kept = [json.loads(path.read_text()) for path in tmp_path.glob("cores_*")]
    assert len(kept) == 2
    assert sorted(kept[0] + kept[1]) == sorted(own_cores())


def test_the_dashboard_shows_the_run(faulty: Callable[..., GenerateResult]) -> None:
    pages = []

    def notify(line: str) -> None:
        if line.startswith("dashboard: "):
            with urllib.request.urlopen(line.removeprefix("dashboard: "), timeout=60) as page:
                pages.append(page.read())

    assert faulty(1, {}, notify=notify, dashboard="127.0.0.1:0").made == 1
    assert b"Dask Diagnostic UI" in pages[0]
    assert b"bokeh" in pages[0]
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="--dashboard"):
        faulty(2, {}, dashboard=f"127.0.0.1:{taken.getsockname()[1]}")


def test_only_missing_scenes_are_made(faulty: Callable[..., GenerateResult], tmp_path: Path) -> None:
    assert faulty(3, {}).made == 3
    assert faulty(3, {}).made == 0
    grown = faulty(5, {})
    assert (grown.made, grown.present, grown.missing) == (2, 3, ())
    assert len((tmp_path / "tries_0").read_text()) == 1
    assert read_dataset_json(tmp_path / "out").request.scenes == 5


@pytest.mark.parametrize(
    ("change", "named"), [({"seed": 1}, "seed 0"), ({"quality": "draft"}, "quality"), ({"split": "test"}, "split")]
)
def test_other_parameters_are_refused(
    faulty: Callable[..., GenerateResult], tmp_path: Path, change: dict[str, object], named: str
) -> None:
    faulty(1, {})
    before = (tmp_path / "out/dataset.json").read_bytes()
    with pytest.raises(ScenegenError, match=named):
        faulty(2, {}, **change)
    assert (tmp_path / "out/dataset.json").read_bytes() == before
    assert finished_indices(tmp_path / "out") == {0}


def test_what_blender_refuses_ends_the_run_at_once(box_library: Path, tmp_path: Path) -> None:
    request = Request(str(TINY), tmp_path / "out", 3, assets=box_library, device="oneapi", quality="draft")
    with pytest.raises(UsageError, match="--device oneapi: this machine has "):
        generate(request, lambda done, total, failed=0: None)


def command(out: Path, library: Path, workers: int, scenes: int = SCENES) -> list[str]:
    return real_command(out, library, scenes, "--workers", str(workers), fake=False)


@pytest.fixture(scope="module")
def undisturbed(calm_run: Path) -> dict[str, bytes]:
    files = contents(calm_run)
    assert len(files) == SCENES * (
        2 * 4 + 4
    )  # image, depth, instance, frustum of two cameras; occupancy, masks, voxels, json
    return files


def test_two_workers_make_the_same_bytes_as_one(
    undisturbed: dict[str, bytes], tmp_path: Path, box_library: Path
) -> None:
    subprocess.run(command(tmp_path / "out", box_library, 2), check=True, capture_output=True)
    assert contents(tmp_path / "out") == undisturbed


@pytest.mark.debian_blender
@pytest.mark.skipif(not Path("/usr/bin/blender").exists(), reason="Debian's blender is not installed")
def test_another_blender_makes_the_same_labels(
    undisturbed: dict[str, bytes], tmp_path: Path, box_library: Path
) -> None:
    arguments = [*command(tmp_path / "out", box_library, 1, scenes=2), "--blender", "/usr/bin/blender"]
    subprocess.run(arguments, check=True, capture_output=True)
    made = {name: body for name, body in contents(tmp_path / "out").items() if "/image_" not in name}
    assert len(made) == 2 * (2 * 3 + 4)
    assert made.items() <= undisturbed.items()
    assert read_dataset_json(tmp_path / "out").blender[0].startswith("3.4")


@pytest.mark.parametrize("victim", ["blender", "worker"])
def test_killed_processes_leave_no_trace(
    undisturbed: dict[str, bytes], tmp_path: Path, box_library: Path, victim: str
) -> None:
    """Blenders, or the dask workers that own them, are killed at random moments while the data set is made."""
    out = tmp_path / "out"
    rng = random.Random(victim)
    hits = 0
    with running(command(out, box_library, 2)) as process:
        for _ in range(2):
            rest(rng.uniform(0.5, 2.5))
            wait_for(lambda: process.poll() is not None or choose_victim(process.pid, out, victim, rng))
            found = choose_victim(process.pid, out, victim, rng)
            hits += bool(found) and shoot(found)
        assert process.wait(timeout=240) == 0
    assert hits
    assert contents(out) == undisturbed
    assert verify(out, assets=box_library).ok


def test_a_run_killed_twice_and_resumed_is_the_same(
    undisturbed: dict[str, bytes], tmp_path: Path, box_library: Path
) -> None:
    out = tmp_path / "out"
    for after in (1, 3):
        with running(command(out, box_library, 2)) as process:
            wait_for(lambda: len(finished_indices(out)) >= after)  # noqa: B023
            shoot(process.pid)
            process.wait()
        wait_for(lambda: not blenders(out))
        assert set(contents(out)) <= set(undisturbed)
    subprocess.run(command(out, box_library, 2), check=True, capture_output=True)
    assert contents(out) == undisturbed
    assert verify(out, assets=box_library).ok


def test_an_interrupt_ends_in_one_line(tmp_path: Path, box_library: Path) -> None:
    out = tmp_path / "out"
    with running(command(out, box_library, 1, scenes=500)) as process:
        wait_for(lambda: finished_indices(out))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "scenegen: interrupted; what is finished stays; run the same command again"
    assert "Traceback" not in said


def choose_victim(run: int, out: Path, kind: str, rng: random.Random) -> int:
    """A Blender of the process `run`, or the worker that owns it; 0 when there is none. Orphans are not its own."""
    try:
        family = {p.pid for p in psutil.Process(run).children(recursive=True)}
        alive = [p for p in blenders(out) if p.pid in family and p.ppid() in family]
        if not alive:
            return 0
        blender = rng.choice(alive)
        return blender.pid if kind == "blender" else blender.ppid()
    except psutil.NoSuchProcess:
        return 0


def test_reports_travel_between_processes() -> None:
    import pickle

    report = SceneReport(3, error="x", log=("a",), refused=UsageError("no"))
    again = pickle.loads(pickle.dumps(report))
    assert (again.index, again.log, str(again.refused)) == (3, ("a",), "no")
