"""The place for scenes fills up, becomes read-only, or is used by two runs at once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.fault_runs import TINY, command, contents, running, shoot, wait_for
from scenegen.core.dataset.folders import finished_indices
from scenegen.core.dataset.run_lock import run_lock
from scenegen.core.errors import ScenegenError
from scenegen.steps.verify.verify import verify

SCENES = 6


@pytest.fixture(scope="module")
def undisturbed(calm_run: Path) -> dict[str, bytes]:
    return contents(calm_run)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own in memory; skipped where one may not mount."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=16m", "none", str(place)).check_returncode()
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"may not mount a disk: {getattr(error, 'stderr', error)}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", "--recursive", str(place)], check=True)


def mount(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)


def test_a_full_disk_ends_the_run_and_room_completes_it(
    undisturbed: dict[str, bytes], disk: Path, box_library: Path
) -> None:
    out = disk / "out"
    a_scene = sum(len(body) for body in undisturbed.values()) // SCENES
    (disk / "ballast").write_bytes(bytes(16 * 2**20 - 4 * a_scene))
    ended = subprocess.run(
        command(out, box_library, SCENES, "--workers", "1", fake=False), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert "cannot be written (No space left on device)" in ended.stderr
    assert "Traceback" not in ended.stderr
    made = contents(out)
    assert made
    assert made.items() < undisturbed.items()
    missing = sorted(set(range(SCENES)) - finished_indices(out))
    assert f"{len(missing)} of {SCENES} scenes missing: " in ended.stderr.splitlines()[-1]
    (disk / "ballast").unlink()
    subprocess.run(command(out, box_library, SCENES, "--workers", "1", fake=False), check=True, capture_output=True)
    assert contents(out) == undisturbed
    assert verify(out, assets=box_library).ok


def test_an_output_that_becomes_read_only(undisturbed: dict[str, bytes], disk: Path, box_library: Path) -> None:
    out = disk / "out"
    scenes = str(out / "scenes")
    with running(command(out, box_library, SCENES, "--workers", "1", fake=False)) as process:
        wait_for(lambda: finished_indices(out))
        # The disk as a whole could not: the run holds files open, and so the kernel refuses.
        assert mount("--bind", scenes, scenes).returncode == 0
        assert mount("-o", "remount,bind,ro", scenes).returncode == 0
        _, said = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "cannot be written (Read-only file system)" in said
    assert "Traceback" not in said
    assert contents(out).items() < undisturbed.items()
    subprocess.run(["umount", scenes], check=True)
    subprocess.run(command(out, box_library, SCENES, "--workers", "1", fake=False), check=True, capture_output=True)
    assert contents(out) == undisturbed
    assert verify(out, assets=box_library).ok


def test_the_second_of_two_runs_is_refused(tmp_path: Path, box_library: Path) -> None:
    """Through the driver and through generate.py alike; and after a kill the place is free at once."""
    out = tmp_path / "out"
    (tmp_path / "faults.json").write_text(json.dumps({0: ["hang"]}))
    entry = Path(__file__).parents[2] / "blender_scripts" / "generate.py"
    direct = [
        *(sys.executable, str(entry), "--", "--preset", str(TINY), "--scenes", "2", "--out", str(out)),
        *("--assets", str(box_library), "--quality", "draft", "--device", "cpu"),
    ]
    with running(command(out, box_library, 2, "--workers", "1")) as first:
        wait_for(lambda: (tmp_path / "tries_0").exists())
        for second in (command(out, box_library, 2), direct):
            refused = subprocess.run(second, capture_output=True, text=True, check=False)
            assert refused.returncode == 1
            last = refused.stderr.splitlines()[-1]
            assert f"{out}: another run is making it (process {first.pid} on " in last
        assert not finished_indices(out)
        shoot(first.pid)
        first.wait()
    ended = subprocess.run(command(out, box_library, 2), capture_output=True, text=True, check=True)
    assert "2 made now" in ended.stdout


def test_a_lock_of_another_machine_holds_while_its_count_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a shared disk whose locks do not reach from one machine to the other."""
    monkeypatch.setattr("scenegen.core.dataset.run_lock.BEAT", 0.1)
    other = {"machine": "another", "host": "far", "pid": 7, "run": "r", "count": 0}
    (tmp_path / ".lock").write_text(json.dumps(other))
    over = threading.Event()

    def beat() -> None:
        count = 0
        while not over.wait(0.1):
            count += 1
            aside = tmp_path / "aside"
            aside.write_text(json.dumps({**other, "count": count}))
            aside.replace(tmp_path / ".lock")

    holder = threading.Thread(target=beat)
    holder.start()
    with pytest.raises(ScenegenError, match=r"another run is making it \(process 7 on far\)"), run_lock(tmp_path, 1.0):
        pass
    over.set()
    holder.join()
    with run_lock(tmp_path, 1.0):  # its machine died: the count stands still
        assert json.loads((tmp_path / ".lock").read_text())["pid"] == os.getpid()
    assert (tmp_path / ".lock").read_bytes() == b""


def test_an_interrupted_wait_frees_the_lock(tmp_path: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    with pytest.raises(KeyboardInterrupt), run_lock(tmp_path):
        signal.raise_signal(signal.SIGINT)
    with run_lock(tmp_path):
        pass
